"""A small training that is killed at a given place, then done again; run as a program.

Every training is a forked process, so that the libraries are imported once.
"""

from __future__ import annotations

import functools
import importlib
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from small_corpus import small_bert_options, small_options
from tokenizers import BertWordPieceTokenizer
from transformers import BertForMaskedLM, BertTokenizerFast  # type: ignore[attr-defined]

# Imported before the forks, or each of them would import it again.
from elmobench.pretraining.bert import train as bert_train
from elmobench.pretraining.bilm import train as bilm_train
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.run_folder import run_folder
from elmobench.pretraining.runs import Options, Pretraining, pretrain

IMPORTED = (bilm_train, BertForMaskedLM, BertTokenizerFast, BertWordPieceTokenizer)
OPTIONS: dict[str, Options] = {
    "glove": GloveOptions(vector_size=4, min_count=1, epochs=2, batch_size=64),
    "bilm": small_options(n_epochs=0.1),
    "bert": small_bert_options(epochs=0.3),
}
PHASES = (
    # kind, function, whether it is killed before or after the call, and which call
    ("glove", "elmobench.pretraining.encode._write_types", "before", 1),
    ("glove", "elmobench.pretraining.encoded.write_sealed_json", "before", 1),
    ("glove", "elmobench.pretraining.glove.cooccurrence.write_run", "after", 1),
    ("glove", "elmobench.pretraining.checkpoints.save_file", "after", 1),
    ("glove", "elmobench.pretraining.checkpoints.save_file", "after", 2),
    ("glove", "elmobench.pretraining.glove.train.write_vectors", "before", 1),
    ("glove", "elmobench.pretraining.runs.write_card", "before", 1),
    ("glove", "elmobench.pretraining.runs.write_catalog", "before", 1),
    ("bilm", "elmobench.pretraining.checkpoints.save_file", "after", 3),
    ("bilm", "elmobench.pretraining.bilm.train.export", "before", 3),
    ("bilm", "elmobench.pretraining.bilm.train.export", "before", -1),
    ("bilm", "elmobench.pretraining.bilm.export.save_file", "after", -1),
    ("bert", "elmobench.pretraining.bert.export.write_model", "after", 1),
    ("bert", "elmobench.pretraining.bert.export.write_model", "before", -1),
)
"""Call -1 is the last call of a whole training."""


def train(root: Path, kind: str) -> None:
    corpus = Corpus.open([root.parent / "text.txt"])
    encoded = EncodedCorpus.build(corpus, root / "encoded", heldout=[(20, 6)])
    run = Pretraining(
        name=kind,
        out=root / "m",
        corpus=corpus,
        encoded=encoded,
        options=OPTIONS[kind],
        overlap=False,
    )
    with run_folder(run.out):
        assert pretrain(run, LoopOptions(threads=1, checkpoint_seconds=0.0))


def count_calls(function: str, calls: list[int], kill: tuple[str, int] | None) -> None:
    """Count the calls of ``function`` in ``calls``, or kill this process at one of them."""
    place, _, name = function.rpartition(".")
    module = importlib.import_module(place)
    original: Callable[..., Any] = getattr(module, name)

    @functools.wraps(original)
    def counted(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if kill == ("before", len(calls)):
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if kill == ("after", len(calls)):
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(module, name, counted)


def forked(work: Callable[[], None]) -> int:
    """The exit status of a process that does ``work``; negative for a signal."""
    process = os.fork()
    if process == 0:
        status = 1
        try:
            work()
            status = 0
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def number_of_calls(root: Path, kind: str, function: str) -> int:
    """How often a training from start to end calls ``function``."""

    def work() -> None:
        calls: list[int] = []
        count_calls(function, calls, None)
        train(root, kind)
        (root / "calls").write_text(str(len(calls)))

    root.mkdir()
    assert forked(work) == 0
    return int((root / "calls").read_text())


def main(root: Path) -> None:
    """Do all phases below ``root``; the folders are compared by the test."""
    for kind in OPTIONS:
        whole = root / f"whole-{kind}"
        whole.mkdir()
        assert forked(functools.partial(train, whole, kind)) == 0
    for number, (kind, function, when, call) in enumerate(PHASES):
        whole = root / f"whole-{kind}"
        if call == -1:
            call = number_of_calls(root / f"counted-{number:02d}", kind, function)
        killed = root / f"killed-{number:02d}-{kind}"
        killed.mkdir()
        if kind == "bert":
            # Training a tokenizer breaks ties at random.
            (killed / "m" / "checkpoints").mkdir(parents=True)
            name = f"m/checkpoints/{bert_train.WORDPIECE}"
            shutil.copyfile(whole / name, killed / name)

        status = forked(functools.partial(killed_training, killed, kind, function, (when, call)))
        assert status == -signal.SIGKILL, (kind, function, when, call, status)
        assert forked(functools.partial(train, killed, kind)) == 0, (kind, function, when, call)


def killed_training(root: Path, kind: str, function: str, kill: tuple[str, int]) -> None:
    """Train until the process is killed before or after this call of ``function``."""
    count_calls(function, [], kill)
    train(root, kind)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
