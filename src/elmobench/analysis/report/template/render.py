"""Fill the numbers of records into a text: ``elmobench fill``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from elmobench.analysis.report.template.results_query import ResultsQuery
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.pretraining.model_card import ModelCard, read_card

SUFFIX = ".in"
"""How names of texts to be filled in end: ``RESULTS.md.in`` becomes ``RESULTS.md``."""


@dataclass(frozen=True)
class Filled:
    """A text with its numbers.

    Attributes:
        text: what the template became.
        drawings: SVG files that the text shows, by their names beside it.
    """

    text: str
    drawings: dict[str, str]


def fill(template: Path, resamples: int = 10_000) -> Filled:
    """Fill in a template (Jinja) with numbers of records.

    In it ``results("folder")`` opens the records of a results folder, which is looked up beside the
    template; see :class:`~elmobench.analysis.report.template.results_query.ResultsQuery` for
    what it can be asked.
    ``model_card("model_card.yaml")`` has the fields of a
    :class:`~elmobench.pretraining.model_card.ModelCard`. The template cannot reach anything else.

    Args:
        template: a text in UTF-8.
        resamples: of each test and bootstrap.

    Raises:
        ConfigError: if the template asks for what the records do not have, or is malformed; tells
            the line.
        DataError: if there are no records, or predictions are missing or damaged.
    """
    drawings: dict[str, str] = {}
    opened: dict[str, ResultsQuery] = {}

    def results(folder: str) -> ResultsQuery:
        if folder not in opened:
            opened[folder] = ResultsQuery(template.parent / folder, drawings, resamples)
        return opened[folder]

    def model_card(file: str) -> ModelCard:
        return read_card(template.parent / file)

    environment = SandboxedEnvironment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    try:
        source = template.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError("not a text in UTF-8", where=str(template)) from error
    try:
        text = environment.from_string(source).render(results=results, model_card=model_card)
    except DataError:
        raise
    except (TemplateError, ElmobenchError, TypeError) as error:
        line = getattr(error, "lineno", None) or _line(error)
        reason = error.what if isinstance(error, ElmobenchError) else str(error)
        raise ConfigError(
            f"cannot be filled in: {reason}",
            where=f"{template}:{line}" if line else str(template),
            fix=getattr(error, "fix", None),
        ) from error
    return Filled(text, drawings)


def _line(error: BaseException) -> int | None:
    """Line of the template where ``error`` came up: Jinja names the code of it so."""
    found = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            found = trace.tb_lineno
        trace = trace.tb_next
    return found
