"""Cells: the points of an experiment's grid, and the identity of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from elmobench.bench.experiment.parts import PartSettings
from elmobench.core.digests import digest_of
from elmobench.tasks.base import HeadOptions
from elmobench.tasks.control_labels import CONTROL_VERSION
from elmobench.tasks.head import HeadPreset, MixDefaults, TrainingOptions

PROTOCOL_VERSION = 1
"""Raised by hand when the protocol changes in a way that changes results."""

SEARCH_VERSION = 2
"""Raised by hand when a search chooses differently. Since 2, each seed searches for itself."""

CODE_VERSION = 2
"""Raised by hand when the online code is computed differently. Since 2, its models are standardised
on all of train, and trained until the code of dev gets no shorter.
"""


@dataclass(frozen=True)
class Cell:
    """One point of the grid.

    Attributes:
        task: card id.
        pipeline: of the card.
        features: the features spec as given.
        parts: its parts, resolved.
        head: name of the head preset.
        preset: the head preset.
        options, training, mix: those of the preset, with overrides applied.
        placement: ``input``, ``output`` or ``both``, for parts without a ``place``.
        train_fraction, seed, threads, precision: see :class:`Experiment`.
        fold: the test fold of a task that is split by folds; None for other tasks.
        axes: the cell's values on the further axes, for tables; ``"preset"`` for the preset's.
        limit: how many examples of each split are used; None for all.
        device: kind of device that the head is trained on, ``cpu`` or ``cuda``.
        labels: ``given``, or ``control`` for random labels by word type.
    """

    task: str
    pipeline: str
    features: str
    parts: tuple[PartSettings, ...]
    head: str
    preset: HeadPreset
    options: HeadOptions
    training: TrainingOptions
    mix: MixDefaults
    placement: str
    train_fraction: float
    seed: int
    threads: int
    precision: str
    axes: dict[str, Any]
    fold: int | None = None
    limit: str | None = None
    device: str = "cpu"
    labels: str = "given"

    @property
    def placements(self) -> tuple[str, ...]:
        """The placements in use."""
        return tuple(place for place in ("input", "output") if self.parts_at(place))

    def parts_at(self, placement: str) -> tuple[int, ...]:
        """Indices of the parts that enter at ``placement``."""
        return tuple(
            i
            for i, part in enumerate(self.parts)
            if placement in single_placements(part.place or self.placement)
        )

    @property
    def label(self) -> str:
        """One line for the progress display and messages."""
        varied = [f"{name}={value}" for name, value in self.axes.items()]
        return " · ".join([self.task, self.features, self.head, *varied, f"seed {self.seed}"])

    def identity(
        self,
        *,
        data_digest: str,
        card_version: int,
        metric: tuple[str, int],
        labels: Sequence[str],
        context_unit: str,
        fingerprints: Sequence[str],
        num_layers: Sequence[int],
    ) -> dict[str, Any]:
        """Everything the result depends on; its digest is the cell's name.

        Options equal to their class's default are left out, so that a new option with a
        neutral default does not rename old cells. The settings of the mix are left out for a
        part with one layer, which has no mix, and the fold for a task without folds. Cells with
        control labels have a field that others lack.
        """
        mix_fields = {"mix", "gamma", "norm", "l2"}
        left_out = {"name", "label", "provider", "explicit"}
        return {
            "protocol": PROTOCOL_VERSION,
            "task": self.task,
            "card_version": card_version,
            "data": data_digest,
            "labels": list(labels),
            "context_unit": context_unit,
            "metric": list(metric),
            "head": [self.pipeline, self.head, self.preset.version],
            "options": self.options.model_dump(mode="json", exclude_defaults=True),
            "training": self.training.model_dump(mode="json", exclude_defaults=True),
            **({"search": SEARCH_VERSION} if self.training.grid else {}),
            **({"online_code": CODE_VERSION} if self.training.online_code else {}),
            "standardize": self.mix.standardize,
            "parts": [
                {
                    "fingerprint": fingerprint,
                    **part.model_dump(
                        mode="json",
                        exclude_defaults=True,
                        exclude=left_out if layers > 1 else left_out | mix_fields,
                    ),
                }
                for part, fingerprint, layers in zip(
                    self.parts, fingerprints, num_layers, strict=True
                )
            ],
            "placement": self.placement,
            "train_fraction": self.train_fraction,
            "seed": self.seed,
            "threads": self.threads,
            "precision": self.precision,
            "device": self.device,
            **({} if self.fold is None else {"fold": self.fold}),
            **({} if self.limit is None else {"limit": self.limit}),
            **({"control": CONTROL_VERSION} if self.labels == "control" else {}),
        }


def cell_digest(identity: Mapping[str, Any]) -> str:
    """The cell's name: SHA-256 of its identity."""
    return digest_of(identity)


def single_placements(placement: str) -> tuple[str, ...]:
    """``("input", "output")`` for ``both``, else the placement alone."""
    return ("input", "output") if placement == "both" else (placement,)
