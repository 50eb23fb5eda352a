"""The log of a training: one JSON object per line, cut where training resumes."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from elmobench.core.errors import ElmobenchWarning
from elmobench.core.files import put_aside, write_bytes
from elmobench.core.parsing import check_is_file
from elmobench.pretraining.writing import writing


class LogFile:
    """Rows of a training run, in ``log.jsonl``.

    Checkpoints contain the length and the digest of the log at their time. So rows that a killed
    run wrote after its last checkpoint are recognised, and damage is noticed.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, row: Mapping[str, Any]) -> None:
        """Write a row at the end. Raises ModelError if it cannot be written."""
        line = json.dumps(row, allow_nan=False) + "\n"
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as stream:
                stream.write(line)

    def state(self) -> dict[str, Any]:
        """Length in bytes and SHA-256 of the log as it is now, for a checkpoint."""
        with writing(self.path):
            data = self._bytes() if self.path.exists() else b""
        return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}

    def _bytes(self) -> bytes:
        check_is_file(self.path)
        return self.path.read_bytes()

    def cut(self, state: Mapping[str, Any] | None) -> None:
        """Remove what was written after a checkpoint; a log that is damaged is put aside.

        A warning says that it is, or that the log is missing.

        Args:
            state: of the checkpoint; None if training starts from the beginning.

        Raises:
            ModelError: if the log cannot be read or written.
        """
        with writing(self.path):
            if not self.path.exists():
                if state is not None and state["bytes"]:
                    self._warn("is missing, but the checkpoint was written with it")
                return
            if state is None:
                self.path.unlink()
                return
            data = self._bytes()
            kept = data[: state["bytes"]]
            if hashlib.sha256(kept).hexdigest() == state["sha256"]:
                if len(kept) < len(data):
                    write_bytes(self.path, kept)
                return
            aside = put_aside(self.path)
        self._warn(
            f"is not the log that the checkpoint was written with; it is put aside as {aside.name}"
        )

    def _warn(self, what: str) -> None:
        warnings.warn(f"{self.path}: {what}. A new log begins", ElmobenchWarning, stacklevel=3)
