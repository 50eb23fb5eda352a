"""Base class of readers, which turn the bytes of one file into examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.registry import Registry
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.label_kinds import LabelKind
from elmobench.data.problems import NOT_TEXT, Problems

O = TypeVar("O", bound="ReaderOptions")  # noqa: E741


class ReaderOptions(StrictModel):
    """Base class of every reader's options. Unknown options are errors."""


# The mark of UTF-32 begins with that of UTF-16, so it is looked for first.
_OTHER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}

# First bytes of files that are often taken for text, with what they are and what to do.
_NO_TEXT = {
    b"PK\x03\x04": (
        "a ZIP archive, as Excel's .xlsx files are",
        "export a spreadsheet as CSV in UTF-8, or unpack the archive",
    ),
    b"\xd0\xcf\x11\xe0": ("an old Excel or Word file", "export it as CSV or text in UTF-8"),
    b"\x1f\x8b": ("compressed by gzip", "unpack the file"),
}


@dataclass(frozen=True)
class SourceText:
    """One file as a reader sees it.

    Attributes:
        data: its bytes.
        name: its name in errors.
        prefix: the ids of examples that have none in the file start with it, followed by ``-``.
        lines: first and last line to read, counted from 1; None for all.
        beside: its companion files, by the role that the card gives them.
        problems: collects the problems of single examples; None if the first one is an error.
        labels: what the labels of texts and pairs must be, which the pipeline decides.
    """

    data: bytes
    name: str
    prefix: str = "text"
    lines: tuple[int, int] | None = None
    beside: Mapping[str, tuple[SourceText, ...]] = field(default_factory=dict)
    problems: Problems | None = field(default=None, repr=False, compare=False)
    labels: LabelKind = "class"

    def problem(self, error: DataError, example: Hashable = None, lost: bool = True) -> None:
        """Note a problem of one example, behind which the reader can go on.

        Args:
            error: the problem, with its kind if it has one.
            example: what distinguishes the example from others of the file, if it may have several
                problems, so that it is counted once where it is left out.
            lost: whether the example is left out if the card drops problems of this kind.

        Raises:
            DataError: ``error``, if problems are not collected.
        """
        if self.problems is None:
            raise error
        self.problems.add(error, example, lost)

    def companions(self, role: str) -> tuple[SourceText, ...]:
        """The companion files that the card lists in ``role``.

        Raises:
            ConfigError: there are none.
        """
        if role not in self.beside:
            raise ConfigError(
                f"the reader needs a companion file {role!r}",
                where=self.name,
                fix=f"add 'beside: {{{role}: [...]}}' to this source in the card",
            )
        return self.beside[role]

    def rows(self) -> Iterator[tuple[int, str]]:
        """Yield line numbers, from 1, and lines without their ends.

        Lines end in LF or CRLF only: other Unicode line separators occur inside sentences. A
        byte-order mark at the start of the file is skipped.

        Raises:
            DataError: not UTF-8, an archive, or a NUL byte (names the line); lines that end in CR
                only, as files of old Macs have them; fewer lines than ``lines`` selects. Where
                problems are collected, lines that are not UTF-8 are among them.
        """
        for mark, encoding in _OTHER_MARKS.items():
            if self.data.startswith(mark):
                raise DataError(
                    f"is not UTF-8: it begins with the byte-order mark of {encoding}",
                    where=self.name,
                    fix=f"state 'encoding: {encoding.lower()}' at this source in the card",
                )
        for start, (kind, fix) in _NO_TEXT.items():
            if self.data.startswith(start):
                raise DataError(f"is no text file: it is {kind}", where=self.name, fix=fix)
        raw = self.data.removeprefix(b"\xef\xbb\xbf")
        if b"\n" not in raw and b"\r" in raw.rstrip(b"\r"):
            raise DataError(
                "its lines end in CR only, as in files of old Macs",
                where=self.name,
                fix="convert the line ends to LF",
            )
        rows = raw.split(b"\n")
        if rows[-1] == b"":
            rows.pop()
        first, last = self.lines or (1, len(rows))
        if last > len(rows):
            raise DataError(
                f"has {len(rows)} lines, but the card selects line {last}", where=self.name
            )
        for number in range(first, last + 1):
            row = rows[number - 1].removesuffix(b"\r")
            if b"\0" in row:
                raise DataError(
                    "holds a NUL byte, which is in no text",
                    where=self.at(number),
                    fix="check that this is a text file, and convert it to UTF-8",
                )
            try:
                line = row.decode("utf-8")
            except UnicodeDecodeError as error:
                byte, position = row[error.start], error.start + 1
                self.problem(
                    DataError(
                        f"is not UTF-8: byte 0x{byte:02x} at position {position}",
                        where=self.at(number),
                        fix="convert the file to UTF-8, or state its encoding at this source in "
                        "the card, such as 'encoding: latin-1'",
                        kind=NOT_TEXT,
                    )
                )
                # The file is an error in any case; reading on finds its other problems.
                line = row.decode("utf-8", "replace")
            yield number, line

    def at(self, line: int) -> str:
        """``file:line``, for errors."""
        return f"{self.name}:{line}"

    def id(self, number: int) -> str:
        """The id of the example that starts at line ``number``, or is the ``number``-th."""
        return f"{self.prefix}-{number:06d}"


@dataclass
class ReadResult:
    """Examples, and counts of what was dropped, or changed as an option says.

    Attributes:
        examples: in the file's order.
        dropped: everything that was dropped or changed, by reason.
        lost: examples that the file has and the result lacks, by reason; a part of ``dropped``.
            Blank lines, say, are no examples.
        groups: the document of each example, by the example's id, where the file states documents
            that the examples themselves do not name.
    """

    examples: list[Any]
    dropped: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    groups: dict[str, str] = field(default_factory=dict)

    def lose(self, reason: str) -> None:
        """Count an example that is left out."""
        self.dropped[reason] += 1
        self.lost[reason] += 1


class Reader(ABC, Generic[O]):
    """Reads one kind of file. It never repairs silently: it counts whatever it drops.

    Attributes:
        name: registered name.
        version: raised by hand when the same bytes and options give other examples.
        options_type: class of its options.
        droppable: the kinds of problems (:data:`elmobench.data.problems.KINDS`) that a source may
            state in ``drop:``. The reader passes problems of these kinds to
            :meth:`SourceText.problem`.
        companions: the roles of the files that the reader needs as well (``beside:`` in a card),
            with what they hold.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    options_type: type[O]
    droppable: ClassVar[tuple[str, ...]] = ()
    companions: ClassVar[Mapping[str, str]] = {}

    def options(self, values: Mapping[str, Any], where: str) -> O:
        """Validate ``values`` as this reader's options. A ConfigError names ``where``."""
        return validated(self.options_type, values, f"{where}, options of reader {self.name!r}")

    def uses(self, options: O) -> dict[str, int]:
        """Names and versions of other readers that decide what this one gives; none by default."""
        return {}

    @abstractmethod
    def read(self, text: SourceText, options: O) -> ReadResult:
        """Read the examples of one file, in the file's order.

        Raises:
            DataError: the file is not as the options describe it; names file and line.
        """

    def read_all(self, text: SourceText, options: O, drop: Collection[str] = ()) -> ReadResult:
        """Read one file; all its problems are one error, or left out and counted.

        Args:
            text: the file.
            options: the reader's options.
            drop: kinds of problems, of :attr:`droppable`, whose examples are left out.

        Raises:
            ConfigError: the reader does not know a kind in ``drop``.
            DataError: the file has problems of other kinds; lists up to 20 of them.
        """
        unknown = [kind for kind in drop if kind not in self.droppable]
        if unknown:
            known = ", ".join(self.droppable) or "none"
            raise ConfigError(
                f"drop: the reader {self.name!r} has no problems of the kind {unknown[0]!r}",
                where=text.name,
                fix=f"kinds of this reader: {known}",
            )
        problems = Problems(text.name, drop)
        try:
            result = self.read(replace(text, problems=problems), options)
        except DataError as error:
            # A problem of the whole file, behind which the reader could not go on. In a file that
            # is no text it is a consequence.
            if problems.error() is None:
                raise
            if not problems.has(NOT_TEXT):
                problems.add(error)
            result = ReadResult([])
        error_of_all = problems.error(self.droppable)
        if error_of_all is not None:
            raise error_of_all
        result.dropped += problems.dropped
        result.lost += problems.lost
        return result


READERS: Registry[Reader[Any]] = Registry("reader", "elmobench.readers")
READERS.add_lazy("sst", "elmobench.data.readers.trees:READER", "sentiment trees in brackets")
READERS.add_lazy("lines", "elmobench.data.readers.lines:READER", "one text per line")
READERS.add_lazy(
    "label-lines",
    "elmobench.data.readers.text_files:LINES",
    "texts and labels in files with equal lines",
)
READERS.add_lazy("text-file", "elmobench.data.readers.text_files:FILE", "one text per file")
READERS.add_lazy(
    "tag-lines",
    "elmobench.data.readers.tag_lines:LINES",
    "sentences and their tags in files with equal lines",
)
READERS.add_lazy(
    "word-tags", "elmobench.data.readers.tag_lines:WORDS", "lines of words with tags, The/DT"
)
READERS.add_lazy("table", "elmobench.data.readers.table:READER", "texts in a TSV or CSV table")
READERS.add_lazy(
    "indicator-table",
    "elmobench.data.readers.indicators:READER",
    "texts in a table with a column of 0 and 1 per label",
)
READERS.add_lazy(
    "jsonl",
    "elmobench.data.readers.json_records:READER",
    "JSON lines or one JSON list: texts, pairs, tags, spans, roles, questions",
)
READERS.add_lazy(
    "parquet", "elmobench.data.readers.parquet:READER", "the same in the rows of a Parquet file"
)
READERS.add_lazy(
    "conll-columns", "elmobench.data.readers.columns:READER", "one token per line, in columns"
)
READERS.add_lazy(
    "pair-table", "elmobench.data.readers.pairs:TABLE", "sentence pairs in a TSV or CSV table"
)
READERS.add_lazy(
    "pair-lines", "elmobench.data.readers.pairs:LINES", "sentence pairs in files with equal lines"
)
READERS.add_lazy(
    "pair-jsonl", "elmobench.data.readers.pairs:JSONL", "sentence pairs in JSON lines, as SNLI"
)
READERS.add_lazy(
    "propbank-ud",
    "elmobench.data.readers.propbank:READER",
    "PropBank columns without words, joined with Universal Dependencies",
)
READERS.add_lazy(
    "conll-2005", "elmobench.data.readers.conll_srl:CONLL_2005", "words and props of CoNLL-2005"
)
READERS.add_lazy(
    "conll-2012-srl",
    "elmobench.data.readers.conll_srl:CONLL_2012",
    "propositions of CoNLL-2012 and OntoNotes (*_conll)",
)
READERS.add_lazy(
    "conll-2009", "elmobench.data.readers.conll_2009:READER", "heads of arguments, CoNLL-2009"
)
READERS.add_lazy("squad", "elmobench.data.readers.squad:READER", "questions on passages, in JSON")
READERS.add_lazy("wsd", "elmobench.data.readers.wsd:READER", "words with senses: SemCor, Raganato")
READERS.add_lazy(
    "coarse-wsd", "elmobench.data.readers.coarse_wsd:READER", "senses of words, as CoarseWSD-20"
)
READERS.add_lazy(
    "wic",
    "elmobench.data.readers.wic:READER",
    "pairs with a marked word, as WiC: data and gold file",
)
READERS.add_lazy(
    "marked-table",
    "elmobench.data.readers.marked_table:READER",
    "pairs with marked characters in a table",
)
READERS.add_lazy(
    "nested-columns", "elmobench.data.readers.nested:READER", "nested spans, one column per layer"
)
READERS.add_lazy(
    "conll-coref", "elmobench.data.readers.coref:READER", "coreference in CoNLL-2012 columns"
)
READERS.add_lazy(
    "edge-probing-json",
    "elmobench.data.readers.edge_json:READER",
    "one or two spans with labels, as edge probing in jiant",
)
READERS.add_lazy(
    "conllu-edges",
    "elmobench.data.readers.conllu_edges:READER",
    "words and their heads in CoNLL-U, as edges",
)
READERS.add_lazy(
    "conllu-trees",
    "elmobench.data.readers.conllu_trees:READER",
    "sentences of CoNLL-U with their dependency trees",
)
READERS.add_lazy(
    "edges-of",
    "elmobench.data.readers.edges_of:READER",
    "edges in what another reader gives: roles, mentions, marked words, tags",
)
READERS.add_lazy("gap", "elmobench.data.readers.gap:READER", "ambiguous pronouns of GAP")


def read_bytes(
    reader: str,
    data: bytes,
    name: str,
    options: Mapping[str, Any] | None = None,
    *,
    prefix: str = "text",
    lines: tuple[int, int] | None = None,
    labels: LabelKind = "class",
) -> ReadResult:
    """Read ``data`` with the reader registered as ``reader``.

    Args:
        reader: registered name.
        data: the file's bytes.
        name: the file's name in errors.
        options: the reader's options.
        prefix: start of the ids of examples that have none in the file.
        lines: first and last line to read, counted from 1.
        labels: what the labels of texts and pairs must be.

    Raises:
        UnknownNameError: no such reader.
        ConfigError: the options are wrong.
        DataError: the bytes are not what the options describe.
    """
    registered = READERS.get(reader)
    source = SourceText(data, name, prefix, lines, labels=labels)
    return registered.read_all(source, registered.options(options or {}, name))
