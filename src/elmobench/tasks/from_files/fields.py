"""Which columns or fields of a file hold what, by their names and by their values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.data.tag_schemes import detected_scheme, split_tag
from elmobench.tasks.from_files.column_values import (
    TEXTS,
    TOKENS,
    Columns,
    distinct,
    is_label,
    is_some,
    is_text,
    is_token_list,
    looks_like_tags,
    mean_length,
    named_column,
    parts_of,
    plain_name,
    shown_values,
)
from elmobench.tasks.from_files.decisions import Fields, reason_for
from elmobench.tasks.from_files.labels import are_decimals, are_label_lists
from elmobench.tasks.from_files.span_fields import label_studio_results, text_spans, token_spans

LABELS = (
    *("label", "label_text", "label_name", "labels", "class", "category", "sentiment", "target"),
    *("polarity", "gold_label", "gold", "intent", "emotion", "stars", "rating", "coarse_label"),
    *("relatedness", "entailment_judgment", "entailment_label", "quality"),
)
PAIRS = (
    *(("premise", "hypothesis"), ("sentence1", "sentence2"), ("text1", "text2")),
    *(("question1", "question2"), ("sentence_a", "sentence_b"), ("s1", "s2"), ("q1", "q2")),
    *(("text_a", "text_b"), ("1_string", "2_string"), ("sent1", "sent2"), ("first", "second")),
    *(("text_1", "text_2"), ("sentence_1", "sentence_2"), ("sent_a", "sent_b")),
    *(("context", "hypothesis"), ("claim", "evidence"), ("headline", "body")),
    *(("question", "sentence"), ("question", "passage"), ("question", "paragraph")),
    *(("question", "context"), ("query", "passage"), ("query", "document")),
)
_TAGS = ("ner_tags", "tags", "ner", "labels", "chunk_tags", "pos_tags", "upos", "pos", "entities")
_PASSAGES = ("context", "passage", "paragraph", "document")
_CHUNKS = {
    *("NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"),
}
_FEW = 50
"""More labels than this are no classes, unless a column is called a label."""


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
        "text-spans": text_spans,
        "token-spans": token_spans,
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
    question = stated.get("question", named_column(columns, ("question",)))
    passage = stated.get("passage", named_column(columns, _PASSAGES))
    answers = stated.get("answers", named_column(columns, ("answers", "answer")))
    if question is None or passage is None or answers is None:
        return None
    if not all(isinstance(one, dict | list) for one in columns[answers] if one is not None):
        return None
    fields = Fields()
    for role, column in (("question", question), ("passage", passage), ("answers", answers)):
        fields.choose(role, column, reason_for(role, stated))
    article = stated.get("article", named_column(columns, ("title", "article")))
    if article is not None:
        fields.choose("article", article, reason_for("article", stated))
    return fields


def _roles(
    columns: Columns, stated: Mapping[str, str | int], tag_names: Sequence[str]
) -> Fields | None:
    predicate = stated.get(
        "predicate", named_column(columns, ("predicate", "predicate_index", "verb"))
    )
    found = _tags(columns, stated, tag_names)
    if found is None or predicate is None:
        return None
    if not all(isinstance(one, int) for one in columns[predicate]):
        return None
    found.choose("predicate", predicate, reason_for("predicate", stated))
    return found


def _tags(
    columns: Columns, stated: Mapping[str, str | int], tag_names: Sequence[str]
) -> Fields | None:
    tokens = stated.get("tokens")
    if tokens is None:
        tokens = named_column(columns, TOKENS, is_token_list) or named_column(
            columns, TOKENS, lambda values: is_some(values, str)
        )
    if tokens is None:
        return None

    def fits(values: Sequence[Any]) -> bool:
        pairs = [
            (parts_of(a), parts_of(b))
            for a, b in zip(columns[tokens], values, strict=True)
            if a is not None
        ]
        return bool(pairs) and all(b is not None and len(a or ()) == len(b) for a, b in pairs)

    others = [name for name in columns if name != tokens and fits(columns[name])]
    if is_some(columns[tokens], str):
        # Any two texts of one word have equally many words: tags recur, and texts do not.
        others = [name for name in others if looks_like_tags(columns[name])]
    tags = stated.get("tags")
    if tags is None:
        names = (*tag_names, *_TAGS)
        tags = named_column(
            columns, names, lambda values: any(columns[o] is values for o in others)
        )
        tags = tags if tags is not None else next(iter(others), None)
    if tags is None:
        return None
    fields = Fields()
    why = "a list of tokens"
    if not is_token_list(columns[tokens]):
        fields.options["tokenizer"] = "blanks"
        why = "as many words as there are tags"
    fields.choose("tokens", tokens, reason_for("tokens", stated, why))
    why = "as many values as there are tokens"
    if len(others) > 1:
        more = ", ".join(str(name) for name in others if name != tags)
        why += f"; --column tags=NAME takes another one: {more}"
    fields.choose("tags", tags, reason_for("tags", stated, why))
    return fields


def _pair(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    first, second = stated.get("premise"), stated.get("hypothesis")
    if first is None or second is None:
        names = {plain_name(name): name for name in columns}
        for one, other in PAIRS:
            if {one, other} <= names.keys() and is_text(columns[names[one]]):
                first = names[one] if first is None else first
                second = names[other] if second is None else second
                break
        else:
            return _unnamed_pair(columns, stated)
    fields = Fields()
    fields.choose("premise", first, reason_for("premise", stated))
    fields.choose("hypothesis", second, reason_for("hypothesis", stated))
    _choose_label(fields, columns, stated, {first, second})
    return fields


def _unnamed_pair(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    """The only two columns of texts, if they are about as long, and a column of labels."""
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
    pair = [name for name in columns if name in longest[:2]]
    fields = Fields()
    why = "two columns hold texts of about the same length; --column text=NAME reads only one"
    for role, name in zip(("premise", "hypothesis"), pair, strict=True):
        fields.choose(role, name, why)
    _choose_label(fields, columns, stated, set(pair))
    return fields if fields.columns["label"] is not None else None


def _text(columns: Columns, stated: Mapping[str, str | int]) -> Fields | None:
    text = stated.get("text")
    why = "by its name"
    if text is None:
        text = named_column(columns, TEXTS, is_text)
    if text is None:
        lengths = {
            name: mean_length(values)
            for name, values in columns.items()
            if is_text(values) and stated.get("label") != name
        }
        if not lengths:
            return None
        longest = sorted(lengths, key=lambda name: -lengths[name])
        if len(longest) > 1 and lengths[longest[1]] > lengths[longest[0]] / 2:
            text, why = None, f"one of {', '.join(map(str, longest))}"
        else:
            text, why = longest[0], "the longest texts"
            others = [
                name
                for name in longest[1:]
                if sum(" " in str(value) for value in columns[name]) > len(columns[name]) / 2
            ]
            if others:
                why += f"; not read: {', '.join(map(str, others))}"
    fields = Fields()
    fields.choose("text", text, reason_for("text", stated, why))
    _choose_label(fields, columns, stated, {text})
    return fields


def _choose_label(
    fields: Fields, columns: Columns, stated: Mapping[str, str | int], taken: Collection[Any]
) -> None:
    """Choose the column of labels: by its name, or the only one with few values."""
    if "label" in stated:
        fields.choose("label", stated["label"], reason_for("label", stated))
        return
    named = [
        column
        for name in LABELS
        for column in columns
        if column not in taken and plain_name(column) == name and is_label(columns[column])
    ]
    # Names are better than their numbers, which some files state in another column.
    texts = [column for column in named if is_some(columns[column], str)]
    if named:
        fields.choose("label", (texts or named)[0], "by its name")
        return
    lists = [
        column
        for name in LABELS
        for column in columns
        if column not in taken
        and plain_name(column) == name
        and are_label_lists(columns[column])
        and any(len(value) != 1 for value in columns[column] if value is not None)
    ]
    if lists and "text" in fields.columns:
        fields.choose("label", lists[0], "by its name; it holds lists of labels")
        return
    few = [
        column
        for column, values in columns.items()
        if column not in taken
        and is_label(values)
        and 2 <= distinct(values) <= _FEW
        and distinct(values) <= len(values) / 2
    ]
    if len(few) == 1:
        fields.choose(
            "label", few[0], f"the only column with few values ({shown_values(columns[few[0]])})"
        )
        return
    decimals = [
        column
        for column, values in columns.items()
        if column not in taken and not few and is_label(values) and are_decimals(values)
    ]
    if len(decimals) == 1:
        fields.choose("label", decimals[0], "the only column of numbers with decimals")
        return
    single = _single_labels(columns) if not few else None
    if single is not None:
        fields.choose("label", single, "a list of one label in each record")
        return
    options = few or [column for column in columns if column not in taken]
    why = f"one of {', '.join(map(str, options)) or 'no column'}"
    marks = [c for c in few if {str(value) for value in columns[c]} <= {"0", "1"}]
    if len(marks) > 1:
        why += "; for several labels per text, --pipeline multilabel and --reader indicator-table "
        why += "instead of --from write a card for columns of 0 and 1"
    fields.choose("label", None, why)


def _single_labels(columns: Columns) -> str | None:
    """The path of labels that are lists of one, as exports of annotation tools have them."""
    found = {
        f"{column}.0": [value[0] for value in values]
        for column, values in columns.items()
        if values and all(isinstance(v, list) and len(v) == 1 for v in values)
    }
    results = label_studio_results(columns)
    if results is not None and all(len(one) == 1 for one in results[1]):
        choices = [one[0].get("value", {}).get("choices", ()) for one in results[1]]
        if all(len(one) == 1 for one in choices):
            found[f"{results[0]}.0.value.choices.0"] = [one[0] for one in choices]
    fitting = [
        path
        for path, values in found.items()
        if is_some(values, str) and 2 <= distinct(values) <= min(_FEW, len(values) / 2)
    ]
    return fitting[0] if len(fitting) == 1 else None


def tagging_pipeline(column: str | int | None, tags: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The pipeline of tagged sentences, and why: ``ner``, ``chunking`` or ``pos``."""
    if detected_scheme(tags) is None:
        return "pos", "its tags mark no spans in any scheme"
    types = {split_tag(tag)[1] for sentence in tags for tag in sentence} - {""}
    if types and types <= _CHUNKS:
        return "chunking", "its spans are phrases: " + ", ".join(sorted(types)[:6])
    name = "" if column is None else f"column {column}: "
    return "ner", f"{name}its tags mark spans of the types {', '.join(sorted(types)[:6])}"
