"""The files of a listed source: one address, many paths, each with its digest."""

from __future__ import annotations

import glob
import os
import re

from elmobench.core.errors import ConfigError
from elmobench.core.parsing import parsing, read_text
from elmobench.core.quoting import quoted
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.source_kinds import (
    FileSource,
    HubSource,
    ListedSource,
    PathSource,
    UrlSource,
)

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[0-9]{1,15}")


OneFile = UrlSource | HubSource | PathSource
"""A source that is a single file."""


def single_files(card: TaskCard, source: OneFile | ListedSource) -> list[OneFile]:
    """The source itself, or one source for each file that it lists or matches.

    Listed files are in the table's order, files that match a pattern in that of their paths.

    Raises:
        ConfigError: the table is missing, empty or malformed, or names a file twice; a pattern is
            combined with a digest, lines or a member.
    """
    if isinstance(source, PathSource):
        return _matching_files(card, source)
    if not isinstance(source, ListedSource):
        return [source]
    table = card.folder / source.files
    if not os.path.isfile(table):
        raise ConfigError(
            f"no such table of files (files {source.files!r} of card {card.id})",
            where=str(table),
            fix="put it beside the card: path, sha256 and bytes in a line, tabs between",
        )
    found: dict[str, OneFile] = {}
    # Not str.splitlines(): a path may hold U+2028 and the like.
    lines = read_text(table, ConfigError).split("\n")
    if not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, start=1):
        fields = line.removesuffix("\r").split("\t")
        where = f"{table}:{number}"
        if len(fields) != 3 or not _DIGEST.fullmatch(fields[1]) or not _SIZE.fullmatch(fields[2]):
            raise ConfigError(
                f"expected path, sha256 and bytes, tabs between, got {quoted(line)}", where=where
            )
        path, sha256, size = fields
        if not path or path in found:
            raise ConfigError(f"the path {quoted(path)} is empty or appears twice", where=where)
        with parsing(where, ConfigError, what="is not an address"):
            found[path] = UrlSource(
                url=source.base.rstrip("/") + "/" + path,
                sha256=sha256,
                bytes=int(size),
                reader=source.reader,
                options=source.options,
                encoding=source.encoding,
                drop=source.drop,
                beside=source.beside,
            )
    if not found:
        raise ConfigError("the table lists no file", where=str(table))
    return list(found.values())


def _matching_files(card: TaskCard, source: PathSource) -> list[OneFile]:
    """One source for each file that the path matches; the source itself if it is no pattern.

    A pattern that matches no file is returned as it is: reading it is an error as for any file
    that is missing.
    """
    if not any(mark in source.path for mark in "*?[") or os.path.isfile(card.folder / source.path):
        return [source]
    where = str(card.file or f"card {card.id}")
    if source.sha256 is not None or source.lines is not None or source.member is not None:
        raise ConfigError(
            f"the path {quoted(source.path)} is a pattern for several files, so it has no "
            "'sha256', 'lines' or 'member'",
            where=where,
        )
    pattern = os.path.join(glob.escape(str(card.folder)), source.path)
    paths = sorted(path for path in glob.glob(pattern, recursive=True) if os.path.isfile(path))
    found: list[OneFile] = []
    for path in paths:
        relative = os.path.relpath(path, card.folder)
        name = path if os.path.isabs(source.path) else relative
        beside = {
            role: [_companion(source.path, name, other, where) for other in others]
            for role, others in source.beside.items()
        }
        found.append(source.model_copy(update={"path": name, "beside": beside}))
    return found or [source]


def _companion(pattern: str, name: str, other: FileSource, where: str) -> FileSource:
    """The companion of the file ``name``: its pattern has the same text at each ``*``.

    Raises:
        ConfigError: the two patterns do not have equally many ``*``.
    """
    if not isinstance(other, PathSource) or "*" not in other.path:
        return other
    if "**" in pattern or "**" in other.path or pattern.count("*") != other.path.count("*"):
        raise ConfigError(
            f"the patterns {quoted(pattern)} and {quoted(other.path)} need equally many '*', and "
            "no '**', so that each file has its own companion",
            where=where,
        )
    parts = [re.escape(part).replace(r"\?", ".") for part in pattern.split("*")]
    match = re.fullmatch("([^/]*)".join(parts), name)
    if match is None:
        raise ConfigError(f"cannot find the companion of {quoted(name)}", where=where)
    texts = iter(match.groups())
    return other.model_copy(update={"path": re.sub(r"\*", lambda _: next(texts), other.path)})
