"""``experiment.json``: the experiment as resolved, and the points of its present grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from elmobench.core.digests import canonical_json
from elmobench.core.errors import DataError
from elmobench.core.parsing import parsing
from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.core.strict_model import StrictModel
from elmobench.tracking.record import Name, Names

FORMAT_VERSION = 2
"""Since 2 the file contains its own digest; files of earlier versions name no version."""

_FIX = "delete the file and run the experiment again; no result is lost"


class _Plan(StrictModel):
    """What is read of the file; the experiment has more fields, which differ between versions."""

    model_config = ConfigDict(extra="allow", strict=True)


class PlannedExperiment(_Plan):
    """The fields of the experiment that are read."""

    name: Name
    description: str = ""
    caveats: Names[list[str]]
    margin: Annotated[float, Field(gt=0)] | None = None
    models: dict[str, Any] | None = None


class PlannedPoint(_Plan):
    """How the experiment calls one cell."""

    cell: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]
    task: Name
    features: Name
    head: Name
    seed: int
    axes: Names[dict[str, Any]]
    corpus: str | None = None
    same_as: str | None = None


class PlanFile(_Plan):
    """The content of the file."""

    experiment: PlannedExperiment
    points: list[PlannedPoint]
    include: list[str] = Field(default_factory=list)


def write_plan_file(
    path: Path,
    experiment: Mapping[str, Any],
    points: Sequence[Mapping[str, Any]],
    include: Sequence[str] = (),
) -> None:
    """Write the file with its digest; ``include`` are the folders of further task cards."""
    plan: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "experiment": experiment,
        "points": list(points),
    }
    if include:
        plan["include"] = list(include)
    write_sealed_json(path, plan)


def read_plan_file(path: Path) -> dict[str, Any]:
    """The content of the file, after checking it: ``experiment`` and ``points``.

    Raises:
        DataError: if it is damaged or not the plan of an experiment.
    """
    content = read_sealed_json(path, DataError, required=_has_digest, fix=_FIX)
    with parsing(path, DataError, what="not the plan of an experiment", fix=_FIX):
        PlanFile.model_validate(content)
    return content


def point_without_seed(point: Mapping[str, Any]) -> str:
    """A name for the point of the grid that a planned point, or a record's fields, belong to."""
    return canonical_json([point[name] for name in ("task", "features", "head", "axes")])


def seed_counts(points: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """:func:`point_without_seed` -> number of seeds that the experiment asks for there.

    Args:
        points: the points of the grid.
    """
    seeds: dict[str, set[int]] = defaultdict(set)
    for point in points:
        seeds[point_without_seed(point)].add(point["seed"])
    return {name: len(values) for name, values in seeds.items()}


def _has_digest(content: Mapping[str, Any]) -> bool:
    return "format_version" in content
