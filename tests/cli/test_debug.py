"""``--debug`` before and after the command, and the table of exit statuses."""

from __future__ import annotations

import re

import pytest
from command_line import elmobench
from shown_output import ROOT
from test_faults import run_with

from elmobench.cli.debug import Debug
from elmobench.cli.interrupts import INTERRUPTED
from elmobench.cli.streams import CLOSED_PIPE


@pytest.mark.parametrize(
    "line",
    [
        ("--debug", "run", "nothing.yaml"),
        ("run", "--debug", "nothing.yaml"),
        ("run", "nothing.yaml", "--debug"),
    ],
    ids=["before", "after", "last"],
)
def test_an_error_has_its_traceback(line: tuple[str, ...]) -> None:
    out = elmobench(*line)
    assert out.returncode == 1
    assert out.stdout == ""
    assert out.stderr.startswith("Traceback (most recent call last):")
    assert "\nerror: no experiment file" in out.stderr


def test_the_variable() -> None:
    line = ("run", "nothing.yaml")
    assert "Traceback" in elmobench(*line, ELMOBENCH_DEBUG="1").stderr
    for off in ("", "0", "false", "No"):
        assert "Traceback" not in elmobench(*line, ELMOBENCH_DEBUG=off).stderr


def test_what_is_behind_two_dashes_is_no_option() -> None:
    assert Debug.of(["a", "--", "--debug"]) == Debug(False, ["a", "--", "--debug"])
    assert Debug.of(["--debug", "a", "--", "--debug"]) == Debug(True, ["a", "--", "--debug"])


def test_a_fault_is_printed_where_it_is_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    monkeypatch.setenv("ELMOBENCH_DEBUG", "1")
    with pytest.raises(KeyError) as raised:
        run_with(KeyError("x"), monkeypatch, capsys)
    sys.excepthook(KeyError, raised.value, raised.tb)
    text = capsys.readouterr().err
    assert "KeyError: 'x'" in text
    assert "the traceback is above" in text


def test_the_page_has_every_exit_status() -> None:
    page = (ROOT / "docs/reliability.md").read_text("utf-8")
    table = page[page.index("| exit status |") :].partition("\n\n")[0]
    assert set(map(int, re.findall(r"^\| (\d+) \|", table, re.MULTILINE))) == {
        *(0, 1, 2, INTERRUPTED, CLOSED_PIPE)
    }
    pages = [
        path for path in (ROOT / "docs").rglob("*.md") if "| exit status |" in path.read_text()
    ]
    assert [path.name for path in pages] == ["reliability.md"]
