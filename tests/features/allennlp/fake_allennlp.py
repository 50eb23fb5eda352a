"""Runs ``worker.py`` with an AllenNLP of plain sums: ``fake_allennlp.py [-I] WORKER ARGUMENTS``.

PyTorch is numpy here, which starts sooner. A token's vector tells its character ids and how many
batches have run since the states were reset, so that tests see what the worker asked for. Two
words make it fail.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
from contextlib import nullcontext
from types import ModuleType, SimpleNamespace

import numpy as np

DEADLY, FAILING = "deadly", "failing"


class Tensor(np.ndarray):
    def numpy(self):
        return np.asarray(self)


def zeros(shape, dtype=np.float32):
    return np.zeros(shape, dtype=dtype).view(Tensor)


def batch_to_ids(sentences):
    longest = max(map(len, sentences))
    ids = zeros((len(sentences), longest, 50), dtype=np.int64)
    for i, sentence in enumerate(sentences):
        for j, word in enumerate(sentence):
            if word == DEADLY:
                print("about to die", file=sys.stderr, flush=True)
                os._exit(7)
            if word == FAILING:
                raise ValueError("a word it cannot read")
            raw = word.encode("utf-8", "ignore")[:48]
            ids[i, j] = 261
            ids[i, j, : len(raw)] = list(raw)
    return ids


class Model:
    def __init__(self, options, weights):
        print("a library's own words")
        with open(options) as stream:
            lstm = json.load(stream)["lstm"]
        if lstm["dim"] == 13:
            raise ValueError("an unlucky size")
        self.p, self.num_layers = lstm["projection_dim"], lstm["n_layers"] + 1
        self.batches = 0
        self._elmo_lstm = SimpleNamespace(reset_states=self._reset)

    def eval(self):
        return self

    def _reset(self):
        self.batches = 0

    def _token_embedder(self, ids):
        sums = np.pad(ids.sum(-1), ((0, 0), (1, 1)))
        return {"token_embedding": np.repeat(sums[..., None], self.p, axis=2).view(Tensor)}

    def __call__(self, ids):
        self.batches += 1
        sums = self._token_embedder(ids)["token_embedding"]
        sums = np.tile(sums, (1, 1, 2)).view(Tensor)
        layers = [sums * i + 0.5 * self.batches for i in range(self.num_layers)]
        return {"activations": layers, "mask": None}


def _install():
    elmo, util = ModuleType("allennlp.modules.elmo"), ModuleType("allennlp.nn.util")
    elmo._ElmoBiLm, elmo.batch_to_ids = Model, batch_to_ids
    util.remove_sentence_boundaries = lambda tensor, mask: (tensor[:, 1:-1], mask)
    for name in ("allennlp", "allennlp.modules", "allennlp.nn"):
        sys.modules[name] = ModuleType(name)
    torch = ModuleType("torch")
    torch.zeros, torch.long, torch.no_grad = zeros, np.int64, nullcontext
    torch.set_num_threads = lambda threads: None
    sys.modules |= {elmo.__name__: elmo, util.__name__: util, "torch": torch}


if __name__ == "__main__":
    _install()
    sys.argv = [argument for argument in sys.argv[1:] if argument != "-I"]
    runpy.run_path(sys.argv[0], run_name="__main__")
