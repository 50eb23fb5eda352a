"""Temporary files of processes that were killed, and files that cannot be written."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from elmobench.core.errors import StoreError
from elmobench.core.files import (
    OTHER_HOST_SECONDS,
    atomic_path,
    remove_leftovers,
    temporary_path,
    write_text,
    writing,
)

_WRITE = """
import os, signal, sys
from pathlib import Path
from elmobench.core.files import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("written", flush=True)
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def _writer(path: Path, what: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", _WRITE, path, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    return process


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_stays(
    tmp_path: Path,
) -> None:
    _writer(tmp_path / "a.json", "die").wait()
    living = _writer(tmp_path / "b.json", "wait")
    assert len(list(tmp_path.iterdir())) == 2
    with atomic_path(tmp_path / "c.json") as own:
        own.write_text("mine")
        (removed,) = remove_leftovers(tmp_path)
        assert removed.name.startswith(".a.json.")
        assert not removed.exists()
    living.communicate(b"")
    assert (tmp_path / "b.json").read_text() == "half"
    assert (tmp_path / "c.json").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_another_machine_has_a_day(tmp_path: Path) -> None:
    _writer(tmp_path / "a.json", "die").wait()
    (left,) = tmp_path.iterdir()
    host, process, token = left.name.split(".")[-2].split("-")
    other = left.with_name(f".a.json.{'0' * len(host)}-{process}-{token}.part")
    left.rename(other)
    assert remove_leftovers(tmp_path) == []
    then = other.stat().st_mtime - OTHER_HOST_SECONDS - 1
    os.utime(other, (then, then))
    assert remove_leftovers(tmp_path) == [other]


def test_only_the_names_and_folders_asked_for(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    for name in ("a.json", "a.txt", "inner/b.json"):
        _writer(tmp_path / name, "die").wait()
    write_text(tmp_path / ".a.json.part", "somebody else's")
    assert remove_leftovers(tmp_path / "absent") == []
    assert [path.name[:8] for path in remove_leftovers(tmp_path, "*.json")] == [".a.json."]
    removed = remove_leftovers(tmp_path, deep=True)
    assert [path.name.rpartition(".")[0].rpartition(".")[0] for path in removed] == [
        ".a.txt",
        ".b.json",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [".a.json.part"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path: Path) -> None:
    full = Path("/dev/full")
    with (
        pytest.raises(StoreError, match=r"/dev/full: cannot be written: No space left.*\n.*room"),
        writing(full, StoreError),
    ):
        full.write_text("text")
    with (
        pytest.raises(StoreError, match=r"x: cannot be written: .*\n  -> go away"),
        writing(Path("x"), StoreError, fix="go away"),
    ):
        save_file({"x": torch.zeros(3)}, tmp_path / "no" / "folder")
    with pytest.raises(KeyError), writing(full):
        raise KeyError("a fault passes")


def test_a_failed_write_names_the_file(tmp_path: Path) -> None:
    with (
        pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'a.json'}'"),
        atomic_path(tmp_path / "a.json"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(FileNotFoundError, match="another"), atomic_path(tmp_path / "a.json"):
        (tmp_path / "another").read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_a_private_folder_takes_what_a_library_creates_beside(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.bin", private=True) as temporary:
        assert temporary.parent != tmp_path
        (temporary.parent / ".tmpXYZ").write_text("a file of the library")
        save_file({"x": torch.zeros(3)}, temporary)
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]
    code = _WRITE.replace("(Path(sys.argv[1]))", "(Path(sys.argv[1]), private=True)")
    subprocess.run([sys.executable, "-c", code, tmp_path / "b.bin", "die"], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    assert len(remove_leftovers(tmp_path)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.bin"]


def test_a_name_for_something_temporary_is_known_by_its_process(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from elmobench.core.files import temporary_path\n"
        "temporary_path(Path(sys.argv[1]) / 'folder').mkdir()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    mine = temporary_path(tmp_path / "folder")
    mine.mkdir()
    (removed,) = remove_leftovers(tmp_path)
    assert removed.name.startswith(".folder.")
    assert list(tmp_path.iterdir()) == [mine]


def test_the_file_in_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").mkdir()
    with (
        pytest.raises(StoreError, match=r"card\.yaml: cannot be written: Is a directory"),
        writing(tmp_path, StoreError),
    ):
        write_text(tmp_path / "card.yaml", "x")
    # A temporary file is not what the user knows.
    with pytest.raises(StoreError) as caught, writing(tmp_path, StoreError):
        raise OSError(28, "No space left on device", str(temporary_path(tmp_path / "a.yaml")))
    assert caught.value.where == str(tmp_path)
