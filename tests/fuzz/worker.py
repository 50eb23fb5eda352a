"""One process that reads mutated inputs, and the parent's watch over it."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind
from tests.fuzz.mutations import Mutated, mutate, mutate_known

from elmobench.core.errors import ElmobenchError, ElmobenchWarning

HANG_SECONDS = 10.0
GRACE_SECONDS = 50.0  # the parent waits longer: the process itself knows for what it waited
MEMORY_BYTES = 2 << 30
_EXCHANGED_SHARE = 0.1
"""Of the inputs in which a file has the content of another one, where there is another."""
_KNOWN_SHARE = 0.35
"""Of the inputs that a mutation which knows the format makes, where there is one."""
_ADDRESS_SPACE = 24 << 30  # a guard for the machine; readers must stop far earlier
_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """What one input did.

    Attributes:
        kind: name of the input's kind.
        number: which input of the kind.
        mutation: the name of the mutation, and the file.
        fault: None if the input was refused or read right; else what happened.
        detail: the end of the traceback, or what else there is to say.
    """

    kind: str
    number: int
    mutation: str
    fault: str | None = None
    detail: str = ""


def mutated_input(kind: Kind, folder: Path, seed: int, number: int) -> tuple[Path, Mutated]:
    """Return which file of ``folder`` input ``number`` changes (relative), and into what."""
    draw = random.Random(f"{seed}/{kind.name}/{number}")
    files = sorted(path for path in folder.glob(kind.files) if path.is_file())
    path = draw.choice(files)
    data = path.read_bytes()
    # Drawn separately, so that all other inputs stay as they were before there was this one.
    separate = random.Random(f"{seed}/{kind.name}/{number}/exchanged")
    others = [p for p in files if p.suffix == path.suffix and p.read_bytes() != data]
    if others and separate.random() < _EXCHANGED_SHARE:
        other = separate.choice(others)
        what = f"content of {other.relative_to(folder)}"
        return path.relative_to(folder), Mutated(other.read_bytes(), what, is_damage=True)
    if separate.random() < _KNOWN_SHARE:
        known = mutate_known(data, path.name, separate, ours=kind.written_by_us)
        if known is not None and known.data != data:
            return path.relative_to(folder), known
    for _ in range(20):
        mutated = mutate(data, path.name, kind.words, draw)
        if mutated.data != data:
            return path.relative_to(folder), mutated
    return path.relative_to(folder), Mutated(b"", "emptied", is_damage=True)


def run_kind(
    kind: Kind, numbers: range, seed: int, folder: Path, keep: Path | None = None
) -> Iterator[Outcome]:
    """Run inputs ``numbers`` of ``kind`` in a process of its own; one outcome per input.

    The process is stopped and started again after a hang or a signal.

    Args:
        kind: what to read.
        numbers: which inputs.
        seed: the fuzzer's seed.
        folder: a folder for this call alone.
        keep: where inputs that are faults are copied to.
    """
    position = 0
    while position < len(numbers):
        for outcome in _one_process(kind, numbers[position:], seed, folder):
            position += 1
            if outcome.fault is not None and keep is not None:
                _keep(kind, outcome, seed, folder, keep)
            yield outcome


def _keep(kind: Kind, outcome: Outcome, seed: int, folder: Path, keep: Path) -> None:
    original = folder / "original"
    if not original.is_dir():
        return
    target = keep / f"{kind.name.replace(' ', '-')}-{seed}-{outcome.number}"
    shutil.copytree(original, target, dirs_exist_ok=True)
    file, mutated = mutated_input(kind, original, seed, outcome.number)
    (target / file).write_bytes(mutated.data)
    (target / "FAULT.txt").write_text(f"{file}: {outcome}\n\n{outcome.detail}\n", "utf-8")


def _one_process(kind: Kind, numbers: range, seed: int, folder: Path) -> Iterator[Outcome]:
    receiving, sending = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work, args=(kind, numbers, seed, folder, sending))
    process.start()
    sending.close()
    current = (numbers[0], "the valid input")
    started = time.monotonic()
    ready = False
    try:
        for number in numbers:
            while True:
                limit = (
                    HANG_SECONDS + GRACE_SECONDS if ready else 300.0
                )  # the first message follows the set-up
                if not receiving.poll(max(0.0, started + limit - time.monotonic())):
                    yield Outcome(kind.name, *current, "hang", f"more than {HANG_SECONDS:.0f} s")
                    return
                try:
                    message = receiving.recv()
                except EOFError:
                    process.join()
                    code = process.exitcode or 0
                    what = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
                    yield Outcome(kind.name, *current, what)
                    return
                if isinstance(message, Outcome):
                    yield message
                    break
                current, started, ready = message, time.monotonic(), True
                if current[0] != number:
                    raise AssertionError(f"input {current[0]} where {number} was due")
    finally:
        process.kill()
        process.join()
        receiving.close()


def _work(kind: Kind, numbers: range, seed: int, folder: Path, sending: Connection) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)  # threads of the parent do not live here
    os.environ["HOME"] = os.environ["ELMOBENCH_HOME"] = str(folder / "home")
    original = folder / "original"
    if not original.is_dir():
        original.mkdir(parents=True)
        kind.write(original)
    copy = folder / "copy"
    _fresh(original, copy)
    right = kind.read(copy)
    _fresh(original, copy)
    if kind.read(copy) != right:
        raise AssertionError(f"{kind.name}: reading the valid input twice gives two values")
    for number in numbers:
        file, mutated = mutated_input(kind, original, seed, number)
        what = f"{file}: {mutated.what}"
        _fresh(original, copy)
        (copy / file).write_bytes(mutated.data)
        sending.send((number, what))
        fault, detail = _read(kind, copy, right, mutated)
        sending.send(Outcome(kind.name, number, what, fault, detail))


def _read(kind: Kind, copy: Path, right: Any, mutated: Mutated) -> tuple[str | None, str]:
    before = _reset_peak()
    started, queued = time.monotonic(), _queued()
    fault: str | None = None
    detail = ""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = kind.read(copy)
        except ElmobenchError:
            pass
        except BaseException as error:  # noqa: BLE001 - PanicException of Rust is no Exception
            fault = f"raw {type(error).__name__}"
            detail = "".join(traceback.format_exception(error)[-6:])
        else:
            noticed = any(issubclass(w.category, ElmobenchWarning) for w in caught)
            if mutated.must_be_refused and kind.limits and not noticed:
                fault, detail = "not refused", f"{value!r}"[:2000]
            elif mutated.is_damage and kind.written_by_us and not noticed and value != right:
                fault, detail = "damage unnoticed", f"{value!r}"[:2000]
    # A machine that is busy with something else must not make a fault.
    seconds = time.monotonic() - started - (_queued() - queued)
    if fault is None and seconds > HANG_SECONDS:
        fault, detail = "hang", f"{seconds:.1f} s"
    if fault is None and _peak() - before > MEMORY_BYTES:
        fault, detail = "memory", f"{(_peak() - before) >> 20} MiB"
    return fault, detail


def _fresh(original: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(original, copy)


def _queued() -> float:
    """Seconds for which this process was ready to run but had no processor. Linux only."""
    statistics = Path("/proc/self/schedstat")
    return int(statistics.read_text().split()[1]) / 1e9 if statistics.exists() else 0.0


def _reset_peak() -> int:
    """Start a new measurement of the greatest memory; return what is in use. Linux only."""
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")
    return _peak()


def _peak() -> int:
    status = Path("/proc/self/status")
    if not status.exists():
        return 0
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) << 10
