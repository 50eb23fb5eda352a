"""One run of elmobench: ``elmobench run`` into an empty feature store."""

from __future__ import annotations

import os
import shutil
import sys

import yaml

from benchmarks.allennlp_runs.prepared import Prepared
from benchmarks.allennlp_runs.processes import run_timed
from benchmarks.allennlp_runs.records import Run, Seconds
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.tracking.record import STAGES
from elmobench.tracking.record_store import RecordStore


def run_elmobench(prepared: Prepared, seed: int) -> Run:
    """Encode, train and score our head, each in the same command.

    Raises:
        ElmobenchError: if the command or the cell fails.
    """
    folder = prepared.folder / f"elmobench-{seed}"
    shutil.rmtree(folder, ignore_errors=True)
    experiment = prepared.experiment.model_copy(update={"seeds": (seed,)})
    file = folder / "experiment.yaml"
    file.parent.mkdir(parents=True)
    write_text(file, yaml.safe_dump(experiment.model_dump(mode="json", exclude_unset=True)))
    clocks = run_timed(
        [
            *(sys.executable, "-m", "elmobench", "run", str(file), "--quiet"),
            *("--results", str(folder / "results"), "--store", str(folder / "store")),
            *("--include", str(prepared.part.cards), "--tracking-uri", "none"),
        ],
        folder / "run.log",
        os.environ,
    )
    store = RecordStore(folder / "results")
    (record,) = store.planned()
    if record.result is None or record.run is None:
        raise DataError(f"the cell failed: {record.error}", where=str(folder))
    planned = prepared.planned[seed]
    if record.cell != planned.digest:
        raise DataError("the run was of another cell than planned", where=str(folder))
    (cost,) = store.costs()
    seconds, result = record.run.seconds, record.result
    busy = seconds["cpu"] / sum(seconds[stage] for stage in STAGES)
    run = prepared.record(
        "elmobench",
        seed,
        [row["predicted"] for row in store.read_predictions(record.cell)],
        dev=result.dev[result.primary],
        best_epoch=result.best_epoch,
        losses=[row.train_loss or 0.0 for row in result.curve],
        wall=Seconds(run=clocks.wall, epoch=seconds["epoch_mean"], encoding=cost["seconds"]),
        # Epochs have a wall time only; the processor was busy for the same share of each stage.
        cpu=Seconds(run=clocks.cpu, epoch=busy * seconds["epoch_mean"], encoding=cost["cpu"]),
        versions={**record.run.versions, "head": str(planned.cell.preset.version)},
    )
    shutil.rmtree(folder / "store")
    return run
