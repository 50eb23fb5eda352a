"""Trilinear attention between two sequences, and bidirectional attention flow on top of it.

Sources: Seo et al., "Bidirectional Attention Flow for Machine Comprehension" (2017), section 2;
Clark and Gardner, "Simple and Effective Multi-Paragraph Reading Comprehension" (2018), section
2.2, whose last term (``summary * attended``) is used here.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from elmobench.nn.pooling import masked_softmax


class Trilinear(nn.Module):
    """Scores ``a_ij = u·h_i + v·q_j + w·(h_i ∘ q_j)`` of all pairs of tokens.

    Args:
        dim: D, width of both sequences.
        rows: with the term ``u·h_i``. A softmax over j does not feel it, so that attention of
            that kind alone leaves it out.
    """

    rows: nn.Parameter | None

    def __init__(self, dim: int, rows: bool = True) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(dim)) if rows else None
        self.columns = nn.Parameter(torch.empty(dim))
        self.products = nn.Parameter(torch.empty(dim))
        bound = math.sqrt(6 / (3 * dim + 1))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)

    def forward(self, h: Tensor, q: Tensor) -> Tensor:
        """(B, T, D), (B, U, D) -> (B, T, U)."""
        scores = (h * self.products) @ q.transpose(1, 2) + (q @ self.columns).unsqueeze(1)
        if self.rows is not None:
            scores = scores + (h @ self.rows).unsqueeze(2)
        return scores


def attention_flow(h: Tensor, q: Tensor, scores: Tensor, h_mask: Tensor, q_mask: Tensor) -> Tensor:
    """What each token of h reads of q, and what all of q reads of h: (B, T, 4·D).

    With ``c_i`` the mean of q under the softmax of ``scores[i]`` and ``s`` the mean of h under the
    softmax of each token's best score: ``[h_i ; c_i ; h_i ∘ c_i ; s ∘ c_i]``.

    Args:
        h: (B, T, D).
        q: (B, U, D).
        scores: (B, T, U).
        h_mask: (B, T) bool.
        q_mask: (B, U) bool; every row has a true position.
    """
    attended = masked_softmax(scores, q_mask.unsqueeze(1)) @ q
    low = torch.finfo(scores.dtype).min
    best = scores.masked_fill(~q_mask.unsqueeze(1), low).amax(dim=2)
    summary = masked_softmax(best, h_mask).unsqueeze(1) @ h
    return torch.cat([h, attended, h * attended, summary * attended], dim=-1)


def attend_to_others(h: Tensor, scores: Tensor, mask: Tensor) -> Tensor:
    """(B, T, D), (B, T, T), (B, T) -> (B, T, D): for each token the mean of the *other* tokens.

    The weights are the softmax of its scores over the other real tokens; zero if there is none.
    """
    others = ~torch.eye(h.shape[1], dtype=torch.bool, device=h.device)
    return masked_softmax(scores, mask.unsqueeze(1) & others) @ h
