"""Training GloVe vectors: weighted least squares on the logarithm of co-occurrence counts.

Source: Pennington, Socher and Manning 2014, equation 8, with AdaGrad as in section 4.2. The
published code updates cell by cell, without locks between threads, so that no two of its runs
agree. Here a batch of cells is one update, with gradients added up for each word: the same loss,
the same to the bit for the same threads.
"""

from __future__ import annotations

import gzip
import io
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from elmobench.core.errors import DataError, ElmobenchError
from elmobench.core.files import write_bytes
from elmobench.pretraining.checkpoints import CheckpointFolder
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.glove.cooccurrence import Cooccurrences, count_cooccurrences
from elmobench.pretraining.glove.options import GloveOptions

VECTORS = "vectors.txt.gz"
DECIMALS = 3
_ORDER, _HELD_OUT = 1, 2


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        epoch, total: epochs done, of how many.
        loss: mean weighted squared error a cell in the last epoch.
        heldout: the same on held-out cells.
        cells: of the matrix's upper half, in training.
        seconds: of training so far, counting left out.
    """

    epoch: int
    total: int
    loss: float
    heldout: float
    cells: int
    seconds: float


class Glove:
    """Vectors, biases and AdaGrad's sums for V words.

    Args:
        words: V.
        options: of the training.
    """

    def __init__(self, words: int, options: GloveOptions) -> None:
        self.options = options
        generator = torch.Generator().manual_seed(options.seed)
        dim = options.vector_size
        # Main and context vectors with their biases in the last column, as the published code
        # keeps them: uniform in ±0.5 / D.
        self.tables = [
            (torch.rand(words, dim + 1, generator=generator) - 0.5) / dim for _ in range(2)
        ]
        self.sums = [torch.ones(words, dim + 1) for _ in range(2)]

    def losses(self, rows: Tensor, columns: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """For each cell f(x) and the error ``w_i · w̃_j + b_i + b̃_j − log x``, (M,) both."""
        main, context = self.tables[0][rows], self.tables[1][columns]
        weight = (values / self.options.x_max).pow(self.options.alpha).clamp(max=1.0)
        product = (main[:, :-1] * context[:, :-1]).sum(1)
        return weight, product + main[:, -1] + context[:, -1] - values.log()

    def update(self, rows: Tensor, columns: Tensor, values: Tensor) -> float:
        """One step on a batch of cells; returns the sum of ``f(x) · error²`` before it."""
        weight, error = self.losses(rows, columns, values)
        # As the published code, which leaves the factor 2 of the derivative out.
        scale = (weight * error).unsqueeze(1)
        gradients = []
        for table, other in ((1, columns), (0, rows)):
            gradient = scale * self.tables[table][other]
            gradient[:, -1] = scale[:, 0]
            gradients.append(gradient)
        for table, ids, gradient in zip((0, 1), (rows, columns), gradients, strict=True):
            own, where = torch.unique(ids, return_inverse=True)
            total = torch.zeros(len(own), gradient.shape[1]).index_add_(0, where, gradient)
            sums = self.sums[table][own].addcmul_(total, total)
            self.sums[table][own] = sums
            self.tables[table].index_add_(0, own, total.div_(sums.sqrt_()), alpha=-self.options.eta)
        return float((weight * error.square()).double().sum())

    def vectors(self) -> Tensor:
        """(V, D) sums of each word's main and context vector (section 4.2)."""
        return (self.tables[0] + self.tables[1])[:, :-1]

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on."""
        names = ("main", "context")
        found = dict(zip(names, self.tables, strict=True))
        return found | {f"{n}:sums": s for n, s in zip(names, self.sums, strict=True)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Take back what :meth:`state` gave."""
        self.tables = [state["main"], state["context"]]
        self.sums = [state["main:sums"], state["context:sums"]]


@dataclass(frozen=True)
class TrainedGlove:
    """What a training left.

    Attributes:
        words: in the order of the vectors.
        model: the trained state.
        last: the last report; None if no epoch was trained.
    """

    words: tuple[str, ...]
    model: Glove
    last: Progress | None


def train_glove(
    corpus: EncodedCorpus,
    options: GloveOptions,
    out: Path,
    *,
    threads: int = 2,
    stop: Callable[[], bool] = lambda: False,
    on_tokens: Callable[[int], object] | None = None,
    on_progress: Callable[[Progress], object] | None = None,
) -> TrainedGlove:
    """Count, train from the last checkpoint in ``out`` or from the start, write the vectors.

    Args:
        corpus: the text.
        options: of the training.
        out: gets ``checkpoints/`` after each epoch, and ``vectors.txt.gz``.
        threads: torch threads.
        stop: asked after each epoch.
        on_tokens: told tokens read while counting.
        on_progress: told after each epoch.

    Raises:
        DataError: if fewer than two words are frequent enough, or never stand together.
        ConfigError: if ``out`` has checkpoints of another training.
    """
    frequent = int((corpus.counts[3:] >= options.min_count).sum())
    words = min(3 + frequent, options.vocab_size)
    if words < 5:
        raise DataError(
            f"{max(0, words - 3)} words occur at least {options.min_count} times: too few",
            where="the corpus",
            fix="give more text, or a smaller min_count or larger vocab_size",
        )
    identity = {
        "kind": "glove",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json", exclude={"memory_mb"}),
    }
    folder = CheckpointFolder(out / "checkpoints", identity)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        # Before the counting, which may take long.
        checkpoint = folder.last()
        cells = count_cooccurrences(
            corpus.train.spread(options.text_share),
            words,
            options.window_size,
            options.memory_mb,
            on_tokens,
        )
        if len(cells) == 0:
            raise DataError("no two known words stand together", where="the corpus")
        model = Glove(words, options)
        epoch, seconds, last = 0, 0.0, None
        if checkpoint is not None:
            model.load(checkpoint.tensors)
            epoch, seconds = checkpoint.step, float(checkpoint.facts["seconds"])
            last = Progress(**checkpoint.facts)
        training, heldout = _split(cells, options)
        while epoch < options.epochs and not stop():
            start = time.perf_counter()
            loss = _epoch(model, training, options, epoch)
            epoch += 1
            seconds += time.perf_counter() - start
            weight, error = model.losses(*heldout)
            measured = float((weight * error.square()).mean())
            last = Progress(epoch, options.epochs, loss, measured, len(training[0]), seconds)
            folder.write(epoch, model.state(), vars(last))
            if on_progress is not None:
                on_progress(last)
        names = corpus.types.words[3:words]
        write_vectors(out / VECTORS, names, model.vectors()[3:])
        return TrainedGlove(names, model, last)
    finally:
        torch.set_num_threads(before)


Cells = tuple[Tensor, Tensor, Tensor]


def _split(cells: Cooccurrences, options: GloveOptions) -> tuple[Cells, Cells]:
    """Training cells and held-out ones, at least one of each."""
    rng = np.random.default_rng([options.seed, _HELD_OUT])
    order = rng.permutation(len(cells))
    held = max(1, round(options.heldout_share * len(cells)))
    parts = (np.sort(order[held:]), np.sort(order[:held]))
    if len(parts[0]) == 0:
        parts = (parts[1], parts[1])  # one cell: it is all there is
    training, heldout = (
        (
            torch.from_numpy(cells.rows[part].astype(np.int64)),
            torch.from_numpy(cells.columns[part].astype(np.int64)),
            torch.from_numpy(cells.values[part].astype(np.float32)),
        )
        for part in parts
    )
    return training, heldout


def _epoch(model: Glove, cells: Cells, options: GloveOptions, epoch: int) -> float:
    """One pass over all cells in both directions; returns the mean loss a cell."""
    rows, columns, values = cells
    rng = np.random.default_rng([options.seed, _ORDER, epoch])
    order = torch.from_numpy(rng.permutation(len(values)))
    total, count = 0.0, 0
    for start in range(0, len(order), options.batch_size):
        some = order[start : start + options.batch_size]
        i, j, x = rows[some], columns[some], values[some]
        # The matrix has each cell off the diagonal twice, once from either word.
        twice = i != j
        ids = torch.cat([i, j[twice]]), torch.cat([j, i[twice]])
        total += model.update(*ids, torch.cat([x, x[twice]]))
        count += len(ids[0])
    mean = total / count
    if not math.isfinite(mean):
        raise ElmobenchError(f"the loss is {mean} in epoch {epoch + 1}", fix="use a lower eta")
    return mean


def write_vectors(path: Path, words: tuple[str, ...], vectors: Tensor) -> None:
    """Write word2vec's text format, compressed, values rounded to :data:`DECIMALS`."""
    text = io.StringIO()
    text.write(f"{len(words)} {vectors.shape[1]}\n")
    for word, row in zip(words, vectors.tolist(), strict=True):
        text.write(f"{word} {' '.join(f'{value:.{DECIMALS}f}' for value in row)}\n")
    # mtime=0: the same vectors give the same bytes.
    write_bytes(path, gzip.compress(text.getvalue().encode("utf-8"), 9, mtime=0))
