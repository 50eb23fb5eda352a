"""Ctrl-C, SIGTERM and SIGHUP, once and more often, before, while and after a command runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from elmobench.cli.interrupts import INTERRUPTED, SIGNALS, Interrupts


class Ended(Exception):
    """What ends the process in these tests."""


class Clock:
    """A clock that stands still until it is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def end(status: int) -> None:
    raise Ended(status)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def interrupts(clock: Clock) -> Iterator[Interrupts]:
    # Tests may run under nohup, which makes its process ignore SIGHUP; ignored signals stay so.
    before = {number: signal.signal(number, signal.SIG_DFL) for number in SIGNALS}
    handler = Interrupts(clock, end)
    handler.install()
    yield handler
    handler.restore()
    for number, action in before.items():
        signal.signal(number, action)


@pytest.mark.parametrize("number", SIGNALS)
def test_the_first_signal_is_an_interrupt_and_those_that_follow_it_do_nothing(
    number: signal.Signals, interrupts: Interrupts, clock: Clock
) -> None:
    with interrupts:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        clock.now += 0.05
        for other in SIGNALS:  # also of another kind
            signal.raise_signal(other)
        clock.now += 10
        with pytest.raises(Ended, match=str(INTERRUPTED)):
            signal.raise_signal(number)


def test_a_signal_before_or_after_the_command_ends_the_process(interrupts: Interrupts) -> None:
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGINT)
    with interrupts:
        pass
    with pytest.raises(Ended):
        signal.raise_signal(signal.SIGTERM)


def test_an_error_in_place_of_the_interrupt_is_no_fault(interrupts: Interrupts) -> None:
    def library() -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise ImportError("numpy failed to import") from None

    with interrupts:
        library()
    assert interrupts.received


def test_errors_without_an_interrupt_are_raised(interrupts: Interrupts) -> None:
    with pytest.raises(ValueError, match="a fault"), interrupts:
        raise ValueError("a fault")


def test_an_interrupt_that_python_drops_comes_again(interrupts: Interrupts) -> None:
    class Dropping:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    dropping = [Dropping()]

    def drop_and_wait() -> None:
        dropping.clear()
        signal.sigtimedwait([], 20)

    with interrupts, pytest.raises(KeyboardInterrupt):
        drop_and_wait()


def test_an_interrupt_waits_until_torch_is_imported(
    interrupts: Interrupts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception in its compiled parts, which are set up then, ends the process by a signal."""
    spec = SimpleNamespace(_initializing=True)
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(__spec__=spec))

    def import_torch() -> None:
        signal.raise_signal(signal.SIGINT)
        assert not interrupts.received
        spec._initializing = False
        signal.sigtimedwait([], 20)

    with interrupts, pytest.raises(KeyboardInterrupt):
        import_torch()
    assert interrupts.received


@pytest.mark.parametrize("interrupted", [False, True])
def test_failing_destructors_are_reported_unless_an_interrupt_cut_them_short(
    interrupts: Interrupts, capsys: pytest.CaptureFixture[str], interrupted: bool
) -> None:
    class Failing:
        def __del__(self) -> None:
            raise RuntimeError("half taken down")

    with interrupts:
        if interrupted:
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        sys.unraisablehook, installed = interrupts._raise_again, sys.unraisablehook
        interrupts._unraisable = sys.__unraisablehook__
        Failing()
        sys.unraisablehook = installed
    assert ("half taken down" in capsys.readouterr().err) != interrupted


def test_ignored_signals_stay_ignored() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    handler = Interrupts(end=end)
    handler.install()
    try:
        with handler:
            signal.raise_signal(signal.SIGTERM)
        assert not handler.received
    finally:
        handler.restore()
        assert signal.signal(signal.SIGTERM, before) == signal.SIG_IGN


COMMAND = """
import atexit, signal, sys, time
from elmobench.cli import listing
from elmobench.cli.entry import main

def waits(*_, **__):
    try:
        print("running", flush=True)
        time.sleep(60)
    finally:
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        print("in order", flush=True)

def exiting():
    for _ in range(3):
        signal.raise_signal(signal.SIGTERM)
    print("at exit", flush=True)

atexit.register(exiting)
listing.listed = waits
sys.argv = ["elmobench", "list", "tasks"]
main()
"""


def test_three_interrupts_end_a_command_in_order_and_quietly(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        # A shell makes what it starts with & ignore Ctrl-C; ignored signals stay so.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert out == "in order\nat exit\n"
    assert err == ("interrupted: finished work is kept; run the same command again to continue\n")


_INSIDE_EXEC = """
import typer
def command(*arguments, **named):
    exec("raise KeyboardInterrupt")
typer.main.get_command = lambda app: command
from elmobench.cli.entry import main
main()
"""


def test_an_interrupt_inside_of_exec_ends_with_the_same_status(tmp_path: Path) -> None:
    """Dataclasses and named tuples execute code that they write.

    Python would end a program that is started with ``-m`` by SIGINT.
    """
    (tmp_path / "program.py").write_text(_INSIDE_EXEC)
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    ended = subprocess.run(
        [sys.executable, "-m", "program"], env=variables, capture_output=True, text=True
    )
    assert ended.returncode == INTERRUPTED
    assert ended.stderr.startswith("interrupted: ")
