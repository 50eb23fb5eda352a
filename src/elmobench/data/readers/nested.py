"""Nested spans: one token per line, and one column of BIO tags per layer of nesting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar, Literal

from elmobench.core.errors import DataError
from elmobench.data.blanks import is_blank
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import check_tag, column_lines, without_blanks
from elmobench.data.tag_schemes import check_shape, spans, violation


class NestedOptions(ReaderOptions):
    """Options of the ``nested-columns`` reader: TAB between columns, the first is the word.

    All further columns are BIO tags; an empty one at the end of a row is none. Spans of different
    columns may nest, but not cross.
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
    droppable = ("empty-token", "field-count", "illegal-tags")

    def read(self, text: SourceText, options: NestedOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        rows: list[list[str]] = []
        numbers: list[int] = []
        is_wrong = False

        def close() -> None:
            nonlocal is_wrong
            if rows and not is_wrong:
                try:
                    result.examples.append(_sentence(rows, numbers, text, options, result.dropped))
                except DataError as error:
                    text.problem(error)
            is_wrong = False
            rows.clear()
            numbers.clear()

        for number, line in column_lines(text):
            if is_blank(line):
                close()
                continue
            numbers.append(number)
            try:
                rows.append(_row(line, text.at(number)))
                if len(rows[-1]) != len(rows[0]):
                    raise DataError(
                        f"has {len(rows[-1]) - 1} tag columns, its sentence has {len(rows[0]) - 1}",
                        where=text.at(number),
                        kind="field-count",
                    )
            except DataError as error:
                is_wrong = True
                text.problem(error, example=numbers[0])
        close()
        return result


def _row(line: str, where: str) -> list[str]:
    row = line.split("\t")
    if row[-1] == "":
        row.pop()
    if len(row) < 2:
        raise DataError("expected a token and its tags, separated by TABs", where=where)
    row[0] = without_blanks(row[0], "token", where)
    for tag in row[1:]:
        if tag != "O":
            check_tag(tag, where)
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
    all_spans: list[tuple[int, int, int, str]] = []  # start, -end, -column, type
    for c, column in enumerate(list(zip(*rows, strict=True))[1:]):
        illegal = violation(column, "bio")
        if illegal is not None:
            raise DataError(illegal[1], where=text.at(numbers[illegal[0]]), kind="illegal-tags")
        all_spans += [(start, -end, -c, kind) for start, end, kind in spans(column)]
    # Every span comes before those that it contains.
    all_spans.sort()
    inside: list[tuple[int, int]] = []  # the spans around the current one, from the outside
    for start, minus_end, _, _ in all_spans:
        while inside and inside[-1][1] <= start:
            inside.pop()
        if inside and inside[-1][1] < -minus_end:
            raise DataError(
                f"the spans of tokens {inside[-1]} and {(start, -minus_end)} cross",
                where=text.at(numbers[start]),
            )
        inside.append((start, -minus_end))
    tags = ["O"] * len(rows)
    last = 0  # end of the outermost span so far
    for i, (start, minus_end, _, kind) in enumerate(all_spans):
        end = -minus_end
        if options.layer == "outermost":
            keep = start >= last
            last = max(last, end)
        else:
            keep = i + 1 == len(all_spans) or all_spans[i + 1][0] >= end
        if keep:
            tags[start:end] = [f"B-{kind}", *[f"I-{kind}"] * (end - start - 1)]
        else:
            dropped[f"spans that are not {options.layer}"] += 1
    return TaggedSentence(text.id(numbers[0]), tuple(row[0] for row in rows), tuple(tags))


READER = NestedReader()
