"""Batches: which examples are in them, and their frozen vectors."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.data.examples import Sentence
from elmobench.tasks.base import Pipeline
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.training.part_sources import PartSource
from elmobench.training.resident import ResidentPart
from elmobench.training.trainable_vectors import WordVocabulary

E = TypeVar("E")

_CPU = torch.device("cpu")
_BUCKET_BATCHES = 20
"""Examples are sorted by length within shuffled runs that are this many batches long."""


class SentenceTable:
    """The distinct sentences of a set of examples, in a fixed order."""

    def __init__(self) -> None:
        self.sentences: list[Sentence] = []
        self._row: dict[Sentence, int] = {}

    def add(self, sentence: Sentence) -> int:
        """The row of ``sentence``, which is appended if it is new."""
        row = self._row.get(sentence)
        if row is None:
            row = len(self.sentences)
            self._row[sentence] = row
            self.sentences.append(sentence)
        return row

    def respelled(self, change: Callable[[Sentence], Sentence]) -> SentenceTable:
        """A table with the same rows, in which ``change`` replaced the words of each sentence.

        Raises:
            ValueError: if ``change`` returns another number of words.
        """
        changed = SentenceTable()
        changed.sentences = [change(sentence) for sentence in self.sentences]
        for old, new in zip(self.sentences, changed.sentences, strict=True):
            if len(old) != len(new):
                raise ValueError(f"{len(old)} tokens became {len(new)}")
        return changed


class ExampleSet(Generic[E]):
    """Examples of one split, and the table rows of their sentences.

    Args:
        pipeline: gives the sentences of an example, by slot.
        examples: in a fixed order.
        table: gets their sentences; shared by all splits.

    Attributes:
        examples, table: see above.
        slots: for each example slot -> rows of its sentences.
        lengths: for each example the number of tokens of its longest sentence.
    """

    def __init__(self, pipeline: Pipeline[E], examples: Sequence[E], table: SentenceTable) -> None:
        self.examples = list(examples)
        self.table = table
        self.slots: list[dict[str, list[int]]] = []
        lengths = []
        for example in self.examples:
            rows = {}
            longest = 0
            for name, sentences in pipeline.slots(example).items():
                rows[name] = [table.add(sentence) for sentence in sentences]
                longest = max(longest, max((len(s) for s in sentences), default=0))
            self.slots.append(rows)
            lengths.append(longest)
        self.lengths: NDArray[np.int64] = np.asarray(lengths, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.examples)

    def subset(self, indices: Sequence[int]) -> ExampleSet[E]:
        """The set of these examples, whose sentences are in the table already."""
        part = copy.copy(self)
        part.examples = [self.examples[i] for i in indices]
        part.slots = [self.slots[i] for i in indices]
        part.lengths = self.lengths[list(indices)]
        return part


class Collator:
    """Builds a :class:`Batch` of chosen examples, with their vectors.

    Args:
        table: the sentences that rows refer to.
        parts: one source per part of the features spec.
        layers: the layers to read of each part; None for all. Resident parts have theirs.
        vocabulary: the words of the trainable embedding; None without one.
        per_text: whether all parts have one vector per sentence: T is 1 then.
        means: whether all parts are :class:`~elmobench.training.part_sources.MeanPart`: T is 1
            then, and 0 for a sentence without tokens.
        device: where the tensors of batches are.
    """

    def __init__(
        self,
        table: SentenceTable,
        parts: Sequence[PartSource | ResidentPart],
        layers: Sequence[Sequence[int] | None],
        vocabulary: WordVocabulary | None = None,
        *,
        per_text: bool = False,
        means: bool = False,
        device: torch.device = _CPU,
    ) -> None:
        self.device = device
        self._per_text = per_text
        self._means = means
        self._table = table
        self._parts = list(parts)
        self._layers = list(layers)
        self._vocabulary = vocabulary

    def batch(self, data: ExampleSet[E], indices: Sequence[int]) -> Batch[E]:
        """A batch of the examples ``indices`` of ``data``."""
        slots = {}
        for name in data.slots[indices[0]]:
            rows = [row for i in indices for row in data.slots[i][name]]
            slots[name] = self._slot(rows)
        return Batch([data.examples[i] for i in indices], slots)

    def _slot(self, rows: list[int]) -> SlotBatch:
        tokens = [self._table.sentences[row] for row in rows]
        lengths = torch.tensor([self._length(sentence) for sentence in tokens])
        longest = int(lengths.max()) if rows else 0
        mask = torch.arange(longest)[None, :] < lengths[:, None]  # (B, T)
        index = np.asarray(rows, dtype=np.int64)
        parts = [
            part.gather(index, layers)
            if isinstance(part, ResidentPart)
            else self._moved(torch.from_numpy(part.gather(index, layers)))
            for part, layers in zip(self._parts, self._layers, strict=True)
        ]
        word_ids = None
        if self._vocabulary is not None:
            word_ids = torch.zeros(len(rows), longest, dtype=torch.long)
            for b, sentence in enumerate(tokens):
                ids = [self._vocabulary.id_of(token) for token in sentence]
                word_ids[b, : len(ids)] = torch.tensor(ids, dtype=torch.long)
            word_ids = self._moved(word_ids)
        return SlotBatch(tokens, self._moved(mask), parts, word_ids)

    def _length(self, sentence: Sentence) -> int:
        """The number of its vectors."""
        if self._per_text:
            return 1
        return min(len(sentence), 1) if self._means else len(sentence)

    def _moved(self, tensor: torch.Tensor) -> torch.Tensor:
        """``tensor`` on the device; the copy to a GPU goes on while the processor does other work.

        Memory that is pinned is copied without the processor, and torch keeps it until then.
        """
        if self.device.type == "cuda":
            return tensor.pin_memory().to(self.device, non_blocking=True)
        return tensor.to(self.device)


def bucketed_batches(
    lengths: NDArray[np.int64], batch_size: int, rng: np.random.Generator
) -> list[list[int]]:
    """The batches of one epoch, as indices: examples of similar length, in random order.

    The result depends only on the lengths, the batch size and ``rng``, never on the features.
    """
    order = rng.permutation(len(lengths))
    batches = []
    run_length = batch_size * _BUCKET_BATCHES
    for start in range(0, len(order), run_length):
        run = order[start : start + run_length]
        run = run[np.argsort(lengths[run], kind="stable")]
        batches += [run[i : i + batch_size].tolist() for i in range(0, len(run), batch_size)]
    return [batches[i] for i in rng.permutation(len(batches))]


def evaluation_batches(lengths: NDArray[np.int64], batch_size: int) -> Iterator[list[int]]:
    """Batches of all examples, as indices, sorted by length so that there is little padding."""
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        yield order[start : start + batch_size].tolist()


class DevBatches(Generic[E]):
    """The batches of :func:`evaluation_batches`, which are read again after every epoch.

    The first ones, whose vectors fit into ``room``, are kept with what heads derived from their
    examples. On a GPU none is kept: its memory is for the heads.

    Args:
        collator, data, batch_size: what the batches are made of.
        room: number of bytes that the vectors of kept batches may take.
    """

    def __init__(
        self, collator: Collator, data: ExampleSet[E], batch_size: int, room: int = 64 << 20
    ) -> None:
        self._collator = collator
        self._data = data
        self._indices = [*evaluation_batches(data.lengths, batch_size)]
        self._kept: list[Batch[E]] = []
        self._room = room

    def __iter__(self) -> Iterator[tuple[list[int], Batch[E]]]:
        for number, indices in enumerate(self._indices):
            if number < len(self._kept):
                yield indices, self._kept[number]
                continue
            batch = self._collator.batch(self._data, indices)
            # Mixers may keep standardised copies of fixed parts.
            self._room -= 2 * sum(p.nbytes for slot in batch.slots.values() for p in slot.parts)
            if self._room >= 0 and batch.device.type == "cpu":
                self._kept.append(batch)
            yield indices, batch


def bounded_runs(slots: Sequence[Mapping[str, Sequence[int]]], rows: int) -> Iterator[range]:
    """Runs of consecutive examples: at least one, with at most ``rows`` sentences per slot.

    With one sentence per slot in each example these are runs of ``rows`` examples; a document of
    many sentences counts as many.
    """
    start, used = 0, 0
    for i, names in enumerate(slots):
        needed = max(map(len, names.values()), default=0)
        if i > start and used + needed > rows:
            yield range(start, i)
            start, used = i, 0
        used += needed
    if start < len(slots):
        yield range(start, len(slots))


def nested_subset(count: int, fraction: float, rng: np.random.Generator) -> list[int]:
    """Indices of a random ``fraction`` of ``count`` examples, in their original order.

    With the same generator state, the subset of a smaller fraction is part of that of a larger one.
    At least one example is kept.
    """
    keep = max(1, round(count * fraction))
    return sorted(rng.permutation(count)[:keep].tolist())
