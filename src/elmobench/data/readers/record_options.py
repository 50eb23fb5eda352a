"""Options of the readers of records: which fields are read, and what examples they make."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import BeforeValidator, Field, model_validator

from elmobench.data.readers.row_filter import WhereOptions
from elmobench.data.readers.rows import StripOptions
from elmobench.data.readers.tokenizers import (
    SPAN_TOKENIZER_NAMES,
    AnyTokenizerName,
    SpanTokenizerName,
)
from elmobench.data.tag_schemes import Scheme, scheme_name

FieldPath = Annotated[str, Field(min_length=1)]
"""A field by name; ``sentence.tokens`` is the field ``tokens`` of the object in ``sentence``, and
``labels.0`` the first value of the list in ``labels``.
"""


class RecordKind(NamedTuple):
    """A kind of example that records can hold.

    Attributes:
        fields: the options that name its fields.
        more: options that may name further fields.
        settings: other options that apply to it.
        what: what it is, for messages and the documentation.
        pipelines: the pipelines that read such examples.
    """

    fields: tuple[str, ...]
    more: tuple[str, ...]
    settings: tuple[str, ...]
    what: str
    pipelines: tuple[str, ...]

    @property
    def required(self) -> tuple[str, ...]:
        """The options without which it cannot be read."""
        return (*self.fields, "scheme") if "tags" in self.fields else self.fields


_NAMES = ("names", "map")
_TAGS = ("scheme", "illegal_i", "tokenizer", *_NAMES)
_SPANS = ("span_start", "span_end", "span_label", "span_end_inclusive", "tokenizer", *_NAMES)

_MARKS = ("premise_start", "premise_end", "hypothesis_start", "hypothesis_end")
_INDICES = ("premise_index", "hypothesis_index")

RECORD_KINDS: dict[str, RecordKind] = {
    "text": RecordKind(
        ("text", "label"),
        (),
        ("tokenizer", "no_label", "label_separator", *_NAMES),
        "texts with a label",
        ("sentiment", "multilabel", "regression"),
    ),
    "pair": RecordKind(
        ("premise", "hypothesis", "label"),
        (),
        ("tokenizer", "no_label", *_NAMES),
        "pairs of sentences with a label",
        ("nli", "pair-regression"),
    ),
    "marked-pair": RecordKind(
        ("premise", "hypothesis", *_MARKS, "label"),
        (),
        ("tokenizer", "no_label", *_NAMES),
        "pairs with marked characters",
        ("wic",),
    ),
    "marked-tokens": RecordKind(
        ("premise", "hypothesis", *_INDICES, "label"),
        (),
        ("tokenizer", "no_label", *_NAMES),
        "pairs with a marked token each",
        ("wic",),
    ),
    "tags": RecordKind(
        ("tokens", "tags"), (), _TAGS, "tokens with a tag each", ("ner", "chunking", "pos")
    ),
    "text-spans": RecordKind(
        ("text", "spans"), (), _SPANS, "labelled spans of characters", ("ner", "chunking")
    ),
    "token-spans": RecordKind(
        ("tokens", "spans"), (), _SPANS, "labelled spans of tokens", ("ner", "chunking")
    ),
    "roles": RecordKind(
        ("tokens", "tags", "predicate"),
        ("roleset",),
        _TAGS,
        "one predicate of a sentence and the tags of its arguments",
        ("srl",),
    ),
    "question": RecordKind(
        ("question", "passage", "answers"),
        ("article",),
        ("tokenizer", "answer_text", "answer_start"),
        "questions with answers in a passage",
        ("qa",),
    ),
}
"""The kinds of examples, by name."""

_FIELDS = tuple(
    dict.fromkeys(name for kind in RECORD_KINDS.values() for name in (*kind.fields, *kind.more))
)
_SETTINGS = tuple(dict.fromkeys(name for kind in RECORD_KINDS.values() for name in kind.settings))


class RecordOptions(StripOptions, WhereOptions):
    """Options of the readers ``jsonl`` and ``parquet``.

    They name fields; ``sentence.tokens`` is the field ``tokens`` of the object in ``sentence``, and
    ``labels.0`` the first value of the list in ``labels``. In records that are lists, fields are
    numbers, from ``"0"``.
    Which fields are named says what the examples are, see :data:`RECORD_KINDS`.
    """

    text: FieldPath | None = None
    """Field of the text: a string, which the tokenizer splits, or a list of tokens. With ``label``
    or ``spans``.
    """
    label: FieldPath | None = None
    """Field of the label, or of a list of labels: a string, or a number or truth value that
    ``names`` or ``map`` gives a name. With ``text``, or with ``premise`` and ``hypothesis``.
    """
    premise: FieldPath | None = None
    """Field of the first sentence of a pair."""
    hypothesis: FieldPath | None = None
    """Field of the second sentence of a pair."""
    premise_start: FieldPath | None = None
    """Field of the first character, from 0, of the marked word in ``premise``, as WiC has it in
    SuperGLUE.
    """
    premise_end: FieldPath | None = None
    """Field of the end of the marked word in ``premise``, which is not part of it."""
    hypothesis_start: FieldPath | None = None
    """Field of the first character of the marked word in ``hypothesis``."""
    hypothesis_end: FieldPath | None = None
    """Field of the end of the marked word in ``hypothesis``."""
    premise_index: FieldPath | None = None
    """Field of the number, from 0, of the marked token in ``premise``, which is a list of tokens
    or a text with blanks between tokens.
    """
    hypothesis_index: FieldPath | None = None
    """Field of the number of the marked token in ``hypothesis``."""
    tokens: FieldPath | None = None
    """Field of the tokens: a list of strings, or one string, which the tokenizer splits. With
    ``tags`` or ``spans``.
    """
    tags: FieldPath | None = None
    """Field of the tags: a list with a tag for each token (strings, or numbers for ``names``), or
    one string with blanks between the tags.
    """
    spans: FieldPath | None = None
    """Field of the labelled spans: a list of objects, whose fields ``span_start``, ``span_end``
    and ``span_label`` name, or of lists ``[start, end, label]``. They count characters of ``text``
    or tokens of ``tokens``, from 0, and become BIO tags.
    """
    predicate: FieldPath | None = None
    """Field of the index of the predicate's token, from 0; the tags are those of its arguments."""
    roleset: FieldPath | None = None
    """Field of the predicate's sense, which may be missing or null."""
    question: FieldPath | None = None
    """Field of a question on a passage."""
    passage: FieldPath | None = None
    """Field of the passage."""
    answers: FieldPath | None = None
    """Field of the answers: a list of objects, or an object of lists as in SQuAD on the Hugging
    Face hub, with the fields that ``answer_text`` and ``answer_start`` name.
    """
    article: FieldPath | None = None
    """Field of the title of the passage's article, which is the unit of significance tests."""
    id: FieldPath | None = None
    """Field of an id, text or an integer; by default the number of the line or row."""
    group: FieldPath | None = None
    """Field that names the document, author or other group of a record; ``split: {by: group}`` in
    the card keeps the records of a group together.
    """
    names: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Labels or tags by number, if the file has numbers: 0 is the first. Files of the Hugging Face
    hub have numbers, whose names are on the page of the data set.
    """
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels or tags, for example ``{"1": positive}``. Renamed ones are counted."""
    no_label: str | int | None = None
    """Label of examples that are dropped and counted, such as -1 or ``-`` in SNLI."""
    label_separator: str = Field(default=",", min_length=1)
    """Separator between the labels of a text, in pipelines of several labels per text, where the
    field is a text and not a list. A text with an empty list, or null, has none.
    """
    tokenizer: AnyTokenizerName | None = None
    """How a text is split into tokens: by default ``words`` for texts and pairs, ``clitics`` for
    questions, spans and marks of characters, ``blanks`` for pairs with a marked token. ``tokens``
    that are one string need it. Lists of tokens stay as they are.
    """
    scheme: Annotated[Scheme | None, BeforeValidator(scheme_name)] = None
    """Scheme of the tags: ``bio`` (also called IOB2), ``iob1``, ``bioul`` (BILOU), ``bioes``
    (IOBES), ``bmewo``, ``io`` (O and bare types), or ``none`` for plain tags such as parts of
    speech. Tags in the others become BIO. Required with ``tags``.
    """
    illegal_i: Literal["error", "keep"] = "error"
    """What to do with a BIO span that begins with I-: raise an error, or begin the span there, as
    conlleval does, and count the sentence.
    """
    span_start: FieldPath = "start"
    """Field of a span's first character or token."""
    span_end: FieldPath = "end"
    """Field of a span's end, which is not part of it."""
    span_label: FieldPath = "label"
    """Field of a span's label."""
    span_end_inclusive: bool = False
    """Whether the end of a span is part of it."""
    answer_text: FieldPath = "text"
    """Field of an answer's text."""
    answer_start: FieldPath = "answer_start"
    """Field of the position of an answer's first character in the passage, from 0."""

    @model_validator(mode="after")
    def _consistent(self) -> RecordOptions:
        kind = self.kind
        allowed = RECORD_KINDS[kind]
        for name in _SETTINGS:
            default = type(self).model_fields[name].get_default(call_default_factory=True)
            if name not in allowed.settings and getattr(self, name) != default:
                raise ValueError(f"{name}: does not belong to {allowed.what}")
        if kind in ("question", "text-spans", "marked-pair") and self.tokenizer not in (
            None,
            *SPAN_TOKENIZER_NAMES,
        ):
            raise ValueError(
                f"tokenizer: {allowed.what} need one of {', '.join(SPAN_TOKENIZER_NAMES)}, which "
                "return positions"
            )
        return self

    @property
    def kind(self) -> str:
        """The kind of examples, one of :data:`RECORD_KINDS`, that the stated fields make.

        Raises:
            ValueError: they make none.
        """
        stated = {name for name in _FIELDS if getattr(self, name) is not None}
        for name, kind in RECORD_KINDS.items():
            has_scheme = self.scheme is not None or "scheme" not in kind.required
            if has_scheme and stated.difference(kind.more) == set(kind.fields):
                return name
        choices = "; ".join(
            f"{', '.join(kind.required)} ({kind.what})" for kind in RECORD_KINDS.values()
        )
        found = " and ".join(name for name in _FIELDS if name in stated) or "nothing"
        raise ValueError(f"states {found}, expected one of these sets of options: {choices}")

    @property
    def paths(self) -> list[str]:
        """Every field that is read."""
        names = (*_FIELDS, "id", "group")
        paths = [path for name in names if (path := getattr(self, name)) is not None]
        return [*paths, *map(str, self.where)]

    @property
    def span_tokenizer(self) -> SpanTokenizerName:
        """The tokenizer of questions and spans of characters."""
        name = self.tokenizer or "clitics"
        return next(known for known in SPAN_TOKENIZER_NAMES if known == name)
