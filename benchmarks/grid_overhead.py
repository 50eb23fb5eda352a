"""What the runner costs beside the cells' own work, and how fast many records become a table.

A thousand cells of one epoch each, in this process and without MLflow. Overhead is the wall time
beyond the stages that the records tell; its peer is the cells' own time. Then the records, each
under ten names, are read and made into the table of scores.
"""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from pathlib import Path

from elmobench import load_results
from elmobench.analysis.tables.score_tables import score_table
from elmobench.bench.run import run_experiment
from elmobench.tracking.record import STAGES, RunRecord
from elmobench.tracking.record_store import RecordStore

_CELLS = 1000
_COPIES = 10


def resident_mb() -> float:
    """Of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def experiment(cells: int) -> dict[str, object]:
    options = {"training.epochs": 1, "training.lr": 0.03, "options.dropout": 0.0}
    return {
        "name": "overhead",
        "tasks": ["sentiment/control-sentiment"],
        "features": ["random"],
        "seeds": [*range(1, cells + 1)],
        "overrides": [{"set": options}],
    }


def run(cells: int, folder: Path) -> tuple[float, list[RunRecord]]:
    start = time.perf_counter()
    summary = run_experiment(
        experiment(cells),
        results=folder / "results",
        store=folder / "store",
        tracking_uri="none",
        quiet=True,
    )
    return time.perf_counter() - start, summary.records


def copy(folder: Path, copies: int) -> RecordStore:
    """The same records under ``copies`` names each."""
    old, new = RecordStore(folder / "results"), RecordStore(folder / "many")
    plan = json.loads(old.plan_path.read_text())
    points = []
    for point in plan["points"]:
        record = old.read(point["cell"])
        assert record is not None
        for i in range(copies):
            name = f"{i:02d}{point['cell'][2:]}"
            seed = point["seed"] + i * len(plan["points"])
            new.write(record.model_copy(update={"cell": name, "seed": seed}))
            points.append({**point, "cell": name, "seed": seed})
    new.write_plan(plan["experiment"], points)
    return new


def main() -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        run(100, folder)  # loads, encodes, warms up
        before = resident_mb()
        wall, records = run(_CELLS, folder)
        new = [r for r in records if r.seed > 100]
        own = sum(sum(v for k, v in r.run.seconds.items() if k in STAGES) for r in new if r.run)
        print(
            f"{len(new)} cells: {1000 * (wall - own) / len(new):.1f} ms a cell beyond its own "
            f"{1000 * own / len(new):.1f} ms; resident memory {before:.0f} MB after 100 cells, "
            f"{resident_mb():.0f} MB after {_CELLS}"
        )
        many = copy(folder, _COPIES)
        start = time.perf_counter()
        frame = load_results(many.folder).cells
        read = time.perf_counter()
        score_table(frame)
        print(
            f"{len(frame):,} records: {read - start:.1f} s to a frame, "
            f"{time.perf_counter() - read:.1f} s to the table of scores"
        )
    finally:
        shutil.rmtree(folder)
