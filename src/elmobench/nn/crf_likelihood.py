"""The log-likelihood of a linear-chain CRF, for several CRFs at once.

Values and gradients are those of pytorch-crf, to the bit: every sum has the same terms in the same
order, which is why the gradient is written out here. Automatic differentiation calls about twenty
functions per token, and each of the two lookups of a token makes a gradient of the size of all
emission scores. Here the CRFs of a hyper-parameter search share one call per operation.

Source: Lafferty, McCallum and Pereira (2001); the derivative of logsumexp is the softmax.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def log_likelihood(emissions: Tensor, transitions: Tensor, tags: Tensor, mask: Tensor) -> Tensor:
    """The log-likelihood of tag sequences under C CRFs whose start and end scores are zero.

    Args:
        emissions: (C, B, T, K) scores of K tags, T at least 1.
        transitions: (C, K, K) scores from the row's tag to the column's.
        tags: (B, T) int64 tags, the same for all CRFs.
        mask: (B, T) bool, true at real tokens; padding on the right, no sentence empty.

    Returns:
        (C, B), in nats.
    """
    if emissions.shape[2] == 1:
        # No transition is taken. Without a gradient the optimizer leaves the scores as they are.
        transitions = transitions.detach()
    out: Tensor = _LogLikelihood.apply(emissions, transitions, tags, mask)  # type: ignore[no-untyped-call]
    return out


_SMALLEST = -87.0
"""Below this number the exponential has no normal form, and takes torch forty times as long."""
_MANY = -150.0
"""Where a value is below this number there are many below :data:`_SMALLEST`: in trained CRFs."""
_ZERO = -104.0
"""Below this number the exponential is zero in float32."""


def _exp(x: Tensor) -> Tensor:
    """``x.exp_()``, to the bit."""
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return x.exp_()
    if not _MANY > float(x.amin()) > -torch.inf:
        return x.exp_()
    # Products, since masked_fill looks at every value by itself.
    kept = (x >= _ZERO).to(x.dtype)
    return x.mul_(kept).exp_().mul_(kept)


def _exp_beside_one(x: Tensor) -> Tensor:
    """``x.exp_()`` for a sum with a term 1, in which very small terms are lost."""
    if x.device.type != "cpu" or x.dtype != torch.float32:
        return x.exp_()
    # Not where a value is infinite: then the sum may have no term 1.
    if _MANY > float(x.amin()) > -torch.inf:
        x.clamp_(min=_SMALLEST)
    return x.exp_()


class _Steps:
    """Emissions and transitions in the layout of the recursion: N = C·B rows.

    Scores of going on are kept with the tag before as the first axis, (K, N, K): there all values
    that an operation treats alike are in one run. Sums are taken in the (N, K, K) layout, in which
    the order of their terms is that of pytorch-crf.

    Args:
        emissions, transitions: see :func:`log_likelihood`.
    """

    def __init__(self, emissions: Tensor, transitions: Tensor) -> None:
        self.crfs, self.batch, self.time, self.tags = emissions.shape
        # (T, N, K)
        self.emissions = emissions.permute(2, 0, 1, 3).flatten(1, 2).contiguous()
        self._transitions = transitions.transpose(0, 1).unsqueeze(2)  # (K, C, 1, K)
        rows = self.crfs * self.batch
        self._scores = emissions.new_empty(self.tags, rows, self.tags)
        self._by_row = emissions.new_empty(rows, self.tags, self.tags)

    def scores(self, before: Tensor, t: int) -> Tensor:
        """(K, N, K) scores of going on with a tag at ``t``; (N, K) ``before`` end at t - 1.

        The next call overwrites them.
        """
        by_tag = before.t().reshape(self.tags, self.crfs, self.batch, 1)
        torch.add(by_tag, self._transitions, out=self._scores.view(*by_tag.shape[:3], self.tags))
        return self._scores.add_(self.emissions[t])

    def by_row(self, scores: Tensor) -> Tensor:
        """(N, K, K) the same values by row; the next call overwrites them."""
        return self._by_row.copy_(scores.transpose(0, 1))

    def reached(self, before: Tensor, t: int) -> Tensor:
        """(N, K) logsumexp of :meth:`scores` over the tags before, as torch computes it."""
        scores = self.scores(before, t)
        highest = scores.amax(dim=0)
        highest.masked_fill_(highest.isinf(), 0.0)
        terms = self.by_row(_exp_beside_one(scores.sub_(highest)))
        return terms.sum(dim=1).log_().add_(highest)


class _LogLikelihood(torch.autograd.Function):
    """See :func:`log_likelihood`."""

    @staticmethod
    def forward(
        ctx: Any, emissions: Tensor, transitions: Tensor, tags: Tensor, mask: Tensor
    ) -> Tensor:
        steps = _Steps(emissions, transitions)
        crfs, batch, time, _ = emissions.shape
        columns, full = _real(mask, crfs)
        alpha, reached = [steps.emissions[0]], []
        for t in range(1, time):
            reached.append(steps.reached(alpha[-1], t))
            alpha.append(
                reached[-1] if full[t] else torch.where(columns[t], reached[-1], alpha[-1])
            )
        whole = torch.logsumexp(alpha[-1], dim=1)
        weight = mask.t().to(emissions.dtype)  # (T, B)
        given = _gold_scores(steps, transitions, tags, weight)
        ctx.save_for_backward(emissions, transitions, tags, mask, whole, *alpha, *reached)
        return (given - whole).view(crfs, batch)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None]:
        emissions, transitions, tags, mask, whole, *kept = ctx.saved_tensors
        crfs, batch, time, count = emissions.shape
        alpha, reached = kept[:time], kept[time:]
        steps = _Steps(emissions, transitions)
        columns, full = _real(mask, crfs)
        to_emissions = torch.empty_like(steps.emissions)  # (T, N, K)
        to_transitions = torch.zeros_like(transitions)
        grad = grad.contiguous()
        toward = -grad.view(-1, 1) * (alpha[-1] - whole.unsqueeze(1)).exp_()  # (N, K)
        for t in range(time - 1, 0, -1):
            taken = toward if full[t] else torch.where(columns[t], toward, 0.0)
            kept_on = 0.0 if full[t] else torch.where(columns[t], 0.0, toward)
            going = _exp(steps.scores(alpha[t - 1], t).sub_(reached[t - 1])).mul_(taken)
            flow = steps.by_row(going)  # (N, K, K)
            torch.sum(flow, dim=1, out=to_emissions[t])
            to_transitions += flow.view(crfs, batch, count, count).sum(dim=1)
            toward = flow.sum(dim=2).add_(kept_on)
        to_emissions[0] = toward
        weight = mask.t().to(grad.dtype)
        _add_gold(to_emissions, to_transitions, tags, weight, grad)
        by_crf = to_emissions.view(time, crfs, batch, count).permute(1, 2, 0, 3)
        return by_crf, to_transitions, None, None


def _real(mask: Tensor, crfs: int) -> tuple[Tensor, list[bool]]:
    """(T, N, 1) which rows have a token at each step; and whether all of them have.

    On a GPU the second is false for every step, since the processor would have to wait for it.
    """
    columns = mask.t().repeat(1, crfs).unsqueeze(2)
    here = mask.device.type == "cpu"
    return columns, mask.all(dim=0).tolist() if here else [False] * len(columns)


def _gold_scores(steps: _Steps, transitions: Tensor, tags: Tensor, weight: Tensor) -> Tensor:
    """(N,) scores of the ``tags``, added up token by token.

    Args:
        steps: the emissions.
        transitions: (C, K, K).
        tags: (B, T).
        weight: (T, B) 1 at real tokens, 0 at padding.
    """
    order = tags.t().repeat(1, steps.crfs)  # (T, N)
    emitted = steps.emissions.gather(2, order.unsqueeze(2)).squeeze(2)
    weights = weight.repeat(1, steps.crfs)
    emitted = emitted[1:] * weights[1:]
    crf = torch.arange(steps.crfs, device=tags.device).repeat_interleave(steps.batch)
    moved = transitions[crf, order[:-1], order[1:]] * weights[1:]
    score = steps.emissions[0].gather(1, order[0].unsqueeze(1)).squeeze(1)
    for t in range(steps.time - 1):
        score.add_(moved[t]).add_(emitted[t])
    return score


def _add_gold(
    to_emissions: Tensor, to_transitions: Tensor, tags: Tensor, weight: Tensor, grad: Tensor
) -> None:
    """Add the gradients of the gold sequences' scores to those of the normaliser, in place.

    Args:
        to_emissions: (T, N, K).
        to_transitions: (C, K, K).
        tags: (B, T).
        weight: (T, B); the first token always counts.
        grad: (C, B) of the log-likelihoods.
    """
    (crfs, batch), time = grad.shape, tags.shape[1]
    order = tags.t().repeat(1, crfs)  # (T, N)
    each = grad.view(1, -1) * weight.repeat(1, crfs)  # (T, N)
    each[0] = grad.view(-1)
    to_emissions.scatter_add_(2, order.unsqueeze(2), each.unsqueeze(2))
    step = torch.arange(time - 1, device=tags.device).unsqueeze(1).expand(-1, crfs * batch)
    crf = torch.arange(crfs, device=tags.device).repeat_interleave(batch).expand(time - 1, -1)
    moved = to_transitions.new_zeros(time - 1, *to_transitions.shape)
    moved.index_put_((step, crf, order[:-1], order[1:]), each[1:], accumulate=True)
    for t in range(time - 2, -1, -1):
        to_transitions += moved[t]
