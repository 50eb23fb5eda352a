"""BIO tags inside a head: the tag set, and the best legal sequence of independent scores."""

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
    """Best legal BIO sequences under the sum of their tags' scores.

    An I is legal after B or I of its type alone; every other tag is legal everywhere, so a step
    needs the best score before it and the best of two tags for each I: O(K), not O(K²).

    Args:
        scores: (B, T, K = 2 N + 1) scores of the tags of :func:`bio_tags` over N types.
        mask: (B, T) bool, padding on the right.

    Returns:
        (B, T) tag indices; at padding whatever is legal.
    """
    batch, time, tags = scores.shape
    if batch == 0 or time == 0:
        return torch.zeros(batch, time, dtype=torch.long, device=scores.device)
    kinds = (tags - 1) // 2
    # Nothing is gained or lost at padding, where O follows everything.
    scores = torch.where(mask.unsqueeze(-1), scores, 0.0)
    begin = torch.arange(1, kinds + 1, device=scores.device)  # B of each type; its I is + kinds
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
