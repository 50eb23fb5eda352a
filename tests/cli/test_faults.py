"""What is printed for errors of the system and for faults of the program."""

from __future__ import annotations

import errno
import re
import sys
from pathlib import Path

import pytest

from elmobench.cli import faults, listing, main


def run_with(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """Exit status and standard error of `elmobench list tasks` if it raises ``error``."""

    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(listing, "listed", fails)
    monkeypatch.setattr(sys, "argv", ["elmobench", "list", "tasks"])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr("warnings.formatwarning", None)
    with pytest.raises(SystemExit) as end:
        main.run()
    return int(end.value.code), capsys.readouterr().err  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "/data/record.json"),
            "error: /data/record.json: No space left on device\n  -> free space on that disk",
        ),
        (
            OSError(errno.EROFS, "Read-only file system", b"/data/a"),
            "error: /data/a: Read-only file system\n  -> make it writable",
        ),
        (PermissionError(errno.EACCES, "Permission denied", "a", None, "b"), "error: a -> b: Perm"),
        (OSError("something"), "error: something\n"),
        (MemoryError(), "error: not enough memory\n  -> use fewer workers"),
        (KeyboardInterrupt(), "interrupted: finished work is kept"),
    ],
    ids=["full", "read-only", "forbidden", "other", "memory", "interrupt"],
)
def test_errors_of_the_system(
    error: BaseException,
    expected: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, text = run_with(error, monkeypatch, capsys)
    assert text.startswith(expected)
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)
    if status == 130:
        assert text.count("\n") == 1


def test_a_full_disk_is_named_where_the_error_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 0

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage)
    text = faults.describe_os_error(OSError(errno.ENOSPC, "No space left on device"))
    assert text.startswith(f"{Path.cwd()}: No space left on device\n")


def test_a_fault_is_a_short_message_and_a_file_with_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    try:
        {}["naïve \udcff"]
    except KeyError as error:
        faults.report_fault(type(error), error, error.__traceback__)
    text = capsys.readouterr().err
    assert "this is a fault of elmobench: KeyError" in text
    assert "Traceback" not in text
    found = re.search(r"the traceback is in (\S+); please report it", text)
    assert found is not None
    assert "test_faults.py" in Path(found[1]).read_text("utf-8")
    # Without a place to write to, the traceback is printed: it must not be lost.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    faults.report_fault(ValueError, ValueError("x"), None)
    assert "the traceback is above" in capsys.readouterr().err


def test_a_fault_is_not_taken_for_an_error_of_the_user(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(KeyError):
        run_with(KeyError("x"), monkeypatch, capsys)
