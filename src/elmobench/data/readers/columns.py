"""One token per line, annotations in columns, an empty line between sentences (CoNLL formats)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank, split_blanks, strip_blanks
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import (
    RANGE_OR_EMPTY,
    Separator,
    check_tag,
    check_width,
    column_lines,
    field_at,
    fields_of,
    without_blanks,
)
from elmobench.data.tag_schemes import (
    SCHEME_SYNONYMS,
    Scheme,
    check_shape,
    detected_scheme,
    to_bio,
    violation,
)


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
    nevertheless if no blank follows and it is cut like a row: it has a TAB (``#`` and a tag),
    or, with ``separator: whitespace``, as many fields as the first row. A comment with a blank
    and as many fields as the first row is counted. By default there are no comments,
    since ``#`` is a token in some data sets.
    """
    scheme: Scheme
    """Scheme of the tags: ``bio`` (also called IOB2), ``iob1`` (the original files of CoNLL-2003),
    ``bioul`` (BILOU), ``bioes`` (IOBES), or ``none`` for plain tags such as parts of speech. Heads
    of span tasks take BIO: the other schemes need ``convert: bio``.
    """
    illegal_i: Literal["error", "keep"] = "error"
    """What to do with a BIO span that begins with I-: raise an error, or keep and count it. Kept
    tags are unchanged unless ``convert`` is given too.
    """
    convert: Literal["bio"] | None = None
    """``bio`` writes the same spans as legal BIO, which heads of span tasks need. The schemes
    ``iob1``, ``bioul`` and ``bioes`` require it. Spans are read as conlleval does: a span that
    begins with I- gets its B-.
    """
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for tags, applied before the scheme is checked. Renamed tags are counted."""
    docstart: str | None = "-DOCSTART-"
    """Word of the rows that mark the start of a document; they are dropped and counted. A sentence
    ends there, even without a blank line.
    """

    @field_validator("scheme", mode="before")
    @classmethod
    def _synonyms(cls, value: object) -> object:
        return SCHEME_SYNONYMS.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _conversion(self) -> ColumnOptions:
        if self.convert is not None and self.scheme == "none":
            raise ValueError("convert: plain tags have no BIO form")
        if self.token == self.tag:
            raise ValueError("'token' and 'tag' are the same column")
        return self


_SENT_ID = "sent_id = "


@dataclass
class _Rows:
    """The rows of the sentence that is being read."""

    tokens: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    name: str | None = None


class ColumnReader(Reader[ColumnOptions]):
    """Gives :class:`TaggedSentence`. A blank line or the start of a document ends a sentence.

    The id is that of a ``# sent_id = `` comment before the sentence, else its first line's number.
    Zero-width characters are kept, also as words of their own: published data has them.
    """

    name: ClassVar[str] = "conll-columns"
    version: ClassVar[int] = 1
    options_type = ColumnOptions

    def read(self, text: SourceText, options: ColumnOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        sentence = _Rows()
        checked: dict[str, str] = {}
        same_width = options.separator == "whitespace" or min(options.token, options.tag) < 0
        is_comment = _comments(text, options, result.dropped)
        for number, line in column_lines(text):
            if is_blank(line):
                self._close(text, options, result, sentence)
                sentence = _Rows()
            elif is_comment(line):
                comment = strip_blanks(line.removeprefix(options.comment or ""))
                if comment.startswith(_SENT_ID):
                    sentence.name = strip_blanks(comment.removeprefix(_SENT_ID))
            else:
                where = text.at(number)
                row = fields_of(line, options.separator)
                word = _value(row, options.token, "token", where, options, result.dropped)
                if word == options.docstart:
                    result.dropped[f"{word} rows"] += 1
                    if sentence.tokens:
                        self._close(text, options, result, sentence)
                        sentence = _Rows()
                    continue
                if same_width:
                    sentence.first = sentence.first or row
                    check_width(row, sentence.first, where)
                if options.id is not None:
                    token_id = _value(row, options.id, "id", where, options, result.dropped)
                    if RANGE_OR_EMPTY.fullmatch(token_id):
                        result.dropped["ranges and empty nodes"] += 1
                        continue
                tag = _value(row, options.tag, "tag", where, options, result.dropped)
                if tag not in checked:
                    checked[tag] = self._checked(tag, options, text, where)
                if tag in options.map:
                    result.dropped[f"tags {tag} read as {options.map[tag]}"] += 1
                sentence.tags.append(checked[tag])
                sentence.tokens.append(word)
                sentence.numbers.append(number)
        self._close(text, options, result, sentence)
        return result

    def _checked(self, tag: str, options: ColumnOptions, text: SourceText, where: str) -> str:
        """The tag by the name that the options give it, checked against the scheme."""
        tag = options.map.get(tag, tag)
        check_tag(tag, where, "correct the file, or map the tag")
        problem = check_shape(tag, options.scheme)
        if problem is not None:
            raise DataError(
                problem,
                where=where,
                fix=self._advice(text, options)
                or "state another 'scheme' or 'tag' column, or map the tag",
            )
        return tag

    def _close(
        self,
        text: SourceText,
        options: ColumnOptions,
        result: ReadResult,
        sentence: _Rows,
    ) -> None:
        if not sentence.tokens:
            return
        tags: Sequence[str] = sentence.tags
        numbers = sentence.numbers
        illegal = violation(tags, options.scheme)
        if illegal is not None and options.scheme == "bio" and options.illegal_i == "keep":
            result.dropped["sentences with an illegal I- kept"] += 1
        elif illegal is not None:
            position, problem = illegal
            fix = "check the stated 'scheme'"
            if options.scheme == "bio":
                fix = (
                    "state 'illegal_i: keep' and 'convert: bio' to begin a span here, as "
                    "conlleval does"
                )
            raise DataError(
                problem,
                where=text.at(numbers[min(position, len(numbers) - 1)]),
                fix=self._advice(text, options) or fix,
            )
        elif options.convert is None and options.scheme not in ("bio", "none"):
            other = violation(tags, "bio")
            if other is not None:
                position, problem = other
                raise DataError(
                    f"{problem}: legal {options.scheme.upper()}, but heads take BIO",
                    where=text.at(numbers[position]),
                    fix=f"add 'convert: bio' next to 'scheme: {options.scheme}' in the card",
                )
        if options.convert is not None:
            tags = to_bio(tags)
        result.examples.append(
            TaggedSentence(
                sentence.name or text.id(numbers[0]), tuple(sentence.tokens), tuple(tags)
            )
        )

    def _advice(self, text: SourceText, options: ColumnOptions) -> str | None:
        """What to state if all tags of the file are legal in another scheme; None otherwise."""
        plain = options.model_copy(update={"scheme": "none", "convert": None})
        try:
            scheme = detected_scheme(example.tags for example in self.read(text, plain).examples)
        except DataError:
            return None  # a later row is wrong too
        if scheme is None or scheme == options.scheme:
            return None
        stated = f"state 'scheme: {scheme}'" + ("" if scheme == "bio" else " and 'convert: bio'")
        return f"all tags of this file are {scheme.upper()}: {stated} in the card"


def _comments(
    text: SourceText, options: ColumnOptions, dropped: Counter[str]
) -> Callable[[str], bool]:
    """What tells comment lines from rows; it counts comments that could be rows."""
    mark = options.comment
    if mark is None:
        return lambda line: False
    width = 0
    if options.separator == "whitespace":
        for _, line in text.rows():
            row = split_blanks(line)
            if row and not line.startswith(mark) and row[0] != options.docstart:
                width = len(row)
                break

    def is_comment(line: str) -> bool:
        if not line.startswith(mark):
            return False
        like_a_row = (
            "\t" in line if options.separator == "tab" else len(split_blanks(line)) == width
        )
        if not like_a_row:
            return True
        if line[len(mark) :].startswith(" ") or mark.endswith(" "):
            is_id = strip_blanks(line[len(mark) :]).startswith(_SENT_ID)
            if options.separator == "whitespace" and not is_id:
                dropped["comment lines with as many fields as a row"] += 1
            return True
        return False

    return is_comment


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
