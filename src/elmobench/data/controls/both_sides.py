"""Control for context on both sides: a verb between two nouns, of the same kind or not.

Sentences come in fours: one verb, two left sides and two right sides, each with each. A side has a
person or a place ("the teacher will watch the river"), and the label says whether both have the
same kind: exclusive or, which neither side decides. A model whose forward vectors read the left
side and whose backward vectors read the right side, as a biLM's do, does not have the answer in
their concatenation for a linear head.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, Sizes, StableRandom
from elmobench.data.controls.ceilings import edge_ceiling
from elmobench.data.examples import Edge, EdgeText, Sentence

PERSONS = ("teacher", "doctor", "mother", "lawyer", "student", "farmer", "sister", "soldier")
PLACES = ("garden", "river", "village", "kitchen", "mountain", "hotel", "library", "island")
VERBS = (
    *("remember", "like", "paint", "watch", "visit", "miss", "love", "describe"),
    *("forget", "admire", "see", "know"),
)
_OPENINGS = ("", "today", "perhaps", "now")
_AUXILIARIES = ("will", "may", "must", "should", "could")
_DETERMINERS = ("the", "this", "every", "no")
_CLOSINGS = ("", "again", "soon", "here")
SAME, DIFFERENT = "same", "different"
_ATTEMPTS = 10_000


class BothSidesOptions(GeneratorOptions):
    """Options of :class:`BothSidesControl`; examples come in fours."""

    sizes: Sizes = Sizes(train=1200, dev=200, test=400)
    """Number of examples in each split; multiples of four."""
    ambiguous: float = Field(default=1.0, ge=1, le=1)
    """Share of examples that cannot be decided without context: all."""

    @model_validator(mode="after")
    def _examples_come_in_fours(self) -> BothSidesOptions:
        for split, size in self.sizes.items():
            if size % 4:
                raise ValueError(f"{split}: {size} examples are not whole fours")
        return self


class BothSidesControl(Generator[BothSidesOptions]):
    """Makes :class:`EdgeText` with one edge of one span, the verb."""

    name: ClassVar[str] = "control-both-sides"
    version: ClassVar[int] = 1
    options_type = BothSidesOptions

    def generate(self, options: BothSidesOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Verbs are taken in turn, four by four."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, Sentence]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            rows = [
                row for i in range(size // 4) for row in _four(rng, VERBS[i % len(VERBS)], seen)
            ]
            rng.shuffle(rows)
            result[split] = [
                EdgeText(f"{split}-{i:06d}", (tokens,), (Edge(((place, place),), (label,)),))
                for i, (tokens, place, label) in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[EdgeText]) -> float:
        """Accuracy in percent, exact; see :func:`ceilings.edge_ceiling`."""
        return edge_ceiling(examples)


def separate_sides_ceiling(examples: Sequence[EdgeText]) -> float:
    """Best accuracy (percent) of a head that adds what it reads of each side. Exact.

    Such a head scores the two labels by functions f(left side, verb) + g(verb, right side), any f
    and g, as a linear layer does over a concatenation of forward and backward vectors.

    Proof. Let s be the score of ``same`` minus that of ``different``, which has that form too. In a
    four with the left sides a, b and the right sides c, d, s(a, c) + s(b, d) = s(a, d) + s(b, c).
    Right answers need the same sign in both terms on the left, and the other sign in both on the
    right, so at least one of the four is wrong. With f(a) = 0, f(b) = -2, g(c) = 1 and g(d) = -1,
    or the opposite of all, three are right; they can be in all fours at once, since no side of a
    verb is in two fours.

    Raises:
        ValueError: the examples are not whole fours, or two of them share a side.
    """
    partners: defaultdict[tuple[str, Sentence], list[Sentence]] = defaultdict(list)
    for example in examples:
        left, verb, right = _sides(example)
        partners[verb, left].append(right)
    fours: Counter[tuple[str, frozenset[Sentence]]] = Counter()
    for (verb, _), rights in partners.items():
        fours[verb, frozenset(rights)] += len(set(rights)) == len(rights) == 2
    sides = Counter((verb, right) for verb, rights in fours for right in rights)
    if {*fours.values()} != {2} or {*sides.values()} != {1}:
        raise ValueError("expected fours of two left sides with two right sides, none in two fours")
    return 75.0


def _sides(example: EdgeText) -> tuple[Sentence, str, Sentence]:
    (tokens,), (edge,) = example.sentences, example.edges
    ((place, _),) = edge.spans
    return tokens[:place], tokens[place], tokens[place + 1 :]


Row = tuple[Sentence, int, str]
"""Tokens, the verb's place, and the label."""


def _four(rng: StableRandom, verb: str, seen: set[tuple[str, Sentence]]) -> list[Row]:
    """Two left sides with two right sides each. Sides that are in ``seen`` are drawn again."""
    for _ in range(_ATTEMPTS):
        lefts = [_left(rng, words) for words in (PERSONS, PLACES)]
        rights = [_right(rng, words) for words in (PERSONS, PLACES)]
        sides = {(verb, side) for side in (*lefts, *rights)}
        if seen.isdisjoint(sides):
            seen |= sides
            return [
                ((*left, verb, *right), len(left), SAME if i == j else DIFFERENT)
                for i, left in enumerate(lefts)
                for j, right in enumerate(rights)
            ]
    raise ConfigError(
        f"no new sentence in {_ATTEMPTS} draws",
        where="generator 'control-both-sides'",
        fix="ask for fewer examples",
    )


def _left(rng: StableRandom, nouns: Sequence[str]) -> Sentence:
    words = (rng.choice(_OPENINGS), rng.choice(_DETERMINERS), rng.choice(nouns))
    first, *rest = [word for word in (*words, rng.choice(_AUXILIARIES)) if word]
    return (first.capitalize(), *rest)


def _right(rng: StableRandom, nouns: Sequence[str]) -> Sentence:
    words = (rng.choice(_DETERMINERS), rng.choice(nouns), rng.choice(_CLOSINGS), ".")
    return tuple(word for word in words if word)


GENERATOR = BothSidesControl()
