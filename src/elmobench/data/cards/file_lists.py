"""The files of a listed source: one address, many paths, each with its digest."""

from __future__ import annotations

import os
import re

from elmobench.core.errors import ConfigError
from elmobench.core.parsing import parsing, read_text
from elmobench.core.quoting import quoted
from elmobench.data.cards.card import ListedSource, PathSource, TaskCard, UrlSource

_DIGEST = re.compile(r"[0-9a-f]{64}")
_SIZE = re.compile(r"[0-9]{1,15}")


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
    if not os.path.isfile(table):
        raise ConfigError(
            f"no such table of files (files {source.files!r} of card {card.id})",
            where=str(table),
            fix="put it beside the card: path, sha256 and bytes in a line, tabs between",
        )
    found: dict[str, UrlSource | PathSource] = {}
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
