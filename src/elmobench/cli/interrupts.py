"""Ctrl-C, SIGTERM and SIGHUP: the first one lets the command stop in order, later ones end it.

Schedulers send SIGTERM, and a terminal that is closed sends SIGHUP. Imports only the standard
library, so that it works before the commands are imported.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

INTERRUPTED = 130
"""Exit status of an interrupted command: 128 and the number of SIGINT."""

SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_SAME_INTERRUPT_SECONDS = 1.0
"""Signals so soon after the first one count as the same request: people press Ctrl-C twice, and
schedulers send SIGTERM to a process and to its group."""

_AGAIN_SECONDS = 0.01
_AT_ONCE = b"interrupted: stopped at once; run the same command again to continue\n"


class Interrupts:
    """Handles the signals that end a command.

    Before the command runs and after it, when there is nothing to put in order, a signal ends the
    process. The first one while it runs raises KeyboardInterrupt. Those of the next second do
    nothing, so that what the command does at its end is not disturbed; a later one ends the process
    in the middle of it, which loses nothing: files appear under their names when they are whole.

    Args:
        clock: the time in seconds.
        end: ends the process with a status, at once.

    Attributes:
        received: whether a signal came while the command ran.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], object] = os._exit,
    ) -> None:
        self.received = False
        self._running = False
        self._first = 0.0
        self._clock, self._end = clock, end
        self._before: dict[int, Any] = {}
        self._unraisable = sys.unraisablehook

    def install(self) -> None:
        """Handle the signals from now on, but not those that the parent made this process ignore.

        ``nohup`` is an example; also scripts, of SIGINT for what they put into the background.
        """
        for number in SIGNALS:
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self)
        self._unraisable, sys.unraisablehook = sys.unraisablehook, self._raise_again
        atexit.register(self._ignore)  # before all others, so that it is called after them

    def __enter__(self) -> Interrupts:
        """The command begins: a signal raises KeyboardInterrupt."""
        self._running = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> bool:
        """The command has ended: a signal ends the process.

        Returns:
            True if a signal was received: libraries raise errors of their own in place of
            KeyboardInterrupt, which are no faults.
        """
        self._running = False
        return self.received

    def restore(self) -> None:
        """Handle the signals as before."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        sys.unraisablehook = self._unraisable
        atexit.unregister(self._ignore)

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """The handler of the signals."""
        if self._running and not self.received:
            if _imports_torch():
                self._send_again(number)
                return
            self.received = True
            self._first = self._clock()
            raise KeyboardInterrupt
        if self.received and self._clock() - self._first < _SAME_INTERRUPT_SECONDS:
            return
        if self._running or not self.received:
            with suppress(OSError):
                os.write(2, _AT_ONCE)
        self._end(INTERRUPTED)

    def _ignore(self) -> None:
        """Keep the exit status while Python ends, when it takes its handlers back."""
        for number in self._before:
            signal.signal(number, signal.SIG_IGN)

    def _raise_again(self, lost: sys.UnraisableHookArgs) -> None:
        """Raise a KeyboardInterrupt again that Python had to drop, as in a destructor.

        Destructors of libraries that it cut short fail later, which says nothing to the user.
        """
        if self._running and issubclass(lost.exc_type, KeyboardInterrupt):
            self.received = False
            self._send_again(next(iter(self._before)))
        elif not self.received:
            self._unraisable(lost)

    def _send_again(self, number: int) -> None:
        """Send the signal again soon, from another thread, or this one would never go on."""
        again = threading.Timer(_AGAIN_SECONDS, os.kill, [os.getpid(), number])
        again.daemon = True
        again.start()


def _imports_torch() -> bool:
    """Whether torch is being imported: its compiled parts end the process at an exception."""
    spec = getattr(sys.modules.get("torch"), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))
