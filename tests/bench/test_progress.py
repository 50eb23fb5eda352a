"""The terminal display of a run: which events print a line, and that every bar disappears."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from elmobench.bench.events import (
    CellFinished,
    CellStarted,
    Encoded,
    EncodingProgress,
    EpochDone,
    RunWarning,
)
from elmobench.bench.progress import RunProgress

CELL: Any = SimpleNamespace(label="t · f · h · seed 1", training=SimpleNamespace(epochs=3))
JOB: Any = SimpleNamespace(label="f on t")
OK: Any = SimpleNamespace(
    result=SimpleNamespace(primary="f1", test={"f1": 91.5}, best_epoch=2),
    run=SimpleNamespace(seconds={"prepare": 1.0, "select": 0.0, "train": 2.0, "test": 0.5}),
)
FAILED: Any = SimpleNamespace(result=None, run=None, error="the training loss is nan")


def show(progress: RunProgress) -> None:
    nothing: Any = None
    epoch: Any = SimpleNamespace(number=1, dev=50.0)
    with progress:
        with progress.loading(1) as on_task:
            on_task("t")
        # Two workers encode the same sentences; the second one reports less than the first.
        for event in (
            EncodingProgress(JOB, 5, 10),
            EncodingProgress(JOB, 3, 10),
            Encoded(JOB, nothing, last=False),
            Encoded(JOB, nothing),
        ):
            progress.handle(event)
        with progress.cells(3):
            for record, by_this_run in ((OK, True), (FAILED, True), (OK, False)):
                progress.handle(CellStarted(CELL))
                progress.handle(EpochDone(CELL, epoch))
                progress.handle(CellFinished(CELL, record, by_this_run))
            progress.handle(RunWarning("a worker died"))
        assert progress._bars.task_ids == []


@pytest.mark.parametrize("terminal", [False, True])
def test_a_line_per_cell_of_this_run_and_per_warning(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    if terminal:
        monkeypatch.setenv("FORCE_COLOR", "1")
    show(RunProgress())
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("✓") == err.count("✗") == 1
    assert err.count("a worker died") == 1
    if not terminal:
        assert err.splitlines() == [
            "✓ t · f · h · seed 1: f1 91.50 (best epoch 2, 3.5 s)",
            "✗ t · f · h · seed 1: the training loss is nan",
            "! a worker died",
        ]


def test_quiet_shows_warnings_and_failed_cells_only(capsys: pytest.CaptureFixture[str]) -> None:
    show(RunProgress(quiet=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "✗ t · f · h · seed 1: the training loss is nan",
        "! a worker died",
    ]


def test_a_line_says_what_is_done_where_there_are_no_bars(capfd: pytest.CaptureFixture) -> None:
    progress = RunProgress()
    with progress.cells(40), progress.loading(3) as on_task:
        on_task("ner/tiny")
        assert progress.status == "cells: 0 of 40; loading tasks: 1 of 3 (ner/tiny)"
    assert progress.status == ""


def test_lines_are_printed_until_the_run_ends(capfd: pytest.CaptureFixture) -> None:
    with RunProgress(interval=0.001) as progress, progress.cells(40):
        printed = ""
        while "cells: 0 of 40" not in printed:
            printed += capfd.readouterr().err
    assert "progress lines" not in {thread.name for thread in threading.enumerate()}
    assert capfd.readouterr().out == ""


def test_a_quiet_run_prints_no_lines() -> None:
    with RunProgress(quiet=True, interval=0.001) as progress, progress.cells(40):
        assert "progress lines" not in {thread.name for thread in threading.enumerate()}
