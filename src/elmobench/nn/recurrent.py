"""Bidirectional LSTMs and GRUs over right-padded batches."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from elmobench.nn.gru import two_grus


class _Bidirectional(nn.Module):
    """(B, T, D) and (B, T) mask to (B, T, 2·hidden), forward half first; zero at padding.

    Neither padding nor neighbours reach a sentence's states: padding stands on the right, where
    the forward direction meets it last, and the backward direction reads each sentence turned
    round within its own length. That is what packing does too, but torch's CPU kernel for
    packed sequences of different lengths takes twice as long.

    Args:
        input_dim: D.
        hidden: units a direction.
        layers: number of stacked layers.
        dropout: between the layers.
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
        """Encode ``x``; the mask is true at real tokens, all of them on the left."""
        batch, time, _ = x.shape
        if batch == 0 or time == 0:
            return x.new_zeros(batch, time, self.out_dim)
        turned = _turning(mask)
        for i, (ahead, back) in enumerate(zip(self.forwards, self.backwards, strict=True)):
            if i:
                x = self.dropout(x)
            read, reread = self._run(ahead, back, x, _gather(x, turned))
            x = torch.cat([read, _gather(reread, turned)], dim=-1)
        return torch.where(mask.unsqueeze(-1), x, 0.0)

    def _run(
        self, ahead: nn.Module, back: nn.Module, x: Tensor, turned: Tensor
    ) -> tuple[Tensor, Tensor]:
        """(B, T, hidden) states of ``ahead`` over ``x`` and of ``back`` over ``turned``."""
        return ahead(x)[0], back(turned)[0]


class BiLstm(_Bidirectional):
    """An LSTM each way, (B, T, D) to (B, T, 2·hidden); see :class:`_Bidirectional`."""

    kind = nn.LSTM


class BiGru(_Bidirectional):
    """A GRU each way, (B, T, D) to (B, T, 2·hidden); see :class:`_Bidirectional`."""

    kind = nn.GRU

    def _run(
        self, ahead: nn.Module, back: nn.Module, x: Tensor, turned: Tensor
    ) -> tuple[Tensor, Tensor]:
        if x.device.type != "cpu":
            return super()._run(ahead, back, x, turned)  # a kernel of its own is there
        assert isinstance(ahead, nn.GRU)
        assert isinstance(back, nn.GRU)
        states = two_grus((x, turned), (ahead, back)).permute(1, 2, 0, 3)
        return states[0], states[1]


def _turning(mask: Tensor) -> Tensor:
    """(B, T) positions that turn each row's real tokens round and leave padding in place."""
    places = torch.arange(mask.shape[1], device=mask.device)
    mirrored = mask.sum(dim=1, keepdim=True) - 1 - places
    return torch.where(mask, mirrored, places)


def _gather(x: Tensor, places: Tensor) -> Tensor:
    """``x[b, places[b, t]]``: (B, T, D)."""
    return x.gather(1, places.unsqueeze(-1).expand_as(x))
