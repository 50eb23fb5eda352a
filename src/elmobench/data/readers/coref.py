"""Coreference documents in the columns of CoNLL-2012, the last of which marks mentions."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import ClassVar, Literal

from elmobench.core.errors import DataError
from elmobench.data.examples import CoreferenceDocument, Sentence, Span
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText

_BEGIN = re.compile(r"#begin document \(?(?P<name>.*?)\)?; part (?P<part>\d+)\s*")
_MARK = re.compile(r"(?P<opens>\()?(?P<cluster>\d+)(?P<closes>\))?")
_END = "#end document"


class CorefOptions(ReaderOptions):
    """Options of the ``conll-coref`` reader."""

    token: int = 3
    """Column of the word, from 0; negative counts from the end."""
    mentions: int = -1
    """Column of the mentions: ``(12)``, ``(12``, ``12)``, several joined by ``|``; ``-``, ``_`` or
    empty where no mention begins or ends.
    """
    separator: Literal["tab", "whitespace"] = "whitespace"
    """Separator of columns: one TAB, or any run of white space (columns are then never empty)."""
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
    ``NAME.N``. A blank line ends a sentence; outside documents, lines that start with ``#`` are
    skipped. A closing mark belongs to the mention of its cluster that was
    opened last: mentions may nest in others, also of the same cluster, and may cross those of
    other clusters. A span that one cluster marks twice is one mention; it is counted.
    """

    name: ClassVar[str] = "conll-coref"
    version: ClassVar[int] = 1
    options_type = CorefOptions

    def read(self, text: SourceText, options: CorefOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        document: _Document | None = None
        for number, line in text.rows():
            where = text.at(number)
            if document is None:
                begin = _BEGIN.fullmatch(line)
                if begin:
                    document = _Document(f"{begin['name']}.{int(begin['part'])}", where)
                elif line.strip() and not line.startswith("#"):
                    raise DataError(
                        "a row outside a document", where=where, fix="a document starts at #begin"
                    )
            elif line.startswith(_END):
                result.examples.append(document.close(options, result))
                document = None
            elif _BEGIN.fullmatch(line):
                raise DataError(f"{document.name} has not ended ({_END})", where=where)
            elif not line.strip():
                document.end_sentence()
            else:
                row = line.split("\t") if options.separator == "tab" else line.split()
                document.add(_field(row, options.token, "token", where), where)
                marks = _field(row, options.mentions, "mentions", where)
                document.mark(marks.strip(), where)
                if options.speaker is not None:
                    document.speakers.append(_field(row, options.speaker, "speaker", where))
        if document is not None:
            raise DataError(f"{document.name} does not end ({_END})", where=document.where)
        return result


class _Document:
    """A document whose rows are being read."""

    def __init__(self, name: str, where: str) -> None:
        self.name = name
        self.where = where
        self.sentences: list[Sentence] = []
        self.words: list[str] = []
        self.speakers: list[str] = []
        self.length = 0
        self.open: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
        self.clusters: defaultdict[int, list[Span]] = defaultdict(list)

    def add(self, word: str, where: str) -> None:
        if not word.strip():
            raise DataError("the token is empty", where=where)
        self.words.append(word)
        self.length += 1

    def mark(self, marks: str, where: str) -> None:
        """Read the marks at the token that was added last."""
        if marks in ("", "-", "_"):
            return
        here = self.length - 1
        for mark in marks.split("|"):
            match = _MARK.fullmatch(mark)
            if match is None or not (match["opens"] or match["closes"]):
                raise DataError(
                    f"{mark!r} marks no mention", where=where, fix="write (1, 1) or (1)"
                )
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
            self.words = []

    def close(self, options: CorefOptions, result: ReadResult) -> CoreferenceDocument:
        self.end_sentence()
        for cluster, starts in self.open.items():
            if starts:
                raise DataError(f"the mention ({cluster} is never closed", where=starts[-1][1])
        if not self.sentences:
            raise DataError(f"{self.name} has no tokens", where=self.where)
        clusters = []
        cluster_of: dict[Span, int] = {}
        for cluster, spans in self.clusters.items():
            distinct = sorted(set(spans))
            if len(distinct) < len(spans):
                result.dropped["mentions marked twice"] += len(spans) - len(distinct)
            for span in distinct:
                if cluster_of.setdefault(span, cluster) != cluster:
                    both = f"{cluster_of[span]} and {cluster}"
                    raise DataError(
                        f"tokens {span[0]}-{span[1]} are in clusters {both}",
                        where=f"{self.where}, document {self.name}",
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
                f"no genre in the document's name {self.name!r}",
                where=self.where,
                fix="names begin with two letters and a slash, or set the reader's 'genre: false'",
            )
        return genre


def _field(row: list[str], column: int, role: str, where: str) -> str:
    if not -len(row) <= column < len(row):
        raise DataError(
            f"no {role} column {column}: the row has {len(row)} fields",
            where=where,
            fix="check 'separator' and the column numbers",
        )
    return row[column]


READER = CorefReader()
