"""Control for several labels per text: the same words in two orders, with different sets of labels.

A text asserts one adjective and denies another, as in the control for sentiment; the asserted one
adds the label ``praise`` or ``criticism``, or none if it is neither. The noun adds ``music`` or
``screen``, or none. Ambiguous texts come as twins that exchange the two adjectives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import label_set_ceiling
from elmobench.data.controls.sentiment import ADJECTIVES, FRAMES
from elmobench.data.examples import LabelledText, Sentence

PRAISE, CRITICISM, MUSIC, SCREEN = "praise", "criticism", "music", "screen"

WORDS = {
    **dict.fromkeys(ADJECTIVES["positive"], PRAISE),
    **dict.fromkeys(ADJECTIVES["negative"], CRITICISM),
    **dict.fromkeys(("long", "short", "new", "old"), None),
}
"""The label that each adjective adds where it is asserted."""

NOUNS = {
    **dict.fromkeys(("song", "concert", "album", "tune"), MUSIC),
    **dict.fromkeys(("film", "series", "comedy", "scene"), SCREEN),
    **dict.fromkeys(("book", "game", "novel", "show"), None),
}
"""The label that each noun adds."""

_OPENINGS = ("", "today", "this year", "again", "once more", "as we know")
_ATTEMPTS = 10_000


class MultiLabelOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class MultiLabelControl(Generator[MultiLabelOptions]):
    """Makes :class:`LabelledText` with none, one or two of four labels."""

    name: ClassVar[str] = "control-multilabel"
    version: ClassVar[int] = 1
    options_type = MultiLabelOptions

    def generate(self, options: MultiLabelOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No multiset of words is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            ambiguous = options.ambiguous_pairs(size)
            texts: list[tuple[Sentence, tuple[str, ...]]] = []
            for i in range(size // 2):
                texts += _two_texts(rng, i < ambiguous, seen)
            rng.shuffle(texts)
            result[split] = [
                LabelledText(f"{split}-{i:06d}", *text) for i, text in enumerate(texts, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[LabelledText]) -> float:
        """Micro-F1 in percent, exact."""
        return label_set_ceiling(examples)


def _two_texts(
    rng: StableRandom, ambiguous: bool, seen: set[tuple[str, ...]]
) -> list[tuple[Sentence, tuple[str, ...]]]:
    """Twins that exchange adjectives of two kinds, or two texts with adjectives of one kind."""
    words = list(WORDS)
    for _ in range(_ATTEMPTS):
        first, second = rng.choice(words), rng.choice(words)
        sides = [(first, second), (second, first)] if ambiguous else [(first, second)] * 2
        frame = rng.choice(FRAMES)
        nouns = [rng.choice(list(NOUNS))] * 2
        openings = [rng.choice(_OPENINGS)] * 2
        if not ambiguous:
            nouns[1], openings[1] = rng.choice(list(NOUNS)), rng.choice(_OPENINGS)
        texts = [
            _text(frame, opening, noun, *side)
            for side, noun, opening in zip(sides, nouns, openings, strict=True)
        ]
        bags = [tuple(sorted(tokens)) for tokens, _ in texts]
        if first == second or (WORDS[first] == WORDS[second]) == ambiguous:
            continue
        if len(set(bags)) == (1 if ambiguous else 2) and not set(bags) & seen:
            seen.update(bags)
            return texts
    raise ConfigError(
        f"no new text in {_ATTEMPTS} draws",
        where="generator 'control-multilabel'",
        fix="ask for fewer examples",
    )


def _text(
    frame: str, opening: str, noun: str, yes: str, no: str
) -> tuple[Sentence, tuple[str, ...]]:
    tokens = tuple(f"{opening} {frame.format(noun=noun, yes=yes, no=no)} .".split())
    return tokens, tuple(sorted(label for label in (WORDS[yes], NOUNS[noun]) if label))


GENERATOR = MultiLabelControl()
