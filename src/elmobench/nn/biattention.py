"""Biattention: each token of one sequence reads a summary of another.

Source: McCann et al., "Learned in Translation: Contextualized Word Vectors" (2017), section 5.
A classifier of a single text conditions it on itself.
"""

from __future__ import annotations

import torch
from torch import Tensor

from elmobench.nn.pooling import masked_softmax


def attend(x: Tensor, y: Tensor, y_mask: Tensor) -> Tensor:
    """(B, T, D), (B, U, D), (B, U) -> (B, T, D): for each token of x a summary of y.

    The weights are the softmax over y's real tokens of the dot products.
    """
    scores = x @ y.transpose(1, 2)
    return masked_softmax(scores, y_mask.unsqueeze(1)) @ y


def integrator_input(x: Tensor, context: Tensor) -> Tensor:
    """``[x ; x - context ; x * context]``: (B, T, D) twice -> (B, T, 3·D)."""
    return torch.cat([x, x - context, x * context], dim=-1)
