"""Inputs of the core package: YAML, and JSON that contains its digest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind

from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.core.yaml_files import read_yaml

_YAML = """\
name: one
base: &base {size: 3, rate: 1e-3, words: [a, "b", 'c d']}
more:
  <<: *base
  text: |
    two lines
    of text
  none: ~
"""


def _write_yaml(folder: Path) -> None:
    (folder / "a.yaml").write_text(_YAML, "utf-8")


def _read_yaml(folder: Path) -> str:
    return repr(read_yaml(folder / "a.yaml"))


def _write_sealed(folder: Path) -> None:
    write_sealed_json(folder / "a.json", {"format": 1, "loss": [0.25, 1e-9], "word": "naïve"})


def _read_sealed(folder: Path) -> Any:
    return read_sealed_json(folder / "a.json")


KINDS = [
    Kind("YAML", _write_yaml, _read_yaml),
    Kind("sealed JSON", _write_sealed, _read_sealed, written_by_us=True),
]
