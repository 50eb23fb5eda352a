"""One run of AllenNLP: ``allennlp train``, which predicts test with the best weights at its end."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.allennlp_runs.configuration import configuration
from benchmarks.allennlp_runs.prepared import Prepared
from benchmarks.allennlp_runs.processes import run_timed
from benchmarks.allennlp_runs.records import Run, Seconds
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.features.allennlp.environment import Environment, worker_environment
from elmobench.nn.bioul import bioul_tag_to_bio

PLUGINS = Path(__file__).with_name("published")
PLUGIN = "measured_run"


def run_allennlp(prepared: Prepared, seed: int, environment: Environment) -> Run:
    """Train and score AllenNLP's model; the command also predicts test, as ours does.

    Args:
        prepared: the comparison.
        seed: of the run.
        environment: the reference environment.

    Raises:
        ElmobenchError: if AllenNLP fails, with the end of its log.
    """
    comparison, cell = prepared.comparison, prepared.cell(seed)
    folder = prepared.folder / f"allennlp-{seed}"
    shutil.rmtree(folder, ignore_errors=True)  # of an interrupted run
    folder.mkdir(parents=True)
    task = prepared.task
    labels = prepared.pipeline.codec(task.split("train"), task.card.labels).labels
    content = configuration(cell, prepared.elmo, prepared.part.files, labels, comparison)
    write_text(folder / "configuration.json", json.dumps(content, indent=1))
    model, log = folder / "model", folder / "train.log"
    variables = {**worker_environment(), "PYTHONPATH": str(PLUGINS)}
    train = ["-m", "allennlp", "train", str(folder / "configuration.json"), "-s", str(model)]
    clocks = run_timed(
        [str(environment.python), *train, "--include-package", PLUGIN], log, variables
    )
    answers = _predictions(prepared, model / "predictions.jsonl")
    metrics = json.loads((model / "metrics.json").read_text("utf-8"))
    wall, cpu, epochs = read_times((model / "times.jsonl").read_text("utf-8"))
    if epochs != cell.training.epochs:
        raise DataError(f"trained {epochs} epochs, not {cell.training.epochs}", where=str(log))
    run = prepared.record(
        "allennlp",
        seed,
        answers,
        dev=100 * metrics[f"best_validation_{comparison.validation.lstrip('+')}"],
        best_epoch=metrics["best_epoch"] + 1,
        losses=[
            json.loads((model / f"metrics_epoch_{epoch}.json").read_text("utf-8"))["training_loss"]
            for epoch in range(epochs)
        ],
        wall=Seconds(run=clocks.wall, epoch=wall[0], encoding=wall[1]),
        cpu=Seconds(run=clocks.cpu, epoch=cpu[0], encoding=cpu[1]),
        versions=environment.versions,
    )
    shutil.rmtree(model)
    return run


def read_times(text: str) -> tuple[tuple[float, float], tuple[float, float], int]:
    """Seconds per epoch and of ELMo in total, wall and processor; and the number of epochs."""
    rows = [json.loads(line) for line in text.splitlines()]
    first, last = rows[0], rows[-1]
    epochs = int(last["epochs"])
    wall, cpu = (
        ((last[clock] - first[clock]) / epochs, last[f"encoding_{clock}"])
        for clock in ("wall", "cpu")
    )
    return wall, cpu, epochs


def as_ours(pipeline: str, answers: Sequence[Any]) -> list[Any]:
    """AllenNLP's predictions in the form that our metrics read."""
    if pipeline == "ner":
        return [[bioul_tag_to_bio(tag) for tag in tags] for tags in answers]
    return list(answers)


def _predictions(prepared: Prepared, out: Path) -> list[Any]:
    answers = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    if len(answers) != prepared.part.examples["test"]:
        expected = prepared.part.examples["test"]
        raise DataError(
            f"{len(answers)} predictions, but test has {expected} examples", where=str(out)
        )
    return as_ours(prepared.task.card.pipeline, answers)
