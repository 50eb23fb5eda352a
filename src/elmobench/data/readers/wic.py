"""Pairs of sentences with a marked word each, in the files of WiC."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import split_blanks
from elmobench.data.label_kinds import LabelForm
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.marks import add_marked_tokens

_INDICES = re.compile(r"([0-9]{1,9})-([0-9]{1,9})")


class WicOptions(ReaderOptions):
    """Options of the ``wic`` reader."""

    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels, for example ``{T: same, F: different}``."""


class WicReader(Reader[WicOptions]):
    r"""Gives :class:`MarkedPair`.

    A line holds word, part of speech, the indices of the word's tokens, and two tokenised
    sentences, with tabs between them: ``carry\tV\t2-1\tYou must carry your camping gear .\t…``. The
    same line of the companion file ``gold`` holds the label, ``T`` or ``F``.
    """

    name: ClassVar[str] = "wic"
    version: ClassVar[int] = 1
    options_type = WicOptions
    companions: ClassVar[Mapping[str, str]] = {"gold": "one label per line"}
    droppable = ("empty-label", "empty-text", "field-count")

    def read(self, text: SourceText, options: WicOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        gold, *more = text.companions("gold")
        if more:
            raise ConfigError(
                f"has {1 + len(more)} companion files 'gold'",
                where=text.name,
                fix="list one under 'beside: {gold: …}' of its source",
            )
        rows, labels = dict(text.rows()), dict(gold.rows())
        if len(rows) != len(labels):
            raise DataError(
                f"has {len(labels)} lines, but {text.name} has {len(rows)}",
                where=gold.name,
                fix="line n of one file must belong to line n of the other",
            )
        result = ReadResult([])
        form = LabelForm("class", options.map)
        for (number, line), label in zip(rows.items(), labels.values(), strict=True):
            where = text.at(number)
            try:
                indices, sentences = _fields(line, where)
                sides = [
                    (split_blanks(sentence), index)
                    for sentence, index in zip(sentences, indices, strict=True)
                ]
                add_marked_tokens(result, text.id(number), sides, label, form, where)
            except DataError as error:
                text.problem(error)
        return result


def _fields(line: str, where: str) -> tuple[tuple[int, int], tuple[str, str]]:
    """The indices of the marked tokens, and both sentences."""
    fields = line.split("\t")
    if len(fields) != 5:
        raise DataError(
            f"has {len(fields)} fields, expected 5",
            where=where,
            fix="word, part of speech, indices, first and second sentence, with tabs between them",
            kind="field-count",
        )
    match = _INDICES.fullmatch(fields[2])
    if match is None:
        raise DataError(
            f"the indices are {quoted(fields[2])}, expected two numbers, such as 2-1",
            where=where,
            fix="they count the tokens of the first and of the second sentence, from 0",
        )
    return (int(match[1]), int(match[2])), (fields[3], fields[4])


READER = WicReader()
