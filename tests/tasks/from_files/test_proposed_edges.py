"""Cards that are proposed for files in the published format of edge probing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import elmobench

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import load_card
from elmobench.data.examples import Edge
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task

SHAPES: dict[str, list[dict[str, Any]]] = {
    "one span": [{"span1": [0, 1], "label": "NNP"}, {"span1": [1, 3], "label": "VP"}],
    "two spans": [{"span1": [1, 2], "span2": [0, 1], "label": "ARG0", "info": {"height": 1}}],
    "several labels": [
        {"span1": [1, 2], "span2": [0, 1], "label": ["aware", "volition"]},
        {"span1": [1, 2], "span2": [2, 3], "label": []},
    ],
}
EXPECTED = {
    "one span": (Edge(((0, 0),), ("NNP",)), Edge(((1, 2),), ("VP",))),
    "two spans": (Edge(((1, 1), (0, 0)), ("ARG0",)),),
    "several labels": (
        Edge(((1, 1), (0, 0)), ("aware", "volition")),
        Edge(((1, 1), (2, 2)), ()),
    ),
}


def write(path: Path, targets: list[dict[str, Any]], number: int = 30, start: int = 0) -> Path:
    records = [
        {"text": f"Ann saw film {start + i} .", "targets": targets, "info": {"source": "x"}}
        for i in range(number)
    ]
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    return path


@pytest.mark.parametrize("shape", SHAPES)
def test_a_card_of_each_shape(shape: str, tmp_path: Path) -> None:
    """As jiant names the files, and as one file."""
    for start, name in enumerate(("train", "development", "test")):
        write(tmp_path / f"{name}.json", SHAPES[shape], start=100 * start)
    for given in (str(tmp_path), str(tmp_path / "train.json")):
        found = propose([given])
        assert (found.pipeline, found.reader, found.missing) == ("edges", "edge-probing-json", [])
        assert (found.split is None) == (given == str(tmp_path))
        card = proposed_card("mine", found, tmp_path / "c.yaml")
        assert card.problem is None, str(card.problem)
        (tmp_path / "c.yaml").write_text(card.text, "utf-8")
        task = Task(load_card(tmp_path / "c.yaml"))
        assert task.card.metric == "edge-micro-f1"
        examples = task.split("train")
        assert examples[0].edges == EXPECTED[shape]
        assert sum(len(part) for part in task.examples().values()) in (90, 30)
    reason = next(one.why for one in found.decisions if one.what == "pipeline")
    assert {
        "one span": "60 targets have one span, and one label",
        "two spans": "30 targets have two spans, and one label",
        "several labels": "60 targets have two spans, and 0 to 2 labels",
    }[shape] in reason


def test_one_object_and_texts_without_a_target(tmp_path: Path) -> None:
    one = write(tmp_path / "one.json", SHAPES["two spans"], 1)
    assert propose([str(one)]).pipeline == "edges"
    with one.open("a", encoding="utf-8") as file:
        file.write('{"text": "So what ?", "targets": []}\n')
    assert propose([str(one)]).pipeline == "edges"


def test_other_records_are_not_edges(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"label": "x"}])
    assert propose([str(path)]).reader == "jsonl"
    lines = [{"text": f"it was {i} today", "targets": "ab"[i % 2]} for i in range(30)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    assert propose([str(path)]).reader == "jsonl"


def test_what_does_not_fit_such_a_file(tmp_path: Path) -> None:
    path = str(write(tmp_path / "a.json", SHAPES["two spans"]))
    assert propose([path], "edges").pipeline == "edges"
    for pipeline, columns in (("sentiment", ()), (None, ("text=text",))):
        with pytest.raises(ConfigError, match="pipeline edges"):
            propose([path], pipeline, columns)
    mixed = str(write(tmp_path / "b.json", SHAPES["one span"] + SHAPES["two spans"]))
    card = proposed_card("mine", propose([mixed]), tmp_path / "c.yaml")
    assert "span2" in str(card.problem)


CONLLU = """\
# sent_id = {0}
1\tDog{0}\t_\tNOUN\tNN\t_\t2\tnsubj\t_\t_
2\tsleeps\t_\tVERB\tVBZ\t_\t0\troot\t_\t_
3\t.\t_\tPUNCT\t.\t_\t2\tpunct\t_\t_

"""


@pytest.mark.parametrize(
    ("pipeline", "reader"),
    [
        ("edges", "conllu-edges"),
        ("tree-distance", "conllu-trees"),
        ("tree-depth", "conllu-trees"),
        (None, "conll-columns"),
    ],
)
def test_conllu_for_pipelines_that_are_stated(
    pipeline: str | None, reader: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.conllu"
    path.write_text("".join(CONLLU.format(i) for i in range(30)), "utf-8")
    found = propose([str(path)], pipeline)
    assert (found.pipeline, found.reader) == (pipeline or "pos", reader)
    card = proposed_card("mine", found, tmp_path / "c.yaml")
    assert card.problem is None, str(card.problem)
    (tmp_path / "c.yaml").write_text(card.text, "utf-8")
    assert len(Task(load_card(tmp_path / "c.yaml")).split("train")[0].tokens) == 3


def test_columns_without_trees(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ann B-PER\nslept O\n\n" * 10, "utf-8")
    with pytest.raises(DataError, match=r"no CoNLL-U.*tree-depth"):
        propose([str(path)], "tree-depth")


def test_the_command(tmp_path: Path) -> None:
    write(tmp_path / "roles.json", SHAPES["two spans"])
    shown = elmobench("new", "task", "--from", "roles.json", cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "pipeline: edges (its 30 targets have two spans, and one label)" in shown.stdout
    assert 'pipeline: "edges"' in (tmp_path / "cards" / "roles.yaml").read_text("utf-8")
