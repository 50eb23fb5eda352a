"""Trilinear attention, best spans, biGRU and variational dropout, compared with naive loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from elmobench.nn.best_span import best_spans
from elmobench.nn.recurrent import BiGru
from elmobench.nn.trilinear import Trilinear, attend_to_others, attention_flow
from elmobench.nn.variational_dropout import VariationalDropout

H_LENGTHS, Q_LENGTHS, DIM = [5, 1, 3], [2, 4, 1], 3


def masks() -> tuple[torch.Tensor, torch.Tensor]:
    return tuple(
        torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
        for lengths in (H_LENGTHS, Q_LENGTHS)
    )


def padded(mask: torch.Tensor, padding: float) -> torch.Tensor:
    return torch.where(mask.unsqueeze(-1), torch.randn(*mask.shape, DIM), padding)


def softmax(values: list[float]) -> np.ndarray:
    shifted = np.exp(np.array(values, dtype=np.float64) - max(values))
    return shifted / shifted.sum()


@pytest.mark.parametrize("rows", [True, False])
def test_trilinear_scores(rows: bool) -> None:
    torch.manual_seed(1)
    scorer = Trilinear(DIM, rows)
    h, q = torch.randn(2, 5, DIM), torch.randn(2, 4, DIM)
    scores = scorer(h, q).detach().numpy()
    u, v, w = (
        np.zeros(DIM) if p is None else p.detach().numpy().astype(np.float64)
        for p in (scorer.rows, scorer.columns, scorer.products)
    )
    for b in range(2):
        for i in range(5):
            for j in range(4):
                x, y = h[b, i].numpy(), q[b, j].numpy()
                assert scores[b, i, j] == pytest.approx(u @ x + v @ y + w @ (x * y), abs=1e-5)


def test_a_bias_is_added_to_every_score() -> None:
    torch.manual_seed(2)
    scorer = Trilinear(DIM, bias=True)
    h, q = torch.randn(1, 3, DIM), torch.randn(1, 2, DIM)
    before = scorer(h, q)
    with torch.no_grad():
        scorer.bias.fill_(0.5)
    torch.testing.assert_close(scorer(h, q), before + 0.5)


@pytest.mark.parametrize("last", ["attended", "states"])
def test_attention_flow(last) -> None:
    """Real tokens equal a loop; values at padding have no effect."""
    torch.manual_seed(2)
    h_mask, q_mask = masks()
    h, q = padded(h_mask, 50.0), padded(q_mask, -50.0)
    scores = Trilinear(DIM)(h, q).detach()
    flow = attention_flow(h, q, scores, h_mask, q_mask, last)
    assert flow.shape == (3, 5, 4 * DIM)
    for b, (n, m) in enumerate(zip(H_LENGTHS, Q_LENGTHS, strict=True)):
        table = scores[b, :n, :m].numpy().astype(np.float64)
        x, y = h[b, :n].numpy(), q[b, :m].numpy()
        weights = softmax([max(row) for row in table])
        summary = sum(weights[i] * x[i] for i in range(n))
        for i in range(n):
            row = softmax(list(table[i]))
            attended = sum(row[j] * y[j] for j in range(m))
            scaled = summary * (attended if last == "attended" else x[i])
            expected = np.concatenate([x[i], attended, x[i] * attended, scaled])
            np.testing.assert_allclose(flow[b, i].numpy(), expected, atol=1e-4)


def test_attention_to_others() -> None:
    torch.manual_seed(3)
    mask, _ = masks()
    h = padded(mask, 50.0)
    scores = Trilinear(DIM, rows=False)(h, h).detach()
    means = attend_to_others(h, scores, mask)
    for b, n in enumerate(H_LENGTHS):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            expected = np.zeros(DIM)
            if others:
                row = softmax([float(scores[b, i, j]) for j in others])
                expected = sum(p * h[b, j].numpy() for p, j in zip(row, others, strict=True))
            np.testing.assert_allclose(means[b, i].numpy(), expected, atol=1e-5)


def test_attention_to_others_or_to_nothing() -> None:
    """The score of nothing adds its exponential to each sum, and nothing to the mean."""
    torch.manual_seed(3)
    mask, _ = masks()
    h = padded(mask, 50.0)
    scores = Trilinear(DIM)(h, h).detach()
    means = attend_to_others(h, scores, mask, torch.tensor(-1.0))
    for b, n in enumerate(H_LENGTHS):
        for i in range(n):
            others = [j for j in range(n) if j != i]
            powers = {j: math.exp(float(scores[b, i, j])) for j in others}
            total = sum(powers.values()) + math.exp(-1.0)
            expected = sum((powers[j] / total * h[b, j].numpy() for j in others), np.zeros(DIM))
            np.testing.assert_allclose(means[b, i].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("limit", [1, 2, 4, 50, None])
def test_best_spans_against_enumeration(limit: int | None) -> None:
    generator = torch.Generator().manual_seed(4)
    lengths = torch.randint(1, 8, (200,), generator=generator)
    mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
    # Small integers: ties are frequent.
    start, end = (torch.randint(-3, 4, mask.shape, generator=generator).float() for _ in range(2))
    start, end = start.masked_fill(~mask, 99.0), end.masked_fill(~mask, 99.0)
    spans_found = best_spans(start, end, mask, limit)
    for b, n in enumerate(lengths.tolist()):
        spans = [(i, j) for i in range(n) for j in range(i, min(n, i + (limit or n)))]
        best = max(spans, key=lambda span: (float(start[b, span[0]] + end[b, span[1]]),
                                            -span[0], -span[1]))  # fmt: skip
        assert tuple(spans_found[b].tolist()) == best


def test_bigru_equals_reading_each_sequence_alone() -> None:
    torch.manual_seed(5)
    mask, _ = masks()
    x = padded(mask, 1e4)
    encoder = BiGru(DIM, 4, layers=2)
    with torch.no_grad():
        states = encoder(x, mask)
        reference = torch.nn.GRU(DIM, 4, 2, batch_first=True, bidirectional=True)
        for layer in range(2):
            for suffix, cells in (("", encoder.forwards), ("_reverse", encoder.backwards)):
                for name, value in cells[layer].named_parameters():
                    target = f"{name.removesuffix('l0')}l{layer}{suffix}"
                    getattr(reference, target).copy_(value)
        for b, n in enumerate(H_LENGTHS):
            expected, _ = reference(x[b : b + 1, :n])
            torch.testing.assert_close(states[b, :n], expected[0], atol=1e-6, rtol=0)
            assert not states[b, n:].any()


def test_variational_dropout() -> None:
    torch.manual_seed(6)
    dropout = VariationalDropout(0.25)
    x = torch.ones(400, 7, 5)
    y = dropout(x)
    values = set(y.unique().tolist())
    assert len(values) == 2
    assert min(values) == 0
    assert max(values) == pytest.approx(1 / 0.75)
    # One mask for all tokens of a sequence, another for each sequence and dimension.
    assert torch.equal(y, y[:, :1].expand_as(y))
    assert float(y.mean()) == pytest.approx(1, abs=0.05)
    assert len({tuple(row) for row in y[:, 0].tolist()}) > 20
    dropout.eval()
    assert dropout(x) is x
