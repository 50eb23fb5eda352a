"""Texts in files of their own, and texts whose labels are in another file with equal lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.data.label_kinds import LabelForm
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.row_examples import add_text
from elmobench.data.readers.rows import StripOptions
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName


class _TextOptions(StripOptions):
    tokenizer: TokenizerName = "words"
    """How a text is split into tokens."""
    label_separator: str = Field(default=",", min_length=1)
    """Separator between the labels of a text, in pipelines of several labels per text."""


class TextFileOptions(_TextOptions):
    """Options of the ``text-file`` reader."""

    label: str = Field(min_length=1)
    """Label of the text; given for each folder of files, in the source's own options."""


class TextFileReader(Reader[TextFileOptions]):
    """Gives one text for each file, whose lines are joined."""

    name: ClassVar[str] = "text-file"
    version: ClassVar[int] = 1
    options_type = TextFileOptions
    droppable = ("empty-text",)

    def read(self, text: SourceText, options: TextFileOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        tokens = TOKENIZERS[options.tokenizer](" ".join(line for _, line in text.rows()))
        form = LabelForm(text.labels, {}, options.label_separator, options.strip)
        try:
            add_text(result, text.id(1), tokens, options.label, form, text.name)
        except DataError as error:
            text.problem(error)
        return result


class LabelLineOptions(_TextOptions):
    """Options of the ``label-lines`` reader."""

    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels, for example ``{"0": anger}``."""


class LabelLineReader(Reader[LabelLineOptions]):
    """Gives texts with labels. Line n of the companion file ``label`` has the label of line n."""

    name: ClassVar[str] = "label-lines"
    version: ClassVar[int] = 1
    options_type = LabelLineOptions
    companions: ClassVar[Mapping[str, str]] = {"label": "one label per line"}
    droppable = ("empty-label", "empty-text")

    def read(self, text: SourceText, options: LabelLineOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        tokenize = TOKENIZERS[options.tokenizer]
        form = LabelForm(text.labels, options.map, options.label_separator, options.strip)
        for number, line, label in equal_lines(text, "label"):
            if options.strip and label.strip() != label:
                result.dropped["labels with blanks around them, cut"] += 1
                label = label.strip()
            try:
                add_text(result, text.id(number), tokenize(line), label, form, text.at(number))
            except DataError as error:
                text.problem(error)
        return result


def equal_lines(text: SourceText, role: str) -> list[tuple[int, str, str]]:
    """The number of each line, the line, and the same line of the companion file in ``role``.

    Raises:
        DataError: there are several companions, or they have other numbers of lines.
    """
    other, *more = text.companions(role)
    if more:
        raise DataError(
            f"has {1 + len(more)} companion files {role!r}, expected one", where=text.name
        )
    lines, others = list(text.rows()), list(other.rows())
    if len(lines) != len(others):
        raise DataError(
            f"has {len(others)} lines, but {text.name} has {len(lines)}",
            where=other.name,
            fix="line n of one file must belong to line n of the other",
        )
    return [(number, line, found) for (number, line), (_, found) in zip(lines, others, strict=True)]


FILE = TextFileReader()
LINES = LabelLineReader()
