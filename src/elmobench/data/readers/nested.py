"""Nested spans: one token per line, and one column of BIO tags per layer of nesting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.tag_schemes import check_shape, spans, violation

_Span = tuple[int, int, str]


class NestedOptions(ReaderOptions):
    """Options of the ``nested-columns`` reader: TAB between columns, the first is the word.

    All further columns are BIO tags; an empty one at the end of a row is none.
    """

    layer: Literal["outermost", "innermost"] = "outermost"
    """``outermost`` keeps spans that no other span contains, ``innermost`` spans that contain no
    other. The other spans are dropped and counted.
    """


class NestedReader(Reader[NestedOptions]):
    """Gives :class:`TaggedSentence` with BIO tags of one layer.

    A blank line ends a sentence; its id is the number of its first line. Of spans with the same
    tokens, the one in the leftmost column counts as the inner one.
    """

    name: ClassVar[str] = "nested-columns"
    version: ClassVar[int] = 1
    options_type = NestedOptions

    def read(self, text: SourceText, options: NestedOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        rows: list[list[str]] = []
        numbers: list[int] = []
        for number, line in text.rows():
            if line.strip():
                rows.append(_row(line, text.at(number)))
                numbers.append(number)
                if len(rows[-1]) != len(rows[0]):
                    raise DataError(
                        f"has {len(rows[-1]) - 1} tag columns, its sentence has {len(rows[0]) - 1}",
                        where=text.at(number),
                    )
            elif rows:
                result.examples.append(_sentence(rows, numbers, text, options, result.dropped))
                rows, numbers = [], []
        if rows:
            result.examples.append(_sentence(rows, numbers, text, options, result.dropped))
        return result


def _row(line: str, where: str) -> list[str]:
    row = line.split("\t")
    if row[-1] == "":
        row.pop()
    if len(row) < 2:
        raise DataError("expected a token and its tags, separated by TABs", where=where)
    if not row[0].strip():
        raise DataError("the token is empty", where=where)
    for tag in row[1:]:
        problem = check_shape(tag, "bio")
        if problem is not None:
            raise DataError(problem, where=where)
    return row


def _sentence(
    rows: Sequence[list[str]],
    numbers: Sequence[int],
    text: SourceText,
    options: NestedOptions,
    dropped: Counter[str],
) -> TaggedSentence:
    all_spans: list[_Span] = []
    for column in list(zip(*rows, strict=True))[1:]:
        illegal = violation(column, "bio")
        if illegal is not None:
            raise DataError(illegal[1], where=text.at(numbers[illegal[0]]))
        all_spans += spans(column)
    # Inner spans first; Python's sort keeps the columns' order among equals.
    all_spans.sort(key=lambda span: span[1] - span[0])
    if options.layer == "outermost":
        all_spans.reverse()
    kept: list[_Span] = []
    for span in all_spans:
        outer, inner = (kept, [span]) if options.layer == "outermost" else ([span], kept)
        for a in outer:
            for b in inner:
                if a[0] < b[0] < a[1] < b[1] or b[0] < a[0] < b[1] < a[1]:
                    raise DataError(
                        f"the spans of tokens {a[:2]} and {b[:2]} cross",
                        where=text.at(numbers[0]),
                    )
        if any(a[0] <= b[0] and b[1] <= a[1] for a in outer for b in inner):
            dropped[f"spans that are not {options.layer}"] += 1
        else:
            kept.append(span)
    tags = ["O"] * len(rows)
    for start, end, kind in kept:
        tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
    return TaggedSentence(text.id(numbers[0]), tuple(row[0] for row in rows), tuple(tags))


READER = NestedReader()
