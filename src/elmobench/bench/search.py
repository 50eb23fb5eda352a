"""Hyper-parameter search on dev: a small grid, the same candidates for all features."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.options import apply_options
from elmobench.core.digests import digest_of
from elmobench.tasks.head import TrainingOptions
from elmobench.tracking.record_store import RecordStore
from elmobench.training.trainer import TrainingError

Candidate = dict[str, float]


@dataclass(frozen=True)
class SearchResult:
    """The chosen candidate, and every candidate's dev score (None if its loss diverged)."""

    chosen: Candidate
    scores: list[tuple[Candidate, float | None]]

    def apply(self, cell: Cell) -> Cell:
        """``cell`` with the chosen option values."""
        return with_candidate(cell, self.chosen)

    def as_json(self) -> dict[str, Any]:
        """The result as the record keeps it."""
        return {
            "chosen": self.chosen,
            "dev": [{"candidate": c, "score": s} for c, s in self.scores],
        }


def candidates(training: TrainingOptions) -> list[Candidate]:
    """The product of the grid's lists in a fixed order; without a grid, one empty candidate."""
    names = sorted(training.grid)
    return [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(training.grid[name] for name in names))
    ]


def with_candidate(cell: Cell, candidate: Candidate) -> Cell:
    """``cell`` with a candidate's option values."""
    options, training, mix = apply_options(candidate, cell.options, cell.training, cell.mix)
    return replace(cell, options=options, training=training, mix=mix)


def search_key(identity: Mapping[str, Any]) -> str:
    """Name of the search that all seeds of a cell share."""
    return digest_of({name: value for name, value in identity.items() if name != "seed"})


def select(
    cell: Cell,
    choices: Sequence[Candidate],
    identity: Mapping[str, Any],
    records: RecordStore,
    score: Callable[[Cell], float],
) -> SearchResult:
    """Score every candidate on dev and choose the best one, the first of equal ones.

    The result does not depend on the cell's seed. It is kept in ``records``, where the other seeds
    read it. A single candidate is chosen without a search.

    Raises:
        TrainingError: if every candidate diverges.
    """
    if len(choices) == 1:
        return SearchResult(choices[0], [])
    key = search_key(identity)
    kept = _read(records, key)
    if kept is not None:
        return kept
    scores: list[tuple[Candidate, float | None]] = []
    failure: TrainingError | None = None
    for choice in choices:
        try:
            scores.append((choice, score(with_candidate(cell, choice))))
        except TrainingError as error:
            scores.append((choice, None))
            failure = error
    finite = [(choice, value) for choice, value in scores if value is not None]
    if not finite:
        assert failure is not None
        raise failure
    best = max(finite, key=lambda pair: pair[1])[0]
    result = SearchResult(best, scores)
    records.write_search(key, result.as_json())
    return result


def _read(records: RecordStore, key: str) -> SearchResult | None:
    """A kept search; None if there is none or it is damaged."""
    kept = records.read_search(key)
    if kept is None:
        return None
    try:
        scores = [(row["candidate"], row["score"]) for row in kept["dev"]]
        return SearchResult(kept["chosen"], scores)
    except (KeyError, TypeError):
        return None
