"""Base class of readers, which turn the bytes of one file into examples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.registry import Registry
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated

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
    """

    data: bytes
    name: str
    prefix: str = "text"
    lines: tuple[int, int] | None = None
    beside: Mapping[str, tuple[SourceText, ...]] = field(default_factory=dict)

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
                only, as files of old Macs have them; fewer lines than ``lines`` selects.
        """
        for mark, encoding in _OTHER_MARKS.items():
            if self.data.startswith(mark):
                raise DataError(
                    f"is not UTF-8: it begins with the byte-order mark of {encoding}",
                    where=self.name,
                    fix="convert the file to UTF-8",
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
                yield number, row.decode("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"is not UTF-8: byte 0x{row[error.start]:02x} at position {error.start + 1}",
                    where=self.at(number),
                    fix="convert the file to UTF-8",
                ) from error

    def at(self, line: int) -> str:
        """``file:line``, for errors."""
        return f"{self.name}:{line}"

    def id(self, number: int) -> str:
        """The id of the example that starts at line ``number``, or is the ``number``-th."""
        return f"{self.prefix}-{number:06d}"


@dataclass
class ReadResult:
    """Examples, and counts of what was dropped, or changed as an option says."""

    examples: list[Any]
    dropped: Counter[str] = field(default_factory=Counter)


class Reader(ABC, Generic[O]):
    """Reads one kind of file. It never repairs silently: it counts whatever it drops.

    Attributes:
        name: registered name.
        version: raised by hand when the same bytes and options give other examples.
        options_type: class of its options.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    options_type: type[O]

    def options(self, values: Mapping[str, Any], where: str) -> O:
        """Validate ``values`` as this reader's options. A ConfigError names ``where``."""
        return validated(self.options_type, values, f"{where}, options of reader {self.name!r}")

    @abstractmethod
    def read(self, text: SourceText, options: O) -> ReadResult:
        """Read the examples of one file, in the file's order.

        Raises:
            DataError: the file is not as the options describe it; names file and line.
        """


READERS: Registry[Reader[Any]] = Registry("reader", "elmobench.readers")
READERS.add_lazy("sst", "elmobench.data.readers.trees:READER", "sentiment trees in brackets")
READERS.add_lazy("lines", "elmobench.data.readers.lines:READER", "one text per line")
READERS.add_lazy("table", "elmobench.data.readers.table:READER", "texts in a TSV or CSV table")
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
READERS.add_lazy("squad", "elmobench.data.readers.squad:READER", "questions on passages, in JSON")
READERS.add_lazy("wsd", "elmobench.data.readers.wsd:READER", "words with senses: SemCor, Raganato")
READERS.add_lazy(
    "nested-columns", "elmobench.data.readers.nested:READER", "nested spans, one column per layer"
)
READERS.add_lazy(
    "conll-coref", "elmobench.data.readers.coref:READER", "coreference in CoNLL-2012 columns"
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
) -> ReadResult:
    """Read ``data`` with the reader registered as ``reader``.

    Args:
        reader: registered name.
        data: the file's bytes.
        name: the file's name in errors.
        options: the reader's options.
        prefix: start of the ids of examples that have none in the file.
        lines: first and last line to read, counted from 1.

    Raises:
        UnknownNameError: no such reader.
        ConfigError: the options are wrong.
        DataError: the bytes are not what the options describe.
    """
    registered = READERS.get(reader)
    source = SourceText(data, name, prefix, lines)
    return registered.read(source, registered.options(options or {}, name))
