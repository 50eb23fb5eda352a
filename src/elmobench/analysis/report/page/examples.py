"""Test examples on which features disagree, for the page's browser."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from elmobench.analysis.inspect.annotation_format import format_annotation
from elmobench.analysis.inspect.example_texts import texts_of
from elmobench.analysis.report.page.scores import grouped
from elmobench.analysis.stats.tallies import shared_predictions
from elmobench.core.errors import DataError
from elmobench.metrics.base import get_metric
from elmobench.tracking.record import RecordStore, RunRecord

KEPT = 60
"""Examples of a task and head that the page carries at most."""
LONGEST = 1200
"""Characters of a text or an annotation that the page carries at most."""


def example_groups(
    store: RecordStore,
    records: Sequence[RunRecord],
    features: Sequence[str],
    include: Sequence[Path] = (),
) -> list[dict[str, Any]]:
    """For each task and head the examples whose answers differ, of the lowest common seed.

    Kept are those on which the scores of two systems differ most, the pairs taking turns, so
    that every pair has some. Tasks whose predictions were not kept have no group.
    """
    groups = []
    for title, group in grouped(records).items():
        chosen = _one_seed(group, features)
        if len(chosen) < 2:
            continue
        try:
            rows, answers = shared_predictions(store, list(chosen.values()))
            first = next(iter(chosen.values()))
            assert first.result is not None
            tally = get_metric(first.result.metric).tally([row["gold"] for row in rows], answers)
        except DataError:
            continue
        scores = tally.score(tally.counts)
        places = _telling(answers, scores)
        if not places:
            continue
        texts = texts_of(first.task, first.identity.get("fold"), include)
        kept = []
        for place in places:
            row = rows[place]
            tokens, text = texts.get(row["id"], (None, ""))
            kept.append(
                {
                    "id": row["id"],
                    "text": _cut(text),
                    "gold": _cut(format_annotation(first.pipeline, row["gold"], tokens)),
                    "said": [
                        _cut(format_annotation(first.pipeline, said[place], tokens))
                        for said in answers
                    ],
                    "score": [round(float(score[place]), 2) for score in scores],
                }
            )
        groups.append(
            {
                "name": title,
                "systems": list(chosen),
                "note": f"seed {first.seed}; of {len(rows):,} in the test set",
                "rows": kept,
            }
        )
    return groups


def _one_seed(
    group: Mapping[str, Sequence[RunRecord]], features: Sequence[str]
) -> dict[str, RunRecord]:
    """A record of each features, all of one seed; in the page's order."""
    seeds = set.intersection(*({record.seed for record in cells} for cells in group.values()))
    if not seeds:
        return {}
    seed = min(seeds)
    return {
        name: next(record for record in group[name] if record.seed == seed)
        for name in features
        if name in group
    }


def _telling(answers: Sequence[Sequence[Any]], scores: np.ndarray[Any, Any]) -> list[int]:
    """Places of at most :data:`KEPT` examples, pairs of systems taking turns."""
    queues = []
    for i, j in itertools.permutations(range(len(answers)), 2):
        gain = scores[i] - scores[j]
        order = np.argsort(-gain, kind="stable")
        queues.append([int(p) for p in order if gain[p] > 0])
    differing = [
        place
        for place in range(scores.shape[1])
        if any(said[place] != answers[0][place] for said in answers[1:])
    ]
    kept: dict[int, None] = {}
    for turn in itertools.zip_longest(*queues, differing):
        for place in turn:
            if place is not None and len(kept) < KEPT:
                kept.setdefault(place)
        if len(kept) >= KEPT:
            break
    return list(kept)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
