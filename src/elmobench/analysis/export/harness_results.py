"""Export as ``results_*.json`` of lm-evaluation-harness, which its readers and leaderboards read.

One file per representation and variant. The main score of each task is a fraction, as there;
``_stderr`` is the standard error of the mean over seeds, while the harness has that over examples:
the file says so. All scores of each seed are in ``configs``, as they were recorded: most in
percent, some are counts.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import elmobench
from elmobench.analysis.export.systems import Exported, SystemScores, file_name, unique

STDERR = "standard error of the mean over seeds, not over examples"


def harness_files(systems: Sequence[SystemScores]) -> Exported:
    """One ``MODEL/results_DATE.json`` per representation, head and further axes.

    Scores on control labels are left out: leaderboards would take them for scores on the task.
    """
    notes = [
        f"{system.task} {system.features} {system.variant} is left out: control labels, not those "
        "of the data set"
        for system in systems
        if system.is_control
    ]
    groups: dict[tuple[str, str, str], list[SystemScores]] = {}
    for system in systems:
        if system.is_control:
            continue
        # A head such as `ner/small` is of one pipeline; its size is what tasks have in common.
        size = system.head.split("/")[-1]
        groups.setdefault((system.features, size, system.other_axes), []).append(system)
    names = [" ".join(filter(None, key)) for key in groups]
    folders = unique(list(map(file_name, names)))
    files = {}
    for name, folder, group in zip(names, folders, groups.values(), strict=True):
        content = _content(name, folder, group)
        date = str(content["end_date"] or "unknown").replace(":", "-").replace("+00-00", "")
        text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
        files[f"{folder}/results_{date}.json"] = f"{text}\n"
    return Exported(files, notes)


def _content(name: str, folder: str, systems: Sequence[SystemScores]) -> dict[str, Any]:
    dates = [system.date for system in systems if system.date is not None]
    end = max(dates, default=None)
    limits = {system.limit for system in systems}
    return {
        "results": {system.task: _scores(system) for system in systems},
        "group_subtasks": {},
        "configs": {system.task: _config(system) for system in systems},
        "versions": {system.task: system.card_version for system in systems},
        "n-shot": {},
        "higher_is_better": {system.task: {system.primary: True} for system in systems},
        "n-samples": {
            system.task: {"original": None, "effective": system.examples}
            if system.limit is not None
            else {"original": system.examples, "effective": system.examples}
            for system in systems
        },
        "config": {
            "model": "elmobench",
            "model_args": f"features={systems[0].features}",
            "limit": next(iter(limits)) if len(limits) == 1 else None,
            "stderr": STDERR,
        },
        "git_hash": None,
        "date": None if end is None else datetime.fromisoformat(end).timestamp(),
        "end_date": end,
        "task_hashes": {},
        "model_source": "elmobench",
        "model_name": name,
        "model_name_sanitized": folder,
        "elmobench_version": elmobench.__version__,
    }


def _scores(system: SystemScores) -> dict[str, Any]:
    sd = system.sd()
    error = "N/A" if sd is None else sd / 100 / math.sqrt(len(system.seeds))
    return {
        "alias": system.task,
        f"{system.primary},none": system.mean() / 100,
        f"{system.primary}_stderr,none": error,
    }


def _config(system: SystemScores) -> dict[str, Any]:
    """What the scores depend on."""
    return {
        "task": system.task,
        "metric_list": [{"metric": system.primary, "higher_is_better": True}],
        "metadata": {
            "version": system.card_version,
            "data_sha256": system.data,
            "same_as": system.same_as,
            "head": system.head,
            "axes": system.axes,
            "seeds": list(system.seeds),
            "scores_by_seed": {name: list(values) for name, values in system.scores.items()},
            "limit": system.limit,
            "caveats": list(system.caveats),
            "experiment": system.experiment,
            "cells": list(system.cells),
        },
    }
