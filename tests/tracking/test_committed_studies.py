"""The committed studies are packed, and lose nothing by it."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from elmobench.tracking.packed import PACKED_FILES, RECORDS
from elmobench.tracking.packing import pack, unpack
from elmobench.tracking.record_store import RecordStore

ROOT = Path(__file__).resolve().parents[2]

STUDIES = sorted(path.parent for path in (ROOT / "results").rglob("experiment.json"))


LARGE = 4_000_000
"""Bytes of packed predictions. Packing more takes a minute, and tests no other code."""


@pytest.mark.nightly
@pytest.mark.parametrize("study", STUDIES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_committed_study_survives_unpacking_and_packing(study: Path, tmp_path: Path) -> None:
    if not (study / RECORDS).exists():
        pytest.skip("not packed: a run of this machine")
    packed = {name: (study / name) for name in PACKED_FILES if (study / name).exists()}
    if sum(path.stat().st_size for path in packed.values()) > LARGE:
        records = list(RecordStore(study))  # reads and checks each
        assert len(records) == len(RecordStore(study).cell_names()) > 0
        return
    copy = tmp_path / "copy"
    copy.mkdir()
    for name, path in packed.items():
        (copy / name).write_bytes(path.read_bytes())
    unpack(copy)
    store, original = RecordStore(copy), RecordStore(study)
    assert store.cell_names() == original.cell_names() != []
    for cell in store.cell_names():
        assert store.read(cell) == original.read(cell)
    # Packing compares the packed files with the single files before it removes those.
    pack(copy)
    assert sorted(path.name for path in copy.iterdir()) == sorted(packed)
    for name, path in packed.items():
        assert uncompressed(copy / name) == uncompressed(path)


def uncompressed(path: Path) -> dict[str, bytes]:
    """The content of a packed file, which unlike its bytes does not depend on zlib's version."""
    if path.suffix == ".gz":
        return {"": gzip.decompress(path.read_bytes())}
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_committed_studies_have_at_most_ten_files() -> None:
    for study in STUDIES:
        if (study / RECORDS).exists():
            files = [path.name for path in study.rglob("*") if path.is_file()]
            ignored = {"report.html", "report.tex"}
            assert len(set(files) - ignored) <= 10, study
