"""States of the files of hub models: entries with the options ``repo`` and ``revision``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from elmobench.core import paths
from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing
from elmobench.data.download.pins import pinned_below
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.file_state import FileState


def hub_address(options: Mapping[str, Any]) -> str:
    """Return the prefix of the files' pins: ``hub:REPO@REVISION/``."""
    return f"hub:{options['repo']}@{options.get('revision')}/"


def at_revision(entry: ModelEntry, revision: str | None) -> ModelEntry:
    """Return the entry at another commit of its hub model, without the digests of its own."""
    if revision is None or revision == entry.options.get("revision"):
        return entry
    options = {key: value for key, value in entry.options.items() if key != "sha256"}
    return entry.model_copy(update={"options": options | {"revision": revision}})


def hub_states(options: Mapping[str, Any]) -> list[FileState]:
    """Return the states of the files; a single one for all files while no digests are known.

    Args:
        options: ``repo``, ``revision``, and optionally ``sha256``: digests by file name.

    Raises:
        ModelError: if the hub cannot have a model or file of such a name.
    """
    address = hub_address(options)
    stated: Mapping[str, str] = options.get("sha256") or {}
    known: list[tuple[str, str, int | None]]
    if stated:
        known = [(name, digest, None) for name, digest in stated.items()]
    else:
        pins = sorted(pinned_below(address).items())
        known = [(url.removeprefix(address), p["sha256"], p["bytes"]) for url, p in pins]
    if not known:
        return [FileState("files", address, True, None, None, None, None)]
    states = []
    for name, digest, size in known:
        with parsing(f"{address}{name}", ModelError, what="is no file of a hub model"):
            path = _local(str(options["repo"]), str(options.get("revision")), name)
        states.append(
            FileState(
                role=name,
                place=f"{address}{name}",
                remote=True,
                path=path,
                sha256=digest,
                digest_from="entry" if stated else "pin",
                bytes=path.stat().st_size if path is not None else size,
            )
        )
    return states


def hub_needs_network(options: Mapping[str, Any], states: Sequence[FileState]) -> bool:
    """Whether loading a hub model with these states would download files."""
    mirror = paths.mirror()
    if mirror is not None:
        with parsing(hub_address(options), ModelError, what="is no hub model"):
            return not _mirror_folder(mirror, options["repo"], options.get("revision")).is_dir()
    return any(state.path is None for state in states)


def _mirror_folder(mirror: Path, repo: object, revision: object) -> Path:
    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    return mirror / host / str(repo) / "resolve" / str(revision)


def _local(repo: str, revision: str, name: str) -> Path | None:
    """The local file: in the mirror if one is set, else in the hub's own cache."""
    from huggingface_hub import try_to_load_from_cache

    mirror = paths.mirror()
    if mirror is not None:
        path = _mirror_folder(mirror, repo, revision) / name
        return path if path.is_file() else None
    cached = try_to_load_from_cache(repo, name, revision=revision)
    return Path(cached) if isinstance(cached, str) else None
