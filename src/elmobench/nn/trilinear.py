"""Trilinear attention between two sequences, and bidirectional attention flow on top of it.

Sources: Seo et al., "Bidirectional Attention Flow for Machine Comprehension" (2017), section 2;
Clark and Gardner, "Simple and Effective Multi-Paragraph Reading Comprehension" (2018), section
2.2; document-qa, docqa/nn/attention.py.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from elmobench.nn.pooling import masked_softmax


class Trilinear(nn.Module):
    """Scores ``a_ij = u·h_i + v·q_j + w·(h_i ∘ q_j) + b`` of all pairs of tokens.

    Args:
        dim: D, values per token in both sequences.
        rows: whether to include the term ``u·h_i``. It does not change a softmax over j, so it can
            be left out if the scores have no other use.
        bias: whether to include b, which starts at 0. It changes neither a softmax over j nor one
            over i.
    """

    rows: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(self, dim: int, rows: bool = True, bias: bool = False) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(dim)) if rows else None
        self.columns = nn.Parameter(torch.empty(dim))
        self.products = nn.Parameter(torch.empty(dim))
        bound = math.sqrt(6 / (3 * dim + 1))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -bound, bound)
        self.bias = nn.Parameter(torch.zeros(())) if bias else None

    def forward(self, h: Tensor, q: Tensor) -> Tensor:
        """(B, T, D) and (B, U, D) to (B, T, U) scores."""
        scores = (h * self.products) @ q.transpose(1, 2) + (q @ self.columns).unsqueeze(1)
        if self.rows is not None:
            scores = scores + (h @ self.rows).unsqueeze(2)
        return scores if self.bias is None else scores + self.bias


def attention_flow(
    h: Tensor,
    q: Tensor,
    scores: Tensor,
    h_mask: Tensor,
    q_mask: Tensor,
    last: Literal["attended", "states"],
) -> Tensor:
    """Bidirectional attention flow: ``[h_i ; c_i ; h_i ∘ c_i ; …]`` for each token i of h.

    ``c_i`` is the mean of q weighted by the softmax of ``scores[i]``; ``s`` is the mean of h
    weighted by the softmax of the largest score of each token. The last term is ``s ∘ c_i``
    (``attended``: Clark and Gardner's section 2.2) or ``s ∘ h_i`` (``states``: Seo et al., and
    the code of document-qa).

    Args:
        h: (B, T, D).
        q: (B, U, D).
        scores: (B, T, U).
        h_mask: (B, T) bool, true at real tokens.
        q_mask: (B, U) bool, true at real tokens; every row has at least one.
        last: the last term.

    Returns:
        (B, T, 4·D).
    """
    attended = masked_softmax(scores, q_mask.unsqueeze(1)) @ q
    low = torch.finfo(scores.dtype).min
    best = scores.masked_fill(~q_mask.unsqueeze(1), low).amax(dim=2)
    summary = masked_softmax(best, h_mask).unsqueeze(1) @ h
    other = attended if last == "attended" else h
    return torch.cat([h, attended, h * attended, summary * other], dim=-1)


def attend_to_others(
    h: Tensor, scores: Tensor, mask: Tensor, nothing: Tensor | None = None
) -> Tensor:
    """For each token the mean of the *other* tokens, weighted by the softmax of its scores.

    Args:
        h: (B, T, D).
        scores: (B, T, T).
        mask: (B, T) bool, true at real tokens.
        nothing: scalar score of attending to no token, which takes part in every softmax with the
            zero vector; None for a softmax over tokens alone. Source: document-qa's
            ``no-alignment-bias``.

    Returns:
        (B, T, D); zero if there is no other real token.
    """
    others = mask.unsqueeze(1) & ~torch.eye(h.shape[1], dtype=torch.bool, device=h.device)
    if nothing is None:
        return masked_softmax(scores, others) @ h
    column = nothing.expand(*scores.shape[:2], 1)
    allowed = nn.functional.pad(others, (0, 1), value=True)
    return masked_softmax(torch.cat([scores, column], dim=2), allowed)[..., :-1] @ h
