"""Examples from records: JSON lines, a JSON list, or the rows of a Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

from pydantic import Field, field_validator, model_validator

from elmobench.core.errors import DataError
from elmobench.core.parsing import check_distinct_keys, parse_json
from elmobench.core.quoting import quoted
from elmobench.core.registry import did_you_mean
from elmobench.data.examples import ClassifiedText, SentencePair, TaggedSentence
from elmobench.data.readers.base import Reader, ReadResult, SourceText
from elmobench.data.readers.column_rows import check_tag
from elmobench.data.readers.rows import EMPTY_FIX, STRIP_FIX, StripOptions
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.data.tag_schemes import SCHEME_SYNONYMS, Scheme, check_shape, to_bio, violation
from elmobench.data.text_checks import check_label, check_text

Record = Mapping[str, Any]


class RecordOptions(StripOptions):
    """Options of the readers ``jsonl`` and ``parquet``.

    They name fields; ``sentence.tokens`` is the field ``tokens`` of the object in ``sentence``.
    Which fields are named says what the examples are: ``text`` and ``label``; ``premise``,
    ``hypothesis`` and ``label``; or ``tokens`` and ``tags``.
    """

    text: str | None = None
    """Field of a text."""
    premise: str | None = None
    """Field of the first text of a pair."""
    hypothesis: str | None = None
    """Field of the second text of a pair."""
    label: str | None = None
    """Field of the label of a text or pair."""
    tokens: str | None = None
    """Field with the list of a sentence's tokens."""
    tags: str | None = None
    """Field with the list of a sentence's tags."""
    id: str | None = None
    """Field of an id; by default an example is named by its number."""
    group: str | None = None
    """Field that names the document or author of a record, for ``split: {by: group}``."""
    tokenizer: TokenizerName = "words"
    """How a text is split into tokens."""
    names: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Labels or tags by number, if the file has numbers: 0 is the first. Files of the Hugging Face
    hub have numbers, whose names are on the page of the data set.
    """
    map: dict[str, str] = Field(default_factory=dict)
    """Other names for labels or tags, for example ``{"1": positive}``. Renamed ones are counted."""
    no_label: str | int | None = None
    """Label of examples that are dropped and counted, such as -1 or ``-`` in SNLI."""
    scheme: Scheme | None = None
    """Scheme of the tags: ``bio``, ``iob1``, ``bioul``, ``bioes``, ``bmewo``, or ``none`` for plain
    tags such as parts of speech.
    """

    @field_validator("scheme", mode="before")
    @classmethod
    def _synonyms(cls, value: object) -> object:
        return SCHEME_SYNONYMS.get(value, value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = (
            ("text", "label"),
            ("premise", "hypothesis", "label"),
            ("tokens", "tags", "scheme"),
        )
        given = {name for names in kinds for name in names if getattr(self, name) is not None}
        if given not in [set(names) for names in kinds]:
            stated = " and ".join(sorted(given)) or "nothing"
            choices = "; ".join(", ".join(names) for names in kinds)
            raise ValueError(f"states {stated}, expected one of these sets of options: {choices}")
        return self

    @property
    def fields(self) -> dict[str, str]:
        """The fields that every record must have, by the option that names them."""
        roles = ("text", "premise", "hypothesis", "label", "tokens", "tags", "id", "group")
        named = {role: getattr(self, role) for role in roles}
        return {role: name for role, name in named.items() if name is not None}


class RecordReader(Reader[RecordOptions]):
    """Gives :class:`ClassifiedText`, :class:`SentencePair` or :class:`TaggedSentence`."""

    options_type = RecordOptions
    droppable = ("empty-label", "empty-text", "empty-token", "field-count", "illegal-tags")

    def records(
        self, text: SourceText, options: RecordOptions, result: ReadResult
    ) -> Iterator[tuple[int, str, Record]]:
        """Yield number, place and content of each record."""
        raise NotImplementedError

    def read(self, text: SourceText, options: RecordOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        building = _Building(options, result)
        for number, where, record in self.records(text, options, result):
            try:
                building.add(text.id(number), where, record)
            except DataError as error:
                text.problem(error)
        return result


class JsonLinesReader(RecordReader):
    """One JSON object per line, or one list of objects; blank lines are counted."""

    name: ClassVar[str] = "jsonl"
    version: ClassVar[int] = 1

    def records(
        self, text: SourceText, options: RecordOptions, result: ReadResult
    ) -> Iterator[tuple[int, str, Record]]:
        """See :class:`RecordReader`."""
        if text.data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"[":
            yield from self._list(text)
            return
        for number, line in text.rows():
            if not line.strip():
                result.dropped["blank lines"] += 1
                continue
            where = text.at(number)
            try:
                record = parse_json(line, where, on_object=check_distinct_keys)
                if not isinstance(record, dict):
                    raise DataError(f"holds {_kind(record)}, expected an object", where=where)
            except DataError as error:
                # Its place states a line within the document, which is always the first here.
                text.problem(DataError(error.what, where=where))
                continue
            yield number, where, record

    def _list(self, text: SourceText) -> Iterator[tuple[int, str, Record]]:
        if text.lines is not None:
            raise DataError("'lines' selects lines, but this is one JSON list", where=text.name)
        for number, record in enumerate(
            parse_json(text.data, text.name, on_object=check_distinct_keys), start=1
        ):
            where = f"{text.name}, record {number}"
            if isinstance(record, dict):
                yield number, where, record
            else:
                text.problem(DataError(f"holds {_kind(record)}, expected an object", where=where))


class _Building:
    """Makes the examples of one file.

    Args:
        options: which fields, and how labels are called.
        result: gets the examples and counts.
    """

    def __init__(self, options: RecordOptions, result: ReadResult) -> None:
        self._options = options
        self._result = result
        self._tokenize = TOKENIZERS[options.tokenizer]

    def add(self, name: str, where: str, record: Record) -> None:
        """Add the example of a record. Raises DataError at ``where`` if it is none."""
        options = self._options
        found = {role: _field(record, field, where) for role, field in options.fields.items()}
        if _is_no_label(found.get("label"), options.no_label):
            self._result.dropped[f"examples with the label {found['label']}"] += 1
            return
        if "id" in found:
            name = _named(found["id"], "id", where)
        if "tokens" in found:
            self._result.examples.append(self._tagged(name, found, where))
        elif "text" in found:
            tokens = self._text(found["text"], "text", where)
            self._result.examples.append(ClassifiedText(name, tokens, self._label(found, where)))
        else:
            premise = self._text(found["premise"], "premise", where)
            hypothesis = self._text(found["hypothesis"], "hypothesis", where)
            label = self._label(found, where)
            self._result.examples.append(SentencePair(name, premise, hypothesis, label))
        if "group" in found:
            self._result.groups[name] = _named(found["group"], "group", where)

    def _text(self, value: Any, role: str, where: str) -> tuple[str, ...]:
        if not isinstance(value, str):
            raise DataError(f"the {role} is {_kind(value)}, expected a string", where=where)
        check_text(value, f"the {role}", where)
        tokens = tuple(self._tokenize(value))
        if not tokens:
            raise DataError(f"the {role} is empty", where=where, fix=EMPTY_FIX, kind="empty-text")
        return tokens

    def _label(self, found: Mapping[str, Any], where: str) -> str:
        label = self._name(found["label"], "label", where)
        if not label.strip():
            raise DataError("the label is empty", where=where, fix=EMPTY_FIX, kind="empty-label")
        check_label(label, where, STRIP_FIX)
        return label

    def _name(self, value: Any, role: str, where: str) -> str:
        """The label or tag that a value means, by the name that the options give it."""
        options, dropped = self._options, self._result.dropped
        if isinstance(value, int) and not _is_bool(value) and options.names is not None:
            if not 0 <= value < len(options.names):
                raise DataError(
                    f"the {role} is {value}, but 'names' has {len(options.names)} names, from 0",
                    where=where,
                    fix="complete 'names', or drop the examples with 'no_label'",
                )
            return options.names[value]
        text = value if isinstance(value, str) else str(value)
        if text in options.map:
            dropped[f"{role} {text} renamed {options.map[text]}"] += 1
            return options.map[text]
        if not isinstance(value, str):
            raise DataError(
                f"the {role} is {_kind(value)} ({quoted(text)}), expected a string",
                where=where,
                fix="state 'names: [first, second, ...]' for numbers from 0, or 'map'",
            )
        check_text(value, f"the {role}", where)
        if options.strip and value.strip() != value:
            dropped[f"{role}s with blanks around them, cut"] += 1
            return value.strip()
        return value

    def _tagged(self, name: str, found: Mapping[str, Any], where: str) -> TaggedSentence:
        tokens, values = (_list_of(found[role], role, where) for role in ("tokens", "tags"))
        if len(tokens) != len(values):
            raise DataError(
                f"has {len(tokens)} tokens but {len(values)} tags", where=where, kind="field-count"
            )
        if not tokens:
            raise DataError("has no tokens", where=where, fix=EMPTY_FIX, kind="empty-text")
        for i, token in enumerate(tokens):
            if not isinstance(token, str):
                raise DataError(f"token {i + 1} is {_kind(token)}, expected a string", where=where)
            if not token.strip():
                raise DataError(f"token {i + 1} is empty", where=where, kind="empty-token")
            check_text(token, f"token {i + 1}", where)
        tags = [self._name(value, "tag", where) for value in values]
        return TaggedSentence(name, tuple(tokens), self._in_bio(tags, where))

    def _in_bio(self, tags: Sequence[str], where: str) -> tuple[str, ...]:
        """Tags checked against the scheme; those of spans as BIO, which heads take."""
        scheme = self._options.scheme
        assert scheme is not None, "the options require it"
        for tag in tags:
            check_tag(tag, where, "correct the file, or map the tag")
            problem = check_shape(tag, scheme)
            if problem is not None:
                raise DataError(problem, where=where, fix="state another 'scheme', or map the tag")
        illegal = violation(tags, scheme)
        if illegal is not None:
            raise DataError(
                illegal[1], where=where, fix="check the stated 'scheme'", kind="illegal-tags"
            )
        return tuple(tags) if scheme == "none" else to_bio(tags)


def _field(record: Record, path: str, where: str) -> Any:
    """The value of a field; of one in an inner object if ``path`` has dots."""
    value: Any = record
    if path in record:
        return record[path]
    for name in path.split("."):
        if not isinstance(value, Mapping) or name not in value:
            known = [str(key) for key in value] if isinstance(value, Mapping) else []
            fix = did_you_mean(name, known)
            raise DataError(f"the field {path!r} is missing", where=where, fix=fix)
        value = value[name]
    return value


def _list_of(value: Any, role: str, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{role}: holds {_kind(value)}, expected a list", where=where)
    return value


def _named(value: Any, role: str, where: str) -> str:
    if isinstance(value, str) or (isinstance(value, int) and not _is_bool(value)):
        check_text(str(value), f"the {role}", where)
        return str(value)
    raise DataError(f"the {role} is {_kind(value)}, expected a string or number", where=where)


def _is_no_label(value: Any, no_label: str | int | None) -> bool:
    """Whether a label means that there is none; True is not 1 here."""
    return no_label is not None and value == no_label and not _is_bool(value)


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool)


def _kind(value: Any) -> str:
    """What kind of JSON value it is, for messages."""
    if value is None:
        return "null"
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false"}
    return names.get(type(value), "a number")


JSONL = JsonLinesReader()
