"""The fuzzer sees that a check of the product is missing; its mutations are what they say."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import zipfile
from pathlib import Path

import pytest
import yaml
from tests.fuzz.checks import CHECKS
from tests.fuzz.formats import known_mutations
from tests.fuzz.kind import Kind, all_kinds
from tests.fuzz.self_check import self_check
from tests.fuzz.switches import Switch, switched_off
from tests.fuzz.worker import run_kind

from elmobench.core.errors import DataError
from elmobench.core.parsing import parse_json


def _changed(data: bytes, name: str, what: str, *, ours: bool = True) -> bytes:
    return known_mutations(data, name, ours=ours)[what].change(data, random.Random(3))


def test_each_check_is_in_the_product_and_has_a_kind() -> None:
    kinds = {kind.name for kind in all_kinds()}
    assert len(CHECKS) >= 25
    assert len({check.what for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert check.kind in kinds
        with switched_off(check):
            pass


def test_a_check_is_off_and_then_on_again() -> None:
    depth = next(check for check in CHECKS if check.what == "the depth of JSON")
    text = "[" * 201 + "]" * 201
    with switched_off(depth):
        assert parse_json(text, "a.json")
    with pytest.raises(DataError, match="nested too deeply"):
        parse_json(text, "a.json")


@pytest.mark.parametrize(
    ("where", "instead"),
    [
        ("core.sealed:check_the_seal", {}),
        ("core.sealed:check_seal", {"if no_such_condition:": "if False:"}),
        ("core.sealed:check_seal", {"raise error(": "error("}),
    ],
    ids=["renamed", "gone", "twice"],
)
def test_a_check_that_was_renamed_or_rewritten_is_an_error(
    where: str, instead: dict[str, str]
) -> None:
    with (
        pytest.raises(LookupError, match="correct the list"),
        switched_off(Switch("made up", "YAML", where, instead)),
    ):
        pass


def test_a_check_that_no_input_shows_is_reported(tmp_path: Path) -> None:
    """Switched off here: nothing; and a fault of the whole product shows nothing either."""
    nothing = Switch("nothing", "sealed JSON", "core.sealed:check_seal", {"content =": "content ="})
    (seen,) = self_check(tmp_path, inputs=30, checks=[nothing])
    assert seen.number is None


def test_what_must_be_refused_is_a_fault_where_it_is_read(tmp_path: Path) -> None:
    """Also where people wrote the file and what is read is right; not beyond stated limits."""

    def write(folder: Path) -> None:
        (folder / "a.gz").write_bytes(gzip.compress(b"one\ntwo\n", mtime=0))

    def read(folder: Path) -> str:
        return "always the same"

    limited, free = (Kind("made up", write, read, limits=limits) for limits in (True, False))
    faults = [
        {outcome.fault for outcome in run_kind(kind, range(30), 0, tmp_path / str(kind.limits))}
        for kind in (limited, free)
    ]
    assert faults == [{None, "not refused"}, {None}]


def test_mutations_of_json_keep_it_json() -> None:
    data = b'{"a": [1, {"b": 2}], "sha256": "%s"}' % (b"ab" * 32)
    assert "sha256" not in json.loads(_changed(data, "a.json", "without its digest"))
    assert json.loads(_changed(data, "a.json", "JSON of the same meaning")) == json.loads(data)
    deep = json.loads(_changed(data, "a.json", "one level of JSON too many"))
    inner, levels = deep["nested_by_fuzz"], 1
    while isinstance(inner, list):
        (inner,), levels = inner, levels + 1
    assert levels == 201
    assert not {"without its digest"} & known_mutations(data, "a.json", ours=False).keys()


def test_mutations_of_yaml_keep_it_yaml() -> None:
    data = b"a: 1\nb: [2]\n"
    few = yaml.safe_load(_changed(data, "a.yaml", "aliases that repeat a few too many values"))
    assert 100_000 < sum(len(row) for row in few["fuzz_1"]) < 200_000
    assert _changed(data, "a.yaml", "a key of YAML twice") == data + b"a: 1\n"
    assert len(_changed(data, "a.yaml", "more than a mebibyte of YAML")) > 1 << 20
    nested = yaml.safe_load(_changed(data, "a.yaml", "one level of YAML too many"))
    inner, levels = nested["nested_by_fuzz"], 1
    while isinstance(inner, list):
        inner, levels = (inner or [None])[0], levels + 1
    assert levels == 51


def test_a_gzip_file_is_cut_and_still_has_whole_lines() -> None:
    data = gzip.compress(b"one\ntwo\nthree\n", mtime=0)
    with pytest.raises(EOFError):
        gzip.decompress(_changed(data, "a.txt.gz", "gzip cut in its last eight bytes"))
    cut = io.BytesIO(_changed(data, "a.txt.gz", "gzip cut behind a line"))
    with gzip.open(cut) as stream:
        assert stream.read(4) == b"one\n"
        with pytest.raises(EOFError):
            stream.read()


def test_members_of_a_zip_are_exchanged_with_right_checksums() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as bundle:
        for name, content in (("x/a", "1"), ("x/b", "2"), ("y/c", "3")):
            bundle.writestr(name, content)
    changed = _changed(stream.getvalue(), "a.zip", "members of a zip exchanged")
    with zipfile.ZipFile(io.BytesIO(changed)) as bundle:
        assert {name: bundle.read(name) for name in bundle.namelist()} == {
            "x/a": b"2",
            "x/b": b"1",
            "y/c": b"3",
        }


def test_a_header_is_respelled_and_blocks_are_exchanged() -> None:
    header = json.dumps({"a": {"x": 1}, "b": 2, "c": 3}).encode() + b"   "
    values = bytes(range(64))
    data = struct.pack("<Q", len(header)) + header + values
    spelled = _changed(data, "a.safetensors", "header of the same meaning")
    assert spelled != data
    assert len(spelled) == len(data)
    assert json.loads(spelled[8 : 8 + len(header)]) == json.loads(header)
    assert spelled[-64:] == values
    exchanged = _changed(data, "a.safetensors", "blocks of the values exchanged")
    assert exchanged[:-64] == data[:-64]
    assert sorted(exchanged[-64:]) == sorted(values)
    assert exchanged[-64:] != values


def test_digests_are_exchanged() -> None:
    first, second = b"ab" * 32, b"cd" * 32
    changed = _changed(first + b" " + second, "a.txt", "digests exchanged")
    assert changed == second + b" " + first


@pytest.mark.nightly
def test_the_fuzzer_sees_each_check_that_is_switched_off(tmp_path: Path) -> None:
    """All whose inputs are small; ``python -m tests.fuzz --self-check`` has the others as well."""
    checks = [check for check in CHECKS if not check.is_slow]
    unseen = [
        seen.check.what for seen in self_check(tmp_path, checks=checks) if seen.number is None
    ]
    assert not unseen
