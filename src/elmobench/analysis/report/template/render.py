"""Render a text template with numbers of records: ``elmobench render``."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import SandboxedEnvironment

from elmobench.analysis.report.template.results_query import ResultsQuery
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.core.parsing import PARSER_ERRORS, parsing, read_text, reason
from elmobench.pretraining.model_card import ModelCard, read_card

_RAISED: tuple[type[Exception], ...] = (
    *(TemplateError, ElmobenchError, OSError, MemoryError),
    *PARSER_ERRORS,
)
_LARGEST = 1_000_000
_LARGEST_EXPONENT = 100
_WIDE = re.compile(r"[0-9]{4}|\*")
SUFFIX = ".in"
"""Suffix of template files: ``RESULTS.md.in`` becomes ``RESULTS.md``."""


@dataclass(frozen=True)
class RenderedText:
    """A rendered template.

    Attributes:
        text: the text with its numbers.
        drawings: contents of the SVG files that the text shows, by file name.
    """

    text: str
    drawings: dict[str, str]


def render(template: Path) -> RenderedText:
    """Render a Jinja template with numbers of records.

    In the template ``results("folder")`` opens a results folder, relative to the template; see
    :class:`~elmobench.analysis.report.template.results_query.ResultsQuery` for its methods.
    ``model_card("model_card.yaml")`` has the fields of a
    :class:`~elmobench.pretraining.model_card.ModelCard`, and ``model_card("cards.yaml", "name")``
    those of one card in a file with several. ``table("some.csv")`` has the rows of a CSV file, as
    texts by column name. ``number_word(5)`` is "five". The template can reach nothing else.

    Args:
        template: a text file in UTF-8.

    Raises:
        ConfigError: if the template is malformed or asks for something that the records do not
            have; names the line.
        DataError: if there are no records, or predictions are missing or damaged.
    """
    drawings: dict[str, str] = {}
    opened: dict[str, ResultsQuery] = {}

    def results(folder: str) -> ResultsQuery:
        if folder not in opened:
            opened[folder] = ResultsQuery(template.parent / folder, drawings)
        return opened[folder]

    def model_card(file: str, name: str | None = None) -> ModelCard:
        return read_card(template.parent / file, name)

    def table(file: str) -> list[dict[str, str]]:
        path = template.parent / file
        lines = io.StringIO(read_text(path), newline="")
        try:
            with parsing(path, what="is not a table"):
                return list(csv.DictReader(lines, strict=True))
        except csv.Error as error:
            raise DataError(f"is not a table: {error}", where=str(path)) from error

    environment = _Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    source = read_text(template, ConfigError)
    try:
        text = environment.from_string(source).render(
            results=results, model_card=model_card, table=table, number_word=number_word
        )
    except DataError:
        raise
    except _RAISED as error:
        line = getattr(error, "lineno", None) or _line(error)
        said = error.what if isinstance(error, ElmobenchError) else reason(error)
        raise ConfigError(
            f"cannot be rendered: {said}",
            where=f"{template}:{line}" if line else str(template),
            fix=getattr(error, "fix", None),
        ) from error
    return RenderedText(text, drawings)


class _Environment(SandboxedEnvironment):
    """A sandbox whose products are bounded too: ``"x" * 10**10`` would fill the memory."""

    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute ``left operator right``. Raises SecurityError if the result would be huge."""
        if operator == "**" and (abs(left) > _LARGEST or abs(right) > _LARGEST_EXPONENT):
            raise SecurityError(f"{left} ** {right} is too large")
        if operator == "*":
            for one, other in ((left, right), (right, left)):
                if (
                    isinstance(one, Sized)
                    and isinstance(other, int)
                    and len(one) * other > _LARGEST
                ):
                    raise SecurityError(f"more than {_LARGEST:,} values are too many")
        if operator == "%" and isinstance(left, str) and _WIDE.search(left):
            raise SecurityError("a field is too wide")
        return super().call_binop(context, operator, left, right)


def number_word(number: int) -> str:
    """A small number as a word: ``five``; numbers above twelve as digits."""
    return _NUMBER_WORDS[number] if 0 <= number < len(_NUMBER_WORDS) else str(number)


_NUMBER_WORDS = (
    *("zero", "one", "two", "three", "four", "five", "six"),
    *("seven", "eight", "nine", "ten", "eleven", "twelve"),
)


def _line(error: BaseException) -> int | None:
    """The template line where ``error`` was raised; Jinja names the compiled template's code so."""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
