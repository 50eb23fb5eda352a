"""Which columns of a file hold the sentences of a pair, and their marked words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from elmobench.tasks.from_files.column_values import (
    TEXTS,
    Columns,
    distinct,
    is_some,
    is_text,
    mean_length,
    named_column,
    parts_of,
    plain_name,
)
from elmobench.tasks.from_files.decisions import Fields, reason_for
from elmobench.tasks.from_files.label_column import choose_label

PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("text1", "text2")),
    *(("question1", "question2"), ("sentence_a", "sentence_b"), ("s1", "s2"), ("q1", "q2")),
    *(("text_a", "text_b"), ("1_string", "2_string"), ("sent1", "sent2"), ("first", "second")),
    *(("text_1", "text_2"), ("sentence_1", "sentence_2"), ("sent_a", "sent_b")),
    *(("context", "hypothesis"), ("claim", "evidence"), ("headline", "body")),
    *(("question", "sentence"), ("question", "passage"), ("question", "paragraph")),
    *(("question", "context"), ("query", "passage"), ("query", "document")),
)


_MARKS = tuple(
    tuple(pattern.format(part=part, side=side) for side in (1, 2) for part in ("start", "end"))
    for pattern in ("{part}{side}", "{part}_{side}", "sentence{side}_{part}", "s{side}_{part}")
)
"""Names of the columns that hold start and end of both marked words."""
_INDICES = (
    *(("index1", "index2"), ("idx1", "idx2"), ("index_1", "index_2"), ("idx_1", "idx_2")),
    *(("target_index1", "target_index2"), ("target_idx1", "target_idx2")),
    *(("target1_idx", "target2_idx"), ("premise_index", "hypothesis_index")),
)
_WHOLE = re.compile(r"[0-9]{1,9}")
_TRUTH = ({"0", "1"}, {"t", "f"}, {"true", "false"}, {"yes", "no"})
_AT_WORDS = 0.95
"""Share of marks that begin and end where words do, from which numbers are taken for marks."""


def pair(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The columns of two sentences and their label; None if there are none."""
    sentences = _named_sentences(columns, stated)
    if sentences is None:
        return _unnamed_pair(columns, stated)
    fields = _sentence_fields(sentences, stated)
    choose_label(fields, columns, stated, set(sentences))
    return fields


def marked_texts(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The columns of two sentences, of the characters that are marked in them, and of the label.

    Marks are found by their names, or as numbers at which words of the sentences begin and end.
    """
    sentences, why_sentences = _sentences(columns, stated)
    if sentences is None or not all(is_some(columns[name], str) for name in sentences):
        return None
    roles = ("premise_start", "premise_end", "hypothesis_start", "hypothesis_end")
    numbers = {name: values for name, values in _numbers(columns).items() if name not in sentences}
    marks = [stated[role] for role in roles if role in stated]
    why = "by its name"
    if len(marks) < len(roles):
        marks = next((found for names in _MARKS if (found := _all_named(numbers, names))), [])
    if not marks:
        why = "words of the sentences begin and end there"
        for sentence in sentences:
            marks += next(
                (
                    [start, end]
                    for start in numbers
                    for end in numbers
                    if not {start, end} & set(marks)
                    and _are_marks(columns[sentence], numbers[start], numbers[end])
                ),
                [],
            )
    if len(marks) < len(roles):
        return None
    fields = _sentence_fields(sentences, stated, why_sentences)
    for role, name in zip(roles, marks, strict=True):
        fields.choose(role, name, reason_for(role, stated, why))
    _choose_truth(fields, columns, stated)
    return fields


def marked_tokens(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The columns of two sentences, of the number of a marked token in each, and of the label."""
    sentences, why_sentences = _sentences(columns, stated)
    if sentences is None:
        return None
    roles = ("premise_index", "hypothesis_index")
    numbers = _numbers(columns)
    marks = [stated[role] for role in roles if role in stated]
    if len(marks) < len(roles):
        marks = next((found for names in _INDICES if (found := _all_named(numbers, names))), [])
    if not marks or not all(name in numbers for name in marks):
        return None
    for sentence, mark in zip(sentences, marks, strict=True):
        known = zip(columns[sentence], numbers[mark], strict=True)
        if not all(n is None or 0 <= n < len(parts_of(text) or ()) for text, n in known):
            return None
    fields = _sentence_fields(sentences, stated, why_sentences)
    for role, name in zip(roles, marks, strict=True):
        fields.choose(role, name, reason_for(role, stated))
    _choose_truth(fields, columns, stated)
    return fields


def _named_sentences(
    columns: Columns, stated: Mapping[str, str | int]
) -> tuple[str | int, str | int] | None:
    """The columns of both sentences, as stated or by their names; None if there are none."""
    first, second = stated.get("premise"), stated.get("hypothesis")
    if first is None or second is None:
        names = {plain_name(name): name for name in columns}
        for one, other in PAIRS:
            if {one, other} <= names.keys() and is_text(columns[names[one]]):
                first = names[one] if first is None else first
                second = names[other] if second is None else second
                break
    return None if first is None or second is None else (first, second)


def _sentences(
    columns: Columns, stated: Mapping[str, str | int]
) -> tuple[tuple[str | int, str | int] | None, str]:
    """The columns of both sentences, by their names or as the longest texts, and why."""
    named = _named_sentences(columns, stated)
    if named is not None:
        return named, "by its name"
    return _longest_two(columns, stated), "the longest texts"


def _sentence_fields(
    sentences: tuple[str | int, str | int],
    stated: Mapping[str, str | int],
    why: str = "by its name",
) -> Fields:
    fields = Fields()
    for role, name in zip(("premise", "hypothesis"), sentences, strict=True):
        fields.choose(role, name, reason_for(role, stated, why))
    return fields


def _numbers(columns: Columns) -> dict[str | int, list[int | None]]:
    """The columns of whole numbers, or of texts that are: those of tables."""
    found: dict[str | int, list[int | None]] = {}
    for name, values in columns.items():
        texts = [
            None if value is None or isinstance(value, bool) else str(value) for value in values
        ]
        if any(texts) and all(text is None or _WHOLE.fullmatch(text) for text in texts):
            found[name] = [None if text is None else int(text) for text in texts]
    return found


def _all_named(columns: Iterable[str | int], names: Sequence[str]) -> list[str | int]:
    """The columns of all these names; empty if one is missing."""
    known = {plain_name(column): column for column in columns}
    return [known[name] for name in names] if set(names) <= known.keys() else []


def _are_marks(
    texts: Sequence[str | None], starts: Sequence[int | None], ends: Sequence[int | None]
) -> bool:
    """Whether words begin and end at these characters of the texts."""
    rows = [
        (text, start, end)
        for text, start, end in zip(texts, starts, ends, strict=True)
        if text is not None and start is not None and end is not None
    ]
    if len(rows) < len(texts) or not all(
        0 <= start < end <= len(text) for text, start, end in rows
    ):
        return False
    at_words = sum(
        text[start].isalnum()
        and text[end - 1].isalnum()
        and not text[start - 1 : start].isalnum()
        and not text[end : end + 1].isalnum()
        for text, start, end in rows
    )
    return at_words >= _AT_WORDS * len(rows)


def _choose_truth(fields: Fields, columns: Columns, stated: Mapping[str, str | int]) -> None:
    """The column of labels; the only one of truth values, if none is known by its name."""
    taken = {name for name in fields.columns.values() if name is not None}
    found = [
        name
        for name, values in columns.items()
        if name not in taken and {str(value).lower() for value in values} in _TRUTH
    ]
    if "label" not in stated and len(found) == 1:
        fields.choose("label", found[0], "the only column of two truth values")
    else:
        choose_label(fields, columns, stated, taken)


def _unnamed_pair(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The only two columns of texts, if they are about as long, and a column of labels."""
    sentences = _longest_two(columns, stated)
    if sentences is None:
        return None
    why = "two columns hold texts of about the same length; --column text=NAME reads only one"
    fields = _sentence_fields(sentences, {}, why)
    choose_label(fields, columns, stated, set(sentences))
    return fields if fields.columns["label"] is not None else None


def _longest_two(
    columns: Columns, stated: Mapping[str, str | int]
) -> tuple[str | int, str | int] | None:
    """The only two columns of texts, if they are about as long."""
    if named_column(columns, TEXTS, is_text) is not None or {"premise", "hypothesis"} & set(stated):
        return None
    lengths = {
        name: mean_length(values)
        for name, values in columns.items()
        if is_text(values) and name != stated.get("label") and distinct(values) > len(values) / 2
    }
    longest = sorted(lengths, key=lambda name: -lengths[name])
    if len(longest) < 2 or lengths[longest[1]] < lengths[longest[0]] / 2:
        return None
    if len(longest) > 2 and lengths[longest[2]] > lengths[longest[1]] / 2:
        return None
    first, second = (name for name in columns if name in longest[:2])
    return first, second
