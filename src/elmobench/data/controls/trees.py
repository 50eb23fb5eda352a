"""Control for trees: which of two verbs is in the relative clause and which one is the root.

Sentences come in twins of the same words, in which the two verbs are exchanged::

    the singers that often laughed waited today .
    the singers that often waited laughed today .

The relative clause has the first verb, and with it the pronoun and the adverb before it; the second
verb is the root, with the word of time or place. Which word goes with which verb is therefore not
in the words. In the other sentences it is: some verbs are only in relative clauses and others are
only roots.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import root_ceiling, tree_edge_ceiling
from elmobench.data.examples import Sentence, TreeText

AMBIGUOUS = (
    *("laughed", "waited", "slept", "coughed", "danced", "prayed", "smiled", "listened"),
    *("worked", "played", "rested", "talked"),
)
KNOWN = (
    *(("complained", "vanished"), ("argued", "arrived"), ("joked", "returned")),
    *(("whispered", "disappeared"), ("stumbled", "escaped"), ("shouted", "died")),
)
"""Pairs of a verb that is in relative clauses only, and one that is a root only."""

DETERMINERS = ("the", "these", "some", "many")
NOUNS = (
    *("singers", "soldiers", "farmers", "students", "doctors", "sailors", "teachers", "lawyers"),
    *("children", "guests"),
)
ADVERBS = ("often", "rarely", "never", "always", "seldom")
SETTINGS = ("today", "here", "again", "there", "then")
_ATTEMPTS = 10_000


class TreeControlOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class TreeControl(Generator[TreeControlOptions]):
    """Makes :class:`TreeText` of eight words; the last one is a full stop.

    The generators of distances and of depths make the same sentences.
    """

    name: ClassVar[str] = "control-tree-distance"
    version: ClassVar[int] = 1
    options_type = TreeControlOptions

    def generate(self, options: TreeControlOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Verbs are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[Sentence] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            rows = [row for i in range(pairs) for row in _twins(rng, i, seen)]
            rows += [_new(rng, KNOWN[i // 2 % len(KNOWN)], seen) for i in range(size - 2 * pairs)]
            rng.shuffle(rows)
            result[split] = [
                TreeText(f"{split}-{i:06d}", tokens, heads, (len(tokens) - 1,))
                for i, (tokens, heads) in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[TreeText]) -> float:
        """UUAS in percent; exact here, see :func:`ceilings.tree_edge_ceiling`."""
        return tree_edge_ceiling(examples)


class DepthControl(TreeControl):
    """The same sentences, for depths."""

    name: ClassVar[str] = "control-tree-depth"

    def context_free_ceiling(self, examples: Sequence[TreeText]) -> float:
        """Root accuracy in percent; exact here, see :func:`ceilings.root_ceiling`."""
        return root_ceiling(examples)


_Made = tuple[Sentence, tuple[int, ...]]


def _twins(rng: StableRandom, turn: int, seen: set[Sentence]) -> list[_Made]:
    inner = AMBIGUOUS[turn % len(AMBIGUOUS)]
    for _ in range(_ATTEMPTS):
        main = rng.choice(AMBIGUOUS)
        words, front = _others(rng), rng.chance(0.5)
        twins = [_sentence(words, verbs, front) for verbs in ((inner, main), (main, inner))]
        if main != inner and not any(tokens in seen for tokens, _ in twins):
            seen.update(tokens for tokens, _ in twins)
            return twins
    raise _no_new(inner)


def _new(rng: StableRandom, verbs: tuple[str, str], seen: set[Sentence]) -> _Made:
    for _ in range(_ATTEMPTS):
        made = _sentence(_others(rng), verbs, rng.chance(0.5))
        if made[0] not in seen:
            seen.add(made[0])
            return made
    raise _no_new(verbs[0])


def _no_new(verb: str) -> ConfigError:
    return ConfigError(
        f"no new sentence for {verb!r} in {_ATTEMPTS} draws",
        where="generator of trees",
        fix="ask for fewer examples",
    )


_Others = tuple[str, str, str, str]


def _others(rng: StableRandom) -> _Others:
    """A determiner, a noun, an adverb, and a word of time or place."""
    return (
        rng.choice(DETERMINERS),
        rng.choice(NOUNS),
        rng.choice(ADVERBS),
        rng.choice(SETTINGS),
    )


def _sentence(others: _Others, verbs: tuple[str, str], front: bool) -> _Made:
    """A sentence and its heads; the word of time or place is in ``front`` or at the end."""
    determiner, noun, adverb, setting = others
    # Each word with its head; every word occurs once.
    rows = [
        (determiner, noun),
        (noun, verbs[1]),
        ("that", verbs[0]),
        (adverb, verbs[0]),
        (verbs[0], noun),
        (verbs[1], None),
    ]
    rows.insert(0 if front else len(rows), (setting, verbs[1]))
    rows.append((".", verbs[1]))
    place = {word: i for i, (word, _) in enumerate(rows)}
    heads = tuple(-1 if head is None else place[head] for _, head in rows)
    return tuple(word for word, _ in rows), heads


GENERATOR = TreeControl()
DEPTH_GENERATOR = DepthControl()
