"""A linear-chain CRF with constrained decoding, based on pytorch-crf.

Source: Lafferty, McCallum and Pereira (2001).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchcrf import CRF

from elmobench.nn.crf_likelihood import log_likelihood
from elmobench.nn.full_precision import widened

Constraints = tuple[Tensor, Tensor, Tensor]
"""(K, K) allowed transitions, from the row's tag to the column's; (K,) allowed first tags; (K,)
allowed last tags. All are bool."""


def viterbi(
    scores: Tensor, transitions: Tensor, start: Tensor, end: Tensor, mask: Tensor
) -> Tensor:
    """Find the tag sequence with the largest score for each row of a batch.

    Args:
        scores: (B, T, K) emission scores.
        transitions: (K, K) scores from the row's tag to the column's; ``-inf`` forbids one.
        start: (K,) scores of first tags.
        end: (K,) scores of last tags.
        mask: (B, T) bool, padding on the right; every row has at least one real token.

    Returns:
        (B, T) int64 tag indices; at padding the last tag is repeated.
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
    """A CRF with learned transition scores between K tags; start and end scores are zero.

    The likelihood is normalised over all tag sequences. The constraints apply to decoding only, as
    in the tagger of AllenNLP.

    >>> crf = LinearChainCrf(num_tags=3)
    >>> scores, mask = torch.tensor([[[0.0, 9.0, 0.0], [0.0, 0.0, 9.0]]]), torch.ones(1, 2) > 0
    >>> crf.decode(scores, mask)
    [[1, 2]]

    Args:
        num_tags: K.
        constraints: tag sequences that decoding may return; there must be one of every length.
            None allows all.
    """

    def __init__(self, num_tags: int, constraints: Constraints | None = None) -> None:
        super().__init__()
        self.crf = CRF(num_tags, batch_first=True)
        for name in ("start_transitions", "end_transitions"):
            # pytorch-crf reads this buffer under the name of the parameter; it is never trained.
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
        """(K, K) learned transition scores, from the row's tag to the column's."""
        transitions: Tensor = self.crf.transitions
        return transitions

    def negative_log_likelihood(self, scores: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
        """The negative log-likelihood of each sentence, in nats.

        Args:
            scores: (B, T, K) emission scores.
            tags: (B, T) int64 gold tags.
            mask: (B, T) bool, true at real tokens; padding on the right.

        Returns:
            (B,); 0 for an empty sentence.
        """
        return negative_log_likelihoods([self], [scores], tags, mask)[0]

    @torch.no_grad()
    def decode(self, scores: Tensor, mask: Tensor) -> list[list[int]]:
        """The best allowed tag sequence of each sentence; ``[]`` for an empty one.

        Args:
            scores: (B, T, K) emission scores.
            mask: (B, T) bool, true at real tokens; padding on the right.
        """
        lengths = mask.sum(dim=1)
        if scores.shape[1] == 0 or scores.shape[0] == 0:
            return [[] for _ in range(scores.shape[0])]
        # For an empty row one step of padding is decoded, and removed afterwards.
        steps = mask.clone()
        steps[:, 0] = True
        paths = viterbi(scores, self.transitions + self._between, self._first, self._last, steps)
        return [
            path[:length] for path, length in zip(paths.tolist(), lengths.tolist(), strict=True)
        ]


def negative_log_likelihoods(
    crfs: Sequence[LinearChainCrf], scores: Sequence[Tensor], tags: Tensor, mask: Tensor
) -> list[Tensor]:
    """What :meth:`LinearChainCrf.negative_log_likelihood` gives for each of several CRFs, at once.

    Args:
        crfs: CRFs with the same number of tags.
        scores: the (B, T, K) emission scores for each of them.
        tags, mask: (B, T), the same for all.
    """
    # Of rows with a token. Their number is asked once: on a GPU each such question is a wait.
    rows = mask.any(dim=1).nonzero().squeeze(1)
    # In half precision the sums over all sequences would be far off.
    stacked = torch.stack([widened(own) for own in scores])
    if len(rows) == 0:
        # Depends on a parameter, so that backward() works for a batch of empty sentences.
        zeros = stacked.new_zeros(len(mask))
        return [zeros + 0.0 * crf.transitions.sum() for crf in crfs]
    transitions = torch.stack([crf.transitions for crf in crfs])
    if len(rows) == len(mask):
        nll = -log_likelihood(stacked, transitions, tags, mask)
    else:
        real = log_likelihood(stacked[:, rows], transitions, tags[rows], mask[rows])
        crf = torch.arange(len(crfs), device=rows.device).unsqueeze(1)
        nll = stacked.new_zeros(stacked.shape[:2]).index_put((crf, rows), -real)
    return list(nll.unbind())
