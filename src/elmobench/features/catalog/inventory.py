"""Information about the models of the catalog, for tables and pages, without loading them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.file_state import FileState

_PINNED: Final = "pinned by you with --trust-first"
_UNKNOWN: Final = "unknown: needs --trust-first, which pins the digest of the download"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model of the catalog.

    Attributes:
        name: as written in a features spec.
        entry: from the catalog.
        files: states of its files.
        builtin: whether the entry is part of this package.
    """

    name: str
    entry: ModelEntry
    files: tuple[FileState, ...]
    builtin: bool

    @property
    def state(self) -> str:
        """Whether the model can be used now, and if not, what is needed; see :func:`state_of`."""
        return state_of(self.files)

    @property
    def bytes(self) -> int | None:
        """Size of all its files; None if it has no files, or if the size of one is unknown."""
        known = [file.bytes for file in self.files if file.bytes is not None]
        if known and len(known) == len(self.files):
            return sum(known)
        return self.entry.bytes

    @property
    def fetch_command(self) -> str | None:
        """The command that fetches it; None if it is on this machine or has no address."""
        trust = {"to fetch": "", "needs --trust-first": " --trust-first"}.get(self.state)
        return None if trust is None else f"elmobench models fetch {self.name}{trust}"

    def row(self) -> dict[str, Any]:
        """Return all fields, as JSON values."""
        expect = self.entry.expect
        return {
            "name": self.name,
            "provider": self.entry.provider,
            "description": self.entry.description,
            "state": self.state,
            "parameters": expect.parameters,
            "dim": expect.dim,
            "layers": expect.layers,
            "bytes": self.bytes,
            "version": self.entry.version,
            "trained_on": self.entry.trained_on,
            "licence": self.entry.licence,
            "citation": self.entry.citation,
            "homepage": self.entry.homepage,
            "options": self.entry.model_dump(mode="json")["options"],
            "files": {file.role: self._file(file) for file in self.files},
        }

    def _file(self, file: FileState) -> dict[str, Any]:
        place = "path" if not file.remote else "hub" if file.place.startswith("hub:") else "url"
        row: dict[str, Any] = {place: file.place.removeprefix("hub:"), "bytes": file.bytes}
        if file.remote or file.sha256 is not None:  # the user's own local files need no digest
            stated = "published" if self.builtin else "stated by your entry"
            digest = {"entry": stated, "pin": _PINNED, None: _UNKNOWN}[file.digest_from]
            row |= {"sha256": file.sha256, "digest": digest}
        return row | {"here": str(file.path) if file.path is not None else None}


def state_of(files: Sequence[FileState]) -> str:
    """Return the state of a model with these files.

    One of ``no network needed``, ``shipped``, ``local``, ``file missing``, ``fetched``, ``pinned``
    (fetched, with a digest that the user pinned), ``to fetch``, ``needs --trust-first``.
    """
    if not files:
        return "no network needed"
    if any(file.path is None and not file.remote for file in files):
        return "file missing"
    if not any(file.remote for file in files):
        return "shipped" if all(file.shipped for file in files) else "local"
    if any(file.remote and file.sha256 is None for file in files):
        return "needs --trust-first"
    if any(file.path is None for file in files):
        return "to fetch"
    return "pinned" if any(file.digest_from == "pin" for file in files) else "fetched"


def model_info(catalog: ModelCatalog, name: str) -> ModelInfo:
    """Return what is known about the model ``name`` without loading it.

    Raises:
        UnknownNameError, ConfigError, ModelError: as :meth:`ModelCatalog.entry` does.
    """
    files = tuple(catalog.files(name))
    return ModelInfo(name, catalog.entry(name), files, catalog.is_builtin(name))


def describe_model(info: ModelInfo) -> dict[str, Any]:
    """Return the known fields of a model and ways to use it; unknown fields are left out."""
    row = {key: value for key, value in info.row().items() if value not in (None, "", {})}
    del row["name"]
    return {**row, "use": _uses(info)}


def _uses(info: ModelInfo) -> list[str]:
    """How to write the model in an experiment's ``features`` and on the command line."""
    uses = [info.name]
    if info.entry.provider == "static":
        uses.append(f"{info.name}(trainable)")
    if (info.entry.expect.layers or 1) > 1:
        uses.append(f"{info.name}@layer=1")
    return [info.fetch_command, *uses] if info.fetch_command else uses
