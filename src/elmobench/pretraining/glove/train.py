"""Train GloVe vectors: weighted least squares on the logarithm of co-occurrence counts.

Source: Pennington, Socher and Manning 2014, equation 8, with AdaGrad as in section 4.2. The
published code updates cell by cell, without locks between threads, so that no two of its runs
agree. Here a batch of cells is one update, with the gradients of each word summed: the same loss,
and the same bits for the same number of threads.
"""

from __future__ import annotations

import gzip
import io
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from elmobench.core.errors import DataError, ElmobenchError
from elmobench.core.files import write_bytes
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.device import CPU, identity_of_device, training_on
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.glove.cooccurrence import Cooccurrences, count_cooccurrences
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.loop import LoopOptions, TrainingResult, train
from elmobench.pretraining.memory import check_memory
from elmobench.pretraining.progress import Heldout
from elmobench.pretraining.run_folder import CHECKPOINTS
from elmobench.pretraining.summary import ModelSummary
from elmobench.pretraining.vocabulary import SPECIAL
from elmobench.pretraining.writing import writing

VECTORS = "vectors.txt.gz"
DECIMALS = 3
_ORDER, _HELD_OUT = 1, 2

Cells = tuple[Tensor, Tensor, Tensor]
"""(M,) int64 rows, (M,) int64 columns and (M,) float32 counts of some cells."""


class Glove:
    """Vectors, biases and AdaGrad's sums of squares for V words.

    Attributes:
        tables: the main and the context vectors, (V, D + 1) each; the last column is the bias.
        sums: AdaGrad's sums of squared gradients, of the same shapes.

    Args:
        words: V.
        options: of the training.
        device: where they are.
    """

    def __init__(self, words: int, options: GloveOptions, device: torch.device = CPU) -> None:
        self.options = options
        self._device = device
        generator = torch.Generator().manual_seed(options.seed)
        dim = options.vector_size
        # As in the published code: uniform in ±0.5 / D, biases too.
        self.tables = [
            ((torch.rand(words, dim + 1, generator=generator) - 0.5) / dim).to(device)
            for _ in range(2)
        ]
        self.sums = [torch.ones(words, dim + 1, device=device) for _ in range(2)]

    def losses(self, rows: Tensor, columns: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """(M,) weights f(x) and (M,) errors ``w_i · w̃_j + b_i + b̃_j − log x`` of M cells."""
        main, context = self.tables[0][rows], self.tables[1][columns]
        weight = (values / self.options.x_max).pow(self.options.alpha).clamp(max=1.0)
        product = (main[:, :-1] * context[:, :-1]).sum(1)
        return weight, product + main[:, -1] + context[:, -1] - values.log()

    def update(self, rows: Tensor, columns: Tensor, values: Tensor) -> Tensor:
        """Update on a batch of M cells.

        Returns:
            The sum of ``f(x) · error²`` before the update, a number of 64 bits.
        """
        weight, error = self.losses(rows, columns, values)
        # Without the factor 2 of the derivative, as in the published code.
        scale = (weight * error).unsqueeze(1)
        gradients = []
        for table, other in ((1, columns), (0, rows)):
            gradient = scale * self.tables[table][other]
            gradient[:, -1] = scale[:, 0]
            gradients.append(gradient)
        for table, ids, gradient in zip((0, 1), (rows, columns), gradients, strict=True):
            words, inverse = torch.unique(ids, return_inverse=True)
            total = gradient.new_zeros(len(words), gradient.shape[1])
            total.index_add_(0, inverse, gradient)
            sums = self.sums[table][words].addcmul_(total, total)
            self.sums[table][words] = sums
            self.tables[table].index_add_(
                0, words, total.div_(sums.sqrt_()), alpha=-self.options.eta
            )
        return (weight * error.square()).double().sum()

    def vectors(self) -> Tensor:
        """(V, D) sums of the main and the context vector of each word (section 4.2)."""
        return (self.tables[0] + self.tables[1])[:, :-1]

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name."""
        names = ("main", "context")
        tensors = dict(zip(names, self.tables, strict=True))
        return tensors | {f"{n}:sums": s for n, s in zip(names, self.sums, strict=True)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore the result of :meth:`state`."""
        there = {name: tensor.to(self._device) for name, tensor in state.items()}
        self.tables = [there["main"], there["context"]]
        self.sums = [there["main:sums"], there["context:sums"]]


class GloveTrainer:
    """GloVe vectors in training; a step is one epoch over all cells.

    Attributes:
        words: in the order of their vectors; those of the special words come before.
        model: vectors and AdaGrad's sums.

    Args:
        corpus: the training text.
        options: of the training.
        words: number of words V, special ones included.
        cells: their co-occurrences.
        device: where they are trained, inside :func:`training_on`.
    """

    kind: ClassVar[str] = "glove"

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: GloveOptions,
        words: int,
        cells: Cooccurrences,
        device: torch.device = CPU,
    ) -> None:
        self.options = options
        self.words = corpus.types.words[len(SPECIAL) : words]
        self.model = Glove(words, options, device)
        self.step = 0
        self.total_steps = options.epochs
        self._tokens = len(corpus.train.spread(options.text_share).tokens)
        self._training, self._heldout = (
            (rows.to(device), columns.to(device), values.to(device))
            for rows, columns, values in _split(cells, options)
        )

    @property
    def units_read(self) -> int:
        """Cells read so far."""
        return self.step * len(self._training[0])

    def train_step(self) -> float:
        """Train one epoch. Returns the mean loss per cell.

        Each cell off the diagonal counts twice, once from either word, as in the full matrix.

        Raises:
            ElmobenchError: if the loss is not finite.
        """
        options = self.options
        rows, columns, values = self._training
        rng = np.random.default_rng([options.seed, _ORDER, self.step])
        order = torch.from_numpy(rng.permutation(len(values))).to(values.device)
        total = torch.zeros((), dtype=torch.float64, device=values.device)
        count = 0
        for start in range(0, len(order), options.batch_size):
            batch = order[start : start + options.batch_size]
            i, j, x = rows[batch], columns[batch], values[batch]
            off_diagonal = i != j
            ids = torch.cat([i, j[off_diagonal]]), torch.cat([j, i[off_diagonal]])
            total += self.model.update(*ids, torch.cat([x, x[off_diagonal]]))
            count += len(ids[0])
        mean = float(total) / count
        self.step += 1
        if not math.isfinite(mean):
            raise ElmobenchError(
                f"the loss is {mean} in epoch {self.step}", fix="use a lower eta, in a new folder"
            )
        return mean

    def progress_values(self, loss: float, units_per_second: float) -> dict[str, float]:
        """See :attr:`TrainingProgress.values`."""
        return {"loss": loss, "cells": len(self._training[0])}

    def measure_heldout(self) -> float:
        """Mean weighted squared error per held-out cell."""
        weight, error = self.model.losses(*self._heldout)
        return float((weight * error.square()).mean())

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name."""
        return self.model.state()

    @property
    def guessing(self) -> float:
        """See :attr:`Trainer.guessing`: the mean of ``f(x) · (log x)²``."""
        values = self._heldout[2]
        weight = (values / self.options.x_max).pow(self.options.alpha).clamp(max=1.0)
        return float((weight * values.log().square()).mean())

    def comparable(self, heldout: Heldout) -> Heldout:
        """See :meth:`Trainer.comparable`; the measurement has this unit."""
        return heldout

    def checkpoint_facts(self) -> dict[str, Any]:
        """See :meth:`Trainer.checkpoint_facts`."""
        return {}

    def load(self, checkpoint: Checkpoint) -> None:
        """Resume from the result of :meth:`state`."""
        self.model.load(checkpoint.tensors)
        self.step = checkpoint.step

    def summary(self, measured: Mapping[str, Any], folder: Path) -> ModelSummary:
        """Facts for the model card; see :meth:`Trainer.summary`."""
        words, dim = len(self.words), self.options.vector_size
        return ModelSummary(
            provider="static",
            files={"vectors": VECTORS},
            dim=dim,
            layers=1,
            description=f"GloVe vectors, {words:,} words x {dim}",
            tokens_seen=self._tokens * self.options.epochs,
            updates=self.step * math.ceil(len(self._training[0]) / self.options.batch_size),
            parameters={
                "model": words * dim,
                "context vectors and biases, in training only": words * (dim + 2),
            },
            heldout={"weighted squared error a cell": measured["heldout"]},
            seconds=measured["seconds"],
        )


def train_glove(
    corpus: EncodedCorpus,
    options: GloveOptions,
    out: Path,
    loop: LoopOptions | None = None,
) -> TrainingResult[GloveTrainer]:
    """Count, train from the last checkpoint in ``out`` or from the start, write the vectors.

    Args:
        corpus: the training text.
        options: of the training.
        out: receives ``checkpoints/``, ``log.jsonl`` and at the end ``vectors.txt.gz``.
        loop: threads, reports and stopping. Every epoch ends with a checkpoint.

    Raises:
        DataError: if fewer than two words are frequent enough, or no two of them occur together.
        ConfigError: if ``out`` has checkpoints of another training, or the memory is too small.
        ElmobenchError: if the loss or a vector is not finite.
    """
    loop = replace(loop or LoopOptions(), checkpoint_seconds=0.0)
    special = len(SPECIAL)
    frequent = int((corpus.counts[special:] >= options.min_count).sum())
    words = min(special + frequent, options.vocab_size)
    if words < special + 2:
        raise DataError(
            f"{max(0, words - special)} words occur at least {options.min_count} times: too few",
            where="the corpus",
            fix="give more text, or a smaller min_count or larger vocab_size",
        )
    identity = {
        "kind": "glove",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json", exclude={"memory_mb"}),
        **identity_of_device(loop.device),
    }
    folder = CheckpointFolder(out / CHECKPOINTS, identity)
    with training_on(loop.device, loop.threads) as device:
        check_memory(2 * words * (options.vector_size + 1), device=device)
        # Read before counting, which may take long, so that checkpoints of another run are
        # refused at once.
        checkpoint = folder.last()
        cells = count_cooccurrences(
            corpus.train.spread(options.text_share),
            words=words,
            window=options.window_size,
            memory_mb=options.memory_mb,
            folder=folder.folder,
        )
        if len(cells) == 0:
            raise DataError("no two known words occur near each other", where="the corpus")
        trainer = GloveTrainer(corpus, options, words, cells, device)
        result = train(
            trainer,
            loop,
            out=out,
            folder=folder,
            checkpoint=checkpoint,
            # A stop may have been requested while counting, and an epoch takes long.
            ask_before_first_step=True,
        )
        vectors = trainer.model.vectors()[special:]
        if not vectors.isfinite().all():
            raise ElmobenchError(
                "training has diverged: some values of the vectors are not finite",
                fix="use a lower eta, in a new folder",
            )
        with writing(out / VECTORS):
            write_vectors(out / VECTORS, trainer.words, vectors.cpu())
        return result


def _split(cells: Cooccurrences, options: GloveOptions) -> tuple[Cells, Cells]:
    """Divide the cells into training cells and held-out ones, at least one of each.

    A single cell is in both parts.
    """
    rng = np.random.default_rng([options.seed, _HELD_OUT])
    order = rng.permutation(len(cells))
    count = max(1, round(options.heldout_share * len(cells)))
    parts = (np.sort(order[count:]), np.sort(order[:count]))
    if len(parts[0]) == 0:
        parts = (parts[1], parts[1])
    training, heldout = (
        (
            torch.from_numpy(cells.rows[part].astype(np.int64)),
            torch.from_numpy(cells.columns[part].astype(np.int64)),
            torch.from_numpy(cells.values[part].astype(np.float32)),
        )
        for part in parts
    )
    return training, heldout


def write_vectors(path: Path, words: tuple[str, ...], vectors: Tensor) -> None:
    """Write (V, D) vectors in word2vec's text format, compressed.

    Values are rounded to :data:`DECIMALS` decimals.
    """
    text = io.StringIO()
    text.write(f"{len(words)} {vectors.shape[1]}\n")
    for word, row in zip(words, vectors.tolist(), strict=True):
        text.write(f"{word} {' '.join(f'{value:.{DECIMALS}f}' for value in row)}\n")
    # mtime=0: the same vectors give the same bytes.
    write_bytes(path, gzip.compress(text.getvalue().encode("utf-8"), 9, mtime=0))
