"""Controls for regression: the same words in two orders, with different numbers.

A text asserts one adjective and denies another, as in the control for sentiment; its number is the
rating that the asserted adjective stands for. Ambiguous texts come as twins that exchange the two
adjectives.

A pair is two statements about who did what to whom, as in the control for inference. Its number is
high if both say the same. Ambiguous pairs come as twins: the second text keeps the order of the
first, or exchanges who and whom. In the other pairs the words decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import number_ceiling
from elmobench.data.controls.nli import DEEDS, OPPOSITES, THINGS, WHO
from elmobench.data.controls.sentiment import FRAMES
from elmobench.data.examples import RatedPair, RatedText, Sentence

RATINGS = {
    "wonderful": 5.0,
    "great": 4.5,
    "good": 4.0,
    "decent": 3.5,
    "mediocre": 2.5,
    "weak": 2.0,
    "bad": 1.5,
    "terrible": 1.0,
}
"""The number of each adjective that a text asserts."""

SAME, EXCHANGED, OTHER_WORD, OTHER_WORDS = 5.0, 2.0, 3.0, 1.0
"""The number of a pair: the second text says the same, exchanges who and whom, has another verb or
object, or both.
"""

_NOUNS = ("film", "plot", "story", "song", "book", "show", "play", "script", "scene", "novel")
_OPENINGS = ("", "today", "this year", "again", "once more", "as we know")
_MIDDLE = 3.0
_ATTEMPTS = 10_000

Row = tuple[Sentence, Sentence, float]


class RegressionOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class RegressionControl(Generator[RegressionOptions]):
    """Makes :class:`RatedText`."""

    name: ClassVar[str] = "control-regression"
    version: ClassVar[int] = 1
    options_type = RegressionOptions

    def generate(self, options: RegressionOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No multiset of words is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            ambiguous = options.ambiguous_pairs(size)
            texts: list[tuple[Sentence, float]] = []
            for i in range(size // 2):
                texts += _two_texts(rng, i < ambiguous, seen)
            rng.shuffle(texts)
            result[split] = [
                RatedText(f"{split}-{i:06d}", *text) for i, text in enumerate(texts, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[RatedText]) -> float:
        """Pearson's correlation times 100, exact."""
        return number_ceiling((tuple(sorted(e.tokens)), e.value) for e in examples)


def _two_texts(
    rng: StableRandom, ambiguous: bool, seen: set[tuple[str, ...]]
) -> list[tuple[Sentence, float]]:
    """Twins that exchange a good and a bad adjective, or one text of each kind."""
    for _ in range(_ATTEMPTS):
        kinds = [[w for w, r in RATINGS.items() if (r > _MIDDLE) == good] for good in (True, False)]
        good, bad = (rng.choice(words) for words in kinds)
        other_good, other_bad = (rng.choice(words) for words in kinds)
        sides = [(good, bad), (bad, good)] if ambiguous else [(good, other_good), (bad, other_bad)]
        frame, noun = rng.choice(FRAMES), rng.choice(_NOUNS)
        opening = rng.choice(_OPENINGS)
        texts = [
            (tuple(f"{opening} {frame.format(noun=noun, yes=yes, no=no)} .".split()), RATINGS[yes])
            for yes, no in sides
        ]
        bags = {tuple(sorted(tokens)) for tokens, _ in texts}
        if good != other_good and bad != other_bad and not bags & seen:
            seen |= bags
            return texts
    raise _exhausted("control-regression")


class PairRegressionControl(Generator[RegressionOptions]):
    """Makes :class:`RatedPair`."""

    name: ClassVar[str] = "control-pair-regression"
    version: ClassVar[int] = 1
    options_type = RegressionOptions

    def generate(self, options: RegressionOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No pair of bags of words is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[tuple[str, ...], ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            ambiguous = options.ambiguous_pairs(size)
            rows: list[Row] = []
            for i in range(size // 2):
                rows += _two_pairs(rng, i < ambiguous, seen)
            rng.shuffle(rows)
            result[split] = [
                RatedPair(f"{split}-{i:06d}", *row) for i, row in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[RatedPair]) -> float:
        """Pearson's correlation times 100, exact."""
        return number_ceiling(
            ((tuple(sorted(e.first)), tuple(sorted(e.second))), e.value) for e in examples
        )


def _two_pairs(
    rng: StableRandom, ambiguous: bool, seen: set[tuple[tuple[str, ...], ...]]
) -> list[Row]:
    """Twins with one first text: the same words, or words that differ in one or two places."""
    for _ in range(_ATTEMPTS):
        who = rng.choice(WHO)
        if ambiguous:
            verb, whom = rng.choice(DEEDS), rng.choice(WHO)
            others = [((who, verb, whom), SAME), ((whom, verb, who), EXCHANGED)]
        else:
            verbs, whom, other = list(rng.choice(OPPOSITES)), rng.choice(THINGS), rng.choice(THINGS)
            rng.shuffle(verbs)
            verb = verbs[0]
            others = [
                rng.choice([((who, verbs[1], whom), OTHER_WORD), ((who, verb, other), OTHER_WORD)]),
                rng.choice([((who, verb, whom), SAME), ((who, verbs[1], other), OTHER_WORDS)]),
            ]
            if other == whom:
                continue
        first = _sentence(rng.choice(_OPENINGS), (who, verb, whom))
        rows = [(first, _sentence("", other), value) for other, value in others]
        bags = {tuple(tuple(sorted(side)) for side in row[:2]) for row in rows}
        if who != whom and not bags & seen:
            seen |= bags
            return rows
    raise _exhausted("control-pair-regression")


def _sentence(opening: str, statement: tuple[str, str, str]) -> Sentence:
    who, verb, whom = statement
    return tuple(f"{opening} the {who} {verb} the {whom} .".split())


def _exhausted(generator: str) -> ConfigError:
    return ConfigError(
        f"no new text in {_ATTEMPTS} draws",
        where=f"generator {generator!r}",
        fix="ask for fewer examples",
    )


GENERATOR = RegressionControl()
PAIR_GENERATOR = PairRegressionControl()
