"""``--json`` of every command: one document that fits its schema, and nothing else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
import typer
from command_line import elmobench
from shown_output import ROOT

import elmobench as package
from elmobench.cli.main import app
from elmobench.cli.output import base
from elmobench.cli.output.registry import OUTPUTS, WITHOUT_JSON
from elmobench.data.cards.catalog import CardCatalog

SEED = 2**70
"""Larger than the integers of JavaScript, C and pandas."""


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that is not a group and not hidden, with its words."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), typer.main.get_command(app))]
    while waiting:
        words, command = waiting.pop()
        inner = getattr(command, "commands", None)
        if inner:
            waiting += [((*words, name), one) for name, one in inner.items()]
        elif not command.hidden:
            yield " ".join(words), command


def test_every_command_has_json_and_a_documented_schema() -> None:
    documented = {command for output in OUTPUTS.values() for command in output.COMMANDS}
    found = dict(commands())
    assert len(found) > 30
    for name, command in found.items():
        has_option = any("--json" in parameter.opts for parameter in command.params)
        if name in WITHOUT_JSON:
            assert not has_option, name
            continue
        assert has_option, f"{name}: add --json, or an entry in WITHOUT_JSON"
        assert name in documented, f"{name}: name it in COMMANDS of its document"
    assert {name.partition(" --")[0] for name in documented} <= set(found)


@pytest.mark.parametrize("name", sorted(OUTPUTS))
def test_every_field_has_a_description(name: str) -> None:
    schema = OUTPUTS[name].json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"]
    for place in (schema, *schema.get("$defs", {}).values()):
        for field, content in place.get("properties", {}).items():
            assert content.get("description"), f"{name}: {place.get('title')}.{field}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two systems on one control task, one with a very large seed."""
    where = tmp_path_factory.mktemp("json")
    (where / "small.yaml").write_text(
        "name: small\ntasks: [ner/control-ner]\nfeatures: [random, glove-mini]\n"
        f"seeds: [1, {SEED}]\nsettings: {{precision: fp32}}\n"
        "overrides: [{set: {training.epochs: 1}}]\n"
    )
    package.run(where / "small.yaml", results=where / "results/small", tracking_uri="none")
    return where


def first_cell(folder: Path) -> str:
    return sorted((folder / "results/small/records").iterdir())[0].stem


LINES = [
    *("list", "list tasks", "show ner/control-ner", "show ner/paper --fidelity"),
    *("show conll-columns", "show demo", "show elmo-random", "validate small.yaml"),
    *("run small.yaml --dry-run", "run small.yaml --results results/small --tracking-uri none"),
    *("report results/small", "claims results/small", "slices results/small"),
    "compare glove-mini random --in results/small --examples 1",
    *("predict CELL Rome", "score CELL --on ner/control-ner --split dev"),
    "inspect bank bank bank --features elmo-random",
    "results pack packed",
    *("data fetch ner/control-ner", "data verify ner/control-ner", "data list"),
    *("data sentences wsd/control-wsd", "data sentences wsd/control-wsd --out s.jsonl"),
    "new task mine --pipeline sentiment",
    *("models list", "models show elmo-mini", "models fetch glove-mini"),
    *("encode random - --out x.hdf5", "doctor", "reference show"),
    *("features build random wsd/control-wsd", "features stat", "features verify"),
    *("features prune --all --yes", "features time random --task wsd/control-wsd"),
    "board results/small",
    "render note.md.in",
    "export results/small --to csv",
    *(
        "track results/small --tracker tensorboard",
        "pretrain overlap --corpus text.txt --task TASK",
    ),
]
NEED_MORE = {
    "pretrain pack": "a trained model",
    "reference setup": "a network",
    "reference heads": "AllenNLP's environment",
}
"""Commands that are not run here, and what they need."""


def test_every_command_is_run_here() -> None:
    run = {name for name in dict(commands()) for line in LINES if f"{line} ".startswith(f"{name} ")}
    run.add("results unpack")  # in the test of packing
    assert run | set(NEED_MORE) == set(dict(commands())) - set(WITHOUT_JSON)


def document(line: str, folder: Path, **environment: str) -> dict[str, Any]:
    """The document that a command prints, checked against its schema."""
    words = [first_cell(folder) if word == "CELL" else word for word in line.split()]
    words = ["sentiment/control-sentiment" if word == "TASK" else word for word in words]
    out = elmobench(*words, "--json", cwd=folder, stdin=b"a b\n", **environment)
    assert out.returncode == (line == "reference show"), out.stderr
    assert out.stdout.count("\n") == 1, out.stdout
    content = json.loads(out.stdout, parse_constant=pytest.fail)
    assert list(content)[:2] == ["schema", "version"]
    output = OUTPUTS[content["schema"].removeprefix("elmobench/")]
    covered = [name for name in output.COMMANDS if line.startswith(name.partition(" --")[0])]
    assert covered, (line, content["schema"])
    jsonschema.Draft202012Validator(output.json_schema()).validate(content)
    return content


@pytest.mark.parametrize("line", LINES)
def test_the_document_fits_its_schema(
    line: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ELMOBENCH_REFERENCE", str(tmp_path / "none"))
    if line.startswith("results pack"):
        import shutil

        shutil.copytree(folder / "results/small", folder / "packed")
    if line.startswith("render"):
        (folder / "note.md.in").write_text(
            '{{ results("results/small").score("ner/control-ner", "random") }}\n'
        )
    if line.endswith("--tracker tensorboard"):
        pytest.importorskip("tensorboard")
    (folder / "text.txt").write_text("one line of text\n" * 20)
    content = document(line, folder)
    if line.startswith("results pack"):
        assert document("results unpack packed", folder)["folders"][0]["records"] == 4
    if line.startswith("run small.yaml --results"):
        assert {cell["seed"] for cell in content["cells"]} == {1, SEED}
    if line.startswith("compare"):
        assert content["comparisons"][0]["left_seeds"] == [1, SEED]


@pytest.mark.slow
def test_rows_for_a_pipe_have_the_documented_columns(folder: Path) -> None:
    for line in (
        *("list tasks", "report results/small", "claims results/small", "slices results/small"),
        *("compare random glove-mini --in results/small", "data list", "models list"),
        *("run small.yaml --dry-run", "doctor", "score CELL --on ner/control-ner"),
        *("inspect bank bank bank --features elmo-random", "data verify ner/control-ner"),
    ):
        content = document(line, folder)
        output = OUTPUTS[content["schema"].removeprefix("elmobench/")]
        words = [first_cell(folder) if word == "CELL" else word for word in line.split()]
        out = elmobench(*words, cwd=folder, ELMOBENCH_OUTPUT="rows")
        assert out.returncode == 0, out.stderr
        rows = [row.split("\t") for row in out.stdout.splitlines()]
        assert rows, line
        assert {len(row) for row in rows} == {len(output.ROWS)}, line


def test_names_of_tasks_are_the_first_column() -> None:
    """Standard output of these tests is no terminal."""
    out = elmobench("list", "tasks", ELMOBENCH_OUTPUT="")
    names = [line.split("\t")[0] for line in out.stdout.splitlines()]
    assert names == CardCatalog().names()
    out = elmobench("list", "tasks", ELMOBENCH_OUTPUT="tabel")
    assert (out.returncode, "table or rows" in out.stderr) == (1, True)


def test_numbers_that_are_not_finite_are_null() -> None:
    value = {"a": [math.nan, math.inf, -math.inf, 1.5], 2: np.float32("nan"), "n": np.int64(3)}
    assert base.finite(value) == {"a": [None, None, None, 1.5], "2": None, "n": 3}
    assert base.finite(Path("x")) == "x"
    with pytest.raises(TypeError, match="a object is no JSON value"):
        base.finite(object())


def test_cells_of_rows_have_no_tabs_or_line_ends() -> None:
    assert base.cell_text("a\tb\nc\u2028d") == "a b c d"
    assert base.cell_text(math.nan) == base.cell_text(None) == ""
    assert base.cell_text({"x": math.nan}) == '{"x": null}'
    assert base.cell_text(SEED) == str(SEED)


def test_the_guide_lists_every_schema() -> None:
    page = (ROOT / "docs/guides/json.md").read_text("utf-8")
    for output in OUTPUTS.values():
        names = ", ".join(f"`{command}`" for command in output.COMMANDS)
        assert f"| `{output.NAME}` | {names} | {', '.join(output.ROWS)} |\n" in page
    assert page.count("| `elmobench/") == len(OUTPUTS)
