"""Models that are named by a path are compared with the digests that pre-training wrote."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError, DigestError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.catalog.sealed_text import seal_text

VECTORS = b"the 0.1 0.2\ncat 0.3 0.4\n"
ENTRY = """\
models:
  mine:
    provider: static
    files:
      vectors: {path: vectors.txt, sha256: %s}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "vectors.txt").write_bytes(VECTORS)
    text = ENTRY % hashlib.sha256(VECTORS).hexdigest()
    (tmp_path / "models.yaml").write_text(seal_text(text))
    return tmp_path


def first_value(folder: Path, name: str = "vectors.txt") -> float:
    (vectors,) = load_provider(f"static:{folder / name}").encode([["the"]])
    return float(vectors[0, 0, 0])


def test_a_changed_file_is_an_error_that_names_both(folder: Path) -> None:
    assert first_value(folder) == pytest.approx(0.1)
    (folder / "vectors.txt").write_bytes(VECTORS.replace(b"0.1", b"0.7"))
    with pytest.raises(DigestError, match=r"vectors\.txt: does not have the digest.*models\.yaml"):
        first_value(folder)
    (folder / "models.yaml").unlink()  # what the message advises
    assert first_value(folder) == pytest.approx(0.7)


def test_a_damaged_catalog_beside_the_model_is_an_error(folder: Path) -> None:
    path = folder / "models.yaml"
    path.write_text(path.read_text().replace("mine", "nine"))
    with pytest.raises(ConfigError, match=r"models\.yaml: is damaged or was edited"):
        first_value(folder)


def test_other_files_and_other_catalogs_are_not_compared(folder: Path) -> None:
    (folder / "other.txt").write_bytes(VECTORS.replace(b"0.1", b"0.7"))
    assert first_value(folder, "other.txt") == pytest.approx(0.7)
    (folder / "vectors.txt").write_bytes(VECTORS.replace(b"0.1", b"0.5"))
    (folder / "models.yaml").write_text(ENTRY % ("0" * 64))  # written by a person
    assert first_value(folder) == pytest.approx(0.5)
    (folder / "models.yaml").write_bytes(b"\xff[[[ not about models")
    assert first_value(folder) == pytest.approx(0.5)
