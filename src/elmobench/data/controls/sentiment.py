"""Control for sentiment: pairs of texts with the same words in two orders and opposite labels.

A frame has two slots for adjectives and asserts one of them: the film is *not* dull *but* great.
Ambiguous texts fill the slots with one adjective of each polarity and have a twin with the two
exchanged; the others fill both with the same polarity. Frames, openings and nouns are drawn from
the same distribution for both labels, so that only the adjectives and their order decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import bag_of_words_ceiling
from elmobench.data.examples import ClassifiedText

ADJECTIVES = {
    "positive": (
        *("great", "good", "wonderful", "brilliant", "funny", "charming", "fresh", "lovely"),
    ),
    "negative": (*("bad", "dull", "terrible", "boring", "weak", "poor", "clumsy", "messy"),),
}

# {yes} is the adjective that is asserted, {no} the one that is denied; both orders occur. The
# decisive words are right next to the adjectives, so that an untrained recurrent encoder
# carries them to where a linear head can read them.
FRAMES = (
    "the {noun} was not {no} but {yes}",
    "the {noun} was {yes} , not {no}",
    "never {no} , the {noun} was always {yes}",
    "the {noun} was always {yes} and never {no}",
    "no longer {no} , the {noun} is now {yes}",
    "the {noun} is now {yes} and no longer {no}",
)
_NOUNS = (
    *("film", "plot", "story", "song", "book", "show", "play", "script", "scene", "ending"),
    *("comedy", "drama", "novel", "series", "concert", "game"),
)
_OPENINGS = ("", "", "to be fair ,", "this year", "again", "as you can see ,")

_ATTEMPTS = 10_000


class SentimentOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class SentimentControl(Generator[SentimentOptions]):
    """Makes :class:`ClassifiedText` with labels ``positive`` and ``negative``, in equal number."""

    name: ClassVar[str] = "control-sentiment"
    version: ClassVar[int] = 1
    options_type = SentimentOptions

    def generate(self, options: SentimentOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No multiset of words is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            texts: list[tuple[str, str]] = []
            for i in range(size // 2):
                texts += _opposites(rng, seen) if i < pairs else _plain(rng, seen)
            rng.shuffle(texts)
            result[split] = [
                ClassifiedText(f"{split}-{i:06d}", tuple(text.split()), label)
                for i, (text, label) in enumerate(texts, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[ClassifiedText]) -> float:
        """Accuracy in percent, exact."""
        return bag_of_words_ceiling(examples)


def _opposites(rng: StableRandom, seen: set[tuple[str, ...]]) -> list[tuple[str, str]]:
    """Two texts with the same words and opposite labels."""
    for _ in range(_ATTEMPTS):
        good, bad = (rng.choice(ADJECTIVES[label]) for label in ("positive", "negative"))
        frame, noun, opening = _surroundings(rng)
        pair = [
            (_text(opening, frame, noun, yes=good, no=bad), "positive"),
            (_text(opening, frame, noun, yes=bad, no=good), "negative"),
        ]
        if _is_new(pair[0][0], seen):
            return pair
    raise _exhausted()


def _plain(rng: StableRandom, seen: set[tuple[str, ...]]) -> list[tuple[str, str]]:
    """One text per label, with both adjectives of that polarity."""
    texts: list[tuple[str, str]] = []
    for label in ("positive", "negative"):
        for _ in range(_ATTEMPTS):
            yes, no = rng.choice(ADJECTIVES[label]), rng.choice(ADJECTIVES[label])
            frame, noun, opening = _surroundings(rng)
            text = _text(opening, frame, noun, yes=yes, no=no)
            if yes != no and _is_new(text, seen):
                texts.append((text, label))
                break
        else:
            raise _exhausted()
    return texts


def _surroundings(rng: StableRandom) -> tuple[str, str, str]:
    return rng.choice(FRAMES), rng.choice(_NOUNS), rng.choice(_OPENINGS)


def _text(opening: str, frame: str, noun: str, *, yes: str, no: str) -> str:
    return f"{opening} {frame.format(noun=noun, yes=yes, no=no)} .".strip()


def _is_new(text: str, seen: set[tuple[str, ...]]) -> bool:
    bag = tuple(sorted(text.split()))
    new = bag not in seen
    seen.add(bag)
    return new


def _exhausted() -> ConfigError:
    return ConfigError(
        f"no new text in {_ATTEMPTS} draws",
        where="generator 'control-sentiment'",
        fix="ask for fewer examples",
    )


GENERATOR = SentimentControl()
