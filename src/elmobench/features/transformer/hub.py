"""Fetch models of the Hugging Face hub at a fixed commit, with checked digests."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError, DownloadError
from elmobench.data.download.pins import pin_all, pinned_below
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.transformer.files import CONFIG, PUBLISHED, check_complete, folder_files

HUB_NAME: Final = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_TIMEOUT: Final = 10.0
"""Seconds to wait for the hub's answer."""


def hub_files(
    repo: str,
    revision: str | None,
    known: Mapping[str, str],
    where: str,
    trust_first: bool = False,
) -> dict[str, Path]:
    """Return the local files of a hub model by name, fetched if missing and checked.

    The files are in the hub's own cache. If ELMOBENCH_MIRROR is set, they are read from
    ``HOST/REPO/resolve/REVISION`` in that folder instead, without any network access.

    Args:
        repo: the model's name on the hub.
        revision: 40 hex digits of a commit.
        known: SHA-256 of its files by name. It is complete if it has the configuration; otherwise
            the digests that an earlier ``trust_first`` pinned are added.
        where: the features, for messages.
        trust_first: accept files without known digests, and pin them.

    Raises:
        ConfigError: ``revision`` is not a complete commit id.
        DigestError: no digests are known and ``trust_first`` is false, or a file has another
            digest.
        DownloadError: the hub does not answer, or does not have the model.
    """
    if revision is None or not _COMMIT.fullmatch(revision):
        problem = "no revision is given" if revision is None else f"the revision is {revision!r}"
        raise ConfigError(
            f"a hub model is read at one commit, and {problem}",
            where=where,
            fix=f"write bert:{repo}@revision= and the 40 hex digits of a commit "
            "(the hub lists them under 'Files and versions', 'History')",
        )
    address = f"hub:{repo}@{revision}/"
    digests = dict(known)
    if CONFIG not in known:
        pins = pinned_below(address)
        digests = {url.removeprefix(address): row["sha256"] for url, row in pins.items()} | digests
    complete = CONFIG in digests
    if not complete and not trust_first:
        raise DigestError(
            "the digests of this model's files are unknown",
            where=where,
            fix="accept and pin the first download with --trust-first, "
            "or give the digests in a catalog entry (option sha256)",
        )
    names = tuple(digests) if complete else PUBLISHED
    files = _obtain(repo, revision, names, where)
    for name, digest in digests.items():
        if name not in files:
            raise DownloadError(
                f"{repo} at {revision} lacks its file {name}",
                where=where,
                fix="try again; remove the model from the hub's cache if that does not help",
            )
        if (actual := cached_sha256(files[name])) != digest:
            raise DigestError(
                f"{files[name]} has sha256 {actual}, expected {digest}",
                where=where,
                fix="remove the model from the hub's cache and fetch it again",
            )
    if not complete:
        check_complete(files, where)
        pin_all(
            {
                f"{address}{name}": {"sha256": cached_sha256(path), "bytes": path.stat().st_size}
                for name, path in files.items()
            }
        )
    return {name: path for name, path in files.items() if not complete or name in digests}


def _obtain(repo: str, revision: str, names: tuple[str, ...], where: str) -> dict[str, Path]:
    """Return the files of ``names`` (file names or patterns) from the cache, mirror or hub."""
    mirror = paths.mirror()
    if mirror is not None:
        return _mirrored(repo, revision, mirror, where)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    if not any("*" in name for name in names):
        # A commit does not change, so complete cached files need no request.
        try:
            cached = snapshot_download(repo, revision=revision, local_files_only=True)
        except LocalEntryNotFoundError:
            cached = None
        if cached is not None:
            files = folder_files(Path(cached))
            if set(names) <= set(files):
                return files
    return folder_files(_download(repo, revision, names, where))


def _download(repo: str, revision: str, names: tuple[str, ...], where: str) -> Path:
    from huggingface_hub import HfApi, constants, snapshot_download
    from huggingface_hub import errors as hub_errors

    errors: Any = hub_errors
    try:
        if not constants.HF_HUB_OFFLINE:
            # One request with a short timeout: without a network, downloads retry for 30 seconds.
            HfApi().model_info(repo, revision=revision, timeout=_TIMEOUT)
        return Path(snapshot_download(repo, revision=revision, allow_patterns=list(names)))
    except errors.RevisionNotFoundError as error:
        raise DownloadError(
            f"{repo} has no commit {revision}",
            where=where,
            fix="look for it on the hub, under 'Files and versions', 'History'",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise DownloadError(
            f"the hub has no model {repo}, or does not show it to you",
            where=where,
            fix="check the name; for a gated model, log in with `hf auth login`",
        ) from error
    # HTTPError: of the HTTP library that this version of the hub's client uses.
    except (errors.HTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        raise DownloadError(
            f"{repo} at {revision} is not in the hub's cache and could not be fetched: "
            f"{_reason(error)}",
            where=where,
            fix="check the network (and that HF_HUB_OFFLINE is not set), name a local folder "
            f"instead, or set {paths.MIRROR_VARIABLE}",
        ) from error


def _reason(error: BaseException) -> str:
    """Return the message of the innermost cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _mirrored(repo: str, revision: str, mirror: Path, where: str) -> dict[str, Path]:
    from urllib.parse import urlsplit

    from huggingface_hub import constants

    host = urlsplit(constants.ENDPOINT).hostname or ""
    root = mirror.resolve()
    folder = root / host / repo / "resolve" / revision
    if not folder.resolve().is_relative_to(root):
        raise DownloadError("the path leaves the mirror folder", where=where)
    if not os.path.isdir(folder):
        raise DownloadError(
            f"the mirror has no folder {folder}",
            where=where,
            fix=f"add it, or unset {paths.MIRROR_VARIABLE} to fetch it from the network",
        )
    return {
        name: path
        for name, path in folder_files(folder).items()
        if path.resolve().is_relative_to(root)
    }
