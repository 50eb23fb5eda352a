"""Scores on slices of the test set: long examples, unknown words, unseen entities."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from elmobench.analysis.tables.score_tables import mean_sd
from elmobench.core.errors import (
    ElmobenchError,
    ElmobenchWarning,
    UndefinedScoreError,
    UnknownNameError,
)
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.sampling import Limit
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import Pipeline, TypedSpan
from elmobench.tasks.task import Task
from elmobench.tracking.prediction_files import MissingPredictionsError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

MIN_SIZE = 20
"""Smaller slices, in examples or entities, are not shown."""

Words = tuple[str, ...]


@dataclass(frozen=True)
class Slice:
    """A part of the test set.

    Attributes:
        name: name in tables.
        members: whether each example belongs to it, in the order of the predictions.
    """

    name: str
    members: list[bool]


def slice_table(
    store: RecordStore,
    cards: CardCatalog | None = None,
    records: Sequence[RunRecord] | None = None,
) -> pd.DataFrame:
    """Scores of every representation on every slice, mean ± sd over seeds.

    Columns: task, head, slice, name of the score, number of examples (or entities), then one per
    representation. Tasks whose data or predictions are not on this machine have no rows. Slices
    consist of whole examples, scored by the task's metric; for tasks of spans there is also the
    recall of entities that are, and that are not, in the training set.

    Args:
        store: the results folder.
        cards: the task cards; None for those found without ``--include``.
        records: the records to use; None for all of the present grid.

    Raises:
        DataError: if a record, or the predictions of one, are damaged.
    """
    cards = cards or CardCatalog()
    groups: dict[tuple[str, str, str], dict[str, list[RunRecord]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for record in store.planned() if records is None else records:
        if record.result is not None:
            axes = " ".join(f"{k}={v}" for k, v in record.axes.items())
            groups[record.task, record.head, axes][record.features].append(record)
    features = list(dict.fromkeys(name for group in groups.values() for name in group))
    read = {
        (r.task, r.identity.get("fold"), r.limit)
        for g in groups.values()
        for c in g.values()
        for r in c
    }
    views = {key: _view(*key, cards) for key in read}
    words = {w for view in views.values() if view for t in view.tokens.values() for w in t}
    vocabularies = _Vocabularies(store.experiment().get("models"), words)
    rows: list[dict[str, Any]] = []
    for (task, head, axes), group in groups.items():
        first = next(iter(group.values()))[0]
        view = views[task, first.identity.get("fold"), first.limit]
        if view is not None:
            rows += _rows(
                store, view, vocabularies, {"task": task, "head": head, "axes": axes}, group
            )
    table = pd.DataFrame(rows)
    if rows:
        table = table[
            ["task", "head", "axes", "slice", "score", "of", *(f for f in features if f in table)]
        ]
        if not any(row["axes"] for row in rows) or len({row["axes"] for row in rows}) == 1:
            table = table.drop(columns="axes")
    return table.fillna("–")


@dataclass(frozen=True)
class _View:
    """The pipeline of a task; words of each test example and of the training set."""

    pipeline: Pipeline[Any]
    tokens: dict[str, Words]
    train_words: frozenset[str]
    train_entities: frozenset[Words]


def _view(name: str, fold: int | None, limit: str | None, cards: CardCatalog) -> _View | None:
    """The words of a task, of a sample for a quick try; None if it is not on this machine."""
    try:
        sample = Limit.parse_optional(limit)
        task = Task(cards.get(name), fold=fold, limit=sample)
        if not task.is_local:
            return None
        pipeline = task.pipeline
        tokens = {example.id: pipeline.tokens(example) for example in task.split("test")}
        train = task.split("train")
    except UnknownNameError:
        return None
    except ElmobenchError as error:  # such as data that are damaged
        warnings.warn(f"{name} is left out: {error}", ElmobenchWarning, stacklevel=2)
        return None
    entities: set[Words] = set()
    for example in train:
        spans = pipeline.annotation_spans(pipeline.gold(example))
        entities.update(_by_words(pipeline.tokens(example), spans or ()))
    words = frozenset(word.lower() for e in train for word in pipeline.tokens(e))
    return _View(pipeline, tokens, words, frozenset(entities))


def _by_words(tokens: Words, spans: Iterable[TypedSpan]) -> dict[Words, list[TypedSpan]]:
    """Spans by their lower-cased words."""
    by_words: dict[Words, list[TypedSpan]] = defaultdict(list)
    for span in spans:
        _, first, last = span
        by_words[tuple(word.lower() for word in tokens[first : last + 1])].append(span)
    return by_words


class _Vocabularies:
    """The vocabularies of static vectors, by part of a features spec."""

    def __init__(self, models: Mapping[str, Any] | None, words: Iterable[str]) -> None:
        self._catalog = ModelCatalog(models)
        self._words = sorted(words)
        self._known: dict[str, frozenset[str] | None] = {}

    def vocabulary(self, part: str) -> frozenset[str] | None:
        """Words with a vector; None if every word has one or the model is not known here."""
        if part not in self._known:
            self._known[part] = self._load(part)
        return self._known[part]

    def _load(self, part: str) -> frozenset[str] | None:
        try:
            if self._catalog.entry(part).provider != "static":
                return None
            provider = self._catalog.load(part)
            with provider.precompute_words(self._words):
                return frozenset(w for w in self._words if (provider.coverage([w]) or {})["types"])
        except ElmobenchError:
            return None  # the model is not on this machine


def _rows(
    store: RecordStore,
    view: _View,
    vocabularies: _Vocabularies,
    names: Mapping[str, str],
    group: Mapping[str, Sequence[RunRecord]],
) -> list[dict[str, Any]]:
    try:
        runs = {
            features: [store.read_predictions(record.cell) for record in records]
            for features, records in group.items()
        }
    except MissingPredictionsError:
        return []
    rows = next(iter(runs.values()))[0]
    if any(row["id"] not in view.tokens for row in rows):
        return []  # the data have changed since the run
    tokens = [view.tokens[row["id"]] for row in rows]
    first = next(iter(group.values()))[0]
    assert first.result is not None
    metric, primary = get_metric(first.result.metric), first.result.primary
    table_rows = []
    for part in _slices(tokens, view, vocabularies, group):
        indices = [i for i, member in enumerate(part.members) if member]
        if not MIN_SIZE <= len(indices) < len(rows):
            continue

        def score(answers: list[dict[str, Any]], indices: list[int] = indices) -> float:
            gold = [answers[i]["gold"] for i in indices]
            return metric.compute(gold, [answers[i]["predicted"] for i in indices]).values[primary]

        # A rank correlation over sentences of 5 words and more is undefined for shorter ones.
        with suppress(UndefinedScoreError):
            table_rows.append(_row(names, part.name, primary, len(indices), runs, score))
    if view.train_entities:
        for seen in (True, False):
            name = "entities also in train" if seen else "entities not in train"
            wanted = [
                _wanted(t, row["gold"], view, seen) for t, row in zip(tokens, rows, strict=True)
            ]
            count = sum(map(len, wanted))

            def recall(
                answers: list[dict[str, Any]],
                wanted: list[set[TypedSpan]] = wanted,
                count: int = count,
            ) -> float:
                right = sum(
                    len(spans & set(view.pipeline.annotation_spans(answer["predicted"]) or ()))
                    for spans, answer in zip(wanted, answers, strict=True)
                )
                return 100 * right / count

            if count >= MIN_SIZE:
                table_rows.append(_row(names, name, "recall", count, runs, recall))
    return table_rows


def _row(
    names: Mapping[str, str],
    name: str,
    score_name: str,
    count: int,
    runs: Mapping[str, Sequence[list[dict[str, Any]]]],
    score: Callable[[list[dict[str, Any]]], float],
) -> dict[str, Any]:
    scores = {spec: mean_sd([score(a) for a in answers]) for spec, answers in runs.items()}
    return {**names, "slice": name, "score": score_name, "of": count, **scores}


def _slices(
    tokens: Sequence[Words],
    view: _View,
    vocabularies: _Vocabularies,
    features: Iterable[str],
) -> list[Slice]:
    """Slices by length, by words missing from training, by words without a static vector."""
    lengths = np.array([len(words) for words in tokens])
    low, high = np.quantile(lengths, [0.25, 0.75])
    slices = [
        Slice(f"short: at most {low:g} tokens", [bool(n <= low) for n in lengths]),
        Slice(f"long: at least {high:g} tokens", [bool(n >= high) for n in lengths]),
    ]
    new = [any(word.lower() not in view.train_words for word in words) for words in tokens]
    slices += _complements("a word not in train", "all words in train", new)
    parts = dict.fromkeys(part.name for spec in features for part in parse_features(spec).parts)
    for part in parts:
        vocabulary = vocabularies.vocabulary(part)
        if vocabulary is not None:
            without = [any(word not in vocabulary for word in words) for words in tokens]
            slices += _complements(f"a word not in {part}", f"all words in {part}", without)
    return slices


def _complements(name: str, opposite: str, members: list[bool]) -> list[Slice]:
    return [Slice(name, members), Slice(opposite, [not member for member in members])]


def _wanted(tokens: Words, gold: Any, view: _View, seen: bool) -> set[TypedSpan]:
    """Gold spans whose words are (``seen``) or are not those of an entity in the training set."""
    return {
        span
        for surface, spans in _by_words(tokens, view.pipeline.annotation_spans(gold) or ()).items()
        if (surface in view.train_entities) == seen
        for span in spans
    }
