"""Models that are named by a path: the files that elmobench wrote have digests beside them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from elmobench.core.digests import file_sha256
from elmobench.core.errors import DigestError, ModelError
from elmobench.core.parsing import parsing
from elmobench.features.catalog.entries import read_entries
from elmobench.features.catalog.sealed_text import is_sealed

_CATALOG = "models.yaml"


def check_stated_digests(files: Iterable[Path]) -> None:
    """Compare files with the digests that the ``models.yaml`` in their folder states.

    Only the one that pre-training writes counts, which has a digest of its own: other folders may
    hold a file of that name which is about something else.

    Args:
        files: of one model.

    Raises:
        DigestError: a file has another content.
        ConfigError: the ``models.yaml`` is damaged.
        ModelError: a file cannot be read.
    """
    stated: dict[Path, dict[str, str]] = {}
    for file in files:
        catalog = file.parent / _CATALOG
        if catalog not in stated:
            stated[catalog] = _digests(catalog)
        expected = stated[catalog].get(file.name)
        if expected is None:
            continue
        with parsing(file, ModelError):
            found = file_sha256(file)
        if found != expected:
            raise DigestError(
                f"does not have the digest that {catalog} states: it is damaged or was changed",
                where=str(file),
                fix="copy or train the model again; if the change is yours, delete "
                f"{_CATALOG} and name the folder",
            )


def _digests(catalog: Path) -> dict[str, str]:
    """SHA-256 by name of the files that a catalog of ours lists; nothing for others."""
    with parsing(catalog, ModelError):
        if not catalog.is_file() or not is_sealed(catalog):
            return {}
    return {
        file.path: file.sha256
        for entry in read_entries(catalog).values()
        for file in entry.files.values()
        if file.path is not None and file.sha256 is not None
    }
