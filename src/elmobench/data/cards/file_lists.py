"""The files of a listed source: one address, many paths, each with its digest."""

from __future__ import annotations

import re

from elmobench.core.errors import ConfigError
from elmobench.data.cards.card import ListedSource, PathSource, TaskCard, UrlSource

_DIGEST = re.compile(r"[0-9a-f]{64}")


def single_files(
    card: TaskCard, source: UrlSource | PathSource | ListedSource
) -> list[UrlSource | PathSource]:
    """The source itself, or one source for each file that it lists, in the table's order.

    Raises:
        ConfigError: the table is missing, empty or malformed, or names a file twice.
    """
    if not isinstance(source, ListedSource):
        return [source]
    table = card.folder / source.files
    if not table.is_file():
        raise ConfigError(
            f"no such table of files (files {source.files!r} of card {card.id})",
            where=str(table),
            fix="put it beside the card: path, sha256 and bytes in a line, tabs between",
        )
    found: dict[str, UrlSource | PathSource] = {}
    for number, line in enumerate(table.read_text(encoding="utf-8").splitlines(), start=1):
        fields = line.split("\t")
        where = f"{table}:{number}"
        if len(fields) != 3 or not _DIGEST.fullmatch(fields[1]) or not fields[2].isdecimal():
            raise ConfigError(
                f"expected path, sha256 and bytes, tabs between, got {line[:80]!r}", where=where
            )
        path, sha256, size = fields
        if not path or path in found:
            raise ConfigError(f"the path {path!r} is empty or appears twice", where=where)
        found[path] = UrlSource(
            url=source.base.rstrip("/") + "/" + path,
            sha256=sha256,
            bytes=int(size),
            options=source.options,
            beside=source.beside,
        )
    if not found:
        raise ConfigError("the table lists no file", where=str(table))
    return list(found.values())
