"""Does the memory of a worker grow with the number of tasks, or that of ``encode`` with the text?

For each pipeline and each of its heads a process trains one cell on the pipeline's control, and
then, in a second run, twelve cells on twelve controls of that pipeline, which differ in their seed.
The vectors are in the store before; what their encoding needs is a row of its own. Then processes
encode a number of random sentences with ``elmo-mini``, and ten times as many. Two peaks are
reported, in MB: the own memory of a process, which it has written, and its mapped memory, pages of
files that the system can drop (libraries and shards of the store). Beside them is the estimate of
``elmobench validate``. Only Linux tells it.

``python -m benchmarks.memory [PIPELINE …] [--record FILE]`` measures these pipelines only, and
writes a record as JSON lines.
"""

from __future__ import annotations

import argparse
import datetime
import json
import multiprocessing
import platform
import random
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import elmobench
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment, parse_experiment
from elmobench.bench.run import run_experiment
from elmobench.bench.worker_memory import estimate_worker_memory
from elmobench.core.memory import mapped_memory_bytes, own_memory_bytes
from elmobench.core.paths import builtin
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.registries import HEADS, PIPELINES
from elmobench.tracking.host import host_info

FEATURES = "glove-mini+elmo-mini"
TASKS, SENTENCES = 12, 5000
SIZES = {"train": 100, "dev": 50, "test": 50}
_INTERVAL = 0.02

Peak = dict[str, int]
"""The largest ``own`` and ``mapped`` memory, and the ``estimate`` of validate, in bytes."""


@contextmanager
def peak() -> Iterator[Peak]:
    """Yield a mapping that has this process's largest own and mapped memory after the block."""
    largest = {"own": 0, "mapped": 0}
    ended = threading.Event()

    def sample() -> None:
        while True:
            largest["own"] = max(largest["own"], own_memory_bytes())
            largest["mapped"] = max(largest["mapped"], mapped_memory_bytes())
            if ended.wait(_INTERVAL):
                return

    thread = threading.Thread(target=sample, daemon=True)
    thread.start()
    try:
        yield largest
    finally:
        ended.set()
        thread.join()


def write_cards(pipeline: str, folder: Path) -> list[str]:
    """Write cards of :data:`TASKS` controls of ``pipeline`` to ``folder``; returns their names."""
    card = read_yaml(builtin("tasks") / "control" / f"{pipeline}.yaml")
    names = []
    for seed in range(1, TASKS + 1):
        values = {k: v for k, v in card.items() if k not in ("counts", "ceiling")}
        values["name"] = f"{card['name']}-{seed}"
        options = {"seed": seed, "sizes": SIZES}
        source = {"generate": {"name": card["name"], "options": options}}
        values["splits"] = {split: [source] for split in card["splits"]}
        (folder / f"{values['name']}.yaml").write_text(json.dumps(values), "utf-8")
        names.append(f"{pipeline}/{values['name']}")
    return names


def _experiment(tasks: Sequence[str], head: str, name: str) -> Experiment:
    """A cell of each task, which trains for one epoch."""
    return parse_experiment(
        {
            "name": name,
            "tasks": list(tasks),
            "features": [FEATURES],
            "heads": [head],
            "seeds": [1],
            "overrides": [{"set": {"training.epochs": 1, "training.grid": {}}}],
        }
    )


def _train(tasks: Sequence[str], head: str, cards: CardCatalog, store: Path) -> Peak:
    """Run a cell of each task in this process."""
    experiment = _experiment(tasks, head, f"memory-{len(tasks)}")
    with tempfile.TemporaryDirectory() as folder, peak() as largest:
        summary = run_experiment(
            experiment, cards=cards, results=Path(folder), store=store, tracker="none", quiet=True
        )
        errors = [record.error for record in summary.records if record.error]
        assert summary.trained == len(tasks), errors
    context = RunContext(experiment, cards, store)
    for name in experiment.tasks:
        context.task(name).examples()
    return {**largest, "estimate": estimate_worker_memory(context).total}


def one_and_many(head: str, tasks: Sequence[str], cards: Path, store: Path) -> dict[str, Peak]:
    """The peaks of a run of one task, and of a later run of all ``tasks``, in this process."""
    catalog = CardCatalog([cards])
    return {str(count): _train(tasks[-count:], head, catalog, store) for count in (1, len(tasks))}


def encode(sentences: int) -> Peak:
    """Encode random sentences with ``elmo-mini`` into a file."""
    from elmobench import load_provider
    from elmobench.features.export.layer_selection import make_selection
    from elmobench.features.export.token_lines import open_lines
    from elmobench.features.export.vector_file import export
    from elmobench.training.machine import torch_threads

    rng = random.Random(0)
    words = ["".join(rng.choices("etaoinshrdlu", k=rng.randint(1, 14))) for _ in range(20_000)]
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "text"
        with text.open("w", encoding="utf-8") as stream:
            for _ in range(sentences):
                stream.write(" ".join(rng.choices(words, k=rng.randint(3, 9))) + "\n")
        with peak() as largest, torch_threads(1), text.open("rb") as unused:
            provider = load_provider("elmo-mini")
            with open_lines(text, str.split, unused) as lines:
                selection = make_selection(provider)
                export(provider, lines, Path(folder) / "vectors.safetensors", selection)
    return largest


def in_a_process(function: Callable[..., Any], *arguments: Any) -> Any:
    """What ``function`` returns in a new process, which has the imported modules of this one.

    Raises:
        RuntimeError: if the process died.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(function(*arguments)))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"a process ended with status {process.exitcode}") from None
    finally:
        process.join()


def controls(pipeline: str) -> Iterator[dict[str, Any]]:
    """Measure the encoding of the controls of ``pipeline``, and each of its heads, one row each."""
    heads = [name.split("/")[1] for name in HEADS.names() if name.startswith(f"{pipeline}/")]
    with tempfile.TemporaryDirectory() as folder:
        cards, store = Path(folder) / "cards", Path(folder) / "store"
        cards.mkdir()
        tasks = write_cards(pipeline, cards)
        encoded = in_a_process(_train, tasks, heads[0], CardCatalog([cards]), store)
        yield {"pipeline": pipeline, "encode": encoded}
        for head in heads:
            peaks = in_a_process(one_and_many, head, tasks, cards, store)
            yield {"pipeline": pipeline, "head": head, **peaks}


def _rows(pipelines: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One row per pipeline, per head of it, and per number of sentences."""
    for pipeline in pipelines:
        yield from controls(pipeline)
    for count in (SENTENCES, 10 * SENTENCES):
        yield {"sentences": count, "encode": in_a_process(encode, count)}


def main(arguments: Sequence[str] = ()) -> None:
    """Print the tables, and write a record if ``arguments`` name its file."""
    parser = argparse.ArgumentParser("benchmarks.memory")
    parser.add_argument("pipelines", nargs="*", choices=PIPELINES.names(), default=[])
    parser.add_argument("--record", type=Path)
    options = parser.parse_args(list(arguments))
    lines = [
        {
            "version": elmobench.__version__,
            "date": datetime.date.today().isoformat(),
            "machine": host_info(1).get("processor") or platform.machine(),
        }
    ]
    print(f"{'MB':<34} {'own':>7} {'mapped':>7} {'estimate':>8}")
    for row in _rows(options.pipelines or PIPELINES.names()):
        lines.append(row)
        label = " ".join(str(v) for v in row.values() if not isinstance(v, dict))
        for name, found in row.items():
            if isinstance(found, dict):
                sizes = [f"{size / 1e6:>7,.0f}" for size in found.values()]
                print(f"{label} {name}".ljust(34), *sizes, flush=True)
        if options.record is not None:
            options.record.parent.mkdir(parents=True, exist_ok=True)
            options.record.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
