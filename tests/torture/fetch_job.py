"""Downloads as a job: files without known digests, which are pinned."""

from __future__ import annotations

import hashlib
import json
from typing import Any, ClassVar

from tests.torture.jobs import Job, Phase
from tests.torture.workspace import Workspace, elmobench

TASK = "sentiment/fetched"


class FetchJob(Job):
    """``elmobench data fetch --trust-first``; the mirror stands for the network."""

    name = "fetch"
    phases: ClassVar = {"start": Phase(), "downloading": Phase(("/home/",))}

    def command(self, space: Workspace, launcher: str, *, tracked: bool = False) -> list[str]:
        """See :class:`~tests.torture.jobs.Job`."""
        arguments = ["data", "fetch", TASK, "--include", str(space.inputs.cards)]
        return elmobench([*arguments, "--trust-first"])

    def snapshot(self, space: Workspace) -> dict[str, Any]:
        """The pinned digests and the files."""
        pins = json.loads((space.home / "trusted.json").read_text())
        data = sorted(path for path in (space.home / "data").rglob("*") if path.is_file())
        return {
            "pins": pins,
            "files": [
                (str(path.relative_to(space.home)), hashlib.sha256(path.read_bytes()).hexdigest())
                for path in data
                if path.suffix != ".lock"
            ],
        }
