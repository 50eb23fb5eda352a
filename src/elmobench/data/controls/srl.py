"""Control for semantic roles: who did what to whom, which only the voice of the clause decides.

A sentence has two clauses of one shape, one active and one passive; the example is one of
the two predicates. Its arguments are single words, two tokens before it and two after it. Each
sentence has a twin: the same words with the two clauses' auxiliaries and markers exchanged, so
that every argument is agent in one and patient in the other, at the same position::

    Rex has seen even Tom while Kim was heard by Max .
    Rex was seen by Tom while Kim has heard even Max .

So neither a word, nor the predicate, nor the distance between them, nor all words together give
any information about the role; the words right next to the argument do. Other predicates have a
thing as their patient (``eaten``): there the word alone decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import argument_ceiling
from elmobench.data.examples import Proposition

NAMES = (
    *("Rex", "Tom", "Kim", "Max", "Ann", "Ben", "Sue", "Joe", "Eva", "Ron", "Liz", "Sam"),
    *("Pia", "Leo", "Mia", "Kai"),
)
VERBS = (
    *("seen", "heard", "helped", "followed", "praised", "called", "invited", "blamed"),
    *("watched", "visited", "warned", "thanked"),
)
THINGS = {
    "eaten": ("bread", "rice", "fruit", "cheese"),
    "bought": ("bread", "fruit", "wood", "paper", "milk"),
    "carried": ("wood", "water", "coal", "paper"),
    "drunk": ("milk", "tea", "water", "coffee"),
    "burnt": ("wood", "coal", "paper"),
    "sold": ("tea", "coffee", "rice", "cheese"),
}
_ACTIVE = (("has", "even"), ("had", "only"), ("has", "also"), ("had", "just"))
_PASSIVE = (("was", "by"), ("is", "by"))
_JOINTS = ("while", "and", "but", "because")
_OPENINGS = ((), ("yesterday",), ("in", "the", "end"), ("last", "week"), ("as", "they", "say"))

_ATTEMPTS = 10_000


class SrlOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`; ``ambiguous`` predicates take persons only."""


class SrlControl(Generator[SrlOptions]):
    """Makes :class:`Proposition` with roles ARG0 (agent) and ARG1 (patient)."""

    name: ClassVar[str] = "control-srl"
    version: ClassVar[int] = 1
    options_type = SrlOptions

    def generate(self, options: SrlOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Predicates are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            verbs = [VERBS[i % len(VERBS)] for i in range(pairs)]
            things = list(THINGS)
            verbs += [things[i % len(things)] for i in range(size // 2 - pairs)]
            made = [twin for verb in verbs for twin in _twins(rng, verb, seen)]
            rng.shuffle(made)
            result[split] = [
                Proposition(f"{split}-{i:06d}", tokens, predicate, tags)
                for i, (tokens, predicate, tags) in enumerate(made, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[Proposition]) -> float:
        """Argument F1 in percent; exact here, see :func:`ceilings.argument_ceiling`."""
        return argument_ceiling(examples)


_Made = tuple[tuple[str, ...], int, tuple[str, ...]]


def _twins(rng: StableRandom, verb: str, seen: set[tuple[str, ...]]) -> list[_Made]:
    for _ in range(_ATTEMPTS):
        people = list(NAMES)
        rng.shuffle(people)
        active, passive = rng.choice(_ACTIVE), rng.choice(_PASSIVE)
        joint, opening = rng.choice(_JOINTS), rng.choice(_OPENINGS)
        other = rng.choice(VERBS)
        second = rng.chance(0.5)
        # A thing is the patient in both twins; for two persons, the voice decides.
        left, right = people[0], rng.choice(THINGS[verb]) if verb in THINGS else people[1]
        mirrored = (right, left) if verb in THINGS else (left, right)
        twins = [
            _sentence(
                opening,
                joint,
                (verb, pair, voice),
                (other, (people[2], people[3]), opposite),
                second,
            )
            for pair, voice, opposite in (
                ((left, right), active, passive),
                (mirrored, passive, active),
            )
        ]
        if other != verb and not any(tokens in seen for tokens, _, _ in twins):
            seen.update(tokens for tokens, _, _ in twins)
            return twins
    raise ConfigError(
        f"no new sentence for {verb!r} in {_ATTEMPTS} draws",
        where="generator 'control-srl'",
        fix="ask for fewer examples",
    )


_Clause = tuple[str, tuple[str, str], tuple[str, str]]


def _sentence(
    opening: tuple[str, ...], joint: str, target: _Clause, other: _Clause, second: bool
) -> _Made:
    """A sentence of two clauses; the one with the example's predicate is first or ``second``."""
    clauses = [
        (left, auxiliary, verb, marker, right)
        for verb, (left, right), (auxiliary, marker) in (target, other)
    ]
    before, after = reversed(clauses) if second else clauses
    tokens = (*opening, *before, joint, *after, ".")
    start = len(opening) + (len(before) + 1 if second else 0)
    tags = ["O"] * len(tokens)
    agent, patient = (start + 4, start) if target[2] in _PASSIVE else (start, start + 4)
    tags[agent], tags[start + 2], tags[patient] = "B-ARG0", "B-V", "B-ARG1"
    return tokens, start + 2, tuple(tags)


GENERATOR = SrlControl()
