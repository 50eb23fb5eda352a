"""Export as ``.eval_results/*.yaml``, which the Hugging Face hub reads from a model's repository.

The format: https://huggingface.co/docs/hub/eval-results. A result belongs to a data set of the hub,
so the caller says which one a task is. Each variant of a model has a file of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

import elmobench
from elmobench.analysis.export.systems import Exported, SystemScores, file_name, unique
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.registry import did_you_mean

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def parse_datasets(texts: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Task -> id of the data set on the hub, and the task there.

    >>> parse_datasets(["ner/wnut17=leondz/wnut_17", "nli/snli=stanfordnlp/snli#plain"])
    {'ner/wnut17': ('leondz/wnut_17', 'default'), 'nli/snli': ('stanfordnlp/snli', 'plain')}

    Raises:
        ConfigError: a text is not of the form ``TASK=OWNER/NAME`` or ``TASK=OWNER/NAME#TASK_ID``.
    """
    found = {}
    for text in texts:
        task, _, place = text.partition("=")
        name, _, task_id = place.partition("#")
        if not task or not _ID.fullmatch(name):
            raise ConfigError(
                f"{text!r} does not say which data set of the hub a task is",
                where="--dataset",
                fix="write TASK=OWNER/NAME or TASK=OWNER/NAME#TASK_ID, such as "
                "ner/wnut17=leondz/wnut_17",
            )
        found[task] = (name, task_id or "default")
    return found


def hub_files(systems: Sequence[SystemScores], datasets: Mapping[str, tuple[str, str]]) -> Exported:
    """One file per system, in ``FEATURES/.eval_results``: copy it to the model's repository.

    The value is the mean of the main score over seeds, in percent; seeds, spread, head and digest
    of the data are in ``notes``. Quick tries are left out: a part of a test set is not the
    benchmark.

    Raises:
        UnknownNameError: a data set is stated for a task that has no results.
    """
    notes = []
    kept = []
    tasks = dict.fromkeys(system.task for system in systems)
    for task in datasets:
        if task not in tasks:
            raise UnknownNameError(
                f"no results of the task {task!r} here",
                where="--dataset",
                fix=did_you_mean(task, tasks),
            )
    for task in tasks:
        if task not in datasets:
            notes.append(
                f"{task} is left out: say which data set of the hub it is with "
                f"--dataset {task}=OWNER/NAME"
            )
    for system in systems:
        if system.task in datasets and system.limit is not None:
            notes.append(
                f"{system.task} {system.features} {system.variant} is left out: "
                f"a quick try on {system.limit} of the examples"
            )
        elif system.task in datasets and system.is_control:
            notes.append(
                f"{system.task} {system.features} {system.variant} is left out: "
                "control labels, not those of the data set"
            )
        elif system.task in datasets:
            kept.append(system)
    paths = [
        f"{file_name(system.features)}/.eval_results/"
        f"{file_name(system.task)}__{file_name(system.variant)}"
        for system in kept
    ]
    files = {
        f"{path}.yaml": yaml.safe_dump(
            [_entry(system, *datasets[system.task])], sort_keys=False, allow_unicode=True
        )
        for path, system in zip(unique(paths), kept, strict=True)
    }
    return Exported(files, notes)


def _entry(system: SystemScores, dataset: str, task_id: str) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "dataset": {"id": dataset, "task_id": task_id},
        "value": round(system.mean(), 4),
    }
    if system.date is not None:
        entry["date"] = system.date
    return {**entry, "notes": _notes(system)}


def _notes(system: SystemScores) -> str:
    """How the value came about, in one line."""
    sd = system.sd()
    number = len(system.seeds)
    spread = f"sd {sd:.2f} over {number} seeds" if sd is not None else "a single run"
    seeds = ", ".join(map(str, system.seeds))
    facts = [
        f"{system.primary} in percent, mean: {spread} (seeds {seeds})",
        f"frozen features {system.features}, head {system.variant}",
        f"task {system.task} version {system.card_version}, data SHA-256 {system.data}",
        f"elmobench {elmobench.__version__}, experiment {system.experiment}",
        *system.caveats,
    ]
    return "; ".join(facts)
