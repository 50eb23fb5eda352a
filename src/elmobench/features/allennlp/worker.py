"""AllenNLP's ELMo as a worker process. Runs in the reference environment, on Python 3.8 to 3.10.

It imports nothing from this package. ``worker.py --versions`` prints the versions of its
requirements as JSON. ``worker.py OPTIONS WEIGHTS`` prints one answer when the model is loaded, and
then one answer per request. Requests on standard input and answers on standard output are JSON
objects, one per line:

- ``{"op": "types", "words": [...], "out": path}`` writes the character CNN's vectors, (V, P);
- ``{"op": "tokens", "batches": [[sentence, ...], ...], "carry": bool, "out": path}`` writes the
  biLSTM's vectors of all tokens, boundaries removed, in the given order, (layers, tokens, 2P);
- ``{"op": "time", "batches": ...}`` answers the ``seconds`` of the forward passes over the batches.

Each request may have ``threads``. Arrays are float32 in numpy's file format. The answer is
``{"ok": true}`` or ``{"error": text}``.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib import import_module
from typing import Any

import numpy as np

ROW = 256
"""Words per row of the character CNN, which processes each word independently."""


class Worker:
    """One loaded model, with one method per operation."""

    def __init__(self, options: str, weights: str) -> None:
        self.torch: Any = import_module("torch")
        self.elmo: Any = import_module("allennlp.modules.elmo")
        util: Any = import_module("allennlp.nn.util")
        self.without_boundaries: Any = util.remove_sentence_boundaries
        self.model: Any = self.elmo._ElmoBiLm(options, weights).eval()

    def ids(self, sentences: list[list[str]]) -> Any:
        """Return AllenNLP's (B, T, 50) character ids; empty sentences are rows of zeros."""
        if any(sentences):
            return self.elmo.batch_to_ids(sentences)
        # AllenNLP fails if all sentences are empty; one padding token gives the same row.
        return self.torch.zeros((len(sentences), 1, 50), dtype=self.torch.long)

    def types(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write the character CNN's vectors of words."""
        words = request["words"]
        vectors_of_rows = []
        for start in range(0, len(words), ROW):
            row = words[start : start + ROW]
            vectors = self.model._token_embedder(self.ids([row]))["token_embedding"]
            vectors_of_rows.append(vectors[0, 1 : len(row) + 1].numpy())
        self.write(np.concatenate(vectors_of_rows), request["out"])
        return {"ok": True}

    def tokens(self, request: dict[str, Any]) -> dict[str, Any]:
        """Write the biLSTM's vectors of batches of sentences."""
        layers: list[list[Any]] = [[] for _ in range(self.model.num_layers - 1)]
        for batch in request["batches"]:
            if not request["carry"]:
                self.model._elmo_lstm.reset_states()
            output = self.model(self.ids(batch))
            for i, layer in enumerate(layers):
                activations = output["activations"][i + 1]
                vectors, _ = self.without_boundaries(activations, output["mask"])
                rows = vectors.numpy()
                layer += [rows[j, : len(sentence)] for j, sentence in enumerate(batch)]
        self.write(np.stack([np.concatenate(layer) for layer in layers]), request["out"])
        return {"ok": True}

    def timed(self, request: dict[str, Any]) -> dict[str, Any]:
        """Time the forward passes over batches; character ids are computed before."""
        batches = [self.ids(batch) for batch in request["batches"]]
        seconds = 0.0
        for ids in batches:
            start = time.perf_counter()
            self.model(ids)
            seconds += time.perf_counter() - start
        return {"ok": True, "seconds": seconds}

    def write(self, values: Any, path: str) -> None:
        """Write one array, as float32."""
        with open(path, "wb") as stream:
            np.save(stream, values.astype(np.float32), allow_pickle=False)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Answer a request; an unknown operation is an error like any other."""
        operations = {"types": self.types, "tokens": self.tokens, "time": self.timed}
        if request.get("op") not in operations:
            return {"error": f"no operation {request.get('op')!r}"}
        if "threads" in request:
            self.torch.set_num_threads(request["threads"])
        with self.torch.no_grad():
            return operations[request["op"]](request)


def main() -> None:
    """Load the model of the command line and answer until the input ends."""
    # Output that libraries print must not be mixed with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    if sys.argv[1:] == ["--versions"]:
        import_module("allennlp.modules.elmo")
        import_module("allennlp_models.tagging")
        versions = {name: import_module(name).__version__ for name in ("torch", "numpy")}
        versions["allennlp"] = import_module("allennlp.version").VERSION
        versions["allennlp-models"] = import_module("allennlp_models.version").VERSION
        versions["python"] = ".".join(map(str, sys.version_info[:3]))
        answers.write(json.dumps(versions) + "\n")
        return

    def reply(make: Any) -> bool:
        try:
            answer = make()
        except Exception as error:  # noqa: BLE001  (sent to the other process, which raises it)
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        return "error" not in answer

    workers: list[Worker] = []

    def start() -> dict[str, Any]:
        workers.append(Worker(sys.argv[1], sys.argv[2]))
        return {"ok": True}

    if not reply(start):
        return
    for line in sys.stdin:
        reply(lambda line=line: workers[0].answer(json.loads(line)))


if __name__ == "__main__":
    main()
