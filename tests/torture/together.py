"""Several runs that start at the same moment, on the same folders."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.torture.checks import final_faults, output_faults
from tests.torture.jobs import GridJob, Job
from tests.torture.kills import LIMIT_SECONDS, Reference
from tests.torture.outcomes import Outcome
from tests.torture.processes import Session
from tests.torture.workspace import Workspace

CASES = (
    ("run", ("local", "local")),
    ("run", ("local",) * 4),
    ("run", ("pool", "pool")),
    ("run", ("local", "pool", "ray")),
    ("pretrain-glove", ("local", "local")),
    ("pretrain-bilm", ("local", "local")),
    ("pretrain-bert", ("local", "local")),
)
"""Jobs, and the launchers of their runs."""


def key(job: str, launchers: Sequence[str], number: int) -> str:
    """The name of a trial in the outcomes."""
    return f"together {job} {'+'.join(launchers)} {number}"


def run_together(
    job: Job,
    launchers: Sequence[str],
    number: int,
    reference: Reference,
    inputs: Workspace,
    folder: Path,
    kept: Path,
) -> Outcome:
    """Start several runs at once in fresh folders, with a fresh MLflow database.

    Every cell must be trained once. Two trainings of one model cannot both write its folder: one
    ends, and the other may say so.

    Args:
        job: that is run.
        launchers: one for each run.
        number: of this repetition.
        reference: an undisturbed run.
        inputs: any workspace with the inputs of the runs.
        folder: for the workspace.
        kept: receives the workspace if there are faults.
    """
    space = Workspace(folder / "work", inputs.inputs)
    shutil.rmtree(space.root, ignore_errors=True)
    job.prepare(space)
    if "ray" in launchers:
        space.ray.mkdir(exist_ok=True)
    sessions = [
        Session(
            job.command(space, launcher, tracked=True),
            folder / f"{i}.log",
            space.environment(),
            space.inputs.folder,
        )
        for i, launcher in enumerate(launchers)
    ]
    faults, trained, statuses = [], 0, []
    for session in sessions:
        ended = session.wait(LIMIT_SECONDS)
        if ended is None:
            session.end()
            faults.append(f"hangs for {LIMIT_SECONDS:.0f} s")
            continue
        faults += output_faults(ended.output)
        statuses.append(ended.status)
        if count := re.search(r"(\d+) cells trained", ended.output):
            trained += int(count[1])
        if ended.status != 0 and (isinstance(job, GridJob) or "error: " not in ended.output):
            faults.append(f"ends with {ended.status}: {ended.output[-400:]}")
    if 0 not in statuses:
        faults.append("no run completed")
    if isinstance(job, GridJob) and trained != job.cells:
        faults.append(f"{trained} cells trained instead of {job.cells}")
    for session in sessions:
        if session.seconds_until_gone(30) is None:
            faults.append("processes alive after 30 s")
            session.end()
    faults += final_faults(job, space, reference.snapshot, tracked=True)
    phase = "+".join(launchers)
    name = key(job.name, launchers, number)
    facts: dict[str, object] = {"statuses": statuses, "trained": trained}
    if faults:
        target = kept / name.replace(" ", "-")
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(folder, target, symlinks=True)
        facts["kept"] = str(target)
    shutil.rmtree(space.ray, ignore_errors=True)
    return Outcome("together", name, job.name, launchers[0], phase, True, faults, facts)
