"""Typing errors: one edit per word, reproducible, at the given rate."""

from __future__ import annotations

import pytest

from elmobench.data.typos import SHORTEST, Typos

SENTENCES = [
    tuple(f"Wort{c}folge der Länge {i} zu {c * 5} Üben 12345 well-known .".split())
    for i in range(200)
    for c in "abcä"
]


def distance(a: str, b: str) -> int:
    """Edits between two words: a letter added, left out, replaced, or two neighbours exchanged."""
    rows = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in range(len(a) + 1):
        for j in range(len(b) + 1):
            if i == 0 or j == 0:
                rows[i][j] = i + j
                continue
            rows[i][j] = min(
                rows[i - 1][j] + 1,
                rows[i][j - 1] + 1,
                rows[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
            )
            if i > 1 and j > 1 and a[i - 1] == b[j - 2] and a[i - 2] == b[j - 1]:
                rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
    return rows[-1][-1]


def test_one_edit_in_long_words_only() -> None:
    changed = possible = 0
    for sentence in SENTENCES:
        misspelt = Typos(0.25)(sentence)
        assert misspelt == Typos(0.25)(sentence)
        assert len(misspelt) == len(sentence)
        for old, new in zip(sentence, misspelt, strict=True):
            assert distance(old, new) <= 1
            can = old.isalpha() and len(old) >= SHORTEST
            possible += can
            changed += old != new
            if old != new:
                assert can
                assert new[0] == old[0]
    assert changed / possible == pytest.approx(0.25, abs=0.03)


def test_all_words_and_other_seeds() -> None:
    every = [Typos(1.0)(sentence) for sentence in SENTENCES]
    same = sum(
        old == new
        for before, after in zip(SENTENCES, every, strict=True)
        for old, new in zip(before, after, strict=True)
        if old.isalpha() and len(old) >= SHORTEST
    )
    assert same == 0
    assert [Typos(1.0, seed=2)(sentence) for sentence in SENTENCES] != every
    with pytest.raises(ValueError, match="share"):
        Typos(0.0)
