"""``python -m benchmarks.allennlp_runs [NAME …]``: train with both systems, and write the page.

Records are kept in ``results/allennlp/runs.jsonl`` as runs end, one per line, so that an
interrupted measurement resumes where it stopped; delete a line to run it again.
``results/allennlp/ALLENNLP.md`` is written from the records, by ``--page`` alone without any run.

AllenNLP runs in the environment that ``elmobench reference setup`` builds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from benchmarks.allennlp_runs.comparisons import COMPARISONS
from benchmarks.allennlp_runs.original import NAME, PART, WHOLE, original_experiment
from benchmarks.allennlp_runs.ours import run_elmobench
from benchmarks.allennlp_runs.page import page
from benchmarks.allennlp_runs.prepared import Prepared, prepare
from benchmarks.allennlp_runs.records import SYSTEMS, System, read_runs, write_run
from benchmarks.allennlp_runs.theirs import run_allennlp
from elmobench.bench.experiment.schema import load_experiment
from elmobench.core.files import write_text
from elmobench.features.allennlp.environment import require_environment

FOLDER = Path(__file__).parents[2] / "results" / "allennlp"
RECORDS = FOLDER / "runs.jsonl"
PAGE = FOLDER / "ALLENNLP.md"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    names = (*COMPARISONS, NAME)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(names)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--work", type=Path, default=Path("build/allennlp"), help="scratch folder")
    parser.add_argument("--page", action="store_true", help="only write the page")
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - set(names):
        sys.exit(f"no comparison {sorted(unknown)}; there are {', '.join(names)}")
    if not chosen.page:
        for name in chosen.names or names:
            # Nothing varies with the seed in the seconds of the original size.
            seeds = chosen.seeds[:1] if name == NAME else chosen.seeds
            measure(name, seeds, chosen.systems, chosen.work.resolve(), RECORDS)
    write_text(PAGE, page(read_runs(RECORDS)))
    print(f"written to {PAGE}")


def measure(name: str, seeds: list[int], systems: list[System], work: Path, records: Path) -> None:
    """Run what has no record yet, seed by seed, and write each record when its run ends.

    Args:
        name: of the comparison.
        seeds, systems: of the runs.
        work: scratch folder.
        records: file of the records.
    """
    known = {run.key for run in read_runs(records)}
    missing = [
        (seed, system) for seed in seeds for system in systems if (name, system, seed) not in known
    ]
    if not missing:
        return
    for seed, system in missing:
        prepared = _prepared(name, system, seeds, work)
        if system == "allennlp":
            run = run_allennlp(prepared, seed, require_environment(f"comparison {name}"))
        else:
            run = run_elmobench(prepared, seed)
        write_run(records, run)
        print(
            f"{name} {system} seed {seed}: {run.score:.2f}, processor seconds: "
            f"epoch {run.cpu.epoch:.1f}, run {run.cpu.run:.0f} ({run.wall.run:.0f} by the clock)",
            flush=True,
        )


def _prepared(name: str, system: System, seeds: list[int], work: Path) -> Prepared:
    if name == NAME and system == "allennlp":
        return prepare(PART, original_experiment(work, epochs=1), seeds, work / system)
    if name == NAME:
        return prepare(WHOLE, original_experiment(work, epochs=2), seeds, work / system)
    comparison = COMPARISONS[name]
    return prepare(comparison, load_experiment(comparison.experiment), seeds, work)


if __name__ == "__main__":
    main()
