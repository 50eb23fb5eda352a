"""Control for chunking: words that are a noun phrase or a verb phrase by themselves.

Only the verb two words earlier decides which: [let] [them] [help] and [give] [them] [help].
Sentences come in twins that differ in that verb alone; all other chunks have the same words,
positions and types, so that the tags around an ambiguous word do not decide its type either.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import chunk_ceiling
from elmobench.data.examples import TaggedSentence

AMBIGUOUS = (
    *("help", "play", "work", "change", "love", "hope", "sleep", "talk", "rest", "support"),
    *("trust", "dance"),
)
KNOWN = (
    *(("money", "sing"), ("food", "listen"), ("music", "arrive"), ("advice", "decide")),
    *(("furniture", "eat"), ("honesty", "suffer")),
)
"""Pairs of an unambiguous noun phrase and an unambiguous verb phrase."""

GIVE = ("give", "offer", "promise", "send", "owe", "sell")
LET = ("let", "make", "see", "hear", "watch", "have")

_PRONOUNS = ("them", "us", "him", "her", "me")
_OPENINGS = ((), (), (("now", "B-ADVP"),), (("then", "B-ADVP"),))
_CLOSINGS = (
    *((), (), (("again", "B-ADVP"),), (("here", "B-ADVP"),)),
    (("every", "B-NP"), ("day", "I-NP")),
    (("this", "B-NP"), ("week", "I-NP")),
)

_ATTEMPTS = 10_000


class ChunkingOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class ChunkingControl(Generator[ChunkingOptions]):
    """Makes :class:`TaggedSentence` with types ADVP, NP and VP."""

    name: ClassVar[str] = "control-chunking"
    version: ClassVar[int] = 1
    options_type = ChunkingOptions

    def generate(self, options: ChunkingOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Ambiguous words are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            doubled = [(word, word) for word in AMBIGUOUS]
            chosen = [doubled[i % len(doubled)] for i in range(pairs)]
            chosen += [KNOWN[i % len(KNOWN)] for i in range(size // 2 - pairs)]
            rows = [row for words in chosen for row in _twins(rng, words, seen)]
            rng.shuffle(rows)
            result[split] = [
                TaggedSentence(f"{split}-{i:06d}", tokens, tags)
                for i, (tokens, tags) in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[TaggedSentence]) -> float:
        """Span F1 in percent; exact here, see :func:`ceilings.chunk_ceiling`."""
        return chunk_ceiling(examples)


Tagged = tuple[tuple[str, ...], tuple[str, ...]]


def _twins(rng: StableRandom, words: tuple[str, str], seen: set[tuple[str, ...]]) -> list[Tagged]:
    for _ in range(_ATTEMPTS):
        opening, closing, pronoun = (
            rng.choice(_OPENINGS),
            rng.choice(_CLOSINGS),
            rng.choice(_PRONOUNS),
        )
        twins = []
        for word, cues, kind in zip(words, (GIVE, LET), ("NP", "VP"), strict=True):
            middle = ((rng.choice(cues), "B-VP"), (pronoun, "B-NP"), (word, f"B-{kind}"))
            rows = (*opening, *middle, *closing, (".", "O"))
            tokens = [token for token, _ in rows]
            tokens[0] = tokens[0].capitalize()
            twins.append((tuple(tokens), tuple(tag for _, tag in rows)))
        if not any(tokens in seen for tokens, _ in twins):
            seen.update(tokens for tokens, _ in twins)
            return twins
    raise ConfigError(
        f"no new sentence for {' / '.join(words)} in {_ATTEMPTS} draws",
        where="generator 'control-chunking'",
        fix="ask for fewer examples",
    )


GENERATOR = ChunkingControl()
