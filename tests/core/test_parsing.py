"""What parsers raise becomes one error with file and position."""

from __future__ import annotations

import csv
import gzip
import io
import json
import lzma
import os
import struct
import sys
import zipfile
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from pydantic import BaseModel
from safetensors import safe_open

from elmobench.core.errors import ConfigError, DataError, StoreError
from elmobench.core.parsing import (
    gunzip,
    parse_json,
    parse_json_object,
    parsing,
    read_bytes,
    read_json,
    read_json_object,
    read_text,
)


class _Model(BaseModel):
    size: int


def _safetensors(folder: Path) -> None:
    (folder / "x.safetensors").write_bytes(b"\xff" * 40)
    safe_open(folder / "x.safetensors", "np").__enter__()


def _numpy_header(header: bytes) -> None:
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header
    np.load(io.BytesIO(data), allow_pickle=False)


PARSERS = {
    "json": lambda _: json.loads("{"),
    "deep json": lambda _: json.loads("[" * 100_000),
    "digits": lambda _: json.loads("9" * 5000),
    "utf-8": lambda _: b"\xff".decode("utf-8"),
    "zlib": lambda _: zlib.decompress(b"nothing"),
    "gzip": lambda _: gzip.decompress(gzip.compress(b"x" * 100)[:20]),
    "lzma": lambda _: lzma.decompress(b"nothing"),
    "zip": lambda _: zipfile.ZipFile(io.BytesIO(b"nothing")),
    "struct": lambda _: struct.unpack("<Q", b"123"),
    "numpy": lambda _: _numpy_header(
        b"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }\n"
    ),
    "numpy tokens": lambda _: _numpy_header(b"{'descr': ((((\n"),
    "numpy pickle": lambda _: _numpy_header(
        b"{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n"
    ),
    "safetensors": _safetensors,
    "xml": lambda _: ElementTree.fromstring("<a><b></a>"),
    "xml encoding": lambda _: ElementTree.fromstring(b"<?xml version='1.0' encoding='nope'?><a/>"),
    "csv": lambda _: list(csv.reader(["'a"], strict=True, quotechar="'")),
    "pydantic": lambda _: _Model.model_validate({"size": "many"}),
    "key": lambda _: {}["size"],
    "type": lambda _: len(3),  # type: ignore[arg-type]
    "overflow": lambda _: int(float("inf")),
    "missing": lambda folder: (folder / "absent").read_bytes(),
    "memory": lambda _: np.zeros(1 << 60),
}


@pytest.mark.parametrize("name", PARSERS)
def test_every_parser(name: str, tmp_path: Path) -> None:
    with (
        pytest.raises(StoreError, match=r"^the file:3: is damaged: .+\n  -> delete it$") as raised,
        parsing("the file:3", StoreError, what="is damaged", fix="delete it"),
    ):
        PARSERS[name](tmp_path)
    assert raised.value.__cause__ is not None


def test_own_errors_and_faults_pass() -> None:
    with pytest.raises(ConfigError, match="mine"), parsing("x", DataError):
        raise ConfigError("mine")
    with pytest.raises(RuntimeError, match="a fault"), parsing("x", DataError):
        raise RuntimeError("a fault")
    with pytest.raises(KeyboardInterrupt), parsing("x", DataError):
        raise KeyboardInterrupt


def test_a_reason_is_one_short_line() -> None:
    with pytest.raises(DataError) as raised, parsing("x"):
        raise ValueError("first " * 100 + "\nsecond")
    assert raised.value.what.startswith("cannot be read: first first")
    assert len(raised.value.what) < 230
    assert "\n" not in raised.value.what


# Python's own message, which is another one from 3.13 on.
TRAILING_COMMA = (
    "x:1:8: is not JSON: Illegal trailing comma"
    if sys.version_info >= (3, 13)
    else "x:1:9: is not JSON: Expecting property name"
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": 1,}', TRAILING_COMMA),
        ('{"a": 1}\n{', "x:2:1: is not JSON: Extra data"),
        ("[NaN]", "x: is not JSON: NaN is not a finite number"),
        ("[-Infinity]", "x: is not JSON: -Infinity is not"),
        ("[1, -1e999]", "x: is not JSON: -1e999 is not"),
        ("[" * 201 + "]" * 201, "x: is not JSON: it is nested too deeply"),
        ("[" * 100_000, "x: is not JSON: it is nested too deeply"),
        ('{"a":' * 100_000, "x: is not JSON: it is nested too deeply"),
        ("9" * 4301, "x: is not JSON: Exceeds the limit"),
        ("", "x:1:1: is not JSON"),
        (b"\xef\xbb\xbf[\n\xff", "x:2: is not UTF-8"),
    ],
    ids=lambda value: "" if isinstance(value, bytes) or len(value) > 60 else None,
)
def test_what_is_not_json(text: str | bytes, message: str) -> None:
    with pytest.raises(DataError) as raised:
        parse_json(text, "x")
    assert str(raised.value).startswith(message)


def test_json_is_read_as_python_reads_it(tmp_path: Path) -> None:
    values = {"a": [1, -2.5e-3, True, None, "é\ud800"], "b": {"c": [[]]}, "big": 10**300}
    assert parse_json(json.dumps(values), "x") == values
    (tmp_path / "marked.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(values).encode())
    assert read_json(tmp_path / "marked.json") == values
    assert parse_json("[" * 200 + "]" * 200, "x") == json.loads("[" * 200 + "]" * 200)


def test_an_object_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="x: holds a list, expected an object"):
        parse_json_object("[1]", "x", StoreError)
    (tmp_path / "a.json").write_text('"a"')
    with pytest.raises(StoreError, match=r"a\.json: holds a str"):
        read_json_object(tmp_path / "a.json", StoreError)


def test_files(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent: cannot be read: No such file"):
        read_bytes(tmp_path / "absent", StoreError)
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        read_text(tmp_path)
    (tmp_path / "text").write_bytes(b"\xef\xbb\xbfone\r\ntwo")
    assert read_text(tmp_path / "text") == "one\r\ntwo"
    (tmp_path / "text").write_bytes(b"one\ntw\xe9")
    with pytest.raises(DataError, match=r"text:2: is not UTF-8"):
        read_text(tmp_path / "text")


def test_gzip_of_one_and_of_several_members() -> None:
    assert gunzip(gzip.compress(b"one"), "x") == b"one"
    assert gunzip(gzip.compress(b"one") + gzip.compress(b"two"), "x") == b"onetwo"
    assert gunzip(gzip.compress(b""), "x") == b""


def test_damaged_gzip() -> None:
    whole = gzip.compress(b"some text, some more text" * 5)
    for end in range(len(whole)):
        with pytest.raises(DataError, match="x: is a damaged gzip file: "):
            gunzip(whole[:end], "x")
    for position in range(10, len(whole)):
        changed = bytearray(whole)
        changed[position] ^= 4
        if position == len(whole) - 9:
            continue  # its last bits fill the byte up and mean nothing
        with pytest.raises(DataError, match="x: is a damaged gzip file: "):
            gunzip(bytes(changed), "x")
    with pytest.raises(DataError, match="x: is a damaged gzip file: "):
        gunzip(whole + b"more", "x")


def test_a_gzip_file_that_grows_is_stopped() -> None:
    assert len(gunzip(gzip.compress(bytes(1000)), "x", limit=1000)) == 1000
    with pytest.raises(DataError, match="x: holds more than 999 bytes"):
        gunzip(gzip.compress(bytes(1000)), "x", limit=999)
    with pytest.raises(DataError, match="x: holds more than 1,500 bytes"):
        gunzip(gzip.compress(bytes(1000)) * 2, "x", limit=1500)


def test_a_pipe_or_a_device_is_no_file(tmp_path: Path) -> None:
    pipe, device = tmp_path / "pipe.json", tmp_path / "zeros.json"
    os.mkfifo(pipe)  # reading it would wait for a writer
    device.symlink_to("/dev/zero")  # reading it would never end
    for path in (pipe, device):
        with pytest.raises(DataError, match=rf"{path.name}: .*it is not a file, but a pipe"):
            read_json(path)
    assert read_bytes(Path("/dev/null")) == b""
