"""The small search of ``linear`` heads: the same candidates for every embedding, on dev."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from elmobench.bench.cells import Cell, apply_options
from elmobench.digests import digest_of
from elmobench.files import write_text
from elmobench.tasks.base import TrainingOptions

Candidate = dict[str, float]


@dataclass(frozen=True)
class Selection:
    """What was chosen, and what each candidate scored on dev."""

    chosen: Candidate
    scores: list[tuple[Candidate, float]]

    def apply(self, cell: Cell) -> Cell:
        """``cell`` with the chosen values."""
        return with_candidate(cell, self.chosen)

    def as_json(self) -> dict[str, Any]:
        """For the record."""
        return {
            "chosen": self.chosen,
            "dev": [{"candidate": c, "score": s} for c, s in self.scores],
        }


def candidates(training: TrainingOptions) -> list[Candidate]:
    """The product of the grid's lists, in a fixed order; one empty candidate without a grid."""
    names = sorted(training.grid)
    return [
        dict(zip(names, values, strict=True))
        for values in itertools.product(*(training.grid[name] for name in names))
    ]


def with_candidate(cell: Cell, candidate: Candidate) -> Cell:
    """``cell`` with a candidate's option values."""
    options, training, mix = apply_options(candidate, cell.options, cell.training, cell.mix)
    return replace(cell, options=options, training=training, mix=mix)


def selection_key(identity: Mapping[str, Any]) -> str:
    """Names the search that all seeds of a cell share."""
    return digest_of({name: value for name, value in identity.items() if name != "seed"})


def select(
    cell: Cell,
    choices: Sequence[Candidate],
    identity: dict[str, Any],
    folder: Path,
    score: Callable[[Cell], float],
) -> Selection:
    """Score every candidate on dev and take the best, the first among equals.

    The answer is kept under ``folder``: it does not depend on the cell's seed, so the other
    seeds read it.
    """
    key = selection_key(identity)
    path = folder / f"{key[:16]}.json"
    if path.exists():
        raw = json.loads(path.read_text("utf-8"))
        if raw["key"] == key:
            return Selection(raw["chosen"], [(r["candidate"], r["score"]) for r in raw["dev"]])
    scores = [(choice, score(with_candidate(cell, choice))) for choice in choices]
    best = max(scores, key=lambda pair: pair[1])[0]
    selection = Selection(best, scores)
    write_text(path, json.dumps({"key": key, **selection.as_json()}, indent=1) + "\n")
    return selection
