"""Structural probing: distances and depths in dependency trees (Hewitt and Manning 2019)."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from math import isqrt
from typing import Any, ClassVar

import numpy as np

from elmobench.core.errors import DataError
from elmobench.data.examples import Sentence, TreeText
from elmobench.data.trees import spanning_edges, tree_depths
from elmobench.tasks.base import LabelCodec, Pipeline

TEXT = "text"


class Trees(Pipeline[TreeText]):
    """Base of the pipelines of sentences with dependency trees.

    A gold annotation has the heads of the words and which words are punctuation; a prediction is a
    list of numbers.
    """

    annotation_repeats_text: ClassVar[bool] = True
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {"conllu-trees": {}}
    no_control: ClassVar[str] = (
        "a tree of a sentence is no label: relations of words as edges (reader conllu-edges) have "
        "control labels"
    )

    def slots(self, example: TreeText) -> dict[str, list[Sentence]]:
        """The sentence."""
        return {TEXT: [example.tokens]}

    def gold(self, example: TreeText) -> dict[str, list[int]]:
        """``heads`` and ``punctuation`` of the example."""
        return {"heads": list(example.heads), "punctuation": list(example.punctuation)}

    def problem_of(self, example: TreeText) -> str | None:
        """A sentence without a tree."""
        return None if example.heads else "the tree is not known"

    def codec(self, train: Sequence[TreeText], labels: Sequence[str] | None) -> LabelCodec:
        """Nothing: a tree has no labels here.

        Raises:
            DataError: the card lists labels.
        """
        if labels:
            raise DataError(
                f"the card lists labels, but the pipeline {self.name} predicts numbers",
                fix="leave out 'labels', or use the pipeline edges for relations",
            )
        return LabelCodec(labels=[])

    def from_tokens(self, tokens: Sentence) -> TreeText:
        """A sentence whose tree is not known."""
        return TreeText("text", tokens, ())

    @abstractmethod
    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The tree or the depths that an annotation says."""


class TreeDistance(Trees):
    """A predicted distance for each pair of words, in edges: (1, 2), (1, 3), …, (2, 3), …."""

    name: ClassVar[str] = "tree-distance"
    metrics: ClassVar[tuple[str, ...]] = ("uuas", "dspr")

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The edges of the tree, or of the minimum spanning tree of predicted distances.

        Punctuation is part of both: a prediction does not say what it is.

        >>> TreeDistance().format_annotation([1.0, 3.0, 1.5], ["old", "dogs", "sleep"])
        'old–dogs, dogs–sleep'
        """
        if isinstance(annotation, Mapping):
            heads = annotation["heads"]
            length = len(heads)
            edges = sorted((min(i, h), max(i, h)) for i, h in enumerate(heads) if h >= 0)
        else:
            length = (1 + isqrt(1 + 8 * len(annotation))) // 2
            distances = np.zeros((length, length))
            distances[np.triu_indices(length, 1)] = annotation
            edges = spanning_edges(distances, range(length))
        words = tokens or [str(i) for i in range(1, length + 1)]
        return ", ".join(f"{words[a]}–{words[b]}" for a, b in edges)


class TreeDepth(Trees):
    """A predicted depth for each word, in edges from the root."""

    name: ClassVar[str] = "tree-depth"
    metrics: ClassVar[tuple[str, ...]] = ("root-accuracy", "nspr")

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The depth of each word, with one decimal if it is predicted.

        >>> TreeDepth().format_annotation([1.96, 1.1, 0.04], ["old", "dogs", "sleep"])
        'old 2.0, dogs 1.1, sleep 0.0'
        """
        if isinstance(annotation, Mapping):
            depths = [str(depth) for depth in tree_depths(annotation["heads"])]
        else:
            depths = [f"{depth:.1f}" for depth in annotation]
        words = tokens or [str(i) for i in range(1, len(depths) + 1)]
        return ", ".join(f"{word} {depth}" for word, depth in zip(words, depths, strict=True))


DISTANCE = TreeDistance()
DEPTH = TreeDepth()
