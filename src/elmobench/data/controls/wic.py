"""Control for words in context: a noun in two sentences, in the same sense or in two.

The sentences are those of the control for WSD: a neighbouring word says whether the noun means an
animal or a thing. Ambiguous pairs mark the same ambiguous noun twice and come as twins: the second
sentence has the sense of the first one, or the other one. In the other pairs the nouns decide: they
are the same, or an animal and a thing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import marked_ceiling
from elmobench.data.controls.wsd import AMBIGUOUS, ANIMALS, THINGS, Made, noun_twins
from elmobench.data.examples import MarkedPair, Sentence, Span

SAME, DIFFERENT = "T", "F"
Row = tuple[Sentence, Sentence, tuple[Span, Span], str]


class WicOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class WicControl(Generator[WicOptions]):
    """Makes :class:`MarkedPair`, labelled T (same sense) and F in equal number."""

    name: ClassVar[str] = "control-wic"
    version: ClassVar[int] = 1
    options_type = WicOptions

    def generate(self, options: WicOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No sentence is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        known = list(zip(ANIMALS, THINGS, strict=True))
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            ambiguous = options.ambiguous_pairs(size)
            rows: list[Row] = []
            for i in range(size // 2):
                noun = AMBIGUOUS[i % len(AMBIGUOUS)]
                rows += _pairs(rng, (noun, noun) if i < ambiguous else known[i % len(known)], seen)
            rng.shuffle(rows)
            result[split] = [
                MarkedPair(f"{split}-{i:06d}", *row) for i, row in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[MarkedPair]) -> float:
        """Accuracy in percent, exact."""
        return marked_ceiling(examples)


def _pairs(rng: StableRandom, nouns: tuple[str, str], seen: set[tuple[str, ...]]) -> list[Row]:
    """A first sentence with one of its own sense, and one of the other sense."""
    first = noun_twins(rng, nouns, seen)
    second = noun_twins(rng, nouns, seen)
    chosen = rng.below(2)
    return [
        _row(first[chosen], second[chosen], SAME),
        _row(first[chosen], second[1 - chosen], DIFFERENT),
    ]


def _row(one: Made, other: Made, label: str) -> Row:
    (first, i, noun, _), (second, j, other_noun, _) = one, other
    marks = ((i, i + len(noun.split()) - 1), (j, j + len(other_noun.split()) - 1))
    return first, second, marks, label


GENERATOR = WicControl()
