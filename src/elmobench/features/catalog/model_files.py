"""From a catalog entry's files to local paths whose digests have been checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from elmobench.core import paths
from elmobench.core.errors import DigestError, ModelError
from elmobench.data.download.pins import pinned_below, unpin
from elmobench.features.catalog.entries import ModelEntry, ModelFile
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.catalog.file_state import FileState
from elmobench.features.catalog.hub_states import hub_states

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress


def file_states(entry: ModelEntry, base: Path | None, *, shipped: bool = False) -> list[FileState]:
    """The states of an entry's files, in its order.

    Args:
        entry: what to look for.
        base: folder of the file that defines the entry.
        shipped: whether that file comes with this package.
    """
    if not entry.files and entry.options.get("repo") is not None:
        return hub_states(entry.options)
    return [_state(role, file, base, shipped) for role, file in entry.files.items()]


def _state(role: str, file: ModelFile, base: Path | None, shipped: bool) -> FileState:
    stated: Literal["entry"] | None = "entry" if file.sha256 else None
    if file.path is not None:
        try:
            path = find_model_path(file.path, base, role)
        except ModelError:
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
        cached if cached is not None and cached.is_file() else None,
        expected.sha256,
        stated or ("pin" if expected.sha256 else None),
        expected.bytes,
    )


def forget_pins(before: Iterable[FileState]) -> None:
    """Undo what ``--trust-first`` pinned since ``before``, and drop those files.

    The files of the hub stay in its own cache, which is not ours.
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
    """The checked local file of a catalog entry.

    Args:
        file: where it is and what it must be.
        base: folder of the file that defines the entry.
        where: the entry, for messages.
        trust_first: accept and pin a download whose digest nobody knows.
        progress: called as bytes of a download arrive.

    Raises:
        ModelError: no such file; names the folders that were tried.
        DigestError: the content is not what the entry says.
        DownloadError: the address could not be fetched.
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
    if file.sha256 is not None and cached_sha256(path) != file.sha256:
        raise DigestError(
            f"{path} has sha256 {cached_sha256(path)}, but its entry says {file.sha256}",
            where=where,
            fix="fetch the file again, or correct the entry",
        )
    return path


def find_model_path(path: str, base: Path | None, where: str, *, folder: bool = False) -> Path:
    """A file (or folder) looked up in ``base`` (else here), then in ELMOBENCH_MODELS.

    Raises:
        ModelError: names every place that was tried.
    """
    wanted = Path(path).expanduser()
    tried = []
    for root in (base or Path(), *paths.model_folders()):
        found = root / wanted
        if found.is_dir() if folder else found.is_file():
            return found
        tried.append(str(found))
    kind = "folder" if folder else "file"
    if wanted.is_absolute():
        raise ModelError(f"no {kind} {path!r}", where=where, fix="put it there")
    raise ModelError(
        f"no {kind} {path!r}; tried {', '.join(tried)}",
        where=where,
        fix=f"put it there, or set {paths.MODELS_VARIABLE} to the folder that holds it",
    )
