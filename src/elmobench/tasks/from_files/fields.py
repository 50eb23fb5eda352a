"""Which columns or fields of a file hold what, by their names and by their values."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from elmobench.data.blanks import split_blanks
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.data.tag_schemes import detected_scheme, split_tag
from elmobench.tasks.from_files.decisions import Decision
from elmobench.tasks.from_files.labels import are_label_lists

Columns = Mapping[str | int, Sequence[Any]]

TEXTS = (
    *("text", "sentence", "review", "content", "body", "tweet", "comment", "message", "utterance"),
    *("document", "review_text", "review_body", "sentence_text", "full_text", "question", "title"),
)
LABELS = (
    *("label", "label_text", "label_name", "labels", "class", "category", "sentiment", "target"),
    *("polarity", "gold_label", "gold", "intent", "emotion", "stars", "rating", "coarse_label"),
    *("relatedness", "entailment_judgment", "quality"),
)
PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("text1", "text2")),
    *(("question1", "question2"), ("sentence_a", "sentence_b"), ("s1", "s2"), ("q1", "q2")),
    *(("text_a", "text_b"), ("1_string", "2_string"), ("sent1", "sent2"), ("first", "second")),
)
_TOKENS = ("tokens", "words", "token", "sentence", "text")
_TAGS = ("ner_tags", "tags", "ner", "labels", "chunk_tags", "pos_tags", "upos", "pos", "entities")
_SPANS = ("spans", "entities", "ents", "labels", "label", "annotations")
_PASSAGES = ("context", "passage", "paragraph", "document")
_CHUNKS = {
    *("NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"),
}
_FEW = 50
"""More labels than this are no classes, unless a column is called a label."""


@dataclass
class Fields:
    """What the columns of a file hold.

    Attributes:
        kind: of examples, one of :data:`~elmobench.data.readers.record_options.RECORD_KINDS`; None
            if it cannot be decided.
        columns: the column of each role, such as ``text``; None for one that is to be filled in.
        decisions: what was decided.
        options: further options of a reader of records, such as the fields of spans.
    """

    kind: str | None = None
    columns: dict[str, str | int | None] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def choose(self, role: str, column: str | int | None, why: str) -> None:
        """Note the column of a role."""
        self.columns[role] = column
        value = "to be filled in" if column is None else str(column)
        self.decisions.append(Decision(role, value, why))


def fields_of(
    columns: Columns,
    stated: Mapping[str, str | int],
    kinds: Collection[str],
    tag_names: Sequence[str] = (),
) -> Fields:
    """What the columns hold.

    Args:
        columns: the values of each.
        stated: columns that the user states, by role.
        kinds: the kinds of examples to look for, in any order.
        tag_names: names that a column of tags should have rather than others.
    """
    rules: dict[str, Callable[[Columns, Mapping[str, str | int]], Fields | None]] = {
        "question": _question,
        "roles": lambda columns, stated: _roles(columns, stated, tag_names),
        "tags": lambda columns, stated: _tags(columns, stated, tag_names),
        "text-spans": _text_spans,
        "token-spans": _token_spans,
        "pair": _pair,
        "text": _text,
    }
    by_roles = [k for k in rules if k in kinds and set(stated) >= set(RECORD_KINDS[k].fields)]
    for kind in by_roles or [kind for kind in rules if kind in kinds]:
        if not set(stated) <= {*RECORD_KINDS[kind].fields, *RECORD_KINDS[kind].more, "group"}:
            continue
        found = rules[kind](columns, stated)
        if found is not None:
            found.kind = kind
            return found
    fields = Fields()
    usual = [name for name in ("text", "pair", "tags") if name in kinds]
    fitting = [name for name in usual if set(stated) <= set(RECORD_KINDS[name].fields)]
    if fitting:
        fields.kind = fitting[0]
        for role in RECORD_KINDS[fitting[0]].fields:
            fields.choose(role, stated.get(role), f"one of {', '.join(map(str, columns))}")
    return fields


def _question(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    question = stated.get("question", _named(columns, ("question",)))
    passage = stated.get("passage", _named(columns, _PASSAGES))
    answers = stated.get("answers", _named(columns, ("answers", "answer")))
    if question is None or passage is None or answers is None:
        return None
    if not all(isinstance(one, dict | list) for one in columns[answers] if one is not None):
        return None
    fields = Fields()
    for role, column in (("question", question), ("passage", passage), ("answers", answers)):
        fields.choose(role, column, _reason(role, stated))
    article = stated.get("article", _named(columns, ("title", "article")))
    if article is not None:
        fields.choose("article", article, _reason("article", stated))
    return fields


def _roles(
    columns: Columns, stated: Mapping[str, str | int], tag_names: Sequence[str]
) -> Fields | None:
    predicate = stated.get("predicate", _named(columns, ("predicate", "predicate_index", "verb")))
    found = _tags(columns, stated, tag_names)
    if found is None or predicate is None:
        return None
    if not all(isinstance(one, int) for one in columns[predicate]):
        return None
    found.choose("predicate", predicate, _reason("predicate", stated))
    return found


def _tags(
    columns: Columns, stated: Mapping[str, str | int], tag_names: Sequence[str]
) -> Fields | None:
    tokens = stated.get("tokens")
    if tokens is None:
        tokens = _named(columns, _TOKENS, _is_token_list) or _named(
            columns, _TOKENS, lambda values: _is_some(values, str)
        )
    if tokens is None:
        return None

    def fits(values: Sequence[Any]) -> bool:
        pairs = [
            (_parts(a), _parts(b))
            for a, b in zip(columns[tokens], values, strict=True)
            if a is not None
        ]
        return bool(pairs) and all(b is not None and len(a or ()) == len(b) for a, b in pairs)

    others = [name for name in columns if name != tokens and fits(columns[name])]
    if _is_some(columns[tokens], str):
        # Any two texts of one word have equally many words: tags recur, and texts do not.
        others = [name for name in others if _looks_like_tags(columns[name])]
    tags = stated.get("tags")
    if tags is None:
        names = (*tag_names, *_TAGS)
        tags = _named(columns, names, lambda values: any(columns[o] is values for o in others))
        tags = tags if tags is not None else next(iter(others), None)
    if tags is None:
        return None
    fields = Fields()
    why = "a list of tokens"
    if not _is_token_list(columns[tokens]):
        fields.options["tokenizer"] = "blanks"
        why = "as many words as there are tags"
    fields.choose("tokens", tokens, _reason("tokens", stated, why))
    why = "as many values as there are tokens"
    if len(others) > 1:
        more = ", ".join(str(name) for name in others if name != tags)
        why += f"; --column tags=NAME takes another one: {more}"
    fields.choose("tags", tags, _reason("tags", stated, why))
    return fields


def _text_spans(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    text = stated.get("text", _named(columns, TEXTS, lambda values: _is_some(values, str)))
    return _spans("text", text, columns, stated)


def _token_spans(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    return _spans(
        "tokens", stated.get("tokens", _named(columns, _TOKENS, _is_token_list)), columns, stated
    )


def _spans(
    role: str, column: str | int | None, columns: Columns, stated: Mapping[str, str | int]
) -> Fields | None:
    spans = stated.get("spans", _named(columns, _SPANS, lambda values: bool(_span_names(values))))
    if column is None or spans is None:
        return None
    fields = Fields()
    fields.choose(role, column, _reason(role, stated))
    fields.choose("spans", spans, _reason("spans", stated, "a list of spans with start and end"))
    names = _span_names(columns[spans]) or ()
    defaults = ("start", "end", "label")
    for option, name in zip(("span_start", "span_end", "span_label"), names, strict=False):
        if name != defaults[("span_start", "span_end", "span_label").index(option)]:
            fields.options[option] = name
    return fields


def _span_names(values: Sequence[Any]) -> tuple[str, ...] | None:
    """The names of start, end and label of spans; empty names for lists; None for other values."""
    spans = [span for value in values if isinstance(value, list) for span in value]
    if not spans:
        return None
    if all(
        isinstance(span, list)
        and len(span) == 3
        and all(isinstance(one, int) for one in span[:2])
        and isinstance(span[2], str)
        for span in spans
    ):
        return ("start", "end", "label")
    if not all(isinstance(span, dict) for span in spans):
        return None
    keys = set.intersection(*(set(span) for span in spans))
    found = tuple(
        next((name for name in names if name in keys), "")
        for names in (
            ("start", "start_offset", "begin", "from"),
            ("end", "end_offset", "stop", "to"),
            ("label", "type", "entity", "tag", "entity_type", "category", "class"),
        )
    )
    return found if all(found) else None


def _pair(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    first, second = stated.get("premise"), stated.get("hypothesis")
    if first is None or second is None:
        names = {_plain(name): name for name in columns}
        for one, other in PAIRS:
            if one in names and other in names:
                first, second = first or names[one], second or names[other]
                break
        else:
            return None
    fields = Fields()
    fields.choose("premise", first, _reason("premise", stated))
    fields.choose("hypothesis", second, _reason("hypothesis", stated))
    _choose_label(fields, columns, stated, {first, second})
    return fields


def _text(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    text = stated.get("text")
    why = "by its name"
    if text is None:
        text = _named(columns, TEXTS, _is_text)
    if text is None:
        lengths = {
            name: _length(values)
            for name, values in columns.items()
            if _is_text(values) and stated.get("label") != name
        }
        if not lengths:
            return None
        longest = sorted(lengths, key=lambda name: -lengths[name])
        if len(longest) > 1 and lengths[longest[1]] > lengths[longest[0]] / 2:
            text, why = None, f"one of {', '.join(map(str, longest))}"
        else:
            text, why = longest[0], "the longest texts"
    fields = Fields()
    fields.choose("text", text, _reason("text", stated, why))
    _choose_label(fields, columns, stated, {text})
    return fields


def _choose_label(
    fields: Fields, columns: Columns, stated: Mapping[str, str | int], taken: Collection[Any]
) -> None:
    """Choose the column of labels: by its name, or the only one with few values."""
    if "label" in stated:
        fields.choose("label", stated["label"], _reason("label", stated))
        return
    named = [
        column
        for name in LABELS
        for column in columns
        if column not in taken and _plain(column) == name and _is_label(columns[column])
    ]
    # Names are better than their numbers, which some files state in another column.
    texts = [column for column in named if _is_some(columns[column], str)]
    if named:
        fields.choose("label", (texts or named)[0], "by its name")
        return
    lists = [
        column
        for name in LABELS
        for column in columns
        if column not in taken and _plain(column) == name and are_label_lists(columns[column])
    ]
    if lists and "text" in fields.columns:
        fields.choose("label", lists[0], "by its name; it holds lists of labels")
        return
    few = [
        column
        for column, values in columns.items()
        if column not in taken
        and _is_label(values)
        and 2 <= _distinct(values) <= _FEW
        and _distinct(values) <= len(values) / 2
    ]
    if len(few) == 1:
        fields.choose(
            "label", few[0], f"the only column with few values ({_values(columns[few[0]])})"
        )
        return
    options = few or [column for column in columns if column not in taken]
    fields.choose("label", None, f"one of {', '.join(map(str, options)) or 'no column'}")


def tagging_pipeline(column: str | int | None, tags: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The pipeline of tagged sentences, and why: ``ner``, ``chunking`` or ``pos``."""
    if detected_scheme(tags) is None:
        return "pos", "its tags mark no spans in any scheme"
    types = {split_tag(tag)[1] for sentence in tags for tag in sentence} - {""}
    if types and types <= _CHUNKS:
        return "chunking", "its spans are phrases: " + ", ".join(sorted(types)[:6])
    name = "" if column is None else f"column {column}: "
    return "ner", f"{name}its tags mark spans of the types {', '.join(sorted(types)[:6])}"


def _reason(role: str, stated: Mapping[str, str | int], why: str = "by its name") -> str:
    return "stated" if role in stated else why


def _plain(name: str | int) -> str:
    return re.sub(r"[^a-z0-9]+", "_", str(name).rsplit(".", 1)[-1].lower()).strip("_")


def _named(
    columns: Columns,
    names: Sequence[str],
    fits: Callable[[Sequence[Any]], bool] = lambda values: True,
) -> str | int | None:
    """The first column with one of these names, in their order, whose values fit."""
    for name in names:
        for column, values in columns.items():
            if _plain(column) == name and fits(values):
                return column
    return None


def _parts(value: Any) -> Sequence[Any] | None:
    """The parts of a list, or the words of a text."""
    if isinstance(value, list):
        return None if any(isinstance(one, dict | list) for one in value) else value
    return split_blanks(value) if isinstance(value, str) else None


def _looks_like_tags(values: Sequence[Any]) -> bool:
    sentences = [split_blanks(value) for value in values if isinstance(value, str)]
    if len(sentences) < len(values):
        return False
    tags = [tag for sentence in sentences for tag in sentence]
    return len(set(tags)) <= max(2, len(tags) // 10) and detected_scheme(sentences) is not None


def _is_some(values: Sequence[Any], kind: type) -> bool:
    known = [value for value in values if value is not None]
    return bool(known) and all(isinstance(value, kind) for value in known)


def _is_token_list(values: Sequence[Any]) -> bool:
    return _is_some(values, list) and all(
        isinstance(token, str) for value in values if value is not None for token in value
    )


def _is_text(values: Sequence[Any]) -> bool:
    return _is_token_list(values) or (_is_some(values, str) and _length(values) > 0)


def _is_label(values: Sequence[Any]) -> bool:
    return all(isinstance(value, str | int | float | None) for value in values)


def _length(values: Sequence[Any]) -> float:
    return sum(len(value) for value in values if value is not None) / max(1, len(values))


def _distinct(values: Sequence[Any]) -> int:
    return len({value for value in values if value is not None})


def _values(values: Sequence[Any]) -> str:
    found = sorted({str(value) for value in values if value is not None})
    return ", ".join(found[:6]) + (", …" if len(found) > 6 else "")
