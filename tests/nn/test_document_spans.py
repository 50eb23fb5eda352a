"""Span attention, scorers of blocks and distance buckets, compared with loops."""

from __future__ import annotations

import pytest
import torch

from elmobench.nn.spans import (
    BlockFeedForward,
    attend_prefixes,
    attend_spans,
    distance_buckets,
)


def attended(scores: torch.Tensor, values: torch.Tensor, first: int, last: int) -> torch.Tensor:
    inside = range(first, last + 1)
    weights = [scores[t].exp() for t in inside]
    return sum(w * values[t] for w, t in zip(weights, inside, strict=True)) / sum(weights)


def test_attention_in_spans_and_in_all_prefixes() -> None:
    torch.manual_seed(0)
    scores, values = torch.randn(9, dtype=torch.float64), torch.randn(9, 4, dtype=torch.float64)
    prefixes = attend_prefixes(scores, values, 5)
    assert prefixes.shape == (9, 5, 4)
    spans = [(a, b) for a in range(9) for b in range(a, min(9, a + 5))]
    first, last = torch.tensor(spans).unbind(1)
    means = attend_spans(scores, values, first, last)
    for (a, b), row in zip(spans, means, strict=True):
        expected = attended(scores, values, a, b)
        torch.testing.assert_close(row, expected)
        torch.testing.assert_close(prefixes[a, b - a], expected)


def test_attention_is_stable_for_extreme_scores() -> None:
    scores = torch.tensor([-500.0, 500.0, 0.0])
    values = torch.eye(3)
    prefixes = attend_prefixes(scores, values, 3)
    torch.testing.assert_close(prefixes[0, 0], values[0])
    torch.testing.assert_close(prefixes[0, 2], values[1])
    torch.testing.assert_close(prefixes[2, 0], values[2])


def test_no_spans() -> None:
    empty = torch.zeros(0, dtype=torch.long)
    assert attend_spans(torch.zeros(3), torch.zeros(3, 2), empty, empty).shape == (0, 2)


@pytest.mark.parametrize("depth", [1, 2])
def test_blocks_equal_the_concatenation(depth: int) -> None:
    torch.manual_seed(0)
    scorer = BlockFeedForward((3, 2, 4), hidden=5, depth=depth, dropout=0.5).eval()
    assert sum(isinstance(m, torch.nn.ReLU) for m in scorer.rest) == depth
    parts = [torch.randn(7, width) for width in (3, 2, 4)]
    total = sum(scorer.project(i, part) for i, part in enumerate(parts))
    torch.testing.assert_close(scorer.finish(total), scorer(torch.cat(parts, dim=1)))


def test_distance_buckets() -> None:
    distances = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 511, 512, 9999]
    expected = [0, 1, 2, 3, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12]
    assert distance_buckets(torch.tensor(distances)).tolist() == expected
