"""Bidirectional LSTMs and GRUs over right-padded batches."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from elmobench.nn.gru import two_grus


class _Bidirectional(nn.Module):
    """(B, T, D) and (B, T) mask to (B, T, 2·hidden), forward half first; zero at padding.

    The states of a sentence depend neither on padding nor on other sentences: padding is on the
    right, where the forward direction reads it last, and the backward direction reads each
    sentence reversed within its own length. torch's packed sequences have the same effect, but
    its CPU kernel takes twice as long for sentences of different lengths.

    Args:
        input_dim: D.
        hidden: units per direction.
        layers: number of stacked layers.
        dropout: dropout between the layers.
    """

    kind: ClassVar[type[nn.LSTM] | type[nn.GRU]]

    def __init__(self, input_dim: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.out_dim = 2 * hidden
        widths = [input_dim, *[2 * hidden] * (layers - 1)]
        self.forwards = nn.ModuleList(self.kind(w, hidden, batch_first=True) for w in widths)
        self.backwards = nn.ModuleList(self.kind(w, hidden, batch_first=True) for w in widths)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, 2·hidden) states of (B, T, D) ``x``.

        The (B, T) bool mask is true at real tokens; padding is on the right.
        """
        batch, time, _ = x.shape
        if batch == 0 or time == 0:
            return x.new_zeros(batch, time, self.out_dim)
        reversal = _reversal(mask)
        for i, (ahead, back) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            if i:
                x = self.dropout(x)
            forward, backward = self._run(ahead, back, x, _gather(x, reversal))
            x = torch.cat([forward, _gather(backward, reversal)], dim=-1)
        return torch.where(mask.unsqueeze(-1), x, 0.0)

    def _run(
        self, ahead: nn.Module, back: nn.Module, x: Tensor, reversed_x: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, T, hidden) states of ``ahead`` over ``x`` and of ``back`` over ``reversed_x``."""
        return ahead(x)[0], back(reversed_x)[0]


class BiLstm(_Bidirectional):
    """A bidirectional LSTM, (B, T, D) to (B, T, 2·hidden); see :class:`_Bidirectional`."""

    kind = nn.LSTM


class BiGru(_Bidirectional):
    """A bidirectional GRU, (B, T, D) to (B, T, 2·hidden); see :class:`_Bidirectional`."""

    kind = nn.GRU

    def _run(
        self, ahead: nn.Module, back: nn.Module, x: Tensor, reversed_x: Tensor
    ) -> tuple[Tensor, Tensor]:
        if x.device.type != "cpu":
            return super()._run(ahead, back, x, reversed_x)  # GPUs have a fused kernel
        assert isinstance(ahead, nn.GRU)
        assert isinstance(back, nn.GRU)
        states = two_grus((x, reversed_x), (ahead, back)).permute(1, 2, 0, 3)
        return states[0], states[1]


def _reversal(mask: Tensor) -> Tensor:
    """(B, T) indices that reverse the real tokens of each row and leave padding in place."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    mirrored = mask.sum(dim=1, keepdim=True) - 1 - positions
    return torch.where(mask, mirrored, positions)


def _gather(x: Tensor, indices: Tensor) -> Tensor:
    """``x[b, indices[b, t]]``: (B, T, D)."""
    return x.gather(1, indices.unsqueeze(-1).expand_as(x))
