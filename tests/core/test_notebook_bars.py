"""Bars of a notebook: what they show, and that they make one output. No kernel is started here."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.core import notebook_bars
from elmobench.core.notebook_bars import Bar, Bars, NotebookBars, in_notebook
from elmobench.core.progress import download_progress


class Output:
    """What ``display`` returns: shows the latest content."""

    def __init__(self, content: object) -> None:
        self.shown = [content]

    def update(self, content: object) -> None:
        self.shown.append(content)


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch) -> list[Output]:
    """The outputs that are made."""
    display = pytest.importorskip("IPython.display")
    made: list[Output] = []

    def show(content: object, *, display_id: bool) -> Output:
        assert display_id
        made.append(Output(content))
        return made[-1]

    monkeypatch.setattr(display, "display", show)
    return made


def test_texts_are_escaped_and_bars_have_lengths() -> None:
    bars = Bars([Bar("<b>", 1, 4, detail="<i>"), Bar("unknown", 2)])
    assert repr(bars) == "<b>: 1 of 4 (<i>)\nunknown: 2"
    assert bars._repr_html_() == (
        '<progress value="1" max="4"></progress> &lt;b&gt;: 1 of 4 (&lt;i&gt;)<br>unknown: 2'
    )


def test_one_output_is_updated(outputs: list[Output], monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(notebook_bars.time, "monotonic", lambda: now)
    bars = NotebookBars()
    bars.show([])
    assert outputs == []
    for done in range(10):
        bars.show([Bar("cells", done, 10)])
    assert list(map(repr, outputs[0].shown)) == ["cells: 0 of 10"]  # the others came at once
    now += notebook_bars.INTERVAL
    bars.show([Bar("cells", 9, 10)])
    bars.end("cells trained: 10")
    (output,) = outputs
    assert list(map(repr, output.shown)) == [
        *("cells: 0 of 10", "cells: 9 of 10", "cells trained: 10")
    ]


def test_nothing_is_shown_if_nothing_was_done(outputs: list[Output]) -> None:
    NotebookBars().end("done")
    assert outputs == []


def test_downloads_have_bars_in_a_notebook(
    outputs: list[Output], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elmobench.core.progress.in_notebook", lambda: True)
    with download_progress() as report:
        assert report is not None
        report("vectors.zip", 2_000_000, 8_000_000)
    (output,) = outputs
    assert list(map(repr, output.shown)) == ["vectors.zip, MB: 2 of 8", "files downloaded: 1"]
    with download_progress(quiet=True) as report:
        assert report is None


def test_a_test_is_no_notebook() -> None:
    pytest.importorskip("IPython")
    assert not in_notebook()


def test_the_bars_of_a_run(
    outputs: list[Output], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One output; failed cells are lines, the first ones only."""
    from types import SimpleNamespace

    from elmobench.bench import progress as module
    from elmobench.bench.events import CellFinished, CellStarted

    monkeypatch.setattr(module, "in_notebook", lambda: True)
    cell: Any = SimpleNamespace(label="t", training=SimpleNamespace(epochs=3))
    failed: Any = SimpleNamespace(result=None, run=None, error="the loss is nan")
    good: Any = SimpleNamespace(result=SimpleNamespace(), run=SimpleNamespace())
    with module.RunProgress() as progress, progress.cells(30):
        for record in [failed] * 15 + [good] * 15:
            progress.handle(CellStarted(cell))
            progress.handle(CellFinished(cell, record, True))
    (output,) = outputs
    assert repr(output.shown[0]).startswith("cells: 0 of 30")
    assert repr(output.shown[-1]) == "cells trained: 15, 15 failed"
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == ["✗ t: the loss is nan"] * module.FAILURES
