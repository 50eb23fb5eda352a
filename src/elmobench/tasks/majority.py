"""The most frequent label of each type in train: a baseline that reads no vectors."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.tasks.base import HeadOptions, LabelCodec, Pipeline
from elmobench.tasks.head import Batch, HeadPreset, MixDefaults, Mixed, OnePassHead, TrainingOptions

E = TypeVar("E")


class MajorityOptions(HeadOptions):
    """The majority head has no options."""


class MajorityHead(OnePassHead[E]):
    """The most frequent label that train has for the type of an item; the vectors are not read.

    An item of a type that train lacks gets the most frequent label of all items. Of labels that are
    equally frequent, the first in the order of their characters is taken. What the items of an
    example are, and their types, is said by :meth:`~elmobench.tasks.base.Pipeline.items_of`.

    The buffer ``table`` holds the answers as JSON in UTF-8.
    """

    pipeline: ClassVar[Pipeline[Any]]
    """Of the examples."""
    table: Tensor

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: MajorityOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.register_buffer("table", torch.zeros(0, dtype=torch.uint8))
        self._answers: tuple[dict[str, str], str] | None = None

    def fit(self, batches: Iterable[tuple[Batch[E], Mixed]]) -> None:
        """Count the labels of every type.

        Raises:
            DataError: the training set has no item.
        """
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for batch, _ in batches:
            for example in batch.examples:
                for kind, label in self.pipeline.items_of(example):
                    counts[kind][label] += 1
        if not counts:
            raise DataError("there is no training item to take labels from")
        total: Counter[str] = Counter()
        for found in counts.values():
            total.update(found)
        answers = {kind: _most_frequent(found) for kind, found in counts.items()}
        text = json.dumps([answers, _most_frequent(total)], ensure_ascii=False)
        encoded = bytearray(text.encode("utf-8", "surrogatepass"))
        self.table = torch.frombuffer(encoded, dtype=torch.uint8).clone().to(self.table.device)
        self._answers = None

    def predict(self, batch: Batch[E], mixed: Mixed) -> list[Any]:
        """The annotation of each example with the most frequent labels."""
        if self._answers is None:
            text = bytes(self.table.cpu().numpy()).decode("utf-8", "surrogatepass")
            answers, other = json.loads(text)
            self._answers = answers, other
        answers, other = self._answers
        return [
            self.annotation([answers.get(kind, other) for kind, _ in self.pipeline.items_of(e)])
            for e in batch.examples
        ]

    def annotation(self, labels: Sequence[str]) -> Any:
        """The annotation of an example whose items have these labels."""
        return list(labels)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        """Take the table's size from the saved one, which depends on the training set."""
        if prefix + "table" in state_dict:
            self.table = torch.empty_like(state_dict[prefix + "table"], device=self.table.device)
            self._answers = None
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


class MajorityLabel(MajorityHead[E]):
    """:class:`MajorityHead` where an example has one item and an annotation is its label."""

    def annotation(self, labels: Sequence[str]) -> str:
        """The label."""
        (label,) = labels
        return label


class MajoritySet(MajorityHead[E]):
    """:class:`MajorityHead` where an example has one item, whose label is a set as JSON."""

    def annotation(self, labels: Sequence[str]) -> list[str]:
        """The set of labels."""
        (label,) = labels
        found: list[str] = json.loads(label)
        return found


class MajoritySets(MajorityHead[E]):
    """:class:`MajorityHead` where the label of each item is a set of labels, as JSON."""

    def annotation(self, labels: Sequence[str]) -> list[list[str]]:
        """The set of each item."""
        return [json.loads(label) for label in labels]


def majority_preset(head: type[MajorityHead[Any]]) -> HeadPreset:
    """The preset of a majority head: one pass over the training set."""
    return HeadPreset(
        head=head,
        options=MajorityOptions(),
        training=TrainingOptions(batch_size=64, epochs=1, patience=1),
        mix=MixDefaults(dropout=0.0, static_dropout=0.0),
        version=1,
    )


def _most_frequent(counts: Counter[str]) -> str:
    """The most frequent label; of several, the first in the order of their characters."""
    return min(counts, key=lambda label: (-counts[label], label))
