"""Names of the rows of a board: equal names for the same vectors, different ones for others."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from elmobench.analysis.stats.comparable import HEADS_WITHOUT_FEATURES, system_key
from elmobench.analysis.tables.families import family_of, family_rank
from elmobench.bench.experiment.schema import Axes
from elmobench.core.digests import canonical_json
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.tracking.record import RunRecord

NO_VECTORS = "no vectors"
"""Name and family of the row for heads that read none."""
_OF_THE_REPRESENTATION = ("mix", "gamma", "l2", "norm", "mix_dropout", "placement")


class Row(NamedTuple):
    """A row of a board: its name, and its family."""

    name: str
    family: str

    @property
    def sort_key(self) -> tuple[Any, ...]:
        """Sorts rows by family, then by name, with numbers in names as numbers."""
        return self.family == NO_VECTORS, family_rank(self.family), natural(self.name)


class Named(NamedTuple):
    """A run as its study names it.

    Attributes:
        column: canonical JSON of what the run's column has in common.
        run: the run.
        models: the models that the study names, which say of what family the run's features are.
    """

    column: str
    run: RunRecord
    models: ModelCatalog


def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts numbers in texts as numbers.

    >>> sorted(["x@layer=10", "x@layer=9"], key=natural)
    ['x@layer=9', 'x@layer=10']
    """
    parts = re.split(r"([0-9]{1,18})", text)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts)


def rows_of(named: Iterable[Named]) -> dict[tuple[str, str], Row]:
    """The row of each system of each column.

    The name is the features spec, with axes such as ``mix`` where they are not the default's; of
    several names of one system the shortest. Other vectors of the same name, and other settings of
    the same vectors in one column, have rows of their own, whose names say how they differ.

    Args:
        named: every system of every column, as each study calls it.

    Returns:
        Column and :func:`system_digest` -> row.
    """
    called: dict[str, list[Named]] = defaultdict(list)
    places: dict[tuple[str, str], Named] = {}
    for one in named:
        system = system_digest(one.run)
        called[system].append(one)
        places.setdefault((one.column, system), one)
    names = {system: min(map(_name, ones), key=_shortest) for system, ones in called.items()}
    vectors: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    groups: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
    for system, name in names.items():
        prints = _fingerprints(called[system][0].run)
        vectors[name].add(prints)
        groups[name, prints].add(system)
    rows: dict[str, Row] = {}
    for (name, prints), systems in groups.items():
        if len(vectors[name]) > 1:
            name = f"{name} (vectors {'+'.join(one[:8] for one in prints)})"
        first = {system: called[system][0] for system in sorted(systems)}
        split = _shares_a_column(places, systems)
        settings = _settings([system_key(one.run) for one in first.values()])
        for (system, one), text in zip(first.items(), settings, strict=True):
            rows[system] = Row(f"{name} · {text}" if split and text else name, _family(one))
    return {(column, system): rows[system] for column, system in places}


def system_digest(run: RunRecord) -> str:
    """A name for the system of a run that depends on :func:`system_key` only."""
    return canonical_json(system_key(run))


def _name(one: Named) -> str:
    if one.run.head in HEADS_WITHOUT_FEATURES:
        return NO_VECTORS
    default = {name: values[0] for name, values in Axes().model_dump().items()}
    axes = [
        f"{name}={value}"
        for name, value in one.run.axes.items()
        if name in _OF_THE_REPRESENTATION and value not in (default.get(name), "preset")
    ]
    return " · ".join([one.run.features, *axes])


def _shortest(name: str) -> tuple[int, str]:
    return len(name), name


def _family(one: Named) -> str:
    if one.run.head in HEADS_WITHOUT_FEATURES:
        return NO_VECTORS
    return family_of(one.run.features, one.models)


def _fingerprints(run: RunRecord) -> tuple[str, ...]:
    if run.head in HEADS_WITHOUT_FEATURES:
        return ()
    return tuple(part["fingerprint"] for part in run.identity.get("parts") or ())


def _shares_a_column(places: Mapping[tuple[str, str], Named], systems: set[str]) -> bool:
    """Whether two of the systems are in one column, so that one row cannot have both."""
    columns = [column for column, system in places if system in systems]
    return len(set(columns)) < len(columns)


def _settings(systems: Sequence[Mapping[str, Any]]) -> list[str]:
    """The settings in which systems with the same vectors differ, as text."""
    flat = []
    for system in systems:
        settings = {name: value for name, value in system.items() if name != "parts"}
        for number, part in enumerate(system.get("parts") or (), start=1):
            settings |= {f"part {number} {n}": v for n, v in part.items() if n != "fingerprint"}
        flat.append(settings)
    names = sorted({name for settings in flat for name in settings})
    differing = [n for n in names if any(one.get(n) != flat[0].get(n) for one in flat)]
    return [
        ", ".join(f"{name}={_value(one.get(name))}" for name in differing if name in one)
        or ("defaults" if differing else "")
        for one in flat
    ]


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
