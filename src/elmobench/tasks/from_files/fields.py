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
    is_some,
    is_text,
    is_token_list,
    looks_like_tags,
    mean_length,
    named_column,
    parts_of,
)
from elmobench.tasks.from_files.decisions import Fields, reason_for
from elmobench.tasks.from_files.label_column import choose_label
from elmobench.tasks.from_files.pair_fields import marked_texts, marked_tokens, pair
from elmobench.tasks.from_files.span_fields import text_spans, token_spans

_TAGS = ("ner_tags", "tags", "ner", "labels", "chunk_tags", "pos_tags", "upos", "pos", "entities")
_PASSAGES = ("context", "passage", "paragraph", "document")
_CHUNKS = {
    *("NP", "VP", "PP", "ADVP", "ADJP", "SBAR", "PRT", "CONJP", "INTJ", "LST", "UCP"),
}


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
        "marked-pair": marked_texts,
        "marked-tokens": marked_tokens,
        "pair": pair,
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
    choose_label(fields, columns, stated, {text})
    return fields


def tagging_pipeline(column: str | int | None, tags: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The pipeline of tagged sentences, and why: ``ner``, ``chunking`` or ``pos``."""
    if detected_scheme(tags) is None:
        return "pos", "its tags mark no spans in any scheme"
    types = {split_tag(tag)[1] for sentence in tags for tag in sentence} - {""}
    if types and types <= _CHUNKS:
        return "chunking", "its spans are phrases: " + ", ".join(sorted(types)[:6])
    name = "" if column is None else f"column {column}: "
    return "ner", f"{name}its tags mark spans of the types {', '.join(sorted(types)[:6])}"
