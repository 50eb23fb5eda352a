"""Softmax over a large vocabulary: sampled in training, exact for measuring.

Source: Jean et al. 2015, "On Using Very Large Target Vocabulary for Neural Machine Translation",
as in TensorFlow's ``sampled_softmax_loss`` with its log-uniform sampler, which bilm-tf uses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

_ROWS = 128
"""Positions per block on the processor, whose cache holds the logits of a block."""
_VALUES = 1 << 25
"""Logits per block on a GPU, which computes large blocks faster than small ones."""


@dataclass(frozen=True)
class Sample:
    """Words drawn for one step.

    Attributes:
        ids: (S,) distinct word ids.
        tries: number of draws it took to obtain S distinct words.
    """

    ids: NDArray[np.int64]
    tries: int


def draw_log_uniform(size: int, words: int, rng: np.random.Generator) -> Sample:
    """Draw ``size`` distinct ids below ``words``.

    Id k has probability ``log((k + 2) / (k + 1)) / log(words + 1)``: ids are ranks by frequency.

    Raises:
        ValueError: if ``size`` is larger than ``words``.
    """
    if size > words:
        raise ValueError(f"cannot draw {size} distinct words from {words}")
    if size == words:
        # All words; with infinitely many tries, each is expected once.
        return Sample(np.arange(words, dtype=np.int64), np.iinfo(np.int64).max)
    ids = np.zeros(0, dtype=np.int64)
    while True:
        draws = np.exp(rng.random(2 * size) * math.log(words + 1)).astype(np.int64) - 1
        ids = np.concatenate([ids, np.minimum(draws, words - 1)])
        _, first = np.unique(ids, return_index=True)
        if len(first) >= size:
            positions = np.sort(first)[:size]
            return Sample(ids[positions], int(positions[-1]) + 1)


def log_expected_count(ids: NDArray[np.int64], words: int, tries: int) -> NDArray[np.float32]:
    """Log of the probability that each id is among ``tries`` draws, of the shape of ``ids``."""
    p = np.log1p(1.0 / (ids + 1.0)) / math.log(words + 1)
    counts: NDArray[np.float64] = -np.expm1(tries * np.log1p(-p))
    return np.log(counts).astype(np.float32)


@dataclass(frozen=True)
class SampledLoss:
    """Loss of one step and its gradients.

    Attributes:
        loss: sum of the sampled cross-entropy over N positions, in nats; a number of 64 bits on
            the device, so that the host need not wait for it.
        positions: (N, P) gradient of the output vectors.
        rows: (R,) distinct ids of the words whose weights have a gradient.
        weight: (R, P) their gradients.
        bias: (R,) gradients of their biases.
    """

    loss: Tensor
    positions: Tensor
    rows: Tensor
    weight: Tensor
    bias: Tensor


def sampled_softmax(
    vectors: Tensor, targets: Tensor, weight: Tensor, bias: Tensor, sample: Sample
) -> SampledLoss:
    """Cross-entropy over the target and the drawn words, with all gradients of its sum.

    Logits are corrected by the expected counts of the words. A drawn word is not a negative sample
    at positions where it is the target.

    Args:
        vectors: (N, P) outputs of the language model.
        targets: (N,) int64 ids of the next words, in main memory.
        weight: (V, P) softmax weights.
        bias: (V,).
        sample: drawn from V words.
    """
    words, device = len(bias), vectors.device
    drawn = torch.from_numpy(sample.ids)
    unique, inverse = torch.unique(torch.cat([targets, drawn]), return_inverse=True)
    correction = torch.from_numpy(log_expected_count(unique.numpy(), words, sample.tries))
    # For each position the column of the drawn word that is its target; -1 for none.
    column = torch.full((len(unique),), -1)
    column[inverse[len(targets) :]] = torch.arange(len(drawn))
    hit = column[inverse[: len(targets)]].to(device).unsqueeze(1)
    rows, inverse = unique.to(device), inverse.to(device)
    own, others = inverse[: len(targets)], inverse[len(targets) :]
    used, offset = weight[rows], bias[rows] - correction.to(device)
    negatives, negative_offset = used[others], offset[others]
    true = used[own]

    d_vectors = torch.empty_like(vectors)
    d_negatives = torch.zeros_like(negatives)
    d_offset = torch.zeros_like(negative_offset)
    d_true = vectors.new_empty(len(targets))
    true_logits = (vectors * true).sum(1) + offset[own]
    loss = torch.zeros((), dtype=torch.float64, device=device)
    size = _block(device, len(others))
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        x, t = vectors[part], true_logits[part]
        logits = torch.addmm(negative_offset, x, negatives.t())
        place = hit[part].clamp(min=0)
        # Without a list of the hits, whose length a GPU's host would wait for.
        masked = torch.where(hit[part] >= 0, -torch.inf, logits.gather(1, place))
        logits.scatter_(1, place, masked)
        top = torch.maximum(logits.amax(1), t)
        e = logits.sub_(top.unsqueeze(1)).exp_()
        own_e = (t - top).exp()
        total = e.sum(1) + own_e
        loss += (total.log() + top - t).sum()
        # Probabilities are e / total; the smaller factors are divided, which is cheaper.
        share = total.reciprocal()
        d_true[part] = own_e * share - 1.0
        torch.mm(e, negatives, out=d_vectors[part]).mul_(share.unsqueeze(1))
        d_negatives.addmm_(e.t(), x * share.unsqueeze(1))
        d_offset.addmv_(e.t(), share)
    d_vectors.addcmul_(d_true.unsqueeze(1), true)
    d_weight = torch.zeros_like(used).index_add_(0, others, d_negatives)
    d_weight.index_add_(0, own, vectors * d_true.unsqueeze(1))
    d_bias = torch.zeros_like(offset).index_add_(0, others, d_offset)
    d_bias.index_add_(0, own, d_true)
    return SampledLoss(loss, d_vectors, rows, d_weight, d_bias)


def exact_log_probability(vectors: Tensor, targets: Tensor, weight: Tensor, bias: Tensor) -> float:
    """Sum of the targets' log-probabilities under the full softmax, in nats.

    Args:
        vectors: (N, P) outputs of the language model.
        targets: (N,) int64 ids of the next words, on the same device.
        weight: (V, P) softmax weights.
        bias: (V,).
    """
    total = torch.zeros((), dtype=torch.float64, device=vectors.device)
    size = _block(vectors.device, len(bias))
    for start in range(0, len(targets), size):
        part = slice(start, start + size)
        logits = torch.addmm(bias, vectors[part], weight.t())
        own = logits.gather(1, targets[part].unsqueeze(1))[:, 0]
        total += (own.double() - logits.logsumexp(1)).sum()
    return float(total)


def _block(device: torch.device, columns: int) -> int:
    """Positions per block, for logits of ``columns`` words."""
    return _ROWS if device.type == "cpu" else max(_ROWS, _VALUES // columns)
