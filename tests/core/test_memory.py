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
    before = memory.own_memory_bytes()
    mapped = np.memmap(path, dtype=np.uint8, mode="r")
    assert int(mapped.sum()) == 0
    # Other memory may come and go meanwhile: half of the size separates the two cases.
    assert memory.own_memory_bytes() - before < size / 2
    written = np.ones(size, dtype=np.uint8)
    assert memory.own_memory_bytes() - before > size / 2
    assert written[0] == 1


@_linux
def test_freed_memory_is_returned() -> None:
    blocks = [bytearray(100_000) for _ in range(600)]
    full = memory.own_memory_bytes()
    del blocks[:-1]  # The last one is above the others in the heap.
    memory.return_freed_memory()
    assert memory.own_memory_bytes() < full - 30_000_000
