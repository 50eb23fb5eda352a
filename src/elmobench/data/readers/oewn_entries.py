"""The sense inventory of the Open English WordNet: its entry files, ``src/yaml/entries-*.yaml``."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.sense_inventory import SENSE_KEY, SenseInventory

_POS = re.compile(r"(n|v|a|s|r)(?:-([0-9]{1,9}))?")
_SATELLITE = {"s": "a"}


def read_entries(texts: Sequence[SourceText]) -> SenseInventory:
    """Read entry files.

    Headwords that differ in case alone, and numbered parts of speech (``n-1``, ``n-2``), are one
    lemma: the senses of the lower-case headword come first, then those of the lower number, then
    those that come first in the files.

    Raises:
        DataError: for a line that is not of the entry files' format; names file and line.
    """
    entries: defaultdict[tuple[str, str], list[tuple[bool, int, list[str]]]] = defaultdict(list)
    for text in texts:
        for headword, pos, number, keys in _Entries(text).read():
            lemma = headword.lower().replace(" ", "_")
            entries[lemma, pos].append((headword != headword.lower(), number, keys))
    senses = {}
    for name, ranked in entries.items():
        ranked.sort(key=lambda entry: entry[:2])
        senses[name] = tuple(dict.fromkeys(key for _, _, keys in ranked for key in keys))
    return SenseInventory(senses)


Entry = tuple[str, str, int, list[str]]


class _Entries:
    """One entry file, line by line: a general parser of YAML takes a minute for all of them.

    The files are YAML as a program wrote it: headwords at the margin, parts of speech indented
    by two, their fields by four, one list item per sense.
    """

    def __init__(self, text: SourceText) -> None:
        self.text = text
        self.entries: list[Entry] = []
        self.headword: str | None = None
        self.keys: list[str] | None = None
        self.in_senses = False
        self.item: int | None = None
        self.identified = False
        self.number = 0

    def read(self) -> list[Entry]:
        """Headword, part of speech, its number, sense keys: entry by entry."""
        for number, line in self.text.rows():
            self.number = number
            # Most lines are indented this far, so this case comes first.
            if line.startswith("      "):
                if self.keys is None or (self.in_senses and self.item is None):
                    raise self._wrong(line)
                if self.in_senses and line.startswith("id: ", 6):
                    self._add(line[10:])
                continue
            if not line.strip():
                continue
            indent = len(line) - len(line.lstrip(" "))
            if indent == 0:
                self._close_item()
                self.headword, self.keys, self.in_senses = self._name(line), None, False
            elif indent == 2:
                self._close_item()
                self._open_pos(self._name(line[2:]))
            elif self.keys is None:
                raise self._wrong(line)
            elif indent == 4 and not line.startswith("    - "):
                self._close_item()
                self.in_senses = self._name(line[4:]) == "sense"
            elif self.in_senses:
                self._close_item()
                self.item, self.identified = self.number, False
                if line.startswith("id: ", 6):
                    self._add(line[10:])
        self._close_item()
        return self.entries

    def _open_pos(self, name: str) -> None:
        match = _POS.fullmatch(name)
        if match is None or self.headword is None:
            raise DataError(
                f"{name!r} is not the part of speech of a headword",
                where=self.text.at(self.number),
            )
        pos = _SATELLITE.get(match[1], match[1])
        self.keys, self.in_senses = [], False
        self.entries.append((self.headword, pos, int(match[2] or 0), self.keys))

    def _add(self, scalar: str) -> None:
        key = self._scalar(scalar)
        where = self.text.at(self.number)
        if self.identified:
            raise DataError(f"a second id in one sense, {key!r}", where=where)
        if not SENSE_KEY.fullmatch(key):
            raise DataError(f"{key!r} is not a sense key", where=where)
        if self.keys is not None:
            self.keys.append(key)
        self.identified = True

    def _close_item(self) -> None:
        if self.item is not None and not self.identified:
            raise DataError("a sense without an id", where=self.text.at(self.item))
        self.item = None

    def _name(self, line: str) -> str:
        if not line.endswith(":"):
            raise self._wrong(line)
        return self._scalar(line[:-1])

    def _scalar(self, value: str) -> str:
        if value.startswith("'"):
            inner = value[1:-1]
            if len(value) < 2 or not value.endswith("'") or "'" in inner.replace("''", ""):
                raise self._wrong(value)
            return inner.replace("''", "'")
        if not value or value[0] in '"[]{}&*!|>%@`?,#' or ": " in value or " #" in value:
            raise self._wrong(value)
        return value

    def _wrong(self, line: str) -> DataError:
        return DataError(
            f"not a line of an entry file: {quoted(line)}",
            where=self.text.at(self.number),
            fix="give the files entries-*.yaml of the Open English WordNet as they are published; "
            "for WordNet's index.sense, set the reader's option inventory_format: index-sense",
        )
