"""Licensed data sets of semantic roles: CoNLL-2005 columns, and CoNLL-2012's ``*_conll`` files.

Neither text may be redistributed, so no card is shipped. Your own card names the files by
``path``. For CoNLL-2005 as the shared task distributes it, with words and props in two files::

    reader: {name: conll-2005}
    splits:
      train: [{path: train.words, beside: {props: [{path: train.props}]}}]

for all columns in one file, such as word, tag, target and arguments::

    reader: {name: conll-2005, options: {word: 0, target: 2}}
    splits:
      train: [{path: conll05.train.txt}]

and for CoNLL-2012, with one path per file, or the files of a split concatenated::

    reader: {name: conll-2012-srl, options: {unescape: true}}
    splits:
      train: [{path: train.gold_conll}]

with ``pipeline: srl``, ``metric: srl-f1``, ``licence``: the LDC's, ``redistributable: no``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, Literal

from pydantic import Field

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.blanks import split_blanks
from elmobench.data.examples import Proposition
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import (
    check_width,
    column_lines,
    field_at,
    without_blanks,
)
from elmobench.data.readers.role_columns import (
    NO_TARGET,
    bio_of_brackets,
    predicates_of,
    transposed,
)
from elmobench.data.readers.trees import unescape

_Block = tuple[list[int], list[list[str]]]

PROPS = "props"


class Conll2005Options(ReaderOptions):
    """Options of the ``conll-2005`` reader."""

    word: int = Field(default=0, ge=0)
    """Column of the word, from 0."""
    target: int = Field(default=0, ge=0)
    """Column of the predicates, ``-`` at all other tokens; every column on its right holds the
    arguments of one predicate, in the order of the predicates. Columns are counted in the companion
    file ``props`` if the card names one, otherwise in the file itself.
    """
    unescape: bool = False
    """Whether to undo the treebank's escapes: ``-LRB-``, ``-RRB-``, ``\\/`` and ``\\*``."""


class Conll2005Reader(Reader[Conll2005Options]):
    """Gives one :class:`Proposition` for each predicate, with or without arguments.

    Fields are separated by white space; an empty line ends a sentence. The c-th argument
    column belongs to the c-th target. Rolesets are not read: the props hold lemmas only.
    """

    name: ClassVar[str] = "conll-2005"
    version: ClassVar[int] = 1
    options_type = Conll2005Options

    def read(self, text: SourceText, options: Conll2005Options) -> ReadResult:
        """See :meth:`Reader.read`. Ids hold the sentence's first line and the column, from 1."""
        words = list(_blocks(text))
        source = text
        if PROPS in text.beside:
            (source, *others) = text.companions(PROPS)
            if others:
                raise ConfigError(
                    "each file of words needs exactly one file of props", where=text.name
                )
        elif options.target == options.word:
            raise ConfigError(
                "'word' and 'target' are the same column",
                where=text.name,
                fix="state the column of the predicates, or add the companion file 'props'",
            )
        props = words if source is text else list(_blocks(source))
        result = ReadResult([])
        for block, fields in zip(words, props, strict=False):
            try:
                result.examples += _propositions(text, block, source, fields, options)
            except DataError as error:
                text.problem(error)
        if len(words) != len(props):
            raise DataError(
                f"{len(props)} sentences, but {text.name} has {len(words)}", where=source.name
            )
        return result


def _propositions(
    text: SourceText, words: _Block, source: SourceText, props: _Block, options: Conll2005Options
) -> list[Proposition]:
    """The propositions of one sentence: its words in ``text``, its props in ``source``."""
    (lines, rows), (numbers, fields) = words, props
    if len(rows) != len(fields):
        raise DataError(
            f"the sentence has {len(fields)} rows, but {len(rows)} words in {text.at(lines[0])}",
            where=source.at(numbers[0]),
        )
    tokens = _words(rows, options.word, options.unescape, _at(text, lines))
    at = _at(source, numbers)
    columns = transposed(fields, options.target + 1, None, at)
    predicates = predicates_of([row[options.target] for row in fields], len(columns), at)
    return [
        Proposition(f"{text.id(lines[0])}#{c}", tokens, predicate, bio_of_brackets(cells, at))
        for c, (cells, predicate) in enumerate(zip(columns, predicates, strict=True), start=1)
    ]


class Conll2012Options(ReaderOptions):
    """Options of the ``conll-2012-srl`` reader."""

    predicate: Literal["frameset", "label"] = "frameset"
    """How predicates are found. ``frameset``: the predicate of the c-th column is the c-th token
    with a frameset id. ``label``: it is the first token labelled V in the column, for files that
    mark more or fewer framesets than they have columns.
    """
    unescape: bool = False
    """Whether to undo the treebank's escapes: ``-LRB-``, ``-RRB-``, ``\\/`` and ``\\*``."""


class Conll2012Reader(Reader[Conll2012Options]):
    """Gives one :class:`Proposition` for each argument column.

    A row is document, part, number, word, tag, bracket, lemma, frameset id, word sense, speaker,
    name, the argument columns, coreference, with blanks or tabs between; ``#`` lines mark
    documents, an empty line ends a sentence. The roleset is ``lemma.frameset``. Ids consist of
    document, part, number of the sentence in its part and number of the column, counted from 1.
    """

    name: ClassVar[str] = "conll-2012-srl"
    version: ClassVar[int] = 1
    options_type = Conll2012Options

    _LEMMA, _FRAMESET, _FIRST = 6, 7, 11

    def read(self, text: SourceText, options: Conll2012Options) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        counts: dict[str, int] = {}
        for numbers, rows in _blocks(text, comment="#"):
            part = "-".join(rows[0][:2])
            counts[part] = counts.get(part, 0) + 1
            name = f"{part}-{counts[part]:04d}"
            try:
                result.examples += self._sentence(rows, name, options, _at(text, numbers))
            except DataError as error:
                text.problem(error)
        return result

    def _sentence(
        self,
        rows: list[list[str]],
        name: str,
        options: Conll2012Options,
        at: Callable[[int], str],
    ) -> list[Proposition]:
        """The propositions of the sentence ``name``."""
        if len(rows[0]) <= self._FIRST:
            raise DataError(
                f"the row has {len(rows[0])} fields, at least {self._FIRST + 1} expected",
                where=at(0),
            )
        columns = transposed(rows, self._FIRST, -1, at)
        tokens = _words(rows, 3, options.unescape, at)
        framesets = [row[self._FRAMESET] for row in rows]
        if options.predicate == "frameset":
            predicates = self._by_frameset(framesets, len(columns), at)
        propositions = []
        for c, cells in enumerate(columns, start=1):
            tags = bio_of_brackets(cells, at)
            if options.predicate == "frameset":
                predicate = predicates[c - 1]
            elif "B-V" in tags:
                predicate = tags.index("B-V")
            else:
                raise DataError(f"argument column {c} labels no token V", where=at(0))
            frameset = framesets[predicate]
            known = frameset != NO_TARGET
            roleset = f"{rows[predicate][self._LEMMA]}.{frameset}" if known else None
            propositions.append(Proposition(f"{name}#{c}", tokens, predicate, tags, roleset))
        return propositions

    def _by_frameset(
        self, framesets: Sequence[str], columns: int, at: Callable[[int], str]
    ) -> list[int]:
        try:
            return predicates_of(framesets, columns, at)
        except DataError as error:
            raise DataError(
                error.what,
                where=error.where,
                fix="state 'predicate: label' to take the tokens labelled V",
            ) from error


def _blocks(text: SourceText, comment: str | None = None) -> Iterator[_Block]:
    """Yield each sentence as the line numbers and the fields of its lines.

    Lines that begin with ``comment`` are skipped.
    """
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, line in column_lines(text):
        fields = split_blanks(line)
        if fields and (comment is None or not line.startswith(comment)):
            numbers.append(number)
            rows.append(fields)
        elif not fields and rows:
            yield numbers, rows
            numbers, rows = [], []
    if rows:
        yield numbers, rows


def _at(text: SourceText, numbers: Sequence[int]) -> Callable[[int], str]:
    return lambda token: text.at(numbers[token])


def _words(
    rows: Sequence[Sequence[str]], column: int, undo: bool, at: Callable[[int], str]
) -> tuple[str, ...]:
    words = []
    for i, row in enumerate(rows):
        word = field_at(row, column, "word", at(i))
        check_width(row, rows[0], at(i))
        words.append(without_blanks(unescape(word) if undo else word, "word", at(i)))
    return tuple(words)


CONLL_2005 = Conll2005Reader()
CONLL_2012 = Conll2012Reader()
