"""Formats that are recognised and not read: what they are, what is missing, what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from elmobench.core.errors import DataError
from elmobench.data.readers.base import SourceText

_SPANS = (
    "convert it to JSON lines with a text and spans of its characters; "
    "docs/guides/own-data.md#formats-that-are-not-read has a script"
)
_QUESTIONS = (
    "convert it to JSON lines with question, context and answers (text and answer_start in the "
    "context); docs/guides/own-data.md#formats-that-are-not-read has a script"
)
_LINES = 50
"""Lines that are looked at."""

_XML = (
    (
        "<lexelt",
        "a lexical sample of Senseval in XML, whose <head> marks one word; missing is a reader of "
        "lexical samples",
        "convert it to the files of CoarseWSD-20, which the reader coarse-wsd reads: position and "
        "tokens in one file, senses in another",
    ),
    (
        "<instance ",
        "word senses in XML",
        "if it has the elements of Raganato's sets (text, sentence, wf, instance): "
        "'elmobench new task NAME --pipeline wsd' writes a card to fill in",
    ),
    (
        "aspectTerm",
        "sentences with aspect terms in XML (SemEval ABSA); missing is a reader of XML",
        _SPANS,
    ),
    ("<TEI", "TEI in XML; missing is a reader of XML", "convert it to CoNLL columns"),
    (
        "<review",
        "reviews between XML tags; missing is a reader of XML",
        "write one review per row of a CSV file with the columns text and label",
    ),
    (
        "<",
        "XML or HTML; missing is a reader of XML",
        "convert it to CSV, JSON lines or CoNLL columns",
    ),
)

_FIRST_LINES = (
    (
        re.compile(r"[0-9]+\|t\|"),
        "PubTator (ID|t|TITLE, ID|a|ABSTRACT, spans of characters); missing is a reader of it",
        _SPANS,
    ),
    (
        re.compile(r"T[0-9]+\t[^\t ]+ [0-9]+ [0-9]+"),
        "stand-off annotation of BRAT (.ann files next to .txt files); missing is a reader of it",
        _SPANS,
    ),
    (
        re.compile(r"# global\.Entity"),
        "CorefUD (CoNLL-U with Entity=); missing are empty nodes and discontinuous mentions",
        "convert files without them to CoNLL-2012 columns, which the reader conll-coref reads",
    ),
    (
        re.compile(r'\{"header": *\{"dataset"'),
        "the JSON lines of MRQA, with several questions in each passage; missing is a reader of it",
        _QUESTIONS,
    ),
)


def check_is_read(text: SourceText) -> None:
    """Raise DataError if a text is in a format that is known and not read."""
    lines = [line for _, line in islice(text.rows(), _LINES)]
    known = next((line.lstrip() for line in lines if line.strip()), "")
    if re.match(r"<[A-Za-z!?]", known):
        whole = "\n".join(lines)
        for mark, what, fix in _XML:
            if mark in whole:
                raise DataError(f"is {what}", where=text.name, fix=fix)
    for pattern, what, fix in _FIRST_LINES:
        if pattern.match(known):
            raise DataError(f"is {what}", where=text.name, fix=fix)


_Columns = Mapping[str | int, Any]
_FIELDS: tuple[tuple[Callable[[_Columns], object], str, str], ...] = (
    (
        lambda columns: {"QuestionId", "Answer.Aliases"} <= set(columns),
        "TriviaQA, whose passages are in files of their own and whose answers have no position; "
        "missing is a reader of it",
        _QUESTIONS,
    ),
    (
        lambda columns: {"supporting_facts", "question", "context"} <= set(columns),
        "HotpotQA, whose answers are spans of several passages or yes and no; missing is the "
        "prediction of both",
        "answers that are in one passage can be converted to SQuAD's format",
    ),
    (
        lambda columns: {"story_id", "answer_char_ranges"} <= set(columns),
        "NewsQA without its stories, which have a licence of their own",
        "combine it with the stories as its page describes, and convert it to SQuAD's format",
    ),
    (
        lambda columns: "sentences" in columns and {"clusters", "mention_clusters"} & set(columns),
        "coreference in JSON lines (sentences and clusters); missing is a reader of it",
        "convert it to CoNLL-2012 columns, which the reader conll-coref reads",
    ),
    (
        lambda columns: {"tokens", "ner", "relations"} <= set(columns) and "clusters" in columns,
        "documents with entities and relations; missing is the extraction of relations",
        "convert the entities to JSON lines with tokens and spans",
    ),
)


def check_fields_are_read(columns: Mapping[str | int, Any], name: str) -> None:
    """Raise DataError if these are the fields of a data set that is known and not read."""
    for fits, what, fix in _FIELDS:
        if fits(columns):
            raise DataError(f"is {what}", where=name, fix=fix)
