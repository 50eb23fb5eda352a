"""From a catalogue entry's files to local paths whose digests have been checked."""

from __future__ import annotations

from pathlib import Path

from elmobench import paths
from elmobench.errors import DigestError, ModelError
from elmobench.features.entries import ModelFile
from elmobench.features.file_digests import cached_sha256


def local_path(file: ModelFile, base: Path | None, where: str, trust_first: bool = False) -> Path:
    """The checked local file of a catalogue entry.

    Args:
        file: where it is and what it must be.
        base: folder of the file that defines the entry.
        where: the entry, for messages.
        trust_first: accept and pin a download whose digest nobody knows.

    Raises:
        ModelError: no such file; names the folders that were tried.
        DigestError: the content is not what the entry says.
        DownloadError: the address could not be fetched.
    """
    if file.url is not None:
        from elmobench.data.downloads import fetch

        return fetch(file.url, sha256=file.sha256, bytes=file.bytes, trust_first=trust_first)
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
