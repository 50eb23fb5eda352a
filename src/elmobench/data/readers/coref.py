"""Coreference documents in the columns of CoNLL-2012, the last of which marks mentions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from typing import ClassVar, Literal

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened
from elmobench.data.blanks import is_blank, strip_blanks
from elmobench.data.examples import CoreferenceDocument, Sentence, Span
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import (
    Separator,
    check_width,
    column_lines,
    field_at,
    fields_of,
    without_blanks,
)

_BEGIN = ("#begin document", "# begin document")
_COREFUD = ("# global.Entity", "# newdoc")
_END = ("#end document", "# end document")
# Numbers have at most 18 digits: Python refuses to convert those of thousands.
_PART = re.compile(r"part ([0-9]{1,18})")
_MARK = re.compile(r"(?P<opens>\()?(?P<cluster>[0-9]{1,18})(?![0-9])(?P<closes>\))?")


class CorefOptions(ReaderOptions):
    """Options of the ``conll-coref`` reader."""

    token: int = 3
    """Column of the word, from 0; negative counts from the end."""
    mentions: int = -1
    """Column of the mentions: ``(12)``, ``(12``, ``12)``, several joined by ``|`` or by nothing;
    ``-``, ``_`` or empty where no mention begins or ends.
    """
    separator: Separator = "whitespace"
    """Separator of columns: one TAB, or any run of blanks and tabs (columns are then never
    empty). Other white space of Unicode is part of a word. With blanks, or with a column
    that counts from the end, every row of a sentence has equally many columns.
    """
    singletons: Literal["keep", "drop"] = "keep"
    """Whether clusters of one mention are kept, or dropped and counted."""
    speaker: int | None = None
    """Column of the token's speaker, 9 in CoNLL-2012; none is read by default."""
    genre: bool = False
    """Whether the first two letters of a document's name are its genre, as in CoNLL-2012
    (``nw/wsj/…`` is newswire).
    """


class CorefReader(Reader[CorefOptions]):
    """Gives :class:`CoreferenceDocument`, one per part.

    A document goes from ``#begin document (NAME); part N`` to ``#end document``, and its id is
    ``NAME.N``. Without the part, as other tools write documents, the id is ``NAME``; a blank may
    follow the ``#``. A blank line ends a sentence; outside documents, lines that start with ``#``
    are skipped. A closing mark belongs to the mention of its cluster that was opened last:
    mentions may nest in others, also of the same cluster, and may cross those of other clusters.
    A span that one cluster marks twice is one mention; it is counted. A mention that goes on in
    the next sentence is kept and counted: scores count it, but no head proposes it.
    """

    name: ClassVar[str] = "conll-coref"
    version: ClassVar[int] = 1
    options_type = CorefOptions

    def read(self, text: SourceText, options: CorefOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        document: _Document | None = None
        for number, line in column_lines(text):
            where = text.at(number)
            if document is None:
                if line.startswith(_BEGIN):
                    document = _Document(_document_id(line, where), where)
                elif not is_blank(line) and not line.startswith("#"):
                    raise DataError(
                        "a row outside a document",
                        where=where,
                        fix="a document starts at '#begin document (NAME); part N'",
                    )
                elif line.startswith(_COREFUD):
                    raise DataError(
                        "is in the format of CorefUD (CoNLL-U with Entity=… in the last column), "
                        "which this version does not read",
                        where=where,
                        fix="missing are empty nodes and discontinuous mentions; files without "
                        "them can be converted to CoNLL-2012 columns",
                    )
            elif line.startswith(_END):
                try:
                    if not document.is_wrong:
                        result.examples.append(document.close(options, result))
                except DataError as error:
                    text.problem(error)
                document = None
            elif line.startswith(_BEGIN):
                raise DataError(
                    f"{shortened(document.name)} has not ended ({_END[0]})", where=where
                )
            elif is_blank(line):
                document.end_sentence()
            else:
                try:
                    document.add(fields_of(line, options.separator), options, where)
                except DataError as error:
                    document.is_wrong = True
                    text.problem(error)
        if document is not None:
            raise DataError(
                f"{shortened(document.name)} does not end ({_END[0]})", where=document.where
            )
        return result


def _marks(field: str, where: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Yield the marks of a field, between which ``|`` may be left out: ``(3|(4)``, ``(3(4)``.

    Raises:
        DataError: it holds something else.
    """
    for part in field.split("|"):
        position = 0
        for match in _MARK.finditer(part):
            if match.start() != position or not (match["opens"] or match["closes"]):
                break
            position = match.end()
            yield match[0], match
        if position != len(part) or not part:
            raise DataError(
                f"{quoted(part)} marks no mention", where=where, fix="write (1, 1) or (1)"
            )


def _document_id(line: str, where: str) -> str:
    """The id of the document that begins at ``line``.

    Raises:
        DataError: the line names no document.
    """
    mark = next(begin for begin in _BEGIN if line.startswith(begin))
    rest = strip_blanks(line.removeprefix(mark))
    name, semicolon, part = rest.rpartition(";")
    part = strip_blanks(part)
    match = _PART.fullmatch(part) if semicolon else None
    if match is None:
        name = rest  # all of it: a name may hold a semicolon
        if semicolon and part.startswith("part "):
            raise DataError(f"{quoted(part)} has no number of up to 18 digits", where=where)
    name = strip_blanks(name).removeprefix("(").removesuffix(")")
    if not name or name.isspace():
        raise DataError(
            "the document has no name", where=where, fix="write '#begin document (NAME); part N'"
        )
    return name if match is None else f"{name}.{int(match[1])}"


class _Document:
    """A document whose rows are being read."""

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where
        self.is_wrong = False
        self.sentences: list[Sentence] = []
        self.words: list[str] = []
        self.first: list[str] = []  # fields of the sentence's first row
        self.speakers: list[str] = []
        self.ends: list[int] = []  # of the sentences, in tokens
        self.length = 0
        self.open: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        self.clusters: defaultdict[int, list[Span]] = defaultdict(list)

    def add(self, row: list[str], options: CorefOptions, where: str) -> None:
        """Add the token of a row, with its marks and its speaker."""
        word = field_at(row, options.token, "token", where)
        columns = (options.token, options.mentions, options.speaker or 0)
        if options.separator == "whitespace" or min(columns) < 0:
            self.first = self.first or row
            check_width(row, self.first, where)
        self.words.append(without_blanks(word, "token", where))
        self.length += 1
        self.mark(strip_blanks(field_at(row, options.mentions, "mentions", where)), where)
        if options.speaker is not None:
            self.speakers.append(strip_blanks(field_at(row, options.speaker, "speaker", where)))

    def mark(self, marks: str, where: str) -> None:
        """Read the marks at the token that was added last."""
        if marks in ("", "-", "_"):
            return
        here = self.length - 1
        for mark, match in _marks(marks, where):
            cluster = int(match["cluster"])
            if match["opens"]:
                self.open[cluster].append((here, where))
            if match["closes"]:
                if not self.open[cluster]:
                    raise DataError(f"{mark!r} closes a mention that is not open", where=where)
                self.clusters[cluster].append((self.open[cluster].pop()[0], here))

    def end_sentence(self) -> None:
        if self.words:
            self.sentences.append(tuple(self.words))
            self.ends.append(self.length)
            self.words, self.first = [], []

    def close(self, options: CorefOptions, result: ReadResult) -> CoreferenceDocument:
        self.end_sentence()
        for cluster, starts in self.open.items():
            if starts:
                raise DataError(f"the mention ({cluster} is never closed", where=starts[-1][1])
        if not self.sentences:
            raise DataError(
                f"{shortened(self.name)} has no tokens",
                where=self.where,
                fix="take the document out of the file",
            )
        clusters = []
        cluster_of: dict[Span, int] = {}
        for cluster, spans in self.clusters.items():
            distinct = sorted(set(spans))
            if len(distinct) < len(spans):
                result.dropped["mentions marked twice"] += len(spans) - len(distinct)
            for span in distinct:
                if bisect_right(self.ends, span[0]) != bisect_right(self.ends, span[1]):
                    result.dropped["mentions across sentences, kept"] += 1
                if cluster_of.setdefault(span, cluster) != cluster:
                    both = f"{cluster_of[span]} and {cluster}"
                    raise DataError(
                        f"tokens {span[0]}-{span[1]} are in clusters {both}",
                        where=f"{self.where}, document {shortened(self.name)}",
                    )
            if len(distinct) == 1 and options.singletons == "drop":
                result.dropped["singletons"] += 1
            else:
                clusters.append(tuple(distinct))
        return CoreferenceDocument(
            self.name,
            tuple(self.sentences),
            tuple(sorted(clusters)),
            speakers=None if options.speaker is None else tuple(self.speakers),
            genre=self._genre() if options.genre else None,
        )

    def _genre(self) -> str:
        genre = self.name[:2]
        if not genre.isalpha() or self.name[2:3] != "/":
            raise DataError(
                f"no genre in the document's name {quoted(self.name)}",
                where=self.where,
                fix="names begin with two letters and a slash, or set the reader's 'genre: false'",
            )
        return genre


READER = CorefReader()
