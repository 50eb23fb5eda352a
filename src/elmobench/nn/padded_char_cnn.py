"""Word vectors from convolutions over characters that include the padding, as published.

The length to which a word is padded is that of the longest word (e2e-coref), or fixed
(document-qa).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from elmobench.nn.glorot import glorot_uniform_


class PaddedCharCnn(nn.Module):
    """Word vectors (V, filters · widths) from character ids (V, C), as in e2e-coref.

    One embedding of characters, one convolution for each width, ReLU, and the maximum over all
    windows. Padding (id 0) has a learned vector, which it shares with unknown characters, and
    windows that contain padding count. So a word's vector depends on the length C to which it is
    padded: the caller pads to the longest word of the document, as published.

    Source: Lee et al. (2017), section 4; e2e-coref, ``util.cnn``.

    Args:
        num_chars: number of character ids, that of padding and unknown characters included.
        dim: width of a character embedding.
        filters: number of filters per width.
        widths: characters per window.
    """

    def __init__(self, num_chars: int, dim: int, filters: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.out_dim = filters * len(widths)
        self.longest = max(widths, default=1)
        self.embedding = nn.Embedding(num_chars, dim)
        self.convolutions = nn.ModuleList(nn.Conv1d(dim, filters, width) for width in widths)
        self.apply(glorot_uniform_)

    def forward(self, char_ids: Tensor) -> Tensor:
        """(V, out_dim) vectors of (V, C) int64 ids; C below the widest window is padded to it."""
        if char_ids.shape[1] < self.longest:
            char_ids = nn.functional.pad(char_ids, (0, self.longest - char_ids.shape[1]))
        x = self.embedding(char_ids).transpose(1, 2)
        return torch.cat([torch.relu(c(x)).amax(dim=2) for c in self.convolutions], dim=1)


class FixedLengthCharCnn(nn.Module):
    """Word vectors (V, filters) from character ids (V, C), all words padded to the same length.

    Embedding, dropout of single values, padding with zero vectors to ``length`` characters, one
    convolution, ReLU, maximum over the windows that begin at a character of the word; they may end
    in its padding. Source: document-qa, docqa/nn/layers.py (Conv1d, MaxPool).

    Args:
        num_chars: number of character ids, padding (id 0) included.
        dim: width of a character embedding.
        filters: number of filters.
        width: characters per window.
        length: characters of every word after padding; longer words must be cut before.
        dropout: dropout on the embeddings. A word then needs one row of ids for each occurrence,
            so that each occurrence has a mask of its own.
    """

    def __init__(
        self, num_chars: int, dim: int, filters: int, width: int, length: int, dropout: float
    ) -> None:
        super().__init__()
        self.out_dim = filters
        self.width = width
        self.length = length
        self.embedding = nn.Embedding(num_chars, dim, padding_idx=0)
        self.dropout = nn.Dropout(dropout)
        self.convolution = nn.Conv1d(dim, filters, kernel_size=width)

    def forward(self, char_ids: Tensor) -> Tensor:
        """(V, filters) vectors of words given as (V, C) int64 ids, padded on the right with 0."""
        words, longest = char_ids.shape
        if words == 0:
            return self.convolution.weight.new_zeros(0, self.out_dim)
        char_ids = nn.functional.pad(char_ids, (0, self.length - longest))
        characters = self.dropout(self.embedding(char_ids))
        windows = torch.relu(self.convolution(characters.transpose(1, 2)))
        begins = (char_ids != 0)[:, : windows.shape[2]].unsqueeze(1)
        return windows.masked_fill(~begins, 0.0).amax(dim=2)
