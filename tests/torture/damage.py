"""Damage files of every kind between two runs: it is noticed, named, and mended by the advice."""

from __future__ import annotations

import gzip
import json
import random
import shutil
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.torture.checks import final_faults, output_faults
from tests.torture.fetch_job import TASK
from tests.torture.jobs import Job
from tests.torture.kills import LIMIT_SECONDS, Reference
from tests.torture.outcomes import Outcome
from tests.torture.processes import Ended
from tests.torture.warm import WarmProcess
from tests.torture.workspace import SOURCE, Workspace

MODES = ("flip", "cut", "empty", "text")
_LINES = 6


@dataclass(frozen=True)
class Case:
    """A kind of file, and who reads it.

    Attributes:
        name: of the kind.
        job: whose files they are.
        state: name of the workspace that is damaged, see :class:`Damage`.
        files: pattern below the workspace.
        reader: arguments of the command that reads the file, as of the workspace and the file;
            None for the job itself.
        advice: does what the error or warning says, besides running the job again; None where
            nothing is needed.
        silent: whether nothing has to be said: the file only informs, or the database's own
            content is not ours.
    """

    name: str
    job: str
    state: str
    files: str
    reader: Callable[[Workspace, Path], list[str]] | None = None
    advice: Callable[[Workspace, Path], None] | None = None
    silent: bool = False


def _delete(space: Workspace, path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _delete_with_record(space: Workspace, path: Path) -> None:
    """Delete predictions or a head, and the record of the same cell."""
    cell = path.parent.name if path.parent.parent.name == "heads" else path.name.partition(".")[0]
    _delete(space, path)
    (space.results / "records" / f"{cell}.json").unlink(missing_ok=True)


def _delete_folder(space: Workspace, path: Path) -> None:
    shutil.rmtree(path.parent, ignore_errors=True)


def _report(space: Workspace, path: Path) -> list[str]:
    return ["report", str(space.results), "--include", str(space.inputs.cards)]


def _compare(space: Workspace, path: Path) -> list[str]:
    names = ["random", "random+elmo-random"]
    return ["compare", *names, "--in", str(space.results), "--include", str(space.inputs.cards)]


def _predict(space: Workspace, path: Path) -> list[str]:
    return ["predict", path.parent.name, "we saw Ada", "--results", str(space.results)]


def _verify(space: Workspace, path: Path) -> list[str]:
    return ["features", "verify", "--store", str(space.store)]


def _fetch(space: Workspace, path: Path) -> list[str]:
    return ["data", "fetch", TASK, "--include", str(space.inputs.cards)]


def _verify_data(space: Workspace, path: Path) -> list[str]:
    return ["data", "verify", TASK, "--include", str(space.inputs.cards)]


def _unpack(space: Workspace, path: Path) -> list[str]:
    return ["results", "unpack", str(space.results)]


CASES = (
    Case("record", "run", "finished", "results/records/*.json", None, _delete),
    Case(
        "predictions",
        "run",
        "finished",
        "results/predictions/*.gz",
        _compare,
        _delete_with_record,
    ),
    Case("head", "run", "finished", "results/heads/*/head.json", _predict, _delete_with_record),
    Case(
        "head weights",
        "run",
        "finished",
        "results/heads/*/weights.safetensors",
        _predict,
        _delete_with_record,
    ),
    Case("shard, verified", "run", "without records", "store/*/*.safetensors", _verify, _delete),
    Case("shard, read", "run", "without records", "store/*/*.safetensors", None, _delete),
    Case("store's meta.json", "run", "without records", "store/*/meta.json", None, _delete),
    Case("plan", "run", "finished", "results/experiment.json", _report, _delete),
    Case("costs", "run", "finished", "results/features.json", _report, _delete, silent=True),
    Case("MLflow database", "run", "finished", "results/mlflow/mlflow.db", silent=True),
    Case("packed records", "unpack", "packed", "results/records.jsonl.gz", _unpack, None),
    Case("packed predictions", "unpack", "packed", "results/predictions.zip", _unpack, None),
    Case("pins", "fetch", "finished", "home/trusted.json", _fetch, _delete),
    Case("fetched data", "fetch", "finished", "home/data/**/*", _verify_data, _delete),
    Case("encoded corpus", "pretrain-glove", "encoded", "home/corpora/*/*", None, _delete_folder),
    Case("checkpoint", "pretrain-bilm", "half", "model/checkpoints/*.safetensors", None, _delete),
    Case("checkpoint", "pretrain-bert", "half", "model/checkpoints/*.safetensors", None, _delete),
    Case("checkpoint", "pretrain-glove", "half", "model/checkpoints/*.safetensors", None, _delete),
    Case("training log", "pretrain-bilm", "half", "model/log.jsonl", None, _delete),
    Case("subwords", "pretrain-bert", "half", "model/checkpoints/wordpiece.json", None, None),
)


class Damage:
    """Damage files and see what is said.

    Args:
        jobs: by name.
        references: by name of the job.
        states: workspaces to damage, by job and name of the state.
        folder: for the workspace.
        kept: receives workspaces with faults.
        seed: of which file, and which byte.
    """

    def __init__(
        self,
        jobs: Mapping[str, Job],
        references: Mapping[str, Reference],
        states: Mapping[tuple[str, str], Workspace],
        folder: Path,
        kept: Path,
        seed: int,
    ) -> None:
        self._jobs, self._references, self._states = jobs, references, states
        self._folder, self._kept, self._seed = folder, kept, seed
        self._space = Workspace(folder / "work", next(iter(states.values())).inputs)
        environment = {**self._space.environment(), "PYTHONPATH": f"{SOURCE}:{SOURCE.parent}"}
        self._warm = WarmProcess(environment, folder, folder / "warm.log")

    def close(self) -> None:
        """End the warm process."""
        self._warm.close()

    def trial(self, case: Case, mode: str, number: int) -> tuple[str, Callable[[], Outcome]]:
        """Damage a file of a case's kind, let it be read, follow the advice, and run the job."""
        key = f"damage {case.job} {case.name} {mode} {number}"
        return key, partial(self._trial, key, case, mode)

    def _trial(self, key: str, case: Case, mode: str) -> Outcome:
        job, space = self._jobs[case.job], self._space
        space.copy_of(self._states[case.job, case.state])
        space.make()
        rng = random.Random(f"{self._seed} {key}")
        files = sorted(p for p in space.root.glob(case.files) if p.is_file() and p.stat().st_size)
        # Of checkpoints only the newest is read.
        path = files[-1] if case.name == "checkpoint" else rng.choice(files)
        original = path.read_bytes()
        path.write_bytes(_damaged(original, mode, rng))
        tracked = case.name == "MLflow database"
        reader = case.reader or (lambda space, path: _arguments(job, space, tracked))
        said = self._run(reader(space, path))
        faults = self._judge(case, said, path, original)
        kept = job.finished_work(space)
        if case.advice is not None and said.status != 0:
            case.advice(space, path)
        if case.state == "packed" and said.status != 0:
            # What packed files held can only be restored from a copy.
            path.write_bytes(original)
        again = self._run(_arguments(job, space, tracked))
        faults += output_faults(again.output)
        if again.status != 0:
            faults.append(
                f"after the advice the run ends with {again.status}: {again.output[-400:]}"
            )
        else:
            expected = self._references[job.name].snapshot
            # Lines of the log that cannot be read are put aside with it.
            lost = {"log"} if case.name == "training log" else ()
            faults += final_faults(job, space, expected, lost=lost)
        facts = {
            "file": str(path.relative_to(space.root)),
            "status": said.status,
            "said": said.output[-400:],
            "finished": len(kept),
        }
        if faults:
            target = self._kept / key.replace(" ", "-")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(space.root, target, symlinks=True)
            facts["kept"] = str(target)
        return Outcome("damage", key, case.job, "local", case.name, True, faults, facts)

    def _judge(self, case: Case, said: Ended, path: Path, original: bytes) -> list[str]:
        """What is wrong with what was said about a damaged file."""
        faults = output_faults(said.output)
        if said.status < 0:
            return [*faults, f"ends by signal {-said.status}"]
        # Long paths are wrapped at the width of the terminal.
        joined = "".join(said.output.split())
        named = path.name in joined or f"{path.parent.name}" in joined
        if said.status != 0:
            start = said.output.rfind("error: ")
            message = said.output[max(start, 0) :].strip()
            if not named:
                faults.append(f"the error does not name the file: {message[:300]}")
            if start >= 0 and len(message.splitlines()) > _LINES:
                faults.append(f"the error has {len(message.splitlines())} lines: {message[:200]}")
            return faults
        if named and ("warning" in said.output or "problems" in said.output):
            return faults
        if case.silent or _same_content(path, original):
            return faults
        return [*faults, f"not noticed, or mended without a word: {said.output[-200:]}"]

    def _run(self, arguments: list[str]) -> Ended:
        environment = {
            "TMPDIR": str(self._space.temporary),
            "ELMOBENCH_HOME": str(self._space.home),
        }
        return self._warm.run(arguments, environment, self._folder / "run.log", LIMIT_SECONDS)


def _arguments(job: Job, space: Workspace, tracked: bool) -> list[str]:
    command = job.command(space, "local", tracked=tracked)
    return command[command.index("elmobench") + 1 :]


def _damaged(data: bytes, mode: str, rng: random.Random) -> bytes:
    if mode == "flip":
        position = rng.randrange(len(data))
        changed = data[position] ^ (1 << rng.randrange(8))
        return data[:position] + bytes([changed]) + data[position + 1 :]
    if mode == "cut":
        return data[: rng.randrange(1, len(data))] if len(data) > 1 else b""
    return b"" if mode == "empty" else b"this is not the file that was here\n"


def _same_content(path: Path, original: bytes) -> bool:
    """Whether a damaged file still holds what it held, as after a change of a gzip header."""
    try:
        data = path.read_bytes()
        if path.suffix == ".gz":
            return gzip.decompress(data) == gzip.decompress(original)
        if path.suffix == ".json":
            return bool(json.loads(data) == json.loads(original))
        if path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                return archive.testzip() is None
    except (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile):
        return False
    return data == original
