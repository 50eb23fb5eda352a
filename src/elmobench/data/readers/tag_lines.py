"""Tagged sentences in lines: tags in another file with equal lines, or behind each word."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal

from pydantic import Field

from elmobench.core.errors import DataError
from elmobench.data.blanks import split_blanks
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.tag_rules import check_tag_of, legal_tags
from elmobench.data.readers.text_files import equal_lines
from elmobench.data.tag_schemes import StatedScheme


class TagLineOptions(ReaderOptions):
    """Options of the ``tag-lines`` reader."""

    scheme: StatedScheme
    """Scheme of the tags, as of ``conll-columns``; tags in all schemes but ``none`` become BIO."""
    illegal_i: Literal["error", "keep"] = "error"
    """What to do with a BIO span that begins with I-: raise an error, or begin the span there."""
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for tags."""


class SlashTagOptions(TagLineOptions):
    """Options of the ``word-tags`` reader."""

    separator: str = Field(default="/", min_length=1)
    """What is between a word and its tag. The last one counts: ``1/2/CD`` is the word ``1/2``."""


Tagged = tuple[int, Sequence[str], Sequence[str]]
"""The number of a line, its words and its tags."""


class TagLineReader(Reader[TagLineOptions]):
    """Gives :class:`TaggedSentence`. Line n of the companion file ``tags`` has the tags of line n.

    Words and tags are separated by blanks.
    """

    name: ClassVar[str] = "tag-lines"
    version: ClassVar[int] = 1
    options_type = TagLineOptions
    companions: ClassVar[Mapping[str, str]] = {"tags": "the tags of a sentence per line"}
    droppable = ("field-count", "illegal-tags")

    def read(self, text: SourceText, options: TagLineOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        rows = (
            (number, split_blanks(words), split_blanks(tags))
            for number, words, tags in equal_lines(text, "tags")
        )
        return _sentences(text, options, rows)


class WordTagReader(Reader[SlashTagOptions]):
    """Gives :class:`TaggedSentence` from lines such as ``The/DT end/NN``."""

    name: ClassVar[str] = "word-tags"
    version: ClassVar[int] = 1
    options_type = SlashTagOptions
    droppable = ("field-count", "illegal-tags")

    def read(self, text: SourceText, options: SlashTagOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        return _sentences(text, options, self._rows(text, options.separator))

    def _rows(self, text: SourceText, separator: str) -> Iterator[Tagged]:
        for number, line in text.rows():
            cut = [part.rpartition(separator) for part in split_blanks(line)]
            wrong = next((part for part in cut if not (part[0] and part[2])), None)
            if wrong is not None:
                text.problem(
                    DataError(
                        f"{''.join(wrong)!r} is no word with {separator!r} and a tag",
                        where=text.at(number),
                        fix="check 'separator'",
                        kind="field-count",
                    )
                )
                continue
            yield number, [word for word, _, _ in cut], [tag for _, _, tag in cut]


def _sentences(text: SourceText, options: TagLineOptions, rows: Iterator[Tagged]) -> ReadResult:
    """The tagged sentences of these rows; blank lines are counted."""
    result = ReadResult([])
    for number, words, tags in rows:
        where = text.at(number)
        if not words and not tags:
            result.dropped["blank lines"] += 1
            continue
        try:
            if len(words) != len(tags):
                raise DataError(
                    f"has {len(words)} words and {len(tags)} tags",
                    where=where,
                    fix="line n of one file must belong to line n of the other",
                    kind="field-count",
                )
            named = [options.map.get(tag, tag) for tag in tags]
            for tag in named:
                check_tag_of(tag, options.scheme, where, lambda: None)
            legal = legal_tags(
                named,
                options.scheme,
                keep_illegal=options.illegal_i == "keep",
                convert=options.scheme != "none",
                dropped=result.dropped,
                place=partial(_place, where),
                advice=lambda: None,
                keep_fix="state 'illegal_i: keep' to begin a span here, as conlleval does",
            )
        except DataError as error:
            text.problem(error)
            continue
        result.examples.append(TaggedSentence(text.id(number), tuple(words), tuple(legal)))
    return result


def _place(where: str, position: int) -> str:
    return f"{where}, tag {position + 1}"


LINES = TagLineReader()
WORDS = WordTagReader()
