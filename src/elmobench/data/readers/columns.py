"""One token per line, annotations in columns, an empty line between sentences (CoNLL formats)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
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
    separator: Literal["tab", "whitespace"] = "tab"
    """Separator of columns: one TAB, or any run of white space."""
    comment: str | None = Field(default=None, min_length=1)
    """Start of comment lines, which hold no tokens. By default there are no comments, since ``#``
    is a token in some data sets.
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
    """Word of the rows that mark the start of a document; they are dropped and counted."""

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


class ColumnReader(Reader[ColumnOptions]):
    """Gives :class:`TaggedSentence`. A blank line ends a sentence.

    The id is that of a ``# sent_id = `` comment before the sentence, else its first line's number.
    """

    name: ClassVar[str] = "conll-columns"
    version: ClassVar[int] = 1
    options_type = ColumnOptions

    def read(self, text: SourceText, options: ColumnOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        tokens: list[str] = []
        tags: list[str] = []
        numbers: list[int] = []
        name: str | None = None
        for number, line in text.rows():
            if not line.strip():
                if tokens:
                    self._close(text, options, result, tokens, tags, numbers, name)
                    tokens, tags, numbers = [], [], []
                name = None
            elif options.comment is not None and line.startswith(options.comment):
                comment = line.removeprefix(options.comment).lstrip()
                if comment.startswith(_SENT_ID):
                    name = comment.removeprefix(_SENT_ID).strip()
            else:
                row = line.split("\t") if options.separator == "tab" else line.split()
                word = _field(row, options.token, "token", text.at(number))
                if word == options.docstart:
                    result.dropped[f"{word} rows"] += 1
                    continue
                if options.id is not None:
                    token_id = _field(row, options.id, "id", text.at(number))
                    if "-" in token_id or "." in token_id:
                        result.dropped["ranges and empty nodes"] += 1
                        continue
                tags.append(self._tag(row, options, result.dropped, text, number))
                tokens.append(word)
                numbers.append(number)
        if tokens:
            self._close(text, options, result, tokens, tags, numbers, name)
        return result

    def _tag(
        self,
        row: list[str],
        options: ColumnOptions,
        dropped: Counter[str],
        text: SourceText,
        number: int,
    ) -> str:
        tag = _field(row, options.tag, "tag", text.at(number))
        if tag in options.map:
            dropped[f"tags {tag} read as {options.map[tag]}"] += 1
            tag = options.map[tag]
        problem = check_shape(tag, options.scheme)
        if problem is not None:
            raise DataError(
                problem,
                where=text.at(number),
                fix=self._advice(text, options)
                or "state another 'scheme' or 'tag' column, or map the tag",
            )
        return tag

    def _close(
        self,
        text: SourceText,
        options: ColumnOptions,
        result: ReadResult,
        tokens: Sequence[str],
        tags: Sequence[str],
        numbers: Sequence[int],
        name: str | None,
    ) -> None:
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
            TaggedSentence(name or text.id(numbers[0]), tuple(tokens), tuple(tags))
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


def _field(row: list[str], column: int, role: str, where: str) -> str:
    if not -len(row) <= column < len(row):
        raise DataError(
            f"no {role} column {column}: the row has {len(row)} fields",
            where=where,
            fix="check 'separator' and the column numbers",
        )
    value = row[column]
    if not value.strip():
        raise DataError(f"the {role} is empty", where=where)
    return value


READER = ColumnReader()
