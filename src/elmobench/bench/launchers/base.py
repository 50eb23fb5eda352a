"""Launchers: where sentences are encoded and cells run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from elmobench.bench.jobs import PendingCell, PendingVectors
from elmobench.bench.session import RunSession
from elmobench.core.registry import Registry


class Launcher(Protocol):
    """Encodes sentences and runs cells; writes each record before it reports ``CellFinished``."""

    def encode(self, jobs: Sequence[PendingVectors], session: RunSession) -> None:
        """Encode the sentences of ``jobs`` that are not in the store yet."""
        ...

    def run_cells(self, cells: Sequence[PendingCell], session: RunSession) -> None:
        """Run ``cells``. A cell that fails is recorded as failed, and the others still run."""
        ...

    def close(self) -> None:
        """Stop all workers, if there are any."""
        ...


@dataclass(frozen=True)
class LaunchOptions:
    """Arguments of a launcher.

    Attributes:
        workers: how many cells run at a time; None for as many as the machine has cores for.
        address: of a running Ray cluster; None to start one on this machine.
    """

    workers: int | None = None
    address: str | None = None


LAUNCHERS: Registry[Callable[[LaunchOptions], Launcher]] = Registry(
    "launcher", "elmobench.launchers"
)
LAUNCHERS.add_lazy(
    "local",
    "elmobench.bench.launchers.local:LocalLauncher",
    "one cell after another, in this process",
)
LAUNCHERS.add_lazy(
    "pool",
    "elmobench.bench.launchers.processes:ProcessPoolLauncher",
    "several processes of this machine",
)
LAUNCHERS.add_lazy(
    "ray",
    "elmobench.bench.launchers.ray_cluster:RayLauncher",
    "a Ray cluster, or this machine through Ray",
)
