"""Experiments that extend others, and settings from the command line."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest
import yaml
from command_line import elmobench

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import (
    Experiment,
    known_experiments,
    load_experiment,
)
from elmobench.core.errors import ConfigError, DataError, UnknownNameError
from elmobench.core.yaml_files import MAX_YAML_BYTES

PARENT = {
    "name": "parent",
    "tasks": ["ner/tiny"],
    "features": ["random"],
    "heads": ["small"],
    "seeds": [1, 2],
    "caveats": ["one"],
    "axes": {"mix": ["learned", "uniform"], "gamma": [False]},
    "overrides": [{"set": {"training.epochs": 2}}],
}


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return path


def test_claims_about_what_a_changed_grid_does_not_run_are_kept_untested(tmp_path: Path) -> None:
    claim = {"id": "ours", "statement": "Ours is better.", "left": "elmo-random", "right": "random"}
    parent = {**PARENT, "features": ["random", "elmo-random"], "claims": [claim]}
    file = write(tmp_path / "parent.yaml", parent)
    assert [c.optional for c in load_experiment(file).claims] == [False]
    (kept,) = load_experiment(file, ["features=[random]"]).claims
    assert kept.id == "ours"
    child = write(tmp_path / "child.yaml", {"extends": "parent.yaml", "features": ["random"]})
    assert [c.id for c in load_experiment(child).claims] == ["ours"]
    for wrong in ({"left": "elmo-rndom"}, {"tasks": ["ner/other"]}):
        write(file, {**parent, "claims": [{**claim, **wrong}]})
        with pytest.raises(ConfigError, match=r"claim ours: .* is not among the"):
            load_experiment(file)
    # What a child states itself is about its own grid.
    write(tmp_path / "child.yaml", {"extends": "parent.yaml", "claims": [{**claim, "left": "x"}]})
    with pytest.raises(ConfigError, match="'x' is not among the features"):
        load_experiment(child)


def test_a_child_replaces_merges_and_adds(tmp_path: Path) -> None:
    write(tmp_path / "parent.yaml", PARENT)
    child = {
        "extends": "parent.yaml",
        "name": "child",
        "seeds": [7],
        "caveats": ["two"],
        "axes": {"mix": ["last"]},
        "overrides": [{"set": {"training.epochs": 3}}],
    }
    loaded = load_experiment(write(tmp_path / "child.yaml", child))
    assert (loaded.name, loaded.tasks, loaded.seeds) == ("child", ("ner/tiny",), (7,))
    assert loaded.caveats == ("one", "two")
    assert loaded.axes.mix == ("last",)
    assert loaded.axes.gamma == (False,)
    assert [o.set["training.epochs"] for o in loaded.overrides] == [2, 3]
    assert loaded.source == (tmp_path / "child.yaml").resolve()


def test_a_shipped_experiment_can_be_extended_by_name(tmp_path: Path) -> None:
    file = write(tmp_path / "mine.yaml", {"extends": "demo", "name": "mine", "seeds": [9]})
    assert load_experiment(file).tasks == load_experiment("demo").tasks
    assert load_experiment(file).seeds == (9,)


def test_models_next_to_the_parent_are_found_from_the_child(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "vectors.txt").write_text("x 1.0\n")
    files = {"vectors": {"path": "vectors.txt", "sha256": "0" * 64}}
    elsewhere = {"vectors": {"path": "elsewhere.txt", "sha256": "0" * 64}}
    models = {
        "v": {"provider": "static", "description": "d", "files": files},
        "w": {"provider": "static", "description": "d", "files": elsewhere},
    }
    write(tmp_path / "a" / "parent.yaml", {**PARENT, "models": models})
    child = {"extends": "../a/parent.yaml", "name": "child"}
    loaded = load_experiment(write(tmp_path / "b" / "child.yaml", child))
    paths = [loaded.models[name]["files"]["vectors"]["path"] for name in "vw"]
    assert paths == ["../a/vectors.txt", "elsewhere.txt"]


def _grid_of(experiment: Experiment) -> list[Cell]:
    return list(grid(experiment, {task: task.split("/")[0] for task in experiment.tasks}))


def test_the_papers_table_with_tasks_of_ones_own(tmp_path: Path) -> None:
    """The recipe in table 1's comment, as it is written there."""
    text = known_experiments()["paper/table1"].read_text()
    recipe = "".join(f"{line[4:]}\n" for line in text.splitlines() if line.startswith("#   "))
    (tmp_path / "mine.yaml").write_text(recipe)
    loaded = load_experiment(tmp_path / "mine.yaml")
    assert loaded.tasks == ("ner/conll2003", "srl/conll2012", "coref/conll2012")
    cells = _grid_of(loaded)
    assert len(cells) == 3 * 2 * 5
    assert {cell.placement for cell in cells} == {"input"}
    # The parent's override of the placement concerns none of them, so tables do not show it.
    assert all("placement" not in cell.axes for cell in cells)
    # With one of the parent's tasks it applies again.
    one = _grid_of(load_experiment(tmp_path / "mine.yaml", ["tasks=[nli/snli]"]))
    assert {cell.placement for cell in one} == {"both"}


def test_only_inherited_overrides_may_match_no_cell(tmp_path: Path) -> None:
    override = {"when": {"task": "ner/tiny"}, "set": {"training.epochs": 5}}
    parent = write(tmp_path / "parent.yaml", {**PARENT, "overrides": [override]})
    child = {"extends": "parent.yaml", "name": "child", "tasks": ["pos/mine"]}
    cells = _grid_of(load_experiment(write(tmp_path / "child.yaml", child)))
    assert 5 not in {cell.training.epochs for cell in cells}
    wrong = {"when": {"task": "pos/mien"}, "set": {"training.epochs": 3}}
    own = write(tmp_path / "own.yaml", {**child, "overrides": [wrong]})
    with pytest.raises(ConfigError, match=r"override 2 matches no cell.*pos/mien"):
        _grid_of(load_experiment(own))
    # Also from the child of a child, and when the command line sets the tasks.
    grandchild = {"extends": "own.yaml", "name": "grandchild"}
    assert _grid_of(load_experiment(write(tmp_path / "grandchild.yaml", grandchild)))
    assert _grid_of(load_experiment(parent, ["tasks=[pos/mine]"]))
    with pytest.raises(ConfigError, match=r"override 2 matches no cell"):
        _grid_of(load_experiment(own, ["seeds=1"]))


def test_cycles_and_unknown_parents_are_errors(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", {**PARENT, "extends": "b.yaml"})
    write(tmp_path / "b.yaml", {"extends": "a.yaml"})
    with pytest.raises(ConfigError, match="extends itself"):
        load_experiment(tmp_path / "a.yaml")
    write(tmp_path / "c.yaml", {"extends": "demp"})
    with pytest.raises(UnknownNameError, match="did you mean 'demo'"):
        load_experiment(tmp_path / "c.yaml")
    write(tmp_path / "d.yaml", {"extends": ["demo"]})
    with pytest.raises(ConfigError, match="names one experiment"):
        load_experiment(tmp_path / "d.yaml")
    for name in ("x" * 5000, "a\u0085b", "."):
        write(tmp_path / "e.yaml", {"extends": name})
        with pytest.raises(UnknownNameError):
            load_experiment(tmp_path / "e.yaml")
    for i in range(40):
        write(tmp_path / f"chain{i}.yaml", {"extends": f"chain{i + 1}.yaml"})
    with pytest.raises(ConfigError, match="more than 20 experiments extend one another"):
        load_experiment(tmp_path / "chain0.yaml")


@pytest.mark.slow
def test_grids_without_end_are_errors_before_any_work(tmp_path: Path) -> None:
    many = {**PARENT, "seeds": list(range(20_000)), "tasks": [f"ner/t{i}" for i in range(60)]}
    loaded = load_experiment(write(tmp_path / "many.yaml", many))
    assert loaded.size == 20_000 * 60 * 2
    with pytest.raises(ConfigError, match="the grid has 2,400,000 points, at most 1,000,000"):
        next(grid(loaded, {"ner/t0": "ner"}))
    # An override may set an axis, too.
    changed = {**PARENT, "overrides": [{"set": {"seeds": list(range(50_000))}}]}
    changed["axes"] = {"train_fraction": [i / 100 for i in range(1, 41)]}
    loaded = load_experiment(write(tmp_path / "changed.yaml", changed))
    with pytest.raises(ConfigError, match="the grid has 2,000,000 points"):
        next(grid(loaded, {"ner/tiny": "ner"}))


@pytest.mark.parametrize("overrides", [None, 5, "x", {"a": 1}])
def test_a_setting_of_an_experiment_whose_overrides_are_no_list(
    overrides: object, tmp_path: Path
) -> None:
    file = write(tmp_path / "p.yaml", {**PARENT, "overrides": overrides})
    with pytest.raises(ConfigError, match="'overrides' is not a list"):
        load_experiment(file, ["training.epochs=2"])


def test_settings_reach_fields_axes_and_options(tmp_path: Path) -> None:
    file = write(tmp_path / "p.yaml", PARENT)
    settings = ["seeds=5", "mix=[last]", "settings.threads=2", "training.lr=1e-3", "name=other"]
    loaded = load_experiment(file, settings)
    assert (loaded.seeds, loaded.axes.mix, loaded.axes.gamma) == ((5,), ("last",), (False,))
    assert (loaded.settings.threads, loaded.name) == (2, "other")
    assert loaded.overrides[-1].set == {"training.lr": 0.001}
    for wrong, message in (
        ("seeds", "expected PATH=VALUE"),
        ("sedes=1", "no field, axis or option block 'sedes'"),
        ("seeds=[1", "is not YAML"),
        ("name.a=1", "has no parts"),
        ("settings.thread=1", "thread"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_experiment(file, [wrong])


def test_a_dry_run_prints_the_grid(cards: Path, tmp_path: Path) -> None:
    plain = {key: value for key, value in PARENT.items() if key != "axes"}
    file = write(tmp_path / "p.yaml", plain)
    common = (file, "--include", cards, "--set", "training.epochs=1")
    out = elmobench("run", *common, "--dry-run", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert out.stdout.count("to run  ner/tiny · random · small · seed") == 2
    assert not (tmp_path / "results").exists()
    ran = elmobench(
        "run", *common, "--set", "seeds=1", "--quiet", "--tracking-uri", "none", cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    out = elmobench("run", *common, "--dry-run", cwd=tmp_path)
    assert "2 cells in results/parent: 1 done, 1 to run" in out.stdout


STUDY = "name: piped\ntasks: [ner/control-ner]\nfeatures: [random]\n"


def test_standard_input_is_an_experiment(tmp_path: Path) -> None:
    write(tmp_path / "parent.yaml", PARENT)
    text = b"\xef\xbb\xbfextends: parent.yaml\nname: piped\ntasks: [ner/control-ner]\n"
    done = elmobench(*("run", "-", "--dry-run"), stdin=text, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 cells in results/piped: 2 to run" in done.stdout
    wrong = elmobench("validate", "-", stdin=b"name: x\nname: y\n", cwd=tmp_path)
    assert wrong.stderr == "error: standard input:2:1: is not YAML: the key 'name' appears twice\n"
    empty = elmobench("run", "-", stdin=b"", cwd=tmp_path)
    assert empty.stderr.startswith("error: standard input: holds nothing, expected a mapping")


def test_a_pipe_of_the_shell_is_an_experiment_and_is_read_once() -> None:
    reader, writer = os.pipe()
    try:
        with open(writer, "w") as stream:
            stream.write(STUDY)
        experiment = load_experiment(f"/dev/fd/{reader}")
        assert experiment == Experiment(
            name="piped", tasks=["ner/control-ner"], features=["random"]
        )
        with pytest.raises(ConfigError, match=rf"/dev/fd/{reader}: holds nothing"):
            load_experiment(f"/dev/fd/{reader}")
    finally:
        os.close(reader)


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(ConfigError, match="is a pipe or a device") as caught:
        load_experiment(tmp_path / "pipe.yaml")
    assert "elmobench run - <" in str(caught.value)


def test_what_is_too_long_for_yaml_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"#" * (MAX_YAML_BYTES + 2)))
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(ConfigError, match="standard input: has more than 1,048,576 bytes"):
        load_experiment("-")
    assert stdin.buffer.tell() == MAX_YAML_BYTES + 1
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(DataError, match="standard input: is closed"):
        load_experiment("-")
