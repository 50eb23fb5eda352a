"""Small models of each kind, after a few steps of pre-training on the processor."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from small_corpus import small_bert_options, small_corpus, small_options
from tokenizers import BertWordPieceTokenizer
from torch import Tensor

from elmobench.pretraining.bert.train import WORDPIECE, train_bert
from elmobench.pretraining.bert.wordpiece import SPECIAL, write_wordpiece
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.glove.train import train_glove
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.run_folder import CHECKPOINTS


@dataclass(frozen=True)
class SmallRun:
    """How a small model is trained.

    Attributes:
        device: where.
        lines: of the corpus.
        steps: at most.
    """

    device: str = "cpu"
    lines: int = 200
    steps: int = 4


Trained = tuple[Mapping[str, Tensor], float]
"""The state of a trainer, and the loss of its last step."""


def _bilm(folder: Path, run: SmallRun, **changes: object) -> Trained:
    options = small_options(n_negative_samples_batch=12, all_clip_norm_val=0.5, **changes)
    return _after(4, train_bilm, folder, options, run)


def _bert(folder: Path, run: SmallRun) -> Trained:
    options = small_bert_options(dropout=0.1)
    # The library's training of a vocabulary breaks ties at random.
    pieces = [*SPECIAL, *"wörd0123456789", *(f"##{c}" for c in "wörd0123456789")]
    ids = {piece: i for i, piece in enumerate(pieces)}
    tokenizer = BertWordPieceTokenizer(ids, lowercase=False, strip_accents=False)._tokenizer
    corpus = small_corpus(folder, run.lines)
    path = folder / "model" / CHECKPOINTS / WORDPIECE
    path.parent.mkdir(parents=True)
    write_wordpiece(path, tokenizer, corpus, options.vocab_size)
    return _after(3, train_bert, folder, options, run)


def _glove(folder: Path, run: SmallRun) -> Trained:
    options = GloveOptions(vocab_size=100, min_count=1, vector_size=8, epochs=2, batch_size=512)
    return _after(2, train_glove, folder, options, run)


def _after(
    steps: int, train: Callable[..., Any], folder: Path, options: object, run: SmallRun
) -> Trained:
    """Train for ``steps`` steps, or fewer."""
    steps = min(steps, run.steps)
    losses: list[float] = []

    def on_progress(progress: Any) -> None:
        loss = progress.values.get("perplexity", progress.values.get("loss"))
        if not math.isnan(loss):  # as in a report of a checkpoint
            losses.append(loss)

    loop = LoopOptions(
        threads=1,
        device=run.device,
        report_steps=1,
        checkpoint_seconds=1e9,
        on_progress=on_progress,
        stop_requested=lambda: len(losses) >= steps,
    )
    result = train(small_corpus(folder, run.lines), options, folder / "model", loop)
    assert result.trainer.step == steps
    return result.trainer.state(), losses[steps - 1]


MODELS: dict[str, Callable[[Path, SmallRun], Trained]] = {
    "bilm": _bilm,
    "bilm-adagrad": partial(_bilm, optimizer="adagrad", learning_rate=0.2),
    "bert": _bert,
    "glove": _glove,
}
