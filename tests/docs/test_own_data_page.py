"""The tables of the page on own data are those of the program."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from shown_output import ROOT

from elmobench.data.readers.base import READERS, read_bytes
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


PUBTATOR = """\
1|t|Naloxone works.
1|a|It is a drug.
1\t0\t8\tNaloxone\tChemical\tD1
1\t24\t28\tdrug\tChemical\tD2
1\tCID\tD1\tD2

2|t|None.
2|a|Nothing.
"""
MRQA = "\n".join(
    json.dumps(row)
    for row in (
        {"header": {"dataset": "NewsQA"}},
        {
            "context": "Ann left Rome.",
            "qas": [
                {
                    "qid": "a",
                    "question": "Where?",
                    "detected_answers": [{"text": "Rome", "char_spans": [[9, 12]]}],
                }
            ],
        },
    )
)


@pytest.mark.parametrize(
    ("number", "data", "options", "expected"),
    [
        (
            0,
            PUBTATOR,
            {"text": "text", "spans": "spans"},
            [
                ["B-Chemical", "O", "O", "O", "O", "O", "B-Chemical", "O"],
                ["O", "O", "O", "O"],
            ],
        ),
        (
            1,
            MRQA,
            {"question": "question", "passage": "context", "answers": "answers"},
            ["Rome"],
        ),
    ],
    ids=["PubTator", "MRQA"],
)
def test_the_scripts_write_what_is_read(
    number: int, data: str, options: dict[str, Any], expected: list[Any]
) -> None:
    script = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[number]
    lines = subprocess.run(
        [sys.executable, "-c", script], input=data.encode(), capture_output=True, check=True
    ).stdout
    examples = read_bytes("jsonl", lines, "f", options).examples
    if number == 0:
        assert [list(one.tags) for one in examples] == expected
    else:
        assert [one.answers[0].text for one in examples] == expected
