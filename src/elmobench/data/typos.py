"""Typing errors in sentences, reproducible from a seed."""

from __future__ import annotations

import random

from elmobench.core.digests import sentence_digest
from elmobench.data.examples import Sentence

SHORTEST = 4
"""Letters of the shortest word that gets an error. Errors often turn shorter ones into others."""


class Typos:
    """Put one typing error into each of some words of a sentence.

    An error is a letter left out, doubled, exchanged with the next one, or replaced by another
    letter of the sentence's words; never the first letter. Words have at least :data:`SHORTEST`
    characters, all of them letters. Which words, and which errors, depends on the sentence and the
    seed alone.

    Args:
        share: of the words that can have an error, in (0, 1].
        seed: other seeds give other errors.
    """

    def __init__(self, share: float, seed: int = 1) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share must be in (0, 1], not {share}")
        self.share, self._seed = share, seed

    def __call__(self, sentence: Sentence) -> Sentence:
        """The sentence with errors; its number of tokens does not change."""
        rng = random.Random(f"{self._seed} {sentence_digest(sentence).hex()}")
        letters = sorted({c for word in sentence for c in word.lower() if c.isalpha()})
        return tuple(
            _with_typo(word, letters, rng)
            if len(word) >= SHORTEST and word.isalpha() and rng.random() < self.share
            else word
            for word in sentence
        )


def _with_typo(word: str, letters: list[str], rng: random.Random) -> str:
    place = rng.randrange(1, len(word))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = rng.choice(("left out", "doubled", "exchanged", "replaced"))
    if kind == "exchanged":
        # Exchanging two equal letters changes nothing: then the letter is left out.
        if after and after[0] != letter:
            return before + after[0] + letter + after[1:]
        kind = "left out"
    if kind == "doubled":
        return before + letter + letter + after
    if kind == "replaced":
        others = [c for c in letters if c != letter]
        return before + (rng.choice(others) if others else "") + after
    return before + after
