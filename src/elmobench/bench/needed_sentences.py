"""The sentences that tasks and experiments need, in the groups in which a run encodes them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment, load_experiment
from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.examples import Sentence
from elmobench.features.store.precision import Precision
from elmobench.tasks.task import Task


@dataclass(frozen=True)
class NeededSentences:
    """Sentences to encode, and the settings of the experiment that needs them.

    Attributes:
        groups: the distinct sentences of each task, with the task's name. A run encodes one group
            after another.
        precision: of stored vectors; None if no experiment says it.
        threads: for encoding; None if no experiment says it.
        models: the experiment's own catalog entries.
        base: the folder to which their paths are relative.
    """

    groups: list[tuple[str, list[Sentence]]]
    precision: Precision | None = None
    threads: int | None = None
    models: Mapping[str, Any] = field(default_factory=dict)
    base: Path | None = None

    def distinct(self) -> list[Sentence]:
        """All distinct sentences, in order of first occurrence."""
        return list(dict.fromkeys(s for _, sentences in self.groups for s in sentences))


def needed_sentences(
    names: Sequence[str], cards: CardCatalog, trust_first: bool = False
) -> NeededSentences:
    """The sentences of tasks (all their splits), or of one experiment (all its cells).

    An experiment also needs what its heads train on beyond the splits, such as the phrases of
    a treebank. Its features are not loaded: they may be the file that is to be written.

    Args:
        names: tasks, or one experiment: a file, or the name of a shipped one.
        cards: the task cards.
        trust_first: accept data without a known digest, and pin it.

    Raises:
        ConfigError: if an experiment is given together with something else.
        UnknownNameError: if a name is neither a task's nor an experiment's.
    """
    found = [_task_or_experiment(name, cards) for name in names]
    experiments = [one for one in found if isinstance(one, Experiment)]
    if experiments and len(found) > 1:
        raise ConfigError(
            f"{experiments[0].name} is an experiment, and {len(found) - 1} more are named",
            where="the sentences to encode",
            fix="name tasks only, or one experiment",
        )
    if experiments:
        return _of_experiment(experiments[0], cards, trust_first)
    tasks = [one for one in found if isinstance(one, TaskCard)]
    return NeededSentences([(card.id, _of_task(card, trust_first)) for card in tasks])


def _task_or_experiment(name: str, cards: CardCatalog) -> TaskCard | Experiment:
    if os.path.isfile(name):
        return load_experiment(name)
    try:
        return cards.get(name)
    except UnknownNameError as unknown:
        try:
            return load_experiment(name)
        except UnknownNameError:
            raise unknown from None


def _of_task(card: TaskCard, trust_first: bool) -> list[Sentence]:
    sentences: dict[Sentence, None] = {}
    task = Task(card, trust_first=trust_first)  # every fold has all examples
    for split in task.splits:
        for example in task.split(split):
            for of_slot in task.pipeline.slots(example).values():
                sentences.update(dict.fromkeys(of_slot))
    return list(sentences)


def _of_experiment(
    experiment: Experiment, cards: CardCatalog, trust_first: bool
) -> NeededSentences:
    # Any features: sentences do not depend on them, so overrides for some features are left out.
    overrides = tuple(one.model_copy(update={"optional": True}) for one in experiment.overrides)
    anything = experiment.model_copy(update={"features": ("random",), "overrides": overrides})
    context = RunContext(anything, cards, None, trust_first)
    groups: dict[str, tuple[str, list[Sentence]]] = {}
    for cell in context.grid_cells:
        key = canonical_json([cell.task, cell.fold, cell.options.training_data()])
        if key not in groups:
            fold = "" if cell.fold is None else f", fold {cell.fold}"
            groups[key] = (f"{cell.task}{fold}", context.all_sentences(cell))
    return NeededSentences(
        list(groups.values()),
        experiment.settings.precision,
        experiment.settings.threads,
        experiment.models,
        experiment.base,
    )
