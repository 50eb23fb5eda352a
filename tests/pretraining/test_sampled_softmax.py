"""The sampled softmax compared with the full one and with autograd; frequencies of its sampler."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from elmobench.pretraining.bilm.sampled_softmax import (
    Sample,
    draw_log_uniform,
    exact_log_probability,
    log_expected_count,
    sampled_softmax,
)

V, P, N = 40, 5, 300


def problem() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(N, P), torch.randint(0, V, (N,)), torch.randn(V, P), torch.randn(V)


def by_autograd(vectors, targets, weight, bias, sample: Sample):
    """The loss by its definition: one row of logits per position, the target first."""
    logq = torch.from_numpy(log_expected_count(np.arange(V), V, sample.tries))
    vectors, weight, bias = (t.clone().requires_grad_() for t in (vectors, weight, bias))
    losses = []
    for x, target in zip(vectors, targets, strict=True):
        candidates = [int(target), *(int(k) for k in sample.ids if k != target)]
        logits = weight[candidates] @ x + bias[candidates] - logq[candidates]
        losses.append(logits.logsumexp(0) - logits[0])
    loss = torch.stack(losses).sum()
    loss.backward()
    return float(loss.detach()), vectors.grad, weight.grad, bias.grad


@pytest.mark.parametrize("size", [12, V])
def test_loss_and_gradients(size: int) -> None:
    vectors, targets, weight, bias = problem()
    sample = draw_log_uniform(size, V, np.random.default_rng(3))
    got = sampled_softmax(vectors, targets, weight, bias, sample)
    loss, d_vectors, d_weight, d_bias = by_autograd(vectors, targets, weight, bias, sample)
    assert got.loss == pytest.approx(loss, rel=1e-5)
    torch.testing.assert_close(got.positions, d_vectors, atol=1e-5, rtol=1e-4)
    dense = torch.zeros(V, P).index_add_(0, got.rows, got.weight)
    torch.testing.assert_close(dense, d_weight, atol=1e-4, rtol=1e-4)
    dense_bias = torch.zeros(V).index_add_(0, got.rows, got.bias)
    torch.testing.assert_close(dense_bias, d_bias, atol=1e-4, rtol=1e-4)
    assert len(set(got.rows.tolist())) == len(got.rows)


def test_drawing_all_words_equals_the_full_softmax() -> None:
    vectors, targets, weight, bias = problem()
    sample = draw_log_uniform(V, V, np.random.default_rng(3))
    got = sampled_softmax(vectors, targets, weight, bias, sample)
    expected = torch.nn.functional.cross_entropy(
        vectors @ weight.t() + bias, targets, reduction="sum"
    )
    assert got.loss == pytest.approx(float(expected), rel=1e-5)
    exact = exact_log_probability(vectors, targets, weight, bias)
    assert exact == pytest.approx(-float(expected), rel=1e-5)


def test_the_correction_equals_sampling_frequencies() -> None:
    rng = np.random.default_rng(0)
    words, rounds = 1000, 2000
    seen, tries = np.zeros(words), []
    for _ in range(rounds):
        sample = draw_log_uniform(100, words, rng)
        assert len(set(sample.ids.tolist())) == 100
        seen[sample.ids] += 1
        tries.append(sample.tries)
    # The number of tries varies little here, so the formula is evaluated at its mean.
    expected = np.exp(log_expected_count(np.arange(words), words, round(float(np.mean(tries)))))
    # Five standard errors of a share of a half among 2,000.
    np.testing.assert_allclose(seen / rounds, expected, atol=0.056)
    assert seen.sum() / rounds == pytest.approx(expected.sum(), rel=0.02)
    first = math.log(2) / math.log(words + 1)
    assert np.exp(log_expected_count(np.arange(1), words, 1))[0] == pytest.approx(first, rel=1e-6)


def test_drawing_more_words_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot draw 9 distinct words from 8"):
        draw_log_uniform(9, 8, np.random.default_rng(0))
