"""Start ``worker.py`` and send it requests about one model."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from elmobench.core.errors import ElmobenchError, ModelError
from elmobench.core.parsing import parsing
from elmobench.core.quoting import quoted
from elmobench.features.allennlp.environment import WORKER, worker_environment
from elmobench.features.provider import FloatArray

_LAST_LINES: Final = 10
_END_SECONDS: Final = 10
_LONGEST_ANSWER: Final = 1 << 20


class WorkerProcess:
    """A process with AllenNLP and one model. It ends when this object is collected or closed.

    Args:
        python: of the reference environment.
        options: of the model.
        weights: of the model.
        name: of the features, for messages.

    Raises:
        ModelError: if AllenNLP cannot load the model; includes AllenNLP's message.
        ElmobenchError: if the process ends without an answer; includes its last lines of output.
    """

    def __init__(self, python: Path, options: Path, weights: Path, name: str) -> None:
        self._where = f"features {name!r}"
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="elmobench-allennlp-")
        self._log = Path(self._folder.name) / "log"
        variables = worker_environment() | {"ALLENNLP_CACHE_ROOT": self._folder.name}
        command = [str(python), "-I", str(WORKER), str(options.absolute()), str(weights.absolute())]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                encoding="ascii",
                errors="replace",
                env=variables,
            )
        self.close = weakref.finalize(self, _end, self._process, self._folder, os.getpid())
        try:
            self._answer()
        except ElmobenchError as error:
            self.close()
            raise ModelError(
                f"AllenNLP cannot load this model: {error.what}",
                where=self._where,
                fix="check that options and weights belong to the same published model; "
                f"`elmo:` supports more formats than AllenNLP ({weights})",
            ) from None

    def types(self, words: Sequence[str], threads: int) -> FloatArray:
        """Return (V, P): the character CNN's vectors. Raises ElmobenchError."""
        return self._array({"op": "types", "words": list(words), "threads": threads})

    def tokens(
        self, batches: Sequence[Sequence[Sequence[str]]], carry: bool, threads: int
    ) -> FloatArray:
        """Return (layers, tokens, 2P): the biLSTM's vectors of all tokens. Raises ElmobenchError.

        Args:
            batches: sentences that AllenNLP encodes together.
            carry: whether each row continues from the final states of the batch before, and not
                from zeros.
            threads: number of torch's threads.
        """
        return self._array(
            {"op": "tokens", "batches": _lists(batches), "carry": carry, "threads": threads}
        )

    def seconds(self, batches: Sequence[Sequence[Sequence[str]]], threads: int) -> float:
        """Return the time of AllenNLP's forward passes over ``batches``. Raises ElmobenchError."""
        request = {"op": "time", "batches": _lists(batches), "threads": threads}
        answer = self._ask(request)
        with parsing(self._where, ElmobenchError, what="AllenNLP's process gave no time"):
            return float(answer["seconds"])

    def _array(self, request: dict[str, Any]) -> FloatArray:
        out = Path(self._folder.name) / "vectors.npy"
        with self._lock:
            self._send({**request, "out": str(out)})
            with parsing(self._where, ElmobenchError, what="AllenNLP's process wrote no vectors"):
                vectors: FloatArray = np.load(out, allow_pickle=False)
            out.unlink()
        if vectors.dtype != np.float32 or not np.isfinite(vectors).all():
            raise ElmobenchError(
                "AllenNLP's process gave values that are not finite float32", where=self._where
            )
        return vectors

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            return self._send(request)

    def _send(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._ended() from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline(_LONGEST_ANSWER)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self._ended(line)
        if "error" in answer:
            raise ElmobenchError(f"AllenNLP failed: {answer['error']}", where=self._where)
        return answer

    def _ended(self, line: str = "") -> ElmobenchError:
        """Kill the process, which has ended or writes something else than answers."""
        self._process.kill()
        status = self._process.wait()
        text = self._log.read_text(encoding="utf-8", errors="replace") if self._log.exists() else ""
        last = "\n    ".join(text.strip().splitlines()[-_LAST_LINES:])
        what = f"wrote {quoted(line)} in place of" if line else "ended without"
        return ElmobenchError(
            f"AllenNLP's process {what} an answer (status {status}); its last output:\n    "
            + (last or "nothing"),
            where=self._where,
            fix="if memory ran out, use fewer or shorter sentences",
        )


def _lists(batches: Sequence[Sequence[Sequence[str]]]) -> list[list[list[str]]]:
    return [[list(sentence) for sentence in batch] for batch in batches]


def _end(
    process: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str], owner: int
) -> None:
    if os.getpid() != owner:
        return  # A forked child has a copy; process and folder belong to its parent.
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(BrokenPipeError):  # It may be gone already.
                stream.close()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    folder.cleanup()
