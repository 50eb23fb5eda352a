"""Every library that computes is recorded: what the sources import against the list."""

from __future__ import annotations

import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from imported_modules import imported_modules

import elmobench
from elmobench.core import versions as core_versions
from elmobench.core.versions import COMPUTING, library_versions

ROOT = Path(elmobench.__file__).parent
PACKAGES = [
    "core",
    "data",
    "features",
    "nn",
    "metrics",
    "tasks",
    "training",
    "pretraining",
    "bench",
]
"""The packages that read data, compute vectors, train heads and score."""

NO_INFLUENCE = {
    "filelock": "locks files while they are written",
    "ipython": "shows progress in notebooks",
    "huggingface-hub": "downloads models, which are pinned by commit and digest",
    "platformdirs": "names the folder of the caches",
    "pydantic": "checks settings, which a cell's identity contains as resolved",
    "psutil": "reads the available memory of the machine",
    "pyarrow": "reads data files, whose digests a cell's identity contains",
    "pyyaml": "reads settings, which a cell's identity contains as resolved",
    "ray": "starts workers on other machines",
    "requests": "downloads files, whose digests are checked",
    "rich": "shows progress",
    "xxhash": "checks stored vectors, and changes none",
}
"""Distributions that those packages import although no result depends on them, with the reason."""

OF_EXTRAS = {"IPython": ["ipython"], "pyarrow": ["pyarrow"], "ray": ["ray"]}
"""Module -> distributions that only an extra installs, so that they may be missing here."""


def _distributions(root: Path) -> dict[str, str]:
    """Distribution that the packages below ``root`` import -> a file that imports it."""
    names = {**OF_EXTRAS, **packages_distributions(), "elmobench": ["elmobench"]}
    found = {}
    for package in PACKAGES:
        for module, path in imported_modules(root / package).items():
            assert module in names, f"{path} imports {module}, which no distribution provides"
            for name in names[module]:
                found[_normal(name)] = path
    return found


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _unrecorded(root: Path) -> list[str]:
    recorded = {_normal(name) for name in COMPUTING}
    return [
        f"{path} imports {name}: list it in COMPUTING, or here with the reason why not"
        for name, path in sorted(_distributions(root).items())
        if name not in recorded and name not in NO_INFLUENCE
    ]


def test_every_imported_library_is_recorded_or_excluded_for_a_reason() -> None:
    assert _unrecorded(ROOT) == []


def test_nothing_is_listed_that_no_source_imports() -> None:
    imported = _distributions(ROOT).keys()
    assert [name for name in COMPUTING if _normal(name) not in imported] == []
    assert [name for name in NO_INFLUENCE if name not in imported] == []
    assert {_normal(name) for name in COMPUTING}.isdisjoint(NO_INFLUENCE)


def test_an_import_inside_a_function_is_seen(tmp_path: Path) -> None:
    (tmp_path / "nn").mkdir()
    (tmp_path / "nn" / "head.py").write_text("def f():\n    from sympy.core import add\n")
    (unrecorded,) = _unrecorded(tmp_path)
    assert "head.py imports sympy" in unrecorded


def test_versions_are_those_of_the_modules() -> None:
    import numpy
    import scipy
    import torch
    import transformers

    found = library_versions()
    # Some builds state their CUDA version in the module alone.
    assert found["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert found["numpy"] == numpy.__version__
    assert found["scipy"] == scipy.__version__
    assert found["transformers"] == transformers.__version__
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found.keys() >= set(COMPUTING)
    assert core_versions.NOT_INSTALLED not in found.values()


def test_a_library_without_metadata_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_versions, "COMPUTING", ("numpy", "no-such-distribution"))
    assert library_versions()["no-such-distribution"] == "not installed"


def test_installed_plugins_are_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, group in (("our-heads", "elmobench.heads"), ("unrelated", "pytest11")):
        info = tmp_path / f"{name}-1.5.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.5\n")
        (info / "entry_points.txt").write_text(f"[{group}]\nmine = some_module:THING\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = library_versions()
    assert found["our-heads"] == "1.5"
    assert "unrelated" not in found
