"""Pairs of texts with one label or number: in a table, in line-aligned files, or in JSON lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.core.parsing import parse_json_object
from elmobench.core.quoting import quoted, shortened
from elmobench.data.label_kinds import LabelForm, LabelKind
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.row_examples import add_pair
from elmobench.data.readers.rows import Column, RowOptions, StripOptions, rows_of_fields
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.data.text_checks import check_text

_DROPPABLE = ("empty-label", "empty-text")


class PairOptions(StripOptions):
    """Options of every reader of sentence pairs."""

    tokenizer: TokenizerName
    """How a sentence is split into tokens."""
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels. Renamed labels are counted."""
    no_label: str | None = Field(default=None, min_length=1)
    """Label of pairs that are dropped and counted; SNLI writes ``-`` where its annotators did not
    agree.
    """


class _Pairs:
    """Collects the pairs of one file."""

    def __init__(self, options: PairOptions, labels: LabelKind) -> None:
        self.result = ReadResult([], Counter())
        self._options = options
        self._form = LabelForm(labels, options.map)
        self._tokenize: Callable[[str], list[str]] = TOKENIZERS[options.tokenizer]

    def stripped(self, label: str) -> str:
        """``label`` without blanks around it; counted."""
        if label.strip() != label:
            self.result.dropped["labels with blanks around them, cut"] += 1
        return label.strip()

    def add(self, name: str, premise: str, hypothesis: str, label: str, where: str) -> None:
        """Add one pair.

        Raises:
            DataError: at ``where``, for an empty sentence, or a label that is empty, has blanks
                around it, or is not of the kind that the pipeline needs.
        """
        if label == self._options.no_label:
            self.result.dropped[f"pairs with the label {label}"] += 1
            return
        sentences = {
            "premise": lambda: self._tokenize(premise),
            "hypothesis": lambda: self._tokenize(hypothesis),
        }
        add_pair(self.result, name, sentences, label, self._form, where)


class PairTableOptions(RowOptions, PairOptions):
    """Options of the ``pair-table`` reader."""

    column_options: ClassVar[tuple[str, ...]] = ("premise", "hypothesis", "label")
    premise: Column
    """Column of the premise: its name, if the table has a header, or its number from 0."""
    hypothesis: Column
    """Column of the hypothesis."""
    label: Column
    """Column of the label."""


class PairTableReader(Reader[PairTableOptions]):
    """Gives pairs with a label or number. Every row must have as many fields as the first."""

    name: ClassVar[str] = "pair-table"
    version: ClassVar[int] = 1
    options_type = PairTableOptions
    droppable = (*_DROPPABLE, "field-count")

    def read(self, text: SourceText, options: PairTableOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        pairs = _Pairs(options, text.labels)
        result = pairs.result
        rows = rows_of_fields(text, options, result.dropped, result.groups)
        for number, name, (premise, hypothesis, label) in rows:
            try:
                pairs.add(name, premise, hypothesis, label, text.at(number))
            except DataError as error:
                text.problem(error)
        return result


class PairLineOptions(PairOptions):
    """Options of the ``pair-lines`` reader: see :class:`PairOptions`."""


class PairLineReader(Reader[PairLineOptions]):
    """Gives pairs with a label or number. The file holds one premise per line.

    The same line of the companion files ``hypothesis`` and ``label`` holds the rest of the pair.
    """

    name: ClassVar[str] = "pair-lines"
    version: ClassVar[int] = 1
    options_type = PairLineOptions
    companions: ClassVar[Mapping[str, str]] = {
        "hypothesis": "one hypothesis per line",
        "label": "one label per line",
    }
    droppable = _DROPPABLE

    def read(self, text: SourceText, options: PairLineOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        pairs = _Pairs(options, text.labels)
        premises = dict(text.rows())
        companions: dict[str, dict[int, str]] = {}
        for role in ("hypothesis", "label"):
            (other, *more) = text.companions(role)
            if more:
                raise DataError(
                    f"has {1 + len(more)} companion files {role!r}, expected one", where=text.name
                )
            companions[role] = dict(other.rows())
            if len(companions[role]) != len(premises):
                raise DataError(
                    f"has {len(companions[role])} lines, but {text.name} has {len(premises)}",
                    where=other.name,
                    fix="line n of one file must belong to line n of the other",
                )
        for number, premise in premises.items():
            hypothesis, label = companions["hypothesis"][number], companions["label"][number]
            if options.strip:
                label = pairs.stripped(label)
            try:
                pairs.add(text.id(number), premise, hypothesis, label, text.at(number))
            except DataError as error:
                text.problem(error)
        return pairs.result


class PairJsonOptions(PairOptions):
    """Options of the ``pair-jsonl`` reader; the defaults are SNLI's and MultiNLI's own fields."""

    tokenizer: TokenizerName = "treebank"
    no_label: str | None = Field(default="-", min_length=1)
    premise: str = "sentence1"
    """Field of the premise."""
    hypothesis: str = "sentence2"
    """Field of the hypothesis."""
    label: str = "gold_label"
    """Field of the label."""
    id: str | None = "pairID"
    """Field of the pair's id; None for the line's number."""


class PairJsonReader(Reader[PairJsonOptions]):
    """Gives pairs with a label or number. One JSON object per line; blank lines are counted."""

    name: ClassVar[str] = "pair-jsonl"
    version: ClassVar[int] = 1
    options_type = PairJsonOptions
    droppable = _DROPPABLE

    def read(self, text: SourceText, options: PairJsonOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        pairs = _Pairs(options, text.labels)
        wanted = [options.premise, options.hypothesis, options.label]
        if options.id is not None:
            wanted.append(options.id)
        for number, line in text.rows():
            if not line.strip():
                pairs.result.dropped["blank lines"] += 1
                continue
            try:
                numbers = [options.label] if text.labels == "number" else []
                fields = _text_fields(line, wanted, text.at(number), numbers)
                if options.strip:
                    fields[2] = pairs.stripped(fields[2])
                name = fields[3] if len(fields) > 3 else text.id(number)
                pairs.add(name, fields[0], fields[1], fields[2], text.at(number))
            except DataError as error:
                text.problem(error)
        return pairs.result


def _text_fields(line: str, wanted: Sequence[str], where: str, numbers: Sequence[str]) -> list[str]:
    """The values of the fields ``wanted`` of a JSON object, which must be text.

    Those of the fields in ``numbers`` may be numbers too.
    """
    try:
        row = parse_json_object(line, where, on_object=_uniqueness(line, wanted))
    except DataError as error:
        # Its place states a line within the document, which is always the first here.
        raise DataError(error.what, where=where) from error
    fields: list[str] = []
    for name in wanted:
        value = row.get(name)
        if name in numbers and isinstance(value, int | float) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise DataError(
                f"the field {name!r} holds {quoted(str(value))}, expected a string"
                if name in row
                else f"the field {name!r} is missing",
                where=where,
                fix="check the reader's options premise, hypothesis, label and id"
                + ("" if name in row else f"; the fields here: {shortened(', '.join(row))}"),
            )
        check_text(value, f"the field {name!r}", where)
        fields.append(value)
    return fields


def _uniqueness(line: str, wanted: Sequence[str]) -> Callable[[list[tuple[str, Any]]], None] | None:
    """A check that an object states no wanted field twice; None if ``line`` cannot do so."""

    def check(items: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in items]
        twice = next((name for name in wanted if keys.count(name) > 1), None)
        if twice is not None:
            raise DataError(f"the field {twice!r} appears twice")

    return check if any(line.count(f'"{name}"') > 1 for name in wanted) else None


TABLE = PairTableReader()
LINES = PairLineReader()
JSONL = PairJsonReader()
