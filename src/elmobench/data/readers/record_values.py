"""Typed access to the fields of one record: a JSON object, or a row of a Parquet file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened
from elmobench.core.registry import did_you_mean
from elmobench.data.blanks import split_blanks
from elmobench.data.label_kinds import LabelForm, LabelKind
from elmobench.data.readers.record_options import RecordOptions
from elmobench.data.readers.row_examples import EMPTY_FIX
from elmobench.data.readers.tokenizers import AnyTokenizerName, tokens_of
from elmobench.data.text_checks import check_text

_NUMBERS = frozenset(map(str, range(1000)))
"""The values of a list that a path can name."""


class Record:
    """One record and its place.

    Args:
        values: its fields.
        where: file and line, or row, for errors.
        options: how labels are called, and whether blanks around them are cut.
        dropped: counts what was cut or renamed.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        where: str,
        options: RecordOptions,
        dropped: Counter[str],
    ) -> None:
        self.where = where
        self._values = values
        self._options = options
        self._dropped = dropped

    def value(self, path: str) -> Any:
        """The value at ``path``: a field of that name, or else one inside of others, by dots.

        The values of a list are called by their numbers, from 0.

        Raises:
            DataError: there is no such field.
        """
        if path in self._values:
            return self._values[path]
        value: Any = self._values
        for part in path.split("."):
            if isinstance(value, list) and part in _NUMBERS and int(part) < len(value):
                value = value[int(part)]
                continue
            if not isinstance(value, Mapping) or part not in value:
                known = [str(key) for key in value] if isinstance(value, Mapping) else []
                raise DataError(
                    f"the field {quoted(path)} is missing",
                    where=self.where,
                    fix=did_you_mean(part, known) if known else None,
                )
            value = value[part]
        return value

    def optional(self, path: str | None) -> Any:
        """As :meth:`value`; None for no path, and for a field that is missing."""
        if path is None:
            return None
        try:
            return self.value(path)
        except DataError:
            return None

    def text(self, path: str | None, role: str) -> str:
        """The text at ``path``, which ``role`` calls in errors; it may be empty.

        Raises:
            DataError: it is missing, null or no text, or holds what cannot be stored.
        """
        value = self.value(path or role)
        if not isinstance(value, str):
            raise self._unexpected(
                f"the {role}", value, "a string", "empty-text" if value is None else None
            )
        check_text(value, f"the {role}", self.where)
        return value

    def name(self, path: str, role: str) -> str:
        """An id or the name of a group at ``path``: a text or an integer.

        Raises:
            DataError: it is something else, or empty.
        """
        value = self.value(path)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self._unexpected(f"the {role}", value, "a string or number")
        if not value.strip():
            raise DataError(f"the {role} is empty", where=self.where, fix=EMPTY_FIX)
        check_text(value, f"the {role}", self.where)
        return value

    def words(self, path: str | None, role: str, tokenizer: AnyTokenizerName) -> Sequence[str]:
        """The tokens at ``path``: of a text, split by ``tokenizer``, or of a list of tokens."""
        value = self.value(path or role)
        if isinstance(value, list):
            return self._tokens(value)
        return tokens_of(self.text(path, role), tokenizer)

    def tokens(self, path: str | None, tokenizer: AnyTokenizerName | None) -> Sequence[str]:
        """The tokens at ``path``: a list or, if there is a tokenizer, a text.

        Raises:
            DataError: there is none, or one that is empty or no text.
        """
        value = self.value(path or "tokens")
        if isinstance(value, str) and tokenizer is not None:
            found: Sequence[str] = tokens_of(self.text(path, "tokens"), tokenizer)
        elif isinstance(value, list):
            found = self._tokens(value)
        else:
            raise DataError(
                f"tokens: holds {kind_of(value)}, expected a list",
                where=self.where,
                fix="state a 'tokenizer', such as blanks" if isinstance(value, str) else None,
                kind="empty-text" if value is None else None,
            )
        if not found:
            raise DataError("has no tokens", where=self.where, fix=EMPTY_FIX, kind="empty-text")
        return found

    def label(self, path: str | None, kind: LabelKind) -> str | None:
        """The name of the label at ``path``; None for the one that stands for no label.

        A label that must be a number is written as the file has it.
        """
        value = self.value(path or "label")
        no_label = self._options.no_label
        if no_label is not None and not isinstance(value, bool) and str(value) == str(no_label):
            self._dropped[f"examples with the label {no_label}"] += 1
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if kind == "number" and is_number and str(value) not in self._options.map:
            return str(value)
        if isinstance(value, bool) and self._options.premise_start is not None:
            # Pairs with a mark are true or false.
            return self.named(str(value).lower(), "label", self.where)
        return self.named(value, "label", self.where)

    def label_set(self, path: str | None, form: LabelForm) -> list[str]:
        """The names of the labels at ``path``: a list, or one text; none for null."""
        value = self.value(path or "label")
        if value is None:
            return []
        if isinstance(value, str):
            check_text(value, "the label", self.where)
            value = form.split(value)
        if not isinstance(value, list):
            raise DataError(
                f"labels: holds {kind_of(value)}, expected a list",
                where=self.where,
                fix="this pipeline has several labels per text; use sentiment for one",
            )
        return [
            self.named(label, "label", f"{self.where}, label {number}")
            for number, label in enumerate(value, start=1)
        ]

    def tags(self, path: str | None) -> list[str]:
        """The names of the tags at ``path``: a list, or a text with blanks between them."""
        value = self.value(path or "tags")
        if isinstance(value, str):
            value = split_blanks(value)
        if not isinstance(value, list):
            raise DataError(f"tags: holds {kind_of(value)}, expected a list", where=self.where)
        return [
            self.named(tag, "tag", f"{self.where}, tag {number}")
            for number, tag in enumerate(value, start=1)
        ]

    def named(self, value: Any, role: str, where: str) -> str:
        """The label or tag that a value means, by the name that the options give it.

        Raises:
            DataError: at ``where``, for a value that is no label, or without a name.
        """
        options = self._options
        if options.names is not None and isinstance(value, int) and not isinstance(value, bool):
            if 0 <= value < len(options.names):
                return options.names[value]
            raise DataError(
                f"the {role} is {value}, but 'names' has {len(options.names)} names, from 0",
                where=where,
                fix="complete 'names', or drop the examples with 'no_label'",
            )
        written = value
        if isinstance(value, str):
            check_text(value, f"the {role}", where)
            if options.strip and value.strip() != value:
                self._dropped[f"{role}s with blanks around them, cut"] += 1
                written = value.strip()
        else:
            written = str(value).lower() if isinstance(value, bool) else str(value)
        if written in options.map:
            self._dropped[f"{role} {written} renamed {options.map[written]}"] += 1
            return options.map[written]
        if not isinstance(value, str):
            raise DataError(
                f"the {role} is {kind_of(value)}"
                + ("" if value is None else f" ({quoted(written)})")
                + ", expected a string",
                where=where,
                fix="state 'names: [first, second, ...]' for numbers from 0, or 'map'",
                kind="empty-label" if value is None else None,
            )
        return str(written)

    def index(self, path: str, role: str) -> int:
        """The integer at ``path``, at least 0."""
        value = self.value(path)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise DataError(
                f"the {role} is {shortened(str(value))}, expected a number from 0",
                where=self.where,
            )
        return value

    def inside(self, values: Mapping[str, Any], place: str) -> Record:
        """A record for an object inside of this one, at ``place``."""
        return Record(values, f"{self.where}, {place}", self._options, self._dropped)

    def _tokens(self, values: Sequence[Any]) -> list[str]:
        for number, token in enumerate(values, start=1):
            if not isinstance(token, str):
                raise self._unexpected(
                    f"token {number}", token, "a string", "empty-token" if token is None else None
                )
            if not token.strip():
                raise DataError(
                    f"token {number} is empty", where=self.where, fix=EMPTY_FIX, kind="empty-token"
                )
            check_text(token, f"token {number}", self.where)
        return list(values)

    def _unexpected(self, what: str, value: Any, wanted: str, kind: str | None = None) -> DataError:
        return DataError(
            f"{what} is {kind_of(value)}, expected {wanted}", where=self.where, kind=kind
        )


def kind_of(value: Any) -> str:
    """What kind of value it is, for messages."""
    if value is None:
        return "null"
    names = {
        dict: "an object",
        list: "a list",
        str: "a string",
        bool: "true or false",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), f"a value of type {type(value).__name__}")
