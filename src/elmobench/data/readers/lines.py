"""One text per line; the label is the file's, or the first or last field of the line."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from elmobench.core.errors import DataError
from elmobench.data.label_kinds import LabelForm, LabelKind
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.row_examples import add_text
from elmobench.data.readers.rows import StripOptions
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName


class LineOptions(StripOptions):
    """Options of the ``lines`` reader. Exactly one of ``label`` and ``label_field`` is given."""

    label: str | None = Field(default=None, min_length=1)
    """Label of every line; given for each file, in the source's own options."""
    label_field: Literal["first", "last"] | None = None
    """Where a line has its label: in its first or its last field."""
    separator: str = Field(default="\t", min_length=1)
    """Separator between the label and the text; a line is cut once."""
    label_separator: str = Field(default=",", min_length=1)
    """Separator between the labels of a text, in pipelines of several labels per text; a text with
    an empty field has none.
    """
    tokenizer: TokenizerName = "spaces"
    """How a text is split into tokens."""

    @model_validator(mode="after")
    def _one_label(self) -> LineOptions:
        if (self.label is None) == (self.label_field is None):
            raise ValueError("give exactly one of 'label' and 'label_field'")
        return self


class LineReader(Reader[LineOptions]):
    """Gives texts with labels or a number. Blank lines are dropped and counted."""

    name: ClassVar[str] = "lines"
    version: ClassVar[int] = 1
    options_type = LineOptions
    droppable = ("empty-label", "empty-text")

    def read(self, text: SourceText, options: LineOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        tokenize = TOKENIZERS[options.tokenizer]
        result = ReadResult([])
        dropped = result.dropped
        form = LabelForm(text.labels, {}, options.label_separator, options.strip)
        for number, line in text.rows():
            if not line.strip():
                dropped["blank lines"] += 1
                continue
            try:
                label, body = self._cut(line, options, text.at(number), form.kind)
                tokens = tokenize(body)
                if not tokens:
                    raise DataError(
                        "a label without a text", where=text.at(number), kind="empty-text"
                    )
                if options.strip and label.strip() != label:
                    dropped["labels with blanks around them, cut"] += 1
                    label = label.strip()
                add_text(result, text.id(number), tokens, label, form, text.at(number))
            except DataError as error:
                text.problem(error)
        return result

    def _cut(self, line: str, options: LineOptions, where: str, kind: LabelKind) -> tuple[str, str]:
        if options.label is not None:
            return options.label, line
        if options.label_field == "first":
            label, separator, body = line.partition(options.separator)
        else:
            body, separator, label = line.rpartition(options.separator)
        if not separator or not (label.strip() or kind == "set"):
            raise DataError(
                f"no label in the {options.label_field} field, separated by {options.separator!r}",
                where=where,
                kind="empty-label",
            )
        return label, body


READER = LineReader()
