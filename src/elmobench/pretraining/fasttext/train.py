"""Train fastText vectors: skip-gram with negative samples over words and their n-grams.

Source: Bojanowski et al. 2017, Enriching Word Vectors with Subword Information. The vector of a
word is the mean of its own row and the rows of its n-grams, as in the published code. That code
updates pair by pair, without locks between threads, so that no two of its runs agree. Here all
pairs of a block of sentences are one update with AdaGrad, with the gradients of each row summed:
the same loss, and the same bits for the same number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from elmobench.core.errors import DataError, ElmobenchError
from elmobench.features.static.ngram_hashes import ngram_buckets
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.device import CPU, identity_of_device, training_on
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.fasttext.export import VECTORS, write_bin
from elmobench.pretraining.fasttext.options import FastTextOptions
from elmobench.pretraining.fasttext.pairs import (
    blocks_of,
    keep_probability,
    negative_table,
    negatives_of,
    pairs_of,
)
from elmobench.pretraining.loop import LoopOptions, TrainingResult, train
from elmobench.pretraining.memory import check_memory
from elmobench.pretraining.progress import Heldout
from elmobench.pretraining.run_folder import CHECKPOINTS
from elmobench.pretraining.summary import ModelSummary
from elmobench.pretraining.vocabulary import SPECIAL
from elmobench.pretraining.writing import writing

_ORDER, _PAIRS, _HELD_OUT = 1, 2, 3
_HELD_OUT_SENTENCES = 2_000


class FastText:
    """Vectors of V words, of their n-grams and of contexts, with AdaGrad's sums of squares.

    Attributes:
        tables: rows of words and n-grams, (V + bucket, D), and context vectors, (V, D).
        sums: AdaGrad's sums of squared gradients, of the same shapes.

    Args:
        words: V words.
        options: of the training.
        device: where they are.
    """

    def __init__(
        self, words: tuple[str, ...], options: FastTextOptions, device: torch.device = CPU
    ) -> None:
        self.options = options
        self._device = device
        dim, rows = options.dim, len(words) + options.bucket
        generator = torch.Generator().manual_seed(options.seed)
        # As in the published code: uniform in ±1 / D, and contexts of zeros.
        start = (2 * torch.rand(rows, dim, generator=generator) - 1) / dim
        self.tables = [start.to(device), torch.zeros(len(words), dim, device=device)]
        self.sums = [torch.full_like(table, 1e-3) for table in self.tables]
        lists = [
            [i, *(len(words) + b for b in _buckets(word, options))] for i, word in enumerate(words)
        ]
        self._rows = torch.tensor([row for rows in lists for row in rows]).to(device)
        lengths = torch.tensor([len(rows) for rows in lists])
        self._first = torch.cat([torch.zeros(1, dtype=torch.int64), lengths.cumsum(0)]).to(device)

    def rows_of(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """The rows whose mean is the vector of each word.

        Args:
            words: (U,) ids.

        Returns:
            (R,) rows of all words, one after another, and (U,) numbers of rows.
        """
        lengths = self._first[words + 1] - self._first[words]
        ends = lengths.cumsum(0)
        within = torch.arange(int(ends[-1]), device=words.device)
        within = within - (ends - lengths).repeat_interleave(lengths)
        return self._rows[self._first[words].repeat_interleave(lengths) + within], lengths

    def vectors(self, words: Tensor) -> Tensor:
        """(U, D) vectors of words: means of their rows."""
        rows, lengths = self.rows_of(words)
        starts = lengths.cumsum(0) - lengths
        return functional.embedding_bag(rows, self.tables[0], starts, mode="mean")

    def scores(self, vectors: Tensor, targets: Tensor) -> Tensor:
        """(P, K) products of (P, D) vectors with the context vectors of (P, K) words."""
        return torch.einsum("pd,pkd->pk", vectors, self.tables[1][targets])

    def update(self, centres: Tensor, targets: Tensor, counted: Tensor, rate: float) -> Tensor:
        """Update on P pairs.

        Args:
            centres: (P,) words.
            targets: (P, 1 + K) words: the context, then its negatives.
            counted: (P, 1 + K) whether a target has a part in the loss.
            rate: learning rate.

        Returns:
            The sum of the pairs' losses before the update, a number of 64 bits.
        """
        words, inverse = torch.unique(centres, return_inverse=True)
        rows, lengths = self.rows_of(words)
        means = self.vectors(words)
        vectors = means[inverse]
        scores = self.scores(vectors, targets)
        error = torch.sigmoid(scores)
        error[:, 0] -= 1
        error *= counted
        context = (error.unsqueeze(2) * vectors.unsqueeze(1)).flatten(0, 1)
        own = torch.einsum("pk,pkd->pd", error, self.tables[1][targets])
        total = torch.zeros_like(means).index_add_(0, inverse, own)
        shared = (total / lengths.unsqueeze(1)).repeat_interleave(lengths, 0)
        for table, ids, gradient in ((0, rows, shared), (1, targets.flatten(), context)):
            self._descend(table, ids, gradient, rate)
        return pair_losses(scores, counted).double().sum()

    def _descend(self, table: int, ids: Tensor, gradient: Tensor, rate: float) -> None:
        rows, inverse = torch.unique(ids, return_inverse=True)
        total = gradient.new_zeros(len(rows), gradient.shape[1]).index_add_(0, inverse, gradient)
        sums = self.sums[table][rows].addcmul_(total, total)
        self.sums[table][rows] = sums
        self.tables[table].index_add_(0, rows, total.div_(sums.sqrt_()), alpha=-rate)

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name."""
        names = ("input", "context")
        tensors = dict(zip(names, self.tables, strict=True))
        return tensors | {f"{n}:sums": s for n, s in zip(names, self.sums, strict=True)}

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore the result of :meth:`state`."""
        there = {name: tensor.to(self._device) for name, tensor in state.items()}
        self.tables = [there["input"], there["context"]]
        self.sums = [there["input:sums"], there["context:sums"]]


def pair_losses(scores: Tensor, counted: Tensor) -> Tensor:
    """(P,) losses ``−log σ(s₀) − Σ log σ(−sₖ)`` in nats, from (P, 1 + K) scores."""
    signs = torch.ones_like(scores)
    signs[:, 0] = -1
    return (functional.softplus(signs * scores) * counted).sum(1)


def _buckets(word: str, options: FastTextOptions) -> list[int]:
    return ngram_buckets(word, options.minn, options.maxn, options.bucket)


class FastTextTrainer:
    """fastText vectors in training; a step is a block of sentences.

    Attributes:
        words: in the order of their vectors.
        counts: (V,) how often each occurs in the training part.
        model: vectors and AdaGrad's sums.

    Args:
        corpus: the training text.
        options: of the training.
        words: number of words V, without the special ones.
        device: where they are trained, inside :func:`training_on`.
    """

    kind: ClassVar[str] = "fasttext"

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: FastTextOptions,
        words: int,
        device: torch.device = CPU,
    ) -> None:
        self.options, self.corpus, self._device = options, corpus, device
        kept = slice(len(SPECIAL), len(SPECIAL) + words)
        self.words, self.counts = corpus.types.words[kept], corpus.counts[kept]
        self.model = FastText(self.words, options, device)
        self._keep = keep_probability(self.counts, options.t)
        self._table = negative_table(self.counts)
        self._blocks = blocks_of(corpus.train, options.batch_tokens)
        self.step = 0
        self.total_steps = max(1, round((len(self._blocks) - 1) * options.epochs))
        self._tokens = 0
        self._heldout = self._examples(
            *(corpus.heldout, 0, min(len(corpus.heldout), _HELD_OUT_SENTENCES)),
            np.random.default_rng([options.seed, _HELD_OUT]),
        )

    @property
    def units_read(self) -> int:
        """Tokens of text read so far."""
        return self._tokens

    def train_step(self) -> float:
        """Train on one block of sentences. Returns the mean loss per pair, in nats.

        Raises:
            ElmobenchError: if the loss is not finite.
        """
        options = self.options
        epoch, position = divmod(self.step, len(self._blocks) - 1)
        order = np.random.default_rng([options.seed, _ORDER, epoch])
        block = int(order.permutation(len(self._blocks) - 1)[position])
        first, last = int(self._blocks[block]), int(self._blocks[block + 1])
        rng = np.random.default_rng([options.seed, _PAIRS, self.step])
        examples = self._examples(self.corpus.train, first, last, rng)
        rate = options.eta * (1 - self.step / self.total_steps)
        mean = 0.0
        if len(examples[0]):
            mean = float(self.model.update(*examples, rate)) / len(examples[0])
        offsets = self.corpus.train.offsets
        self._tokens += int(offsets[last] - offsets[first])
        self.step += 1
        if not math.isfinite(mean):
            raise ElmobenchError(
                f"the loss is {mean} at step {self.step}", fix="use a lower eta, in a new folder"
            )
        return mean

    def _examples(
        self, part: Any, first: int, last: int, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Centres, targets and what is counted, see :meth:`FastText.update`."""
        centres, contexts = pairs_of(part, first, last, self._keep, self.options.ws, rng)
        negatives, differ = negatives_of(contexts, self.options.neg, self._table, rng)
        targets = np.concatenate([contexts[:, None], negatives], 1)
        counted = np.concatenate([np.ones((len(contexts), 1), bool), differ], 1)
        there = (torch.from_numpy(array).to(self._device) for array in (centres, targets, counted))
        a, b, c = there
        return a, b, c

    def progress_values(self, loss: float, units_per_second: float) -> dict[str, float]:
        """See :attr:`TrainingProgress.values`."""
        return {"loss": loss, "tokens": self._tokens, "tokens_per_second": units_per_second}

    def measure_heldout(self) -> float:
        """Mean loss per held-out pair, in nats."""
        centres, targets, counted = self._heldout
        if not len(centres):
            return 0.0
        scores = self.model.scores(self.model.vectors(centres), targets)
        return float(pair_losses(scores, counted).mean())

    @property
    def guessing(self) -> float | None:
        """See :attr:`Trainer.guessing`: log 2 per target."""
        counted = self._heldout[2]
        return float(counted.double().sum(1).mean()) * math.log(2) if len(counted) else None

    def comparable(self, heldout: Heldout) -> Heldout:
        """See :meth:`Trainer.comparable`; the measurement has this unit."""
        return heldout

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name."""
        return self.model.state()

    def checkpoint_facts(self) -> dict[str, Any]:
        """See :meth:`Trainer.checkpoint_facts`."""
        return {"tokens": self._tokens}

    def load(self, checkpoint: Checkpoint) -> None:
        """Resume from the result of :meth:`state`."""
        self.model.load(checkpoint.tensors)
        self._tokens = int(checkpoint.facts["tokens"])
        self.step = checkpoint.step

    def export(self, path: Path) -> None:
        """Write the model as it is, in fastText's format."""
        matrices = [table.cpu().numpy() for table in self.model.tables]
        write_bin(path, self.words, self.counts, (matrices[0], matrices[1]), self.options)

    def summary(self, measured: Mapping[str, Any], folder: Path) -> ModelSummary:
        """Facts for the model card; see :meth:`Trainer.summary`."""
        words, dim = len(self.words), self.options.dim
        return ModelSummary(
            provider="static",
            files={"vectors": VECTORS},
            dim=dim,
            layers=1,
            description=f"fastText vectors, {words:,} words and {self.options.bucket:,} rows of "
            f"n-grams x {dim}",
            tokens_seen=self._tokens,
            updates=self.step,
            parameters={
                "model": (words + self.options.bucket) * dim,
                "context vectors, in training only": words * dim,
            },
            heldout={"loss a pair (nats)": measured["heldout"]},
            seconds=measured["seconds"],
        )


def train_fasttext(
    corpus: EncodedCorpus,
    options: FastTextOptions,
    out: Path,
    loop: LoopOptions | None = None,
) -> TrainingResult[FastTextTrainer]:
    """Train from the last checkpoint in ``out`` or from the start, and write the vectors.

    Args:
        corpus: the training text.
        options: of the training.
        out: receives ``checkpoints/``, ``log.jsonl`` and ``vectors.bin``.
        loop: threads, reports, checkpoints and stopping.

    Raises:
        DataError: if fewer than two words are frequent enough.
        ConfigError: if ``out`` has checkpoints of another training, or the memory is too small.
        ElmobenchError: if the loss or a vector is not finite.
    """
    loop = loop or LoopOptions()
    special = len(SPECIAL)
    frequent = int((corpus.counts[special:] >= options.min_count).sum())
    words = min(frequent, options.vocab_size)
    if words < 2:
        raise DataError(
            f"{words} words occur at least {options.min_count} times: too few",
            where="the corpus",
            fix="give more text, or a smaller min_count or larger vocab_size",
        )
    identity = {
        "kind": "fasttext",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json"),
        **identity_of_device(loop.device),
    }
    folder = CheckpointFolder(out / CHECKPOINTS, identity)
    with training_on(loop.device, loop.threads) as device:
        check_memory((2 * words + options.bucket) * options.dim, device=device)
        checkpoint = folder.last()
        trainer = FastTextTrainer(corpus, options, words, device)

        def export() -> None:
            if not all(table.isfinite().all() for table in trainer.model.tables):
                raise ElmobenchError(
                    "training has diverged: some values of the vectors are not finite",
                    fix="use a lower eta, in a new folder",
                )
            with writing(out / VECTORS):
                trainer.export(out / VECTORS)

        return train(trainer, loop, out=out, folder=folder, checkpoint=checkpoint, export=export)
