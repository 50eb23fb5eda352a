"""The sense inventory in ``index.sense`` of Princeton WordNet (folder ``dict``).

Source: WordNet's manual page senseidx(5WN). A line has a sense key, the offset of its synset, the
sense's number among those of its lemma and part of speech, and how often the sense is tagged in the
semantic concordances::

    bank%1:14:00:: 08420278 2 20
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.sense_inventory import SENSE_KEY, SENSE_TYPES, SenseInventory

_LINE = re.compile(r"(\S+) [0-9]{8} ([1-9][0-9]{0,8}) [0-9]+")
_SATELLITE = "5"
_FIX = "give the file index.sense of WordNet as it is published, from its folder dict"


def read_index_sense(texts: Sequence[SourceText]) -> SenseInventory:
    """Read ``index.sense``; a lemma's senses are in the order of their sense numbers.

    Sense 1 is WordNet's first sense. WordNet numbers the senses of a lemma and part of speech by
    decreasing tag count, those that are never tagged last, so the numbers alone give the order.
    Satellites are numbered together with the other adjectives. The numbers need not be consecutive:
    a part of the file is an inventory too.

    Raises:
        DataError: for a line of another form, a sense key or a sense number that appears twice, or
            no senses at all; names file and line.
    """
    senses: dict[tuple[str, str], dict[int, str]] = {}
    places: dict[str, str] = {}
    for text in texts:
        for row, line in text.rows():
            where = text.at(row)
            key, number = _key_and_number(line, where)
            if key in places:
                raise DataError(
                    f"the sense key {key!r} appears twice, first in {places[key]}", where=where
                )
            places[key] = where
            lemma, _, rest = key.partition("%")
            pos = SENSE_TYPES[rest[0]]
            other = senses.setdefault((lemma, pos), {}).setdefault(number, key)
            if other != key:
                raise DataError(
                    f"{key!r} and {other!r} are both sense {number} of {lemma!r} ({pos}); the "
                    f"other one is in {places[other]}",
                    where=where,
                )
    if not senses:
        raise DataError("no senses", where=", ".join(text.name for text in texts), fix=_FIX)
    return SenseInventory(
        {name: tuple(numbered[n] for n in sorted(numbered)) for name, numbered in senses.items()}
    )


def _key_and_number(line: str, where: str) -> tuple[str, int]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise DataError(
            "expected a sense key, a synset offset of eight digits, a sense number from 1 and a "
            f"tag count, with one space between, got {quoted(line)}",
            where=where,
            fix=_FIX,
        )
    key = match[1]
    rest = key.partition("%")[2]
    # Only satellite adjectives have the head word of their cluster and its id.
    well_formed = SENSE_KEY.fullmatch(key) and key == key.lower()
    if not well_formed or (rest[0] == _SATELLITE) == rest.endswith("::"):
        raise DataError(f"{key!r} is not a sense key of index.sense", where=where, fix=_FIX)
    return key, int(match[2])
