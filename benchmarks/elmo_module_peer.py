"""Training steps with an ``Elmo`` module, ours or AllenNLP's.

Run as a program in AllenNLP's environment, which has no elmobench: ``elmo_module_peer.py OPTIONS
WEIGHTS BATCHES THREADS`` answers each line of standard input with the times of one pass over the
batches of the JSON file BATCHES, as a JSON list; see :func:`pass_seconds`.
"""

from __future__ import annotations

import json
import os
import sys
import time
import warnings
from importlib import import_module
from typing import Any


def pass_seconds(module: Any, elmo: Any, batches: list[list[list[str]]]) -> list[float]:
    """Times over all batches: of character ids, and of forward and backward passes.

    Each is given as wall seconds and as CPU seconds, which depend less on other programs.
    """
    start = time.perf_counter(), time.process_time()
    ids = [module.batch_to_ids(batch) for batch in batches]
    middle = time.perf_counter(), time.process_time()
    for batch in ids:
        vectors = elmo(batch)["elmo_representations"][0]
        vectors.square().mean().backward()
    end = time.perf_counter(), time.process_time()
    return [b[i] - a[i] for a, b in ((start, middle), (middle, end)) for i in (0, 1)]


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="ascii", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    warnings.simplefilter("ignore")
    options, weights, batches_file, threads = sys.argv[1:]
    import_module("torch").set_num_threads(int(threads))
    module = import_module("allennlp.modules.elmo")
    elmo = module.Elmo(options, weights, 1).train()
    with open(batches_file, encoding="utf-8") as stream:
        batches = json.load(stream)
    for _ in sys.stdin:
        answers.write(json.dumps(pass_seconds(module, elmo, batches)) + "\n")


if __name__ == "__main__":
    main()
