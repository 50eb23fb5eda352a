"""What IPython, and with it every notebook, shows of an error."""

from __future__ import annotations

from types import ModuleType

import pytest

IPYTHON = pytest.importorskip("IPython.core.interactiveshell")
CELL = "from elmobench.core.errors import {name}\nraise {name}('no *b*', where='x.yaml', fix='c')"


def shown(cell: str, capsys: pytest.CaptureFixture[str]) -> str:
    config = pytest.importorskip("traitlets.config").Config()
    config.HistoryManager.enabled = False  # no file in the home folder
    shell = IPYTHON.InteractiveShell(config=config, user_module=ModuleType("cells"))
    shell.run_line_magic("colors", "nocolor")
    assert not shell.run_cell(cell).success
    return capsys.readouterr().out


def test_the_message_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ELMOBENCH_DEBUG", raising=False)
    text = shown(CELL.format(name="UnfinishedError"), capsys)
    assert text == "UnfinishedError: x.yaml: no *b*\n  -> c\n"


def test_the_traceback_on_request(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ELMOBENCH_DEBUG", "1")
    text = shown(CELL.format(name="DataError"), capsys)
    assert "Traceback" in text
    assert text.endswith("DataError: x.yaml: no *b*\n  -> c\n")


def test_errors_of_the_user_keep_their_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown("1 / 0", capsys)
    assert "Traceback" in text
    assert "ZeroDivisionError" in text
