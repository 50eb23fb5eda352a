"""Render a text template with numbers of records: ``elmobench render``."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from elmobench.analysis.report.template.results_query import ResultsQuery
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.pretraining.model_card import ModelCard, read_card

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
        try:
            with path.open(encoding="utf-8", newline="") as lines:
                return list(csv.DictReader(lines))
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"table cannot be read: {error}", where=str(path)) from error

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    try:
        source = template.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not a text file in UTF-8", where=str(template)) from error
    try:
        text = environment.from_string(source).render(
            results=results, model_card=model_card, table=table, number_word=number_word
        )
    except DataError:
        raise
    except (TemplateError, ElmobenchError, TypeError) as error:
        line = getattr(error, "lineno", None) or _line(error)
        reason = error.what if isinstance(error, ElmobenchError) else str(error)
        raise ConfigError(
            f"cannot be rendered: {reason}",
            where=f"{template}:{line}" if line else str(template),
            fix=getattr(error, "fix", None),
        ) from error
    return RenderedText(text, drawings)


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
