"""The tables of the page on own data are those of the program."""

import re
from collections.abc import Iterator

from shown_output import ROOT

from elmobench.data.readers.base import READERS
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.tasks.registries import PIPELINES

PAGE = (ROOT / "docs" / "guides" / "own-data.md").read_text("utf-8")

OTHER_PIPELINES = {"nested-columns": "coref"}
"""A reader that no pipeline's template names, and the pipeline of its examples."""


def table(name: str) -> list[list[str]]:
    block = re.search(rf"<!-- {name}: .*?-->\n(.*?)<!-- end -->", PAGE, re.DOTALL)
    assert block is not None
    rows = [line.strip("| ").split("|") for line in block[1].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row] for row in rows[2:]]


def readers() -> Iterator[list[str]]:
    for name in READERS:
        users = [key for key, *_ in _pipelines() if name in PIPELINES.get(key).readers]
        pipelines = ", ".join(users) or OTHER_PIPELINES[name]
        yield [f"`{name}`", READERS.summary(name), pipelines]


def _pipelines() -> list[tuple[str, str]]:
    from elmobench.tasks.registries import _PIPELINE_TABLE

    return [(name, summary) for name, _, summary in _PIPELINE_TABLE]


def test_readers() -> None:
    assert table("readers") == list(readers())


def test_fields_of_records() -> None:
    def named(fields: tuple[str, ...]) -> str:
        return ", ".join(f"`{field}`" for field in fields)

    assert table("fields") == [
        [named(kind.required), named(kind.more), kind.what, ", ".join(kind.pipelines)]
        for kind in RECORD_KINDS.values()
    ]
