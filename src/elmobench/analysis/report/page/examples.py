"""Test examples that representations predict differently, for the page's example browser."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from elmobench.analysis.inspect.annotation_format import format_annotation
from elmobench.analysis.inspect.example_texts import example_texts
from elmobench.analysis.report.page.scores import grouped
from elmobench.analysis.stats.tallies import shared_predictions
from elmobench.core.errors import DataError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.metrics.base import get_metric
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

MAX_EXAMPLES = 60
"""Largest number of examples per task and head on the page."""
MAX_CHARACTERS = 1200
"""Texts and annotations are cut to this length."""


def example_groups(
    store: RecordStore,
    records: Sequence[RunRecord],
    features: Sequence[str],
    cards: CardCatalog,
) -> list[dict[str, Any]]:
    """For each task and head, examples whose predictions differ, at the lowest common seed.

    The examples with the largest score differences are chosen, in turn for each pair of systems,
    so that every pair has some. Tasks without stored predictions have no group.
    """
    groups = []
    for title, group in grouped(records).items():
        chosen = _runs_of_one_seed(group, features)
        if len(chosen) < 2:
            continue
        try:
            rows, predictions = shared_predictions(store, list(chosen.values()))
            first = next(iter(chosen.values()))
            assert first.result is not None
            metric = get_metric(first.result.metric)
            scores = metric.example_scores([row["gold"] for row in rows], predictions)
        except DataError:
            continue
        indices = _chosen_examples(predictions, scores)
        if not indices:
            continue
        texts = example_texts(first.task, first.identity.get("fold"), cards)
        examples = []
        for index in indices:
            row = rows[index]
            tokens, text = texts.get(row["id"], (None, ""))
            examples.append(
                {
                    "id": row["id"],
                    "text": _cut(text),
                    "gold": _cut(format_annotation(first.pipeline, row["gold"], tokens)),
                    "predicted": [
                        _cut(format_annotation(first.pipeline, run[index], tokens))
                        for run in predictions
                    ],
                    "score": [round(float(score[index]), 2) for score in scores],
                }
            )
        groups.append(
            {
                "name": title,
                "systems": list(chosen),
                "note": f"seed {first.seed}; the test set has {len(rows):,}",
                "rows": examples,
            }
        )
    return groups


def _runs_of_one_seed(
    group: Mapping[str, Sequence[RunRecord]], features: Sequence[str]
) -> dict[str, RunRecord]:
    """One record per representation, all with the lowest common seed, in the page's order."""
    seeds = set.intersection(*({record.seed for record in cells} for cells in group.values()))
    if not seeds:
        return {}
    seed = min(seeds)
    return {
        name: next(record for record in group[name] if record.seed == seed)
        for name in features
        if name in group
    }


def _chosen_examples(
    predictions: Sequence[Sequence[Any]], scores: np.ndarray[Any, Any]
) -> list[int]:
    """Indices of at most :data:`MAX_EXAMPLES` examples, in turn for each pair of systems.

    Args:
        predictions: of each system, in the order of the test set.
        scores: (systems, examples) score of each example alone.
    """
    queues = []
    for i, j in itertools.permutations(range(len(predictions)), 2):
        gain = scores[i] - scores[j]
        order = np.argsort(-gain, kind="stable")
        queues.append([int(index) for index in order if gain[index] > 0])
    differing = [
        index
        for index in range(scores.shape[1])
        if any(run[index] != predictions[0][index] for run in predictions[1:])
    ]
    chosen: dict[int, None] = {}
    for turn in itertools.zip_longest(*queues, differing):
        for index in turn:
            if index is not None and len(chosen) < MAX_EXAMPLES:
                chosen.setdefault(index)
        if len(chosen) >= MAX_EXAMPLES:
            break
    return list(chosen)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else text[:MAX_CHARACTERS] + " …"
