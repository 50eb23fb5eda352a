"""How much memory a worker of a run needs at least, and how many workers fit on this machine.

The own memory of a worker is estimated from sizes that are known before any data are read: the
libraries, the largest task by the counts of its card, and the weights of contextual models. What a
head's weights and activations need comes on top. It is small for linear probes, and a gigabyte and
more for published heads on long documents; it is not estimated here, so that a run is refused only
if it cannot fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from elmobench.bench.context import RunContext
from elmobench.core.errors import ConfigError
from elmobench.core.memory import available_memory_bytes
from elmobench.features.provider import FeatureProvider
from elmobench.tasks.task import Task

PROCESS_BYTES: Final = 250_000_000
"""Python, torch and the libraries of readers and metrics: 155 MB before and 270 MB after their
first use, measured on Linux."""

TOKEN_BYTES: Final = 150
"""Examples of a task, their distinct sentences and the places of their vectors, per token of the
task: 70 to 270 were measured on the twelve tasks of ``study/linear``."""

_VALUE_BYTES: Final = 4


@dataclass(frozen=True)
class WorkerMemory:
    """Own memory that a worker needs at least, in bytes.

    Attributes:
        process: of Python and its libraries.
        task: name of the largest task; None if no card has counts.
        data: of that task.
        models: of the weights of contextual models, each of which a worker loads.
    """

    process: int
    task: str | None
    data: int
    models: int

    @property
    def total(self) -> int:
        """Their sum."""
        return self.process + self.data + self.models

    @property
    def line(self) -> str:
        """One line for people."""
        data = "" if self.task is None else f", {_mb(self.data)} data of {self.task}"
        return (
            f"a worker needs at least {_mb(self.total)} of memory: {_mb(self.process)} libraries"
            f"{data}, {_mb(self.models)} weights of models; heads come on top"
        )


def estimate_worker_memory(context: RunContext) -> WorkerMemory:
    """Estimate the memory of a worker that runs all cells of the experiment, one after another."""
    stated = context.experiment.limit is None
    sizes = {name: _tokens(context.task(name), stated) for name in context.experiment.tasks}
    largest = max(sizes, key=lambda name: sizes[name], default=None)
    tokens = 0 if largest is None else sizes[largest]
    parts = {part.key: part for cell in context.grid_cells for part in cell.parts}
    providers = {context.provider(part).fingerprint: part for part in parts.values()}
    models = [context.provider(part) for part in providers.values()]
    weights = sum(model.parameters for model in models if _has_weights_here(model))
    return WorkerMemory(
        PROCESS_BYTES, largest if tokens else None, tokens * TOKEN_BYTES, weights * _VALUE_BYTES
    )


def workers_that_fit(context: RunContext, wanted: int) -> int:
    """The number of workers, from 1 to ``wanted``, that the available memory has room for."""
    needed = estimate_worker_memory(context).total
    return max(1, min(wanted, available_memory_bytes() // needed))


def check_memory(context: RunContext) -> None:
    """Require the available memory to hold one worker.

    Raises:
        ConfigError: if it does not.
    """
    needed, available = estimate_worker_memory(context), available_memory_bytes()
    if needed.total > available:
        raise ConfigError(
            f"{needed.line}; {_mb(available)} are available",
            where=f"experiment {context.experiment.name}",
            fix="end other programs, raise the memory limit of the container or job, leave out "
            "the largest task or model, or try fewer examples with --limit",
        )


def _tokens(task: Task, stated: bool) -> int:
    """Tokens of all splits: as they were read, or by the card's counts if those apply."""
    by_card = sum(task.card.stated(name).tokens or 0 for name in task.splits) if stated else 0
    return max(task.tokens_read, by_card)


def _has_weights_here(model: FeatureProvider) -> bool:
    """Whether the model's weights are in the memory of each worker; static vectors are read."""
    on_processor = getattr(model, "device", "cpu") == "cpu"
    return model.contextual and model.any_text and not model.only_here and on_processor


def _mb(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"
