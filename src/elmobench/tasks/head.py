"""Heads: the batches that they read, their contract, and how they are trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from elmobench.data.examples import (
    Sentence,
)
from elmobench.tasks.base import HeadOptions, LabelCodec

E = TypeVar("E")

Placement = Literal["input", "output"]


@dataclass
class SlotBatch:
    """Sentences of one context unit (``"text"``, ``"premise"``, …) of a batch of examples.

    Attributes:
        tokens: the sentences, unpadded.
        mask: (B, T) bool, true at real tokens. Padding is on the right only.
        parts: one tensor for each part of the features spec: frozen layers (B, L, T, D),
            zero at padding.
        word_ids: (B, T) ids in the training vocabulary, 0 for padding and unseen words;
            None unless some part is trainable.
    """

    tokens: list[Sentence]
    mask: Tensor
    parts: list[Tensor]
    word_ids: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """(B,) number of real tokens."""
        return self.mask.sum(dim=1)


@dataclass
class Batch(Generic[E]):
    """A batch of examples with the features of their context units."""

    examples: list[E]
    slots: dict[str, SlotBatch]


Mixed = Mapping[str, Mapping[str, Tensor]]
"""placement -> unit -> (B, T, D) vectors: mixed, normalised and concatenated over parts."""


class Head(nn.Module, ABC, Generic[E]):
    """A module from mixed features to loss and predictions.

    Args:
        input_dims: width of the mixed vectors at each placement in use.
        codec: labels and whatever else was collected from the training set.
        options: the head's options.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__()
        self.input_dims = dict(input_dims)
        self.codec = codec

    @abstractmethod
    def loss(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """Scalar training loss (mean over examples)."""

    @abstractmethod
    def predict(self, batch: Batch[E], mixed: Mixed) -> list[Any]:
        """One JSON-able prediction an example, of the form that the metric reads."""


class OnePassHead(Head[E]):
    """A head that one pass over the training set determines; nothing is learned by gradient.

    A mix that would be learned stays as it starts, so a cell of such a head resolves ``learned``
    to ``uniform``, and leaves γ, λ and dropout out.
    """

    @abstractmethod
    def fit(self, batches: Iterable[tuple[Batch[E], Mixed]]) -> None:
        """Determine the head from the training set: its batches, once, in the data's order."""

    def loss(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """There is none. Raises TypeError."""
        raise TypeError(f"{type(self).__name__} is fitted in one pass and has no loss")


class TrainingOptions(BaseModel):
    """How a head is trained. Presets carry the published values.

    Attributes:
        optimizer: ``adam`` or ``adadelta``.
        lr: learning rate.
        optimizer_options: passed to the optimizer (``betas``, ``rho``, …).
        batch_size: examples a batch.
        epochs: at most this many passes.
        patience: stop after this many epochs without a better dev score.
        clip_norm: clip the gradient's global norm; None for no clipping.
        clip_value: clip each gradient value; None for no clipping.
        plateau_factor: multiply the learning rate by this after each epoch without a better dev
            score; None for a constant rate.
        average: decay of a moving average of the weights, with which dev and test are scored;
            None for the weights themselves.
        grid: small search over option paths, chosen on dev with a seed of its own; for
            ``linear`` heads the same grid for every embedding. Empty for none. Keys are paths
            such as ``training.lr`` and ``options.dropout``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    optimizer: Literal["adam", "adadelta"] = "adam"
    lr: float = Field(default=1e-3, gt=0)
    optimizer_options: dict[str, Any] = Field(default_factory=dict)
    batch_size: int = Field(default=32, ge=1)
    epochs: int = Field(default=20, ge=1)
    patience: int = Field(default=5, ge=1)
    clip_norm: float | None = Field(default=5.0, gt=0)
    clip_value: float | None = Field(default=None, gt=0)
    plateau_factor: float | None = Field(default=None, gt=0, lt=1)
    average: float | None = Field(default=None, gt=0, lt=1)
    grid: dict[str, list[float]] = Field(default_factory=dict)


class MixDefaults(BaseModel):
    """A preset's defaults for the layer mix; an experiment's axes override them.

    Attributes:
        l2: λ of the penalty λ Σ w².
        dropout: on the mix's output, never inside the encoder.
        standardize: scale each part to zero mean and unit variance over the training tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    l2: float = Field(default=0.0, ge=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    standardize: bool = False


@dataclass(frozen=True)
class HeadPreset:
    """A head with its option values: ``linear``, ``small`` or ``paper``.

    Attributes:
        head: the class.
        options: head options of this preset.
        training: how it is trained.
        mix: defaults of the layer mix.
        version: bumped by hand when results change.
        placements: where features may enter.
    """

    head: type[Head[Any]]
    options: HeadOptions
    training: TrainingOptions
    mix: MixDefaults
    version: int
    placements: tuple[Placement, ...] = ("input",)
