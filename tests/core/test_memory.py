import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from elmobench.core import memory

_linux = pytest.mark.skipif(sys.platform != "linux", reason="the system's own numbers are Linux's")


@_linux
def test_own_memory_counts_what_is_written_and_not_what_is_mapped(tmp_path: Path) -> None:
    size = 64 << 20
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    before, files_before = memory.own_memory_bytes(), memory.mapped_memory_bytes()
    mapped = np.memmap(path, dtype=np.uint8, mode="r")
    assert int(mapped.sum()) == 0
    # Other memory may come and go meanwhile: half of the size separates the two cases.
    assert memory.own_memory_bytes() - before < size / 2
    assert memory.mapped_memory_bytes() - files_before > size / 2
    # New pages, where an array may get memory that the process had before.
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as written:
        written.write(b"1" * size)
        assert memory.own_memory_bytes() - before > size / 2


@_linux
def test_freed_memory_is_returned() -> None:
    blocks = [bytearray(100_000) for _ in range(600)]
    full = memory.own_memory_bytes()
    del blocks[:-1]  # The last one is above the others in the heap.
    memory.return_freed_memory()
    assert memory.own_memory_bytes() < full - 30_000_000


def test_available_memory_is_at_most_the_machines() -> None:
    import psutil

    assert 0 <= memory.available_memory_bytes() <= psutil.virtual_memory().total


@pytest.mark.parametrize(
    ("files", "room"),
    [
        ({}, None),
        ({"memory.max": "max\n"}, None),
        (
            {
                "memory.max": "1000\n",
                "memory.current": "700\n",
                "memory.stat": "anon 500\ninactive_file 150\n",
            },
            450,
        ),
        (
            {"memory.max": "1000\n", "memory.current": "1200\n", "memory.stat": "anon 1200\n"},
            0,
        ),
        (
            {
                "memory/memory.limit_in_bytes": "2000\n",
                "memory/memory.usage_in_bytes": "500\n",
                "memory/memory.stat": "cache 1\ntotal_inactive_file 100\n",
            },
            1600,
        ),
        ({"memory.max": "unreadable\n", "memory.current": "1\n", "memory.stat": ""}, None),
    ],
    ids=["none", "no limit", "version 2", "over the limit", "version 1", "unreadable"],
)
def test_room_of_a_control_group(tmp_path: Path, files: dict[str, str], room: int | None) -> None:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    assert memory._cgroup_room(tmp_path) == room
