"""Biattention: each token of one sequence reads a summary of another.

Source: McCann et al., "Learned in Translation: Contextualized Word Vectors" (2017), section 5.
In the classifier of a single text, both sequences are that text.
"""

from __future__ import annotations

import torch
from torch import Tensor

from elmobench.nn.pooling import masked_softmax


def attend(x: Tensor, y: Tensor, y_mask: Tensor) -> Tensor:
    """For each token of x the mean of y, weighted by the softmax of the dot products.

    Args:
        x: (B, T, D).
        y: (B, U, D).
        y_mask: (B, U) bool, true at real tokens.

    Returns:
        (B, T, D); zero where y has no real token.
    """
    scores = x @ y.transpose(1, 2)
    return masked_softmax(scores, y_mask.unsqueeze(1)) @ y


def integrator_input(x: Tensor, context: Tensor) -> Tensor:
    """``[x ; x - context ; x * context]``: (B, T, D) and (B, T, D) to (B, T, 3·D)."""
    return torch.cat([x, x - context, x * context], dim=-1)
