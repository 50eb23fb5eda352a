"""The folder of a training: one process at a time, and nothing left of killed ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from elmobench.core import files
from elmobench.core.errors import ConfigError, ModelError
from elmobench.pretraining.run_folder import COOCCURRENCES, EXPORT, run_folder

HOLD = """
import sys, time
from pathlib import Path
from elmobench.pretraining.run_folder import run_folder
with run_folder(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_at_a_time_and_none_after_a_kill(tmp_path: Path) -> None:
    out = tmp_path / "m"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(ConfigError, match=r"m: another process trains into this folder"),
            run_folder(out),
        ):
            pass
        holder.kill()
    with run_folder(out):
        pass


def test_the_left_overs_of_a_killed_process_are_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    kept, left = [], []
    for folder in (tmp_path, tmp_path / "checkpoints"):
        folder.mkdir(exist_ok=True)
        # The name of a temporary file of a process that has ended, and of one that runs.
        for process, names in ((ended.pid, left), (os.getpid(), kept)):
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", lambda process=process: process)
                with files.atomic_path(folder / "weights.hdf5") as temporary:
                    names.append(temporary)
        (folder / COOCCURRENCES).mkdir()
        (folder / EXPORT).mkdir()
        (folder / EXPORT / "config.json").write_text("{")
        (folder / "weights.hdf5").unlink()
    for path in (*kept, *left):
        path.write_bytes(b"half")
    with run_folder(tmp_path):
        assert [path.exists() for path in kept] == [True, True]
        assert [path.exists() for path in left] == [False, False]
        assert not list(tmp_path.rglob(COOCCURRENCES))
        assert not list(tmp_path.rglob(EXPORT))


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match=r"cannot be written"), run_folder(tmp_path / "file" / "m"):
        pass
