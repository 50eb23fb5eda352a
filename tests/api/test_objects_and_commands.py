"""The objects of the Python interface have what the commands print with ``--json``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import elmobench as command

import elmobench
from elmobench.cli.output.base import finite
from elmobench.core.errors import DataError, UnknownNameError
from elmobench.tracking.record_store import RecordStore

ROOT = Path(__file__).resolve().parents[2]
STUDY = {
    "name": "layers",
    "tasks": ["wsd/control-wsd", "nli/control-nli"],
    "features": ["glove-mini", "elmo-mini@layer=0", "elmo-mini@layer=2"],
    "seeds": [1, 2],
    "overrides": [
        {"set": {"training.epochs": 1, "training.lr": 0.03, "options.dropout": 0.0}},
    ],
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> elmobench.api.results.Results:
    where = tmp_path_factory.mktemp("objects")
    return elmobench.run(STUDY, results=where / "layers", tracker="none", quiet=True)


def document(*words: object) -> dict[str, Any]:
    out = command(*words, "--json")
    assert out.returncode == 0, out.stderr
    return json.loads(out.stdout)


@pytest.mark.slow
def test_a_comparison_is_that_of_the_command(results) -> None:
    left, right = "elmo-mini@layer=2", "glove-mini"
    made = elmobench.compare(results, left, right, examples=2)
    printed = document("compare", left, right, "--in", results.folder, "--examples", 2)
    rows = made.frame.to_dict("records")
    assert len(rows) == len(printed["comparisons"]) == len(made) == 2
    for row, wanted in zip(rows, printed["comparisons"], strict=True):
        axes = wanted.pop("axes")
        assert axes == {name: row.pop(name) for name in axes}
        assert finite(row) == wanted
    assert made.changed_frame.to_dict("records") == printed["examples"]
    assert made.changed_frame["better"].any()
    for mean in printed["means"]:
        assert made.means[mean["head"]].estimate.value == mean["difference"]
    assert elmobench.compare(str(results.folder), left, right).frame.equals(made.frame)


@pytest.mark.slow
def test_a_comparison_shows_what_the_command_prints(results) -> None:
    left, right = "elmo-mini@layer=2", "glove-mini"
    made = elmobench.compare(results, left, right, head="linear")
    out = command(
        "compare", left, right, "--in", results.folder, "--head", "linear", ELMOBENCH_OUTPUT="table"
    )
    printed, shown = (" ".join(text.split()) for text in (out.stdout, repr(made)))
    assert shown == printed
    page = made._repr_html_()
    assert all(verdict in page for verdict in made.frame["verdict"])


@pytest.mark.slow
def test_one_head_or_task_is_compared(results) -> None:
    left, right = "elmo-mini@layer=2", "glove-mini"
    only = elmobench.compare(results, left, right, task="nli/control-nli")
    assert [row.task for row in only] == ["nli/control-nli"]
    with pytest.raises(UnknownNameError, match="glove-minni"):
        elmobench.compare(results, left, "glove-minni")


@pytest.mark.slow
def test_claims_are_those_of_the_command() -> None:
    """On a committed study, since control tasks are no evidence."""
    folder = ROOT / "results" / "probes"
    made = elmobench.claims(folder)
    printed = document("claims", folder)
    assert printed["results"] == str(made.folder)
    assert len(made) == len(printed["claims"])
    evidence = made.evidence
    for row, wanted in zip(made.frame.to_dict("records"), printed["claims"], strict=True):
        measured = evidence[evidence["id"] == wanted["id"]].drop(columns="id").to_dict("records")
        assert finite(measured) == wanted.pop("evidence")
        counts = wanted.pop("counts")
        assert row == {**wanted, **counts}
        assert made[row["id"]].outcome == wanted["outcome"]
    assert not evidence.empty
    with pytest.raises(UnknownNameError, match="did you mean 'context-for-senses'"):
        made["context-for-sense"]
    assert "not tested" in repr(made)
    assert "Word senses need layers that see the context." in made._repr_html_()


def test_claims_leave_a_quick_try_out_and_say_so(tmp_path: Path) -> None:
    study = {**STUDY, "tasks": ["wsd/control-wsd"], "limit": 50}
    quick = elmobench.run(study, results=tmp_path / "q", tracker="none", quiet=True)
    made = elmobench.claims(quick)
    assert made.partial == len(quick) == document("claims", quick.folder)["partial"]
    assert made.evidence.empty
    assert "6 cells of a quick try (limit) left out" in repr(made)
    assert "6 cells of a quick try on a part of the examples" in repr(quick)


def test_names_are_those_of_the_command(tmp_path: Path) -> None:
    for made, kind in ((elmobench.list_tasks(), "tasks"), (elmobench.list_features(), "features")):
        printed = document("list", kind)["names"]
        assert made.frame.to_dict("records") == [
            {"name": one["name"], "summary": one["summary"]} for one in printed
        ]
        assert list(made) == made[:] == [one["name"] for one in printed]
        assert made[0] in made
        assert "no such" not in made
        assert all(name in repr(made) and name in made._repr_html_() for name in made)


def test_cards_of_ones_own_are_listed_and_escaped(tmp_path: Path) -> None:
    out = command("new", "task", "mine", "--pipeline", "sentiment", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    (card,) = tmp_path.rglob("mine.yaml")
    made = elmobench.list_tasks(include=[card.parents[1]])
    (mine,) = set(made) - set(elmobench.list_tasks())
    assert made.summaries[mine].startswith("(unfinished: ")
    hostile = type(made)("tasks", {"<b>x": "<script>"})
    assert "<b>" not in hostile._repr_html_()
    assert "<script>" not in hostile._repr_html_()


@pytest.mark.slow
def test_a_report_is_that_of_the_command(results, tmp_path: Path) -> None:
    page = elmobench.report(results, tmp_path / "python", quiet=True)
    printed = document("report", results.folder, "--out", tmp_path / "command")
    assert page == tmp_path / "python" / "report.html"
    assert len(printed["files"]) > 3
    for file in map(Path, printed["files"]):
        assert (page.parent / file.name).read_bytes() == file.read_bytes()
    means = {(row["task"], row["features"]): row["mean"] for row in printed["scores"]}
    ours = results.cells.groupby(["task", "features"])["score"].mean().to_dict()
    assert ours == pytest.approx(means)


@pytest.mark.slow
def test_predictions_that_are_damaged_are_an_error_as_in_the_command(results, tmp_path) -> None:
    copied = elmobench.run(
        STUDY | {"tasks": ["wsd/control-wsd"]}, results=tmp_path / "c", tracker="none", quiet=True
    )
    store = RecordStore(copied.folder)
    path = store.predictions_path(copied.records[0].cell)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(DataError, match=path.name):
        elmobench.compare(copied.folder, "glove-mini", "elmo-mini@layer=2")
    out = command("compare", "glove-mini", "elmo-mini@layer=2", "--in", copied.folder)
    assert out.returncode == 1
    assert path.name in out.stderr
