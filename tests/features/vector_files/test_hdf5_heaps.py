"""Damaged heaps of HDF5 files, in which the HDF5 library hangs."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from elmobench.core.errors import ModelError
from elmobench.features.vector_files.hdf5_heaps import CheckedHeaps
from elmobench.features.vector_files.provider import VectorFileProvider

TEXT = '{"format": 1, "made_by": "' + "caf\u00e9 " * 30 + '"}'


def write(path: Path) -> bytes:
    """A file with an attribute and AllenNLP's index in heaps."""
    with h5py.File(path, "w") as file:
        file["0"] = np.ones((2, 1, 3), dtype="f4")
        file.create_dataset("sentence_to_index", (1,), h5py.string_dtype())[0] = '{"The": "0"}'
        for number in range(40):  # more than one heap of 4,096 bytes
            file.attrs[f"more-{number}"] = TEXT
        file.attrs["elmobench"] = TEXT
    return path.read_bytes()


def test_sound_heaps_are_read_as_they_are(tmp_path: Path) -> None:
    data = write(tmp_path / "x.hdf5")
    assert data.count(b"GCOL") > 1
    with CheckedHeaps(tmp_path / "x.hdf5") as stream:
        buffer = bytearray(len(data))
        assert stream.readinto(memoryview(buffer)) == len(data)
        assert bytes(buffer) == data
        assert stream.tell() == len(data)
    with CheckedHeaps(tmp_path / "x.hdf5") as stream, h5py.File(stream, "r") as file:
        assert file.attrs["elmobench"] == TEXT
    assert VectorFileProvider.from_file(tmp_path / "x.hdf5").num_layers == 2


def test_free_space_of_size_zero(tmp_path: Path) -> None:
    data = bytearray(write(tmp_path / "x.hdf5"))
    heap = data.index(b"GCOL")
    data[heap + 200 : heap + 4096] = bytes(3896)
    (tmp_path / "x.hdf5").write_bytes(bytes(data))
    with CheckedHeaps(tmp_path / "x.hdf5") as stream:
        buffer = bytearray(len(data))
        stream.readinto(memoryview(buffer))
    assert buffer[heap : heap + 4] == bytes(4)
    with pytest.raises(ModelError, match="not a readable HDF5 file"):
        VectorFileProvider.from_file(tmp_path / "x.hdf5")
