"""Word vectors from a convolution over characters that does not depend on the padding.

For the published character CNNs that read the padding too, see
:mod:`elmobench.nn.padded_char_cnn`.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn


class CharCnn(nn.Module):
    """Word vectors (V, filters) from character ids (V, C).

    Embedding, one convolution, maximum over the windows of the word, ReLU. Windows that contain
    padding are ignored, so that the vector of a word does not depend on the batch.

    Args:
        num_chars: number of character ids, padding (id 0) included.
        dim: width of a character embedding.
        filters: number of filters.
        width: characters per window.
        short_words: what a word shorter than the window gets: ``pad``, the vector of the one window
            that is padded with zero vectors, or ``zero``, the zero vector (as in AllenNLP 2).
    """

    def __init__(
        self,
        num_chars: int,
        dim: int = 16,
        filters: int = 128,
        width: int = 3,
        short_words: Literal["pad", "zero"] = "pad",
    ) -> None:
        super().__init__()
        self.out_dim = filters
        self.width = width
        self.short_words = short_words
        self.embedding = nn.Embedding(num_chars, dim, padding_idx=0)
        self.convolution = nn.Conv1d(dim, filters, kernel_size=width)

    def forward(self, char_ids: Tensor) -> Tensor:
        """(V, filters) vectors of words given as (V, C) int64 ids, padded on the right with 0.

        Pass each distinct word once, to save time.
        """
        words, longest = char_ids.shape
        if words == 0:
            return self.convolution.weight.new_zeros(0, self.out_dim)
        if longest < self.width:
            char_ids = nn.functional.pad(char_ids, (0, self.width - longest))
        windows: Tensor = self.convolution(self.embedding(char_ids).transpose(1, 2))
        last = (char_ids != 0).sum(dim=1) - self.width
        if self.short_words == "pad":
            last = last.clamp(min=0)
        positions = torch.arange(windows.shape[2], device=char_ids.device)
        outside = (positions > last.unsqueeze(1)).unsqueeze(1)
        best = windows.masked_fill(outside, torch.finfo(windows.dtype).min).amax(dim=2)
        return torch.relu(best)
