"""Resolve the files of a catalog entry to local paths and check their digests."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError, ModelError
from elmobench.core.parsing import parsing
from elmobench.data.download.pins import pinned_below, unpin
from elmobench.features.catalog.entries import ModelEntry, ModelFile
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.catalog.file_state import FileState
from elmobench.features.catalog.hub_states import hub_needs_network, hub_states

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress


def file_states(entry: ModelEntry, base: Path | None, *, shipped: bool = False) -> list[FileState]:
    """Return the states of an entry's files, in the order of the entry.

    Args:
        entry: names the files.
        base: folder of the file that defines the entry.
        shipped: whether that file is part of this package.
    """
    if not entry.files and entry.options.get("repo") is not None:
        return hub_states(entry.options)
    return [_state(role, file, base, shipped) for role, file in entry.files.items()]


def _state(role: str, file: ModelFile, base: Path | None, shipped: bool) -> FileState:
    stated: Literal["entry"] | None = "entry" if file.sha256 else None
    if file.path is not None:
        try:
            path = find_model_path(file.path, base, role)
        except (ModelError, ConfigError):  # ConfigError: of a user who does not exist
            return FileState(role, file.path, False, None, file.sha256, stated, file.bytes, shipped)
        size = path.stat().st_size
        return FileState(role, file.path, False, path, file.sha256, stated, size, shipped)
    from elmobench.data.download.cache import cache_path, expected_of

    assert file.url is not None
    expected = expected_of(file.url, sha256=file.sha256, bytes=file.bytes)
    cached = cache_path(expected.sha256) if expected.sha256 else None
    return FileState(
        role,
        file.url,
        True,
        cached if cached is not None and os.path.isfile(cached) else None,
        expected.sha256,
        stated or ("pin" if expected.sha256 else None),
        expected.bytes,
    )


def missing_states(
    entry: ModelEntry, states: list[FileState], trust_first: bool = False
) -> list[FileState]:
    """Return those of an entry's states whose files must be fetched before the model is loaded.

    Neither this machine nor the mirror has them, or the mirror has one without a known digest,
    which loading accepts only with ``trust_first``.
    """
    from elmobench.data.download.cache import expected_of, needs_network

    absent = [state for state in states if state.remote and state.path is None]
    if absent and absent[0].place.startswith("hub:"):
        return absent if hub_needs_network(entry.options, states) else []
    return [
        state
        for state in absent
        if needs_network(state.place, expected_of(state.place, sha256=state.sha256))
        or not (trust_first or state.sha256)
    ]


def forget_pins(before: Iterable[FileState]) -> None:
    """Remove the pins that ``--trust-first`` has made since ``before``, and delete those files.

    Files of hub models stay in the hub's own cache, which other programs use as well.
    """
    from elmobench.data.download.cache import forget

    for file in before:
        if not file.remote or file.sha256 is not None:
            continue
        if file.place.startswith("hub:"):
            unpin(*pinned_below(file.place))
        else:
            forget(file.place)


def local_path(
    file: ModelFile,
    base: Path | None,
    where: str,
    trust_first: bool = False,
    progress: DownloadProgress | None = None,
) -> Path:
    """Return the local path of a catalog entry's file, fetched if missing and checked.

    Args:
        file: its location, and its digest and size if known.
        base: folder of the file that defines the entry.
        where: the entry, for messages.
        trust_first: accept a download without a known digest, and pin it.
        progress: called as bytes of a download arrive.

    Raises:
        ModelError: the file does not exist; the message lists the folders that were searched.
        DigestError: the content has another digest or size than the entry gives.
        DownloadError: the download failed.
    """
    if file.url is not None:
        from elmobench.data.download.cache import fetch

        return fetch(
            file.url,
            sha256=file.sha256,
            bytes=file.bytes,
            trust_first=trust_first,
            progress=progress,
        )
    assert file.path is not None
    path = find_model_path(file.path, base, where)
    size = path.stat().st_size
    if file.bytes is not None and size != file.bytes:
        raise DigestError(
            f"{path} has {size} bytes, but its entry says {file.bytes}",
            where=where,
            fix="fetch the file again, or correct the entry",
        )
    with parsing(path, ModelError):
        digest = cached_sha256(path) if file.sha256 is not None else None
    if digest != file.sha256:
        raise DigestError(
            f"{path} has sha256 {digest}, but its entry says {file.sha256}",
            where=where,
            fix="fetch the file again, or correct the entry",
        )
    return path


def find_model_path(path: str, base: Path | None, where: str, *, folder: bool = False) -> Path:
    """Find a file or folder in ``base`` (the current folder for None), then in ELMOBENCH_MODELS.

    Raises:
        ModelError: it does not exist, and the message lists every path that was tried; or there
            can be no such path.
        ConfigError: it is in the folder of a user who does not exist.
    """
    tried = []
    # The operating system refuses names that are too long, and folders that one may not open.
    with parsing(where, ModelError, what=f"cannot look for {path!r}"):
        wanted = paths.expanded(path, where)
        for root in (base or Path(), *paths.model_folders()):
            candidate = root / wanted
            if os.path.isdir(candidate) if folder else os.path.isfile(candidate):
                return candidate
            tried.append(str(candidate))
    kind = "folder" if folder else "file"
    if wanted.is_absolute():
        raise ModelError(f"no {kind} {path!r}", where=where, fix="put it there")
    raise ModelError(
        f"no {kind} {path!r}; tried {', '.join(tried)}",
        where=where,
        fix=f"put it there, or set {paths.MODELS_VARIABLE} to the folder that contains it",
    )
