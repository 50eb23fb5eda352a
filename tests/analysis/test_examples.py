"""The examples in docstrings run, and print what they show."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from elmobench.analysis.stats import differences
from elmobench.analysis.tables import results_frame


@pytest.mark.parametrize(
    ("function", "module"),
    [(differences.compare, differences), (results_frame.load_results, results_frame)],
)
def test_examples(
    function: object, module: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (example,) = doctest.DocTestFinder().find(function, globs=vars(module))
    result = doctest.DocTestRunner().run(example)
    assert result.failed == 0 < result.attempted
