"""The fuzzer sees every kind of fault, and the project's readers have none on a fixed sample."""

from __future__ import annotations

import os
import random
import re
import signal
import time
import warnings
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz import worker
from tests.fuzz.__main__ import main, shares
from tests.fuzz.kind import Kind, all_kinds
from tests.fuzz.mutations import mutate

from elmobench.core.errors import DataError, ElmobenchWarning

VALID = "one 1\ntwo 2\n"


def _write(folder: Path) -> None:
    (folder / "a.txt").write_text(VALID)


def _kind(on_damage: Any, *, written_by_us: bool = True) -> Kind:
    def read(folder: Path) -> str:
        text = (folder / "a.txt").read_bytes().decode("latin-1")
        return text if text == VALID else on_damage(text)

    return Kind("made up", _write, read, written_by_us=written_by_us)


def _faults(kind: Kind, folder: Path, inputs: int = 12) -> set[str | None]:
    return {outcome.fault for outcome in worker.run_kind(kind, range(inputs), 0, folder)}


def _refuse(text: str) -> str:
    raise DataError("is damaged")


def _warn(text: str) -> str:
    warnings.warn("is damaged", ElmobenchWarning, stacklevel=1)
    return "another way"


def _kill(text: str) -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    return ""


def _fill_memory(text: str) -> str:
    return "x" if bytearray(1 << 22).decode("latin-1") * 600 else ""


def test_what_is_refused_or_noticed_is_no_fault(tmp_path: Path) -> None:
    assert _faults(_kind(_refuse), tmp_path / "refused") == {None}
    assert _faults(_kind(_warn), tmp_path / "warned") == {None}
    assert _faults(_kind(str, written_by_us=False), tmp_path / "people's") == {None}


def test_damage_that_nobody_noticed_is_one(tmp_path: Path) -> None:
    assert _faults(_kind(str), tmp_path) == {None, "damage unnoticed"}


@pytest.mark.parametrize(
    ("on_damage", "fault"),
    [(int, "raw ValueError"), (_kill, "signal SIGTERM"), (lambda text: os._exit(3), "exit 3")],
    ids=["exception", "signal", "exit"],
)
def test_exceptions_and_the_end_of_the_process_are(
    on_damage: Any, fault: str, tmp_path: Path
) -> None:
    assert _faults(_kind(on_damage), tmp_path) == {fault}


@pytest.mark.slow
def test_hangs_and_memory_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "HANG_SECONDS", 0.05)
    slow = _kind(lambda text: time.sleep(0.1) or VALID)
    assert _faults(slow, tmp_path / "slow", 1) == {"hang"}
    monkeypatch.setattr(worker, "GRACE_SECONDS", 0.5)
    hang = _kind(lambda text: re.match(r"(a+)+$", "a" * 60 + "b"))
    assert _faults(hang, tmp_path / "hang", 1) == {"hang"}
    monkeypatch.setattr(worker, "HANG_SECONDS", 30.0)
    monkeypatch.setattr(worker, "MEMORY_BYTES", 1 << 30)
    assert _faults(_kind(_fill_memory, written_by_us=False), tmp_path / "memory", 1) == {"memory"}


def test_an_input_is_drawn_from_seed_kind_and_number(tmp_path: Path) -> None:
    _write(tmp_path)
    kind = _kind(_refuse)
    inputs = [worker.mutated_input(kind, tmp_path, 0, number) for number in range(50)]
    assert inputs == [worker.mutated_input(kind, tmp_path, 0, number) for number in range(50)]
    assert inputs != [worker.mutated_input(kind, tmp_path, 1, number) for number in range(50)]
    assert all(mutated.data != VALID.encode() for _, mutated in inputs)


@pytest.mark.parametrize("name", ["a.txt", "a.json", "a.jsonl", "a.yaml", "a.json.gz", "a.zip"])
def test_mutations_take_any_bytes(name: str) -> None:
    draw = random.Random(1)
    for data in (b"", b'{"a": [1, {"b": null}]}', draw.randbytes(300)):
        for _ in range(100):
            assert isinstance(mutate(data, name, (b"x",), draw).data, bytes)


def test_inputs_are_shared_by_weight() -> None:
    kinds = [Kind(str(n), _write, str, weight=weight) for n, weight in enumerate((1, 2, 1))]
    assert shares(kinds, 100) == [25, 50, 25]
    assert shares(kinds, 1) == [1, 1, 1]


def test_valid_inputs_are_the_same_each_time(tmp_path: Path) -> None:
    kinds = [kind for kind in all_kinds() if kind.name in ("YAML", "sealed JSON")]
    for kind in kinds:
        for name in ("first", "second"):
            (tmp_path / kind.name / name).mkdir(parents=True)
            kind.write(tmp_path / kind.name / name)
        first, second = (tmp_path / kind.name / name for name in ("first", "second"))
        assert [p.read_bytes() for p in sorted(first.iterdir())] == [
            p.read_bytes() for p in sorted(second.iterdir())
        ]


@pytest.mark.nightly
def test_no_reader_has_a_fault_on_a_fixed_sample(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--inputs", "2000", "--seed", "20", "--keep", str(tmp_path), "--jobs", "1"]
    code = main(arguments)
    assert code == 0, capsys.readouterr().out
