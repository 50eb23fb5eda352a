"""Holm's correction and the format of p-values."""

from __future__ import annotations

import pytest

from elmobench.analysis.stats.correction import holm, p_text


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_p_text() -> None:
    assert (p_text(0.0004), p_text(0.0126), p_text(1.0)) == ("< 0.001", "0.013", "1.000")
