"""Masked batches of word pieces (Devlin et al. 2019, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bert.wordpiece import SPECIAL, Sequences

PAD, _UNK, _CLS, _SEP, _MASK = range(5)


@dataclass(frozen=True)
class MaskedBatch:
    """Sequences with some pieces hidden.

    Attributes:
        ids: (B, T) int64 pieces with ``[CLS]`` and ``[SEP]``, padded on the right.
        attention: (B, T) int64, 1 at real pieces, 0 at padding.
        masked: (B, T) bool, true at pieces to be predicted.
        targets: (M,) int64 pieces to be predicted, in reading order.
    """

    ids: Tensor
    attention: Tensor
    masked: Tensor
    targets: Tensor


def masked_batch(
    sequences: Sequences,
    chosen: np.ndarray,
    options: BertOptions,
    vocabulary: int,
    rng: np.random.Generator,
) -> MaskedBatch:
    """Hide a share of the pieces of some sequences.

    Of the hidden pieces, four fifths become ``[MASK]``, a tenth a random piece, and a tenth stay.

    Args:
        sequences: the text.
        chosen: (B,) indices of the sequences.
        options: for ``mask_share``.
        vocabulary: number of pieces in the vocabulary.
        rng: draws what is hidden and what replaces it.
    """
    rows = [sequences.sequence(int(i)) for i in chosen]
    longest = max(map(len, rows)) + 2
    ids = np.full((len(rows), longest), PAD, dtype=np.int64)
    is_text = np.zeros(ids.shape, dtype=bool)
    for r, row in enumerate(rows):
        ids[r, 0], ids[r, len(row) + 1] = _CLS, _SEP
        ids[r, 1 : len(row) + 1] = row
        is_text[r, 1 : len(row) + 1] = True
    masked = is_text & (rng.random(ids.shape) < options.mask_share)
    if not masked.any():
        masked[np.nonzero(is_text)[0][:1], np.nonzero(is_text)[1][:1]] = True
    targets = ids[masked]
    draws = rng.random(len(targets))
    random_pieces = rng.integers(len(SPECIAL), vocabulary, len(targets))
    ids[masked] = np.where(draws < 0.8, _MASK, np.where(draws < 0.9, random_pieces, targets))
    attention = is_text.copy()
    attention[:, 0] = True
    for r, row in enumerate(rows):
        attention[r, len(row) + 1] = True
    return MaskedBatch(
        torch.from_numpy(ids),
        torch.from_numpy(attention.astype(np.int64)),
        torch.from_numpy(masked),
        torch.from_numpy(targets),
    )
