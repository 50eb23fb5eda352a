"""Examples from records: JSON objects and rows of parquet files, whose fields a card names."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import Proposition, Sentence, TaggedSentence
from elmobench.data.label_kinds import LabelForm
from elmobench.data.problems import Problems
from elmobench.data.questions import Answer, Passage, PassageQuestion, make_passage
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.marks import add_marked_texts, add_marked_tokens
from elmobench.data.readers.record_options import RecordOptions
from elmobench.data.readers.record_spans import character_span_tags, span_tags
from elmobench.data.readers.record_values import Record, kind_of
from elmobench.data.readers.row_examples import (
    EMPTY_FIX,
    add_label_set,
    add_pair,
    add_text,
    answer_in,
)
from elmobench.data.readers.row_filter import RowFilter
from elmobench.data.readers.tag_rules import check_tag_of, legal_tags, scheme_advice
from elmobench.data.tag_schemes import detected_scheme

O = TypeVar("O", bound=RecordOptions)  # noqa: E741

_DROPPABLE = (
    "empty-token",
    "empty-label",
    "empty-text",
    "field-count",
    "illegal-tags",
    "overlapping-spans",
    "answer-not-found",
    "blank-at-end-of-answer",
    "no-answer",
)

Row = tuple[int, str, Mapping[str, Any]]
"""The number of a record, from 1, its place for errors, and its fields."""


class RecordReader(Reader[O]):
    """Gives the examples that the stated fields make, see :data:`RECORD_KINDS`."""

    droppable = _DROPPABLE

    @abstractmethod
    def records(self, text: SourceText, options: O, dropped: Counter[str]) -> Iterator[Row]:
        """Yield number, place and content of each record.

        Args:
            text: the file; problems of single records are passed to it.
            options: which fields are read.
            dropped: counts what is no record, such as blank lines.
        """

    def read(self, text: SourceText, options: O) -> ReadResult:
        """See :meth:`Reader.read`."""
        if text.labels == "number" and options.names is not None:
            raise ConfigError(
                "'names' gives numbers the names of classes, but this pipeline predicts numbers",
                where=text.name,
                fix="leave out 'names', or use a pipeline of classes",
            )
        if text.labels == "set" and options.no_label is not None:
            raise ConfigError(
                "'no_label' leaves out texts without a label, but this pipeline reads them",
                where=text.name,
                fix="leave out 'no_label'",
            )
        quiet = replace(text, problems=Problems(text.name))
        result = ReadResult([])
        reading = _Reading(text, options, result, lambda: self.records(quiet, options, Counter()))
        add = reading.adders[options.kind]
        is_read = RowFilter(options.where, result.dropped)
        for number, where, values in self.records(text, options, result.dropped):
            record = Record(values, where, options, result.dropped)
            before = len(result.examples)
            try:
                if not is_read.keeps({name: record.value(str(name)) for name in options.where}):
                    continue
                name = text.id(number) if options.id is None else record.name(options.id, "id")
                group = None if options.group is None else record.name(options.group, "group")
                add(name, record)
            except DataError as error:
                text.problem(error, example=number)
                continue
            if group is not None and len(result.examples) > before:
                result.groups[name] = group
        is_read.check(text)
        return result


class _Reading:
    """Adds the examples of one file, and keeps what its records share.

    Args:
        text: the file; problems of single answers are passed to it.
        options: which fields are read.
        result: gets the examples.
        again: reads the records from the beginning, for advice on the scheme of the tags.
    """

    def __init__(
        self,
        text: SourceText,
        options: RecordOptions,
        result: ReadResult,
        again: Callable[[], Iterable[Row]],
    ) -> None:
        self.text = text
        self.options = options
        self.result = result
        # Labels get their other names from the record.
        self.form = LabelForm(text.labels, {}, options.label_separator, options.strip)
        self.passages: dict[str, Passage] = {}  # questions on one passage share it
        self.checked: set[str] = set()
        self.again = again
        # Read once: a wrong scheme makes thousands of problems.
        self.advice: Callable[[], str | None] = cache(self._advice)
        self.adders: dict[str, Callable[[str, Record], None]] = {
            "text": self.add_text,
            "pair": self.add_pair,
            "marked-pair": self.add_marked_pair,
            "marked-tokens": self.add_marked_tokens,
            "tags": self.add_tags,
            "roles": self.add_roles,
            "token-spans": self.add_token_spans,
            "text-spans": self.add_text_spans,
            "question": self.add_question,
        }

    def add_text(self, name: str, record: Record) -> None:
        """Add a text with its label or labels."""
        options, form = self.options, self.form
        labels = record.label_set(options.label, form) if form.kind == "set" else []
        label = "" if form.kind == "set" else record.label(options.label, form.kind)
        if label is None:
            return
        words = record.words(options.text, "text", options.tokenizer or "words")
        if form.kind == "set":
            add_label_set(self.result, name, words, labels, form, record.where)
        else:
            add_text(self.result, name, words, label, form, record.where)

    def add_pair(self, name: str, record: Record) -> None:
        """Add a pair of sentences with its label."""
        options = self.options
        label = record.label(options.label, self.form.kind)
        if label is None:
            return
        tokenizer = options.tokenizer or "words"
        sentences: dict[str, Callable[[], Sequence[str]]] = {
            "premise": lambda: record.words(options.premise, "premise", tokenizer),
            "hypothesis": lambda: record.words(options.hypothesis, "hypothesis", tokenizer),
        }
        add_pair(self.result, name, sentences, label, self.form, record.where)

    def add_marked_pair(self, name: str, record: Record) -> None:
        """Add a pair whose marks count characters."""
        options = self.options
        label = record.label(options.label, "class")
        if label is None:
            return
        sides = [
            (
                record.text(getattr(options, role), role),
                record.index(getattr(options, f"{role}_start"), f"start of the mark in {role}"),
                record.index(getattr(options, f"{role}_end"), f"end of the mark in {role}"),
            )
            for role in ("premise", "hypothesis")
        ]
        add_marked_texts(
            self.result, name, sides, label, self.form, record.where, options.span_tokenizer
        )

    def add_marked_tokens(self, name: str, record: Record) -> None:
        """Add a pair with a marked token each."""
        options = self.options
        label = record.label(options.label, "class")
        if label is None:
            return
        sides = [
            (
                record.words(getattr(options, role), role, options.tokenizer or "blanks"),
                record.index(getattr(options, f"{role}_index"), f"marked token of {role}"),
            )
            for role in ("premise", "hypothesis")
        ]
        add_marked_tokens(self.result, name, sides, label, self.form, record.where)

    def add_tags(self, name: str, record: Record) -> None:
        """Add a sentence with a tag for each token."""
        tokens, tags = self._tagged(record)
        self.result.examples.append(TaggedSentence(name, tokens, tags))

    def add_roles(self, name: str, record: Record) -> None:
        """Add a predicate with its arguments."""
        tokens, tags = self._tagged(record)
        predicate = record.index(self.options.predicate or "predicate", "predicate")
        if predicate >= len(tokens):
            raise DataError(
                f"the predicate is token {predicate}, counted from 0, of {len(tokens)}",
                where=record.where,
            )
        sense = record.optional(self.options.roleset)
        roleset = None if sense is None else record.text(self.options.roleset, "roleset")
        self.result.examples.append(Proposition(name, tokens, predicate, tags, roleset))

    def add_token_spans(self, name: str, record: Record) -> None:
        """Add a sentence whose spans count tokens."""
        tokens = record.tokens(self.options.tokens, self.options.tokenizer)
        tags = span_tags(record, self.options, tokens)
        self.result.examples.append(TaggedSentence(name, tuple(tokens), tuple(tags)))

    def add_text_spans(self, name: str, record: Record) -> None:
        """Add a text whose spans count characters."""
        passage = make_passage(record.text(self.options.text, "text"), self.options.span_tokenizer)
        if not passage.tokens:
            raise _empty("text", record.where)
        tags = character_span_tags(record, self.options, passage, self.result.dropped)
        self.result.examples.append(TaggedSentence(name, passage.tokens, tuple(tags)))

    def add_question(self, name: str, record: Record) -> None:
        """Add a question with its answers."""
        options = self.options
        body = record.text(options.passage, "passage")
        if body not in self.passages:
            self.passages[body] = make_passage(body, options.span_tokenizer)
        passage = self.passages[body]
        question = record.words(options.question, "question", options.span_tokenizer)
        for what, tokens in (("question", question), ("passage", passage.tokens)):
            if not tokens:
                raise _empty(what, record.where)
        title = record.optional(options.article)
        article = "" if title is None else record.text(options.article, "article")
        answers = self._answers(record, passage)
        if not answers:
            self.result.lose("questions without a usable answer")
            return
        self.result.examples.append(
            PassageQuestion(name, tuple(question), passage, answers, article)
        )

    def _answers(self, record: Record, passage: Passage) -> tuple[Answer, ...]:
        options = self.options
        stated = list(_objects(record, options))
        if not stated:
            raise DataError(
                "the question has no answer, as some of SQuAD 2.0",
                where=record.where,
                fix="heads answer every question",
                kind="no-answer",
            )
        answers = []
        for number, values in enumerate(stated, start=1):
            answer = record.inside(values, f"answer {number}")
            try:
                found = answer_in(
                    passage,
                    answer.text(options.answer_text, "answer"),
                    answer.value(options.answer_start),
                    self.result.dropped,
                    answer.where,
                    fix="correct the file",
                )
            except DataError as error:
                self.text.problem(error, lost=False)
                continue
            if found is not None:
                answers.append(found)
        return tuple(answers)

    def _tagged(self, record: Record) -> tuple[Sentence, tuple[str, ...]]:
        """The tokens and the checked tags of a sentence."""
        options = self.options
        tokens = tuple(record.tokens(options.tokens, options.tokenizer))
        tags = record.tags(options.tags)
        if len(tags) != len(tokens):
            raise DataError(
                f"has {len(tokens)} tokens but {len(tags)} tags",
                where=record.where,
                kind="field-count",
            )
        scheme = options.scheme or "none"
        for number, tag in enumerate(tags, start=1):
            if tag not in self.checked:
                if not tag.strip():
                    where = f"{record.where}, tag {number}"
                    raise DataError("the tag is empty", where=where, kind="empty-label")
                check_tag_of(tag, scheme, f"{record.where}, tag {number}", self.advice)
                self.checked.add(tag)
        legal = legal_tags(
            tags,
            scheme,
            keep_illegal=options.illegal_i == "keep",
            convert=scheme != "none",
            dropped=self.result.dropped,
            place=lambda position: f"{record.where}, tag {min(position + 1, len(tags))}",
            advice=self.advice,
            keep_fix="state 'illegal_i: keep' to begin a span here, as conlleval does",
        )
        return tokens, tuple(legal)

    def _advice(self) -> str | None:
        """What to state if all tags of the file are legal in another scheme; None otherwise."""
        options = self.options
        sentences = []
        try:
            for _, where, values in self.again():
                record = Record(values, where, options, Counter())
                sentences.append(record.tags(options.tags))
        except DataError:
            return None  # another record is wrong too
        return scheme_advice(detected_scheme(sentences), options.scheme or "none")


def _empty(what: str, where: str) -> DataError:
    return DataError(f"the {what} is empty", where=where, fix=EMPTY_FIX, kind="empty-text")


def _objects(record: Record, options: RecordOptions) -> list[Mapping[str, Any]]:
    """The answers: a list of objects, or an object of lists; none for null."""
    value = record.value(options.answers or "answers")
    if value is None:
        return []
    if isinstance(value, Mapping):
        columns = {name: value.get(name) for name in (options.answer_text, options.answer_start)}
        lists = [column for column in columns.values() if isinstance(column, list)]
        if not lists:  # one answer
            return [value]
        if len(lists) == len(columns) and len({len(column) for column in lists}) == 1:
            return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
    elif isinstance(value, list) and all(isinstance(one, Mapping) for one in value):
        return list(value)
    raise DataError(
        f"answers: holds {kind_of(value)}, expected a list of answers",
        where=record.where,
        fix="expected a list of objects, or an object of two lists of equal length; state the "
        "names of their fields: answer_text and answer_start",
    )
