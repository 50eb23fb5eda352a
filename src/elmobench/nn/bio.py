"""BIO tags in heads: the tag set, and Viterbi decoding of independent tag scores."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def bio_tags(types: Iterable[str]) -> list[str]:
    """All BIO tags over ``types``: O, then B of each type in sorted order, then I of each."""
    kinds = sorted(set(types))
    return ["O", *(f"B-{kind}" for kind in kinds), *(f"I-{kind}" for kind in kinds)]


@torch.no_grad()
def bio_viterbi(scores: Tensor, mask: Tensor) -> Tensor:
    """Find the legal BIO sequences with the largest sums of tag scores.

    I is legal only after B or I of its type, every other tag is legal everywhere. So a step needs
    the best score so far and, for each I, the better of two tags: O(K) instead of O(K²).

    Args:
        scores: (B, T, K = 2 N + 1) scores of the tags of :func:`bio_tags` over N types.
        mask: (B, T) bool, true at real tokens; padding on the right.

    Returns:
        (B, T) int64 tag indices; undefined, but legal, at padding.
    """
    batch, time, tags = scores.shape
    if batch == 0 or time == 0:
        return torch.zeros(batch, time, dtype=torch.long, device=scores.device)
    kinds = (tags - 1) // 2
    # Scores of padding are zero, so that it does not change the result: O may follow any tag.
    scores = torch.where(mask.unsqueeze(-1), scores, 0.0)
    begin = torch.arange(1, kinds + 1, device=scores.device)  # B of each type; I is B + kinds
    best = scores[:, 0].clone()
    best[:, kinds + 1 :] = -torch.inf
    history = []
    for t in range(1, time):
        top, source = best.max(dim=1, keepdim=True)
        started, within = best[:, 1 : kinds + 1], best[:, kinds + 1 :]
        goes_on = within > started
        history.append((source, goes_on))
        reached = torch.cat([top.expand(-1, kinds + 1), torch.where(goes_on, within, started)], 1)
        best = reached + scores[:, t]
    tag = best.argmax(dim=1, keepdim=True)
    path = [tag]
    for source, goes_on in reversed(history):
        if kinds:
            kind = (tag - kinds - 1).clamp(min=0)
            inside = begin[kind] + kinds * goes_on.gather(1, kind)
            tag = torch.where(tag > kinds, inside, source)
        else:
            tag = source
        path.append(tag)
    return torch.cat(path[::-1], dim=1)
