"""What pyproject.toml requires, against the sources, pinned versions and security floors."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from imported_modules import imported_modules
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import elmobench
from elmobench.bench.experiment.cells import PROTOCOL_VERSION
from elmobench.tracking.record import SCHEMA_VERSION

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
REQUIRED = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = {
    extra: [Requirement(line) for line in lines]
    for extra, lines in PROJECT["optional-dependencies"].items()
}
PINNED = {
    canonicalize_name(line.partition("==")[0]): Version(line.partition("==")[2])
    for line in (ROOT / "constraints.txt").read_text("utf-8").split()
}

WITHOUT_REQUIREMENT = {
    "IPython": "notebooks bring it",
    "allennlp": "runs in an environment of its own",
    "allennlp_models": "runs in an environment of its own",
    "pyarrow": "the extra 'parquet'",
    "ray": "the extra 'ray'",
}
"""Modules that sources import and no user needs, with the reason."""

FLOORS = {"torch": "2.10", "jinja2": "3.1.6", "requests": "2.33", "filelock": "3.20.3"}
FLOORS |= {"mlflow-skinny": "3.5"}
"""Versions before these have known faults with files of strangers, or no check of the host."""


def _names(requirements: list[Requirement]) -> set[str]:
    return {canonicalize_name(requirement.name) for requirement in requirements}


def _lowest(requirement: Requirement) -> Version:
    (lowest,) = [part.version for part in requirement.specifier if part.operator == ">="]
    return Version(lowest)


def test_what_the_sources_import_is_required() -> None:
    provided = packages_distributions()
    modules = imported_modules(ROOT / "src" / "elmobench").keys() - WITHOUT_REQUIREMENT.keys()
    for module in sorted(modules - {"elmobench"}):
        distributions = {canonicalize_name(name) for name in provided.get(module, [module])}
        assert distributions & _names(REQUIRED), f"{module} is imported and not required"


@pytest.mark.parametrize("package", ["gensim", "mlflow", "ray", "pyarrow", "mypy", "mkdocs"])
def test_a_run_needs_no(package: str) -> None:
    assert package not in _names(REQUIRED)
    assert package not in _names(EXTRAS["ui"]) - {"mlflow"}


def test_what_is_asked_for_by_name_is_required() -> None:
    assert _names(REQUIRED) >= {"torch", "pytorch-crf", "scikit-learn", "seqeval", "pandas"}
    assert _names(EXTRAS["ui"]) == {"mlflow"}


@pytest.mark.parametrize(
    "requirement",
    [*REQUIRED, *(line for lines in EXTRAS.values() for line in lines if line.name != "elmobench")],
    ids=str,
)
def test_a_requirement_admits_the_pinned_version(requirement: Requirement) -> None:
    assert requirement.specifier.contains(PINNED[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("name", FLOORS)
def test_versions_with_known_faults_are_excluded(name: str) -> None:
    (requirement,) = [line for line in REQUIRED if line.name == name]
    assert _lowest(requirement) >= Version(FLOORS[name])


def test_mlflow_and_its_small_package_have_the_same_bounds() -> None:
    (small,) = [line for line in REQUIRED if line.name == "mlflow-skinny"]
    (complete,) = EXTRAS["ui"]
    assert small.specifier == complete.specifier


def test_the_extra_dev_contains_the_others() -> None:
    (own,) = [line for line in EXTRAS["dev"] if line.name == "elmobench"]
    assert own.extras == EXTRAS.keys() - {"dev", "cluster"}


def test_the_version_has_one_place() -> None:
    assert "version" in PROJECT["dynamic"]
    assert "version" not in PROJECT
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.MULTILINE) == [elmobench.__version__]


def test_the_changelog_has_the_version_with_the_date_of_the_citation() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    released = re.findall(r"^## \[(\d.*)\] - (.*)$", changelog, re.MULTILINE)
    (date,) = re.findall(r"^date-released: (.*)$", citation, re.MULTILINE)
    assert released[0] == (elmobench.__version__, date)


def test_the_statement_of_stability_lists_the_public_names_and_numbers() -> None:
    text = (ROOT / "docs/stability.md").read_text("utf-8")
    (listed,) = re.findall(r"\*\*Stable Python names\*\*: (.*?)\.\n- ", text, re.DOTALL)
    assert re.findall(r"`(\w+)`", listed) == sorted(elmobench.__all__)
    assert f"protocol {PROTOCOL_VERSION};" in text
    assert f"version {SCHEMA_VERSION} of their schema" in text
