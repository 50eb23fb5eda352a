"""Hyper-parameter search on dev: a small grid, the same candidates for all features."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.options import apply_options
from elmobench.metrics.influence import Influence
from elmobench.tasks.head import TrainingOptions

Candidate = dict[str, float]


@dataclass(frozen=True)
class CandidateScore:
    """How a candidate did on dev.

    Attributes:
        candidate: its option values.
        score: its dev score; None if its loss diverged.
        error: standard error of the best score minus this one, over the units of dev; None if it
            is unknown.
        near_tie: whether the best score is larger by at most that error.
    """

    candidate: Candidate
    score: float | None
    error: float | None
    near_tie: bool


@dataclass(frozen=True)
class SearchResult:
    """The chosen candidate, and how each of them did on dev."""

    chosen: Candidate
    scores: tuple[CandidateScore, ...]

    @property
    def index(self) -> int:
        """Position of the chosen candidate."""
        return [row.candidate for row in self.scores].index(self.chosen)

    def as_json(self) -> dict[str, Any]:
        """The result as the record keeps it."""
        return {
            "chosen": self.chosen,
            "dev": [
                {
                    "candidate": row.candidate,
                    "score": row.score,
                    "error": row.error,
                    "near_tie": row.near_tie,
                }
                for row in self.scores
            ],
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


def default_values(cell: Cell) -> Candidate:
    """The values that the searched options have without a search."""
    blocks = {"options": cell.options, "training": cell.training}
    values = {}
    for path in sorted(cell.training.grid):
        block, _, name = path.partition(".")
        values[path] = getattr(blocks[block], name)
    return values


def choose(
    choices: Sequence[Candidate],
    scores: Sequence[float | None],
    default: Mapping[str, float],
    influence: Influence | None,
) -> SearchResult:
    """Choose a candidate by its dev score, and among near-ties the one closest to the defaults.

    A near-tie is a score that the best one exceeds by at most one standard error of their
    difference, over the units of dev. Among near-ties the candidate with the most default values is
    chosen, then the one with the smaller values: so chance on dev decides as little as possible.

    Args:
        choices: the candidates.
        scores: their dev scores; None for a candidate whose loss diverged. At least one is
            a number.
        default: the default of each searched option.
        influence: of the units of dev on the candidates with a score, in their order; None if the
            metric has none. Then only equal scores are near-ties.
    """
    scored = [i for i, score in enumerate(scores) if score is not None]
    best = max(scored, key=lambda i: scores[i] or 0.0)
    errors = dict(zip(scored, _errors(influence, scored.index(best)), strict=False))
    rows = []
    for i, (candidate, score) in enumerate(zip(choices, scores, strict=True)):
        error = errors.get(i)
        # The best one is, even if a metric's counts leave the errors undefined.
        near = i == best or (
            score is not None and (scores[best] or 0.0) - score <= (error or 0.0) + 1e-9
        )
        rows.append(CandidateScore(candidate, score, error, near))

    def rank(candidate: Candidate) -> tuple[int, list[float]]:
        changed = sum(value != default[name] for name, value in candidate.items())
        return changed, [candidate[name] for name in sorted(candidate)]

    chosen = min((row.candidate for row in rows if row.near_tie), key=rank)
    return SearchResult(chosen, tuple(rows))


def _errors(influence: Influence | None, best: int) -> list[float | None]:
    """Standard error of the best system's score minus each system's; none if it is unknown."""
    if influence is None:
        return []
    values = influence.pseudo_values
    count = values.shape[1]
    if count < 2:
        return []
    errors = [float(row.std(ddof=1)) / math.sqrt(count) for row in values[best] - values]
    return [error if math.isfinite(error) else None for error in errors]
