"""A linear-chain CRF with constrained decoding, over pytorch-crf."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchcrf import CRF

Constraints = tuple[Tensor, Tensor, Tensor]
"""(K, K) allowed transitions, (K,) allowed first tags, (K,) allowed last tags; all bool."""


def viterbi(
    scores: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor
) -> Tensor:
    """Best tag sequences of a batch.

    Args:
        scores: (B, T, K) emission scores.
        transitions: (K, K), from the row's tag to the column's; ``-inf`` forbids.
        start: (K,) scores of first tags.
        end: (K,) scores of last tags.
        mask: (B, T) bool, padding on the right, at least one real token in every row.

    Returns:
        (B, T) tag indices; at padding they repeat the last tag.
    """
    best = start + scores[:, 0]
    stay = torch.arange(scores.shape[2], device=scores.device).expand_as(best)
    history = []
    for t in range(1, scores.shape[1]):
        reached, source = (best.unsqueeze(2) + transitions).max(dim=1)
        real = mask[:, t].unsqueeze(1)
        best = torch.where(real, reached + scores[:, t], best)
        history.append(torch.where(real, source, stay))
    tag = (best + end).argmax(dim=1, keepdim=True)
    path = [tag]
    for source in reversed(history):
        tag = source.gather(1, tag)
        path.append(tag)
    return torch.cat(path[::-1], dim=1)


class LinearChainCrf(nn.Module):
    """Transition scores between K tags; start and end transitions are fixed at zero.

    The likelihood runs over all tag sequences; the constraints apply to decoding only, as in the
    published tagger.

    Args:
        num_tags: K.
        constraints: what decoding may return; it must admit a sequence of every length. None
            admits everything.
    """

    def __init__(self, num_tags: int, constraints: Constraints | None = None) -> None:
        super().__init__()
        self.crf = CRF(num_tags, batch_first=True)
        for name in ("start_transitions", "end_transitions"):
            # A buffer that pytorch-crf reads under the parameter's name: never trained.
            delattr(self.crf, name)
            self.crf.register_buffer(name, torch.zeros(num_tags), persistent=False)
        if constraints is None:
            every = torch.ones(num_tags, dtype=torch.bool)
            constraints = (every.expand(num_tags, num_tags), every, every)
        for name, allowed in zip(("_between", "_first", "_last"), constraints, strict=True):
            forbidden = torch.zeros(allowed.shape).masked_fill(~allowed, -torch.inf)
            self.register_buffer(name, forbidden, persistent=False)

    _between: Tensor
    _first: Tensor
    _last: Tensor

    @property
    def transitions(self) -> Tensor:
        """(K, K) learned scores, from the row's tag to the column's."""
        transitions: Tensor = self.crf.transitions
        return transitions

    def negative_log_likelihood(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """(B, T, K), (B, T), (B, T) -> (B,): one value a sentence, 0 for an empty one."""
        nll = scores.new_zeros(scores.shape[0])
        filled = mask.any(dim=1)
        if scores.shape[1] == 0 or not bool(filled.any()):
            # Keeps a graph, so that a batch of empty sentences can still be trained on.
            return nll + 0.0 * self.transitions.sum()
        likelihood = self.crf(scores[filled], tags[filled], mask[filled], reduction="none")
        return nll.index_put((filled.nonzero().squeeze(1),), -likelihood)

    @torch.no_grad()
    def decode(self, scores: Tensor, mask: Tensor) -> list[list[int]]:
        """The best legal tag sequence of each sentence; ``[]`` for an empty one."""
        lengths = mask.sum(dim=1)
        if scores.shape[1] == 0 or scores.shape[0] == 0:
            return [[] for _ in range(scores.shape[0])]
        # An empty row decodes one padded step, which is cut off again.
        steps = mask.clone()
        steps[:, 0] = True
        paths = viterbi(scores, self.transitions + self._between, self._first, self._last, steps)
        return [
            path[:length] for path, length in zip(paths.tolist(), lengths.tolist(), strict=True)
        ]
