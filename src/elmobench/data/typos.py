"""Sentences with typing errors, the same ones every time."""

from __future__ import annotations

import random

from elmobench.core.digests import sentence_digest
from elmobench.data.examples import Sentence

SHORTEST = 4
"""Letters of the shortest word that gets an error: in shorter ones it makes another word."""


class Typos:
    """Puts one error into some of the words of a sentence.

    An error is a letter left out, doubled, exchanged with the next one, or replaced by another
    letter of the sentence's words; never the first letter. Words have at least :data:`SHORTEST`
    characters, all of them letters. Which words, and which errors, depends on the sentence and the
    seed alone.

    Args:
        share: of the words that can have an error, in (0, 1].
        seed: another one gives other errors.
    """

    def __init__(self, share: float, seed: int = 1) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share of {share}")
        self.share, self._seed = share, seed

    def __call__(self, sentence: Sentence) -> Sentence:
        """The sentence with errors; as many tokens as before."""
        draw = random.Random(f"{self._seed} {sentence_digest(sentence).hex()}")
        letters = sorted({c for word in sentence for c in word.lower() if c.isalpha()})
        return tuple(
            _misspelt(word, letters, draw)
            if len(word) >= SHORTEST and word.isalpha() and draw.random() < self.share
            else word
            for word in sentence
        )


def _misspelt(word: str, letters: list[str], draw: random.Random) -> str:
    place = draw.randrange(1, len(word))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    kind = draw.choice(("left out", "doubled", "exchanged", "replaced"))
    if kind == "exchanged":
        # With its neighbour, if that makes another word; else the letter is left out.
        if after and after[0] != letter:
            return before + after[0] + letter + after[1:]
        kind = "left out"
    if kind == "doubled":
        return before + letter + letter + after
    if kind == "replaced":
        others = [c for c in letters if c != letter]
        return before + (draw.choice(others) if others else "") + after
    return before + after
