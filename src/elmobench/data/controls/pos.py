"""Control for parts of speech: words are a noun or a verb, depending on the word before them.

Sentences come in twins: the same three words in the same frame, once as noun, verb, noun ("the
play will watch this help") and once as verb, noun, verb ("to play this watch may help"), so that
neither an ambiguous word nor its position gives any information about its tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import tag_ceiling
from elmobench.data.examples import TaggedSentence

AMBIGUOUS = (
    *("play", "watch", "help", "plan", "walk", "work", "dance", "guard", "promise", "drink"),
    *("visit", "report", "change", "cook", "guide", "test", "travel", "vote", "hope", "reply"),
    *("search", "smile", "laugh", "judge"),
)
NOUNS = ("garden", "river", "teacher", "window", "winter", "village", "kitchen", "doctor")
VERBS = ("bring", "forget", "improve", "destroy", "enjoy", "follow", "explain", "suffer")

# The cue is right before the word.
_DETERMINERS = ("the", "this", "every", "no", "each")
_AUXILIARIES = ("will", "may", "must", "should", "could")
_OPENINGS = ("", "", "perhaps", "today", "now")
_CLOSINGS = ("", "", "again", "here", "there", "soon")

_ATTEMPTS = 10_000


class PosOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class PosControl(Generator[PosOptions]):
    """Makes :class:`TaggedSentence` with the tags ADV, AUX, DET, NOUN, PART, PUNCT and VERB."""

    name: ClassVar[str] = "control-pos"
    version: ClassVar[int] = 1
    options_type = PosOptions

    def generate(self, options: PosOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. First words are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            rows: list[Tagged] = []
            for i in range(size // 2):
                rows += _twins(rng, i if i < pairs else None, seen)
            rng.shuffle(rows)
            result[split] = [
                TaggedSentence(f"{split}-{i:06d}", tokens, tags)
                for i, (tokens, tags) in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[TaggedSentence]) -> float:
        """Token accuracy in percent, exact."""
        return tag_ceiling(examples)


Tagged = tuple[tuple[str, ...], tuple[str, ...]]


def _twins(rng: StableRandom, turn: int | None, seen: set[tuple[str, ...]]) -> list[Tagged]:
    """Return a minimal pair of sentences: noun, verb, noun, and verb, noun, verb.

    Their words are ambiguous between noun and verb unless ``turn`` is None. A pair whose sentences
    are in ``seen`` is drawn again.
    """
    for _ in range(_ATTEMPTS):
        if turn is None:
            nouns, verbs = ([rng.choice(words) for _ in range(3)] for words in (NOUNS, VERBS))
        else:
            first = AMBIGUOUS[turn % len(AMBIGUOUS)]
            nouns = verbs = [first, rng.choice(AMBIGUOUS), rng.choice(AMBIGUOUS)]
        opening, closing = rng.choice(_OPENINGS), rng.choice(_CLOSINGS)
        twins = []
        for kinds in (("NOUN", "VERB", "NOUN"), ("VERB", "NOUN", "VERB")):
            words = [(opening, "ADV")]
            for i, kind in enumerate(kinds):
                words.append(_cue(rng, kind, first=i == 0))
                words.append(((nouns if kind == "NOUN" else verbs)[i], kind))
            words += [(closing, "ADV"), (".", "PUNCT")]
            twins.append(_tagged([pair for pair in words if pair[0]]))
        distinct = len(set(nouns)) == len(set(verbs)) == 3
        if distinct and not any(tokens in seen for tokens, _ in twins):
            seen.update(tokens for tokens, _ in twins)
            return twins
    raise ConfigError(
        f"no new sentence in {_ATTEMPTS} draws",
        where="generator 'control-pos'",
        fix="ask for fewer examples",
    )


def _cue(rng: StableRandom, kind: str, first: bool) -> tuple[str, str]:
    if kind == "NOUN":
        return rng.choice(_DETERMINERS), "DET"
    return ("to", "PART") if first else (rng.choice(_AUXILIARIES), "AUX")


def _tagged(words: list[tuple[str, str]]) -> Tagged:
    tokens = [word for word, _ in words]
    tokens[0] = tokens[0].capitalize()
    return tuple(tokens), tuple(tag for _, tag in words)


GENERATOR = PosControl()
