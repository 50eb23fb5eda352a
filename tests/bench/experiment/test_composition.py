"""Experiments that extend others, and settings from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from command_line import elmobench

from elmobench.bench.experiment.schema import load_experiment
from elmobench.core.errors import ConfigError, UnknownNameError

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
