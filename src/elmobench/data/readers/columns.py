"""One token per line, annotations in columns, an empty line between sentences (CoNLL formats)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import is_blank, strip_blanks
from elmobench.data.examples import TaggedSentence
from elmobench.data.problems import Problems
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import (
    RANGE_OR_EMPTY,
    Separator,
    check_width,
    column_lines,
    field_at,
    fields_of,
    without_blanks,
)
from elmobench.data.readers.tag_rules import check_tag_of, legal_tags, scheme_advice
from elmobench.data.tag_schemes import StatedScheme, detected_scheme


class ColumnOptions(ReaderOptions):
    """Options of the ``conll-columns`` reader."""

    token: int = 0
    """Column of the word, from 0; negative counts from the end."""
    tag: int = 1
    """Column of the tag."""
    id: int | None = None
    """Column of the token's id; rows whose id is a range (``3-4``) or an empty node (``3.1``), as
    in Universal Dependencies, are dropped and counted.
    """
    token_prefix: str | None = Field(default=None, min_length=1)
    """Text that begins every word and is no part of it, such as ``en:`` in WikiANN."""
    separator: Separator = "tab"
    """Separator of columns: one TAB, or any run of blanks and tabs. Other white space of Unicode,
    such as a no-break space, is part of a word. With blanks, or with a column that counts from
    the end, every row of a sentence has equally many columns.
    """
    strip: bool = False
    """Whether blanks around words, tags and ids are cut, and counted. They are an error
    otherwise, since ``LOC`` and ``LOC`` with a blank would be two types.
    """
    comment: str | None = Field(default=None, min_length=1)
    """Start of comment lines, which hold no tokens. A line that begins with it is a row
    nevertheless if no blank follows and it is cut like a row: it has a TAB and as many fields as
    some row, or, with ``separator: whitespace``, as many as the first row. A comment with a blank
    and as many fields as the first row is counted. By default there are no comments,
    since ``#`` is a token in some data sets.
    """
    scheme: StatedScheme
    """Scheme of the tags: ``bio`` (also called IOB2), ``iob1`` (the original files of CoNLL-2003),
    ``bioul`` (BILOU), ``bioes`` (IOBES), ``bmewo`` (a middle is M, a single token W), ``io`` (O and
    bare types, as in Few-NERD: neighbours of one type are one span), or ``none`` for plain tags
    such as parts of speech. Heads of span tasks take BIO: the other schemes need ``convert: bio``.
    """
    illegal_i: Literal["error", "keep"] = "error"
    """What to do with a BIO span that begins with I-: raise an error, or keep and count it. Kept
    tags are unchanged unless ``convert`` is given too.
    """
    convert: Literal["bio"] | None = None
    """``bio`` writes the same spans as legal BIO, which heads of span tasks need. The schemes
    ``iob1``, ``bioul``, ``bioes``, ``bmewo`` and ``io`` require it. Spans are read as conlleval
    does: a span that begins with I- gets its B-.
    """
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for tags, applied before the scheme is checked. Renamed tags are counted."""
    docstart: str | None = "-DOCSTART-"
    """Word of the rows that mark the start of a document; they are dropped and counted. A sentence
    ends there, even without a blank line.
    """

    @model_validator(mode="after")
    def _conversion(self) -> ColumnOptions:
        if self.convert is not None and self.scheme == "none":
            raise ValueError("convert: plain tags have no BIO form")
        if self.token == self.tag:
            raise ValueError("'token' and 'tag' are the same column")
        return self


_SENT_ID = "sent_id = "
_NEW_DOCUMENT = re.compile(r"newdoc(?: id =|$)")


@dataclass
class _Rows:
    """The rows of the sentence that is being read."""

    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    name: str | None = None
    is_wrong: bool = False
    document: str | None = None


class ColumnReader(Reader[ColumnOptions]):
    """Gives :class:`TaggedSentence`. A blank line or the start of a document ends a sentence.

    The id is that of a ``# sent_id = `` comment before the sentence, else its first line's number.
    Zero-width characters are kept, also as words of their own: published data has them.
    """

    name: ClassVar[str] = "conll-columns"
    version: ClassVar[int] = 1
    options_type = ColumnOptions
    droppable = ("empty-token", "empty-label", "field-count", "illegal-tags")

    def read(self, text: SourceText, options: ColumnOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        reading = _Reading(text, options, result)
        is_comment = _comments(text, options, result.dropped)
        for number, line in column_lines(text):
            if is_blank(line):
                reading.close()
            elif is_comment(line):
                reading.comment(strip_blanks(line.removeprefix(options.comment or "")), number)
            else:
                try:
                    reading.row(fields_of(line, options.separator), number)
                except DataError as error:
                    reading.wrong(error, number)
        reading.close()
        return result


class _Reading:
    """What is known of a file while its rows are read."""

    def __init__(self, text: SourceText, options: ColumnOptions, result: ReadResult) -> None:
        self.text = text
        self.options = options
        self.result = result
        self.sentence = _Rows()
        self.same_width = options.separator == "whitespace" or min(options.token, options.tag) < 0
        self.checked: dict[str, str] = {}
        self.document: str | None = None
        # Read once: a wrong scheme makes thousands of problems.
        self.advice: Callable[[], str | None] = cache(self._advice)

    def comment(self, comment: str, number: int) -> None:
        """Read a comment line: it may state the id of the sentence, or begin a document."""
        if comment.startswith(_SENT_ID):
            self.sentence.name = strip_blanks(comment.removeprefix(_SENT_ID))
        elif _NEW_DOCUMENT.match(comment):
            self.document = self.text.at(number)
            self.sentence.document = self.document

    def row(self, row: list[str], number: int) -> None:
        """Read a row: a token and its tag, or the start of a document."""
        options, dropped, where = self.options, self.result.dropped, self.text.at(number)
        word = _value(row, options.token, "token", where, options, dropped)
        if word == options.docstart:
            dropped[f"{word} rows"] += 1
            if self.sentence.tokens or self.sentence.is_wrong:
                self.close()
            self.document = self.sentence.document = where
            return
        word = _without_prefix(word, options.token_prefix, where)
        sentence = self.sentence
        if self.same_width:
            sentence.first = sentence.first or row
            check_width(row, sentence.first, where)
        if options.id is not None:
            token_id = _value(row, options.id, "id", where, options, dropped)
            if RANGE_OR_EMPTY.fullmatch(token_id):
                dropped["ranges and empty nodes"] += 1
                return
        tag = _value(row, options.tag, "tag", where, options, dropped)
        if tag not in self.checked:
            self.checked[tag] = self._checked(tag, where)
        if tag in options.map:
            dropped[f"tags {tag} read as {options.map[tag]}"] += 1
        sentence.tags.append(self.checked[tag])
        sentence.tokens.append(word)
        sentence.numbers.append(number)

    def wrong(self, error: DataError, number: int) -> None:
        """Note a problem of the sentence, which is no example then."""
        self.sentence.is_wrong = True
        self.sentence.numbers.append(number)
        self.text.problem(error, example=self.sentence.numbers[0])

    def close(self) -> None:
        """End the sentence; it is an example if it is right and has a token."""
        sentence, self.sentence = self.sentence, _Rows(document=self.document)
        if sentence.is_wrong or not sentence.tokens:
            return
        try:
            tags = self._tags(sentence)
        except DataError as error:
            self.text.problem(error)
            return
        name = sentence.name or self.text.id(sentence.numbers[0])
        self.result.examples.append(TaggedSentence(name, tuple(sentence.tokens), tuple(tags)))
        if sentence.document is not None:
            self.result.groups[name] = sentence.document

    def _checked(self, tag: str, where: str) -> str:
        """The tag by the name that the options give it, checked against the scheme."""
        tag = self.options.map.get(tag, tag)
        check_tag_of(tag, self.options.scheme, where, self.advice)
        return tag

    def _tags(self, sentence: _Rows) -> Sequence[str]:
        """The tags of a sentence, checked against the scheme and converted as the options say."""
        numbers = sentence.numbers
        return legal_tags(
            sentence.tags,
            self.options.scheme,
            keep_illegal=self.options.illegal_i == "keep",
            convert=self.options.convert is not None,
            dropped=self.result.dropped,
            place=lambda position: self.text.at(numbers[min(position, len(numbers) - 1)]),
            advice=self.advice,
            keep_fix="state 'illegal_i: keep' and 'convert: bio' to begin a span here, as "
            "conlleval does",
        )

    def _advice(self) -> str | None:
        """What to state if all tags of the file are legal in another scheme; None otherwise."""
        plain = self.options.model_copy(update={"scheme": "none", "convert": None})
        text = replace(self.text, problems=None)
        try:
            scheme = detected_scheme(example.tags for example in READER.read(text, plain).examples)
        except DataError:
            return None  # a later row is wrong too
        return scheme_advice(scheme, self.options.scheme, " and 'convert: bio'")


def _comments(
    text: SourceText, options: ColumnOptions, dropped: Counter[str]
) -> Callable[[str], bool]:
    """What tells comment lines from rows; it counts comments that could be rows."""
    mark = options.comment
    if mark is None:
        return lambda line: False
    widths: set[int] = set()
    # What is wrong with the lines is found when they are read again.
    for _, line in replace(text, problems=Problems(text.name)).rows():
        row = fields_of(line, options.separator)
        if not is_blank(line) and not line.startswith(mark) and row[0] != options.docstart:
            widths.add(len(row))
            if options.separator == "whitespace":
                break

    def is_comment(line: str) -> bool:
        if not line.startswith(mark):
            return False
        is_cut = options.separator == "whitespace" or "\t" in line
        if not is_cut or len(fields_of(line, options.separator)) not in widths:
            return True
        if line[len(mark) :].startswith(" ") or mark.endswith(" "):
            is_id = strip_blanks(line[len(mark) :]).startswith(_SENT_ID)
            if options.separator == "whitespace" and not is_id:
                dropped["comment lines with as many fields as a row"] += 1
            return True
        return False

    return is_comment


def _without_prefix(word: str, prefix: str | None, where: str) -> str:
    if prefix is None:
        return word
    if not word.startswith(prefix):
        raise DataError(
            f"the token {quoted(word)} does not begin with {quoted(prefix)}",
            where=where,
            fix="correct 'token_prefix'",
        )
    return without_blanks(word.removeprefix(prefix), "token", where)


def _value(
    row: list[str],
    column: int,
    role: str,
    where: str,
    options: ColumnOptions,
    dropped: Counter[str],
) -> str:
    value = field_at(row, column, role, where)
    counts = dropped if options.strip else None
    return without_blanks(value, role, where, counts, "state 'strip: true' to cut and count them")


READER = ColumnReader()
