"""Vectors of the words of question and passage from their spelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from elmobench.tasks.characters import WordPieces
from elmobench.tasks.head import Batch
from elmobench.tasks.qa.pipeline import PASSAGE, QUESTION


def spelled_words(
    pieces: WordPieces,
    cnn: Callable[[Tensor], Tensor],
    batch: Batch[Any],
    *,
    each_occurrence: bool = False,
) -> dict[str, Tensor]:
    """Map slot to (B, T, F) vectors of a character CNN.

    Args:
        pieces: gives the ids of a word's characters or bytes.
        cnn: (V, C) ids to (V, F) vectors.
        batch: the questions and passages.
        each_occurrence: whether the CNN computes each occurrence of a word by itself, because it
            has dropout, and not each distinct word once.
    """
    slots = [batch.slots[name] for name in (QUESTION, PASSAGE)]
    sentences = [sentence for slot in slots for sentence in slot.tokens]
    device = slots[0].mask.device
    words, rows = pieces.batch(sentences, max(s.mask.shape[1] for s in slots))
    words, rows = words.to(device), rows.to(device)
    count = len(slots[0].tokens)
    # At padding this is an arbitrary word's vector, which the encoder never reads.
    in_question = rows[:count, : slots[0].mask.shape[1]]
    in_passage = rows[count:, : slots[1].mask.shape[1]]
    if each_occurrence:
        return {
            slot: cnn(words[own].flatten(0, 1)).view(*own.shape, -1)
            for slot, own in ((QUESTION, in_question), (PASSAGE, in_passage))
        }
    vectors = cnn(words)
    return {QUESTION: vectors[in_question], PASSAGE: vectors[in_passage]}
