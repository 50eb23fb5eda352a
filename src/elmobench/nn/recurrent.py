"""A bidirectional LSTM over right-padded batches."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


class BiLstm(nn.Module):
    """(B, T, D) and (B, T) mask to (B, T, 2·hidden), forward half first; zero at padding.

    Sentences are packed, so that neither padding nor neighbours reach a sentence's states.

    Args:
        input_dim: D.
        hidden: units a direction.
        layers: number of stacked layers.
        dropout: between the layers.
    """

    def __init__(self, input_dim: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.out_dim = 2 * hidden
        self.lstm = nn.LSTM(
            input_dim,
            hidden,
            num_layers=layers,
            batch_first=True,
            bidirectional=True,
            # Torch warns about dropout that has no place to go.
            dropout=dropout if layers > 1 else 0.0,
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Encode ``x``; the mask is true at real tokens, all of them on the left."""
        batch, time, _ = x.shape
        if batch == 0 or time == 0:
            return x.new_zeros(batch, time, self.out_dim)
        # Packing knows no empty sequence: such a row runs one step, which the mask removes.
        lengths = mask.sum(dim=1).clamp(min=1).cpu()
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, _ = self.lstm(packed)
        out, _ = pad_packed_sequence(states, batch_first=True, total_length=time)
        return torch.where(mask.unsqueeze(-1), out, 0.0)
