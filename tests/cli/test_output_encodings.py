"""Every command prints to any encoding, and ends quietly when its reader has gone."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

import elmobench
from elmobench.cli import main
from elmobench.cli.streams import CLOSED_PIPE, OutputStreams, argument_text, json_line
from elmobench.core.errors import DataError

ODD = "naïve 日本 😀 \udcff"
"""Characters of three kinds, and a byte of an argument that is not UTF-8."""


def commands() -> Iterator[tuple[list[str], list[object]]]:
    """Every command that is not a group, as words, and the parameters that it needs."""
    waiting = [([], typer.main.get_command(main.app))]
    while waiting:
        words, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner:
            waiting += [([*words, name], one) for name, one in inner.items()]
        else:
            yield words, [one for one in command.params if one.required]


def filled(words: list[str], needed: list[object]) -> list[str]:
    """A command line that has the odd text for every argument and option that is needed."""
    line = list(words)
    for parameter in needed:
        is_option = parameter.param_type_name == "option"  # type: ignore[attr-defined]
        if is_option:
            line.append(parameter.opts[0])  # type: ignore[attr-defined]
        line += [ODD] * max(1, parameter.nargs)  # type: ignore[attr-defined]
    return line


class Output:
    """What a command printed, as bytes, and its exit status."""

    def __init__(self, status: int, out: bytes, err: bytes) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Run a command line in this process, with standard streams of a given encoding."""

    def run(encoding: str, *line: str, out: io.RawIOBase | None = None) -> Output:
        raw = out or io.BytesIO()
        err = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["elmobench", *line])
            buffer = io.BufferedWriter(raw) if out else raw
            patch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding=encoding))
            patch.setattr(sys, "stderr", io.TextIOWrapper(err, encoding=encoding))
            patch.setattr(sys, "excepthook", sys.excepthook)
            patch.setattr("warnings.formatwarning", None)
            with pytest.raises(SystemExit) as end:
                main.run()
            written = b"" if out else raw.getvalue()  # type: ignore[attr-defined]
            return Output(int(end.value.code or 0), written, err.getvalue())

    return run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of one small cell."""
    where = tmp_path_factory.mktemp("naïve 日本") / "small"
    elmobench.run(
        {
            "name": "small",
            "tasks": ["ner/control-ner"],
            "features": ["random"],
            "seeds": [1],
            "overrides": [{"set": {"training.epochs": 1}}],
        },
        results=where,
        tracking_uri="none",
        quiet=True,
    )
    return where


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_every_command_prints_an_error_that_names_odd_text(printed, encoding: str) -> None:
    lines = [filled(words, needed) for words, needed in commands()]
    assert len(lines) > 30
    # These need nothing, or take long without an argument; they are tested below or elsewhere.
    lines = [line for line in lines if ODD in line and line[:2] != ["pretrain", "worker"]]
    for line in lines:
        output = printed(encoding, *line)
        text = output.err.decode(encoding)
        assert output.status in (1, 2), (line, text)
        assert output.out.decode(encoding) == "", line
        assert "Traceback" not in text
        assert "error" in text.lower(), (line, text)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_predictions_of_odd_text(printed, folder: Path, encoding: str) -> None:
    odd = ODD.removesuffix(" \udcff")  # which predict refuses
    line = ["predict", "", odd, "--results", str(folder.parent)]
    line[1] = next(path.stem for path in (folder / "records").iterdir())
    output = printed(encoding, *line)
    assert output.status == 0, output.err
    text = output.out.decode(encoding)
    if encoding == "utf-8":
        assert "naïve" in text
        assert "日本" in text
        assert output.err == b""
    else:
        assert "\\u65e5\\u672c" in text
        assert b"PYTHONIOENCODING" in output.err
    # JSON for programs is complete in every encoding.
    output = printed(encoding, *line, "--json")
    (prediction,) = json.loads(output.out.decode(encoding))["predictions"]
    tokens = prediction["tokens"]
    assert tokens == odd.split()
    assert output.err == b""


@pytest.mark.parametrize(
    "line",
    [
        *(["list", "tasks"], ["list", "features"], ["show", "ner/control-ner"], ["doctor"]),
        *(["report"], ["compare", "random", "random", "--in"], ["claims"], ["slices"]),
    ],
    ids=" ".join,
)
def test_tables_in_ascii(printed, folder: Path, line: list[str]) -> None:
    needs_folder = line[0] in ("report", "compare", "claims", "slices")
    output = printed("ascii", *line, *([str(folder)] if needs_folder else []))
    assert b"Traceback" not in output.err
    assert output.out.decode("ascii") or output.err.decode("ascii")
    assert output.status in ((0, 1) if line[0] == "compare" else (0,))


def test_json_is_escaped_only_where_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    for encoding, text in [
        *(("utf-8", "日本 é"), ("latin-1", "é"), ("latin-1", "日本 é"), ("ascii", "é")),
        *(("utf-8", "\udcff"), ("ascii", "😀")),
    ]:
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
        line = json_line({"text": text})
        assert json.loads(line) == {"text": text}
        line.encode(encoding)
        escaped = (encoding, text) not in [("utf-8", "日本 é"), ("latin-1", "é")]
        assert ("\\u" in line) == escaped


def test_a_reader_that_has_gone_is_no_error(printed, folder: Path) -> None:
    for line in [
        *(["list", "tasks"], ["doctor"], ["--version"], ["--help"], ["data", "--help"]),
        *(["report", str(folder)], ["claims", str(folder), "--json"], ["show", "ner/control-ner"]),
    ]:
        reader, writer = os.pipe()
        os.close(reader)
        output = printed("utf-8", *line, out=io.FileIO(writer, "w"))
        assert (output.status, output.err) == (CLOSED_PIPE, b""), line


@pytest.mark.slow
def test_a_closed_pipe_of_the_system_prints_nothing() -> None:
    for line, closed in [("list tasks", "stdout"), ("doctor", "stdout"), ("nonsense", "stderr")]:
        command = [sys.executable, "-m", "elmobench", *line.split()]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        getattr(process, closed).close()
        other = process.stderr if closed == "stdout" else process.stdout
        assert other is not None
        assert other.read() == b""
        assert process.wait() == CLOSED_PIPE


def test_streams_that_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    streams = OutputStreams()
    print("not read")
    assert streams.close() == 0
    assert sys.stdout is not None
    sys.stdout.close()


def test_an_argument_is_utf_8_whatever_the_locale_is() -> None:
    for text in ("plain", "naïve 日本 😀"):
        # As Python decodes arguments under `LC_ALL=C PYTHONUTF8=0`.
        assert argument_text(text.encode().decode("ascii", "surrogateescape")) == text
        assert argument_text(text) == text
    with pytest.raises(DataError, match=r"the argument .*na.*ve.*: is not UTF-8"):
        argument_text(b"na\xefve".decode("ascii", "surrogateescape"))
    with pytest.raises(DataError, match="is not UTF-8"):
        argument_text("\ud83d")


@pytest.mark.parametrize(
    "line", [("predict", "CELL"), ("encode", "random", "-", "--out", "x.hdf5")]
)
def test_standard_input_that_is_closed_is_an_error(
    line: tuple[str, ...], folder: Path, printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell = next((folder / "records").iterdir())
    monkeypatch.setattr(sys, "stdin", None)
    output = printed("utf-8", *[str(cell) if part == "CELL" else part for part in line])
    assert output.status == 1
    assert output.err.startswith(b"error: standard input: is closed")
