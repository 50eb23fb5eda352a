"""What is typed: `--set`, settings of features, variables, and addresses of MLflow stores."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind

from elmobench.bench.experiment.parts import resolve_parts
from elmobench.bench.experiment.schema import load_experiment
from elmobench.core import paths
from elmobench.features.spec import parse_features
from elmobench.tasks.head import MixDefaults
from elmobench.tracking.sqlite_file import sqlite_path, sqlite_uri

_EXPERIMENT = """\
name: small
tasks: [ner/control-ner]
features: [random, glove-mini+elmo-mini@layer=1]
heads: [linear]
seeds: [1]
"""
_SETTINGS = """\
seeds=[1, 2, 3141592653]
training.epochs=5
features=[elmo-mini@layer=1, random]
mix=[learned, uniform]
settings={threads: 2, precision: fp32}
overrides=[{set: {options.dropout: 0.5}, when: {head: linear}}]
name=other
"""
_SPECS = """\
glove-mini(trainable)+elmo-mini@layer=1
bert:models/small@layer=2@dropout=0.1@place=output
elmo-random@seed=3@state=warm
a+b@norm=token+c@l2=0.01
"""
_POINT = {"mix_dropout": None, "mix": "learned", "gamma": True, "norm": "none", "l2": None}
_MIX = MixDefaults(dropout=0.5, static_dropout=0.0)
_ADDRESSES = """\
sqlite:////results/demo/mlflow/mlflow.db
sqlite+pysqlite:////results/what%3F/mlflow.db?timeout=5
http://127.0.0.1:5000
postgresql://user:secret@host:5432/base
"""
_VARIABLES = {
    "ELMOBENCH_HOME": "~/cache",
    "ELMOBENCH_STORE": "store",
    "ELMOBENCH_MODELS": "models:~/models:/none",
    "ELMOBENCH_CORPORA": "corpora",
    "ELMOBENCH_MIRROR": "mirror",
    "ELMOBENCH_REFERENCE": "reference",
    "ELMOBENCH_INCLUDE": ".",
}


def _lines(path: Path) -> list[str]:
    """Lines as the system passes arguments: whatever is not UTF-8 becomes lone surrogates."""
    return os.fsdecode(path.read_bytes()).split("\n")


def _write_settings(folder: Path) -> None:
    (folder / "settings.txt").write_text(_SETTINGS, "utf-8")


def _read_settings(folder: Path) -> list[Any]:
    experiment = folder / "small.yaml"
    experiment.write_text(_EXPERIMENT, "utf-8")
    lines = [line for line in _lines(folder / "settings.txt") if line]
    return [load_experiment(experiment, [line]).model_dump(mode="json") for line in lines]


def _write_specs(folder: Path) -> None:
    (folder / "specs.txt").write_text(_SPECS, "utf-8")


def _read_specs(folder: Path) -> list[str]:
    read = []
    for line in _lines(folder / "specs.txt"):
        if not line:
            continue
        spec = parse_features(line)
        assert str(spec) == line
        resolve_parts(spec.parts, _POINT, _MIX, str.isalpha)
        read.append(f"{spec} {spec.single_layer()}")
    return read


def _write_variables(folder: Path) -> None:
    text = "".join(f"{name}={value}\n" for name, value in _VARIABLES.items())
    (folder / "variables.env").write_text(text, "utf-8")


def _read_variables(folder: Path) -> list[str]:
    os.chdir(folder)  # each input is read in a process of its own
    for line in _lines(folder / "variables.env"):
        name, _, value = line.partition("=")
        # The system has no variables with NUL characters, and ours have known names.
        if name in _VARIABLES and "\0" not in value:
            os.environ[name] = value
    folders = [paths.home(), paths.feature_store(), paths.mirror(), paths.reference()]
    folders += [*paths.model_folders(), *paths.corpus_folders(), *paths.include_folders()]
    return [str(path) for path in folders]


def _write_addresses(folder: Path) -> None:
    (folder / "addresses.txt").write_text(_ADDRESSES, "utf-8")


def _read_addresses(folder: Path) -> list[str]:
    read = []
    for line in _lines(folder / "addresses.txt"):
        path = sqlite_path(line)
        read.append(f"{path}")
        if line and "\0" not in line and line.isprintable():
            path = Path("/", *line.split("/"))
            assert sqlite_path(sqlite_uri(path)) == path.resolve()
    return read


KINDS = [
    Kind(
        "--set",
        _write_settings,
        _read_settings,
        words=(b"training.", b"options.", b"=[", b".inf", b"9" * 5000, b"&a [*a]", b"[" * 100),
    ),
    Kind(
        "features spec with settings",
        _write_specs,
        _read_specs,
        words=(b"(trainable)", b"@layer=", b"+", b"@"),
    ),
    Kind("environment", _write_variables, _read_variables, words=(b"~", b"~unknown", b":", b"=")),
    Kind(
        "address of an MLflow store",
        _write_addresses,
        _read_addresses,
        words=(b"sqlite:///", b":memory:", b"%", b"?uri=true", b"file:", b"#", b"[", b"@"),
    ),
]
