"""Files that an experiment needs and that have to be fetched first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from elmobench.bench.context import RunContext
from elmobench.core.counted import counted
from elmobench.data.cards.source_kinds import PathSource
from elmobench.data.cards.sources import is_pinned, needs_network
from elmobench.features.spec import parse_features


@dataclass(frozen=True)
class MissingFiles:
    """The files of a task or model that have to be fetched before a run.

    They are neither on this machine nor in the mirror, or in the mirror without a known digest.

    Attributes:
        kind: ``task`` or ``model``.
        name: of the task (the card's id) or model.
        files: how many.
        bytes: their size; None if that of one is unknown.
        pinned: whether all their digests are known; otherwise a download needs ``--trust-first``.
        command: downloads them; None for a model that only the experiment's file defines.
    """

    kind: Literal["task", "model"]
    name: str
    files: int
    bytes: int | None
    pinned: bool
    command: str | None

    @property
    def line(self) -> str:
        """Name, size and command, for people."""
        count = counted(self.files, "file")
        size = "size unknown" if self.bytes is None else f"{self.bytes / 1e6:,.1f} MB"
        command = "" if self.command is None else f": {self.command}"
        return f"{self.name}, {count}, {size}{command}"


def missing_files(context: RunContext) -> list[MissingFiles]:
    """What must be fetched before the experiment of ``context`` can run; fetches nothing.

    Raises:
        ElmobenchError: a task, model or features spec is wrong.
    """
    tasks = [_of_task(context, name) for name in context.experiment.tasks]
    models: dict[tuple[str, str | None], MissingFiles] = {}
    for spec in context.experiment.features:
        for part in parse_features(spec).parts:
            found = _of_model(context, part.name, part.provider_options)
            key = part.name, part.provider_options.get("revision")
            # With other settings the same model may need fewer files.
            if found is not None and (key not in models or found.files > models[key].files):
                models[key] = found
    return [missing for missing in (*tasks, *models.values()) if missing is not None]


def _of_task(context: RunContext, name: str) -> MissingFiles | None:
    task = context.task(context.cards.get(name).id)
    # Several members of one archive are one download.
    sources = {
        source.url: source
        for source in task.files()
        if not isinstance(source, PathSource)
        and (needs_network(source) or not (context.args.trust_first or is_pinned(source)))
    }
    if not sources:
        return None
    pinned = all(map(is_pinned, sources.values()))
    return MissingFiles(
        "task",
        task.id,
        len(sources),
        _total([source.bytes for source in sources.values()]),
        pinned,
        f"elmobench data fetch {task.id}{_trust(pinned)}",
    )


def _of_model(context: RunContext, name: str, settings: Mapping[str, str]) -> MissingFiles | None:
    states = context.catalog.to_download(name, settings)
    if not states:
        return None
    pinned = all(state.sha256 is not None for state in states)
    # `models fetch` takes names of the catalog, and fetches the files without settings.
    usual = states == context.catalog.to_download(name)
    known = usual and "revision" not in settings and name not in context.experiment.models
    return MissingFiles(
        "model",
        name,
        len(states),
        _total([state.bytes for state in states]),
        pinned,
        f"elmobench models fetch {name}{_trust(pinned)}" if known else None,
    )


def _trust(pinned: bool) -> str:
    return "" if pinned else " --trust-first"


def _total(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None
