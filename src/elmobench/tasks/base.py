"""Pipelines and heads: the contracts between examples, mixed features and predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import TOKENIZERS

E = TypeVar("E")
Placement = Literal["input", "output"]
SEPARATOR = "|||"
"""Between the two texts of an example that a user writes for ``predict``."""


@dataclass
class UnitBatch:
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
    units: dict[str, UnitBatch]


Mixed = Mapping[str, Mapping[str, Tensor]]
"""placement -> unit -> (B, T, D) vectors: mixed, normalised and concatenated over parts."""


class LabelCodec(BaseModel):
    """What a head must remember of the training set to be used again; plain JSON.

    Attributes:
        labels: output labels in index order.
        extra: anything else, for example the characters seen.
    """

    model_config = ConfigDict(extra="forbid")

    labels: list[str]
    extra: dict[str, Any] = Field(default_factory=dict)


class HeadOptions(BaseModel):
    """Base of every head's options. Unknown options are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def training_data(self) -> dict[str, Any]:
        """The options that :meth:`Pipeline.training_examples` reads; none unless overridden."""
        return {}


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


class Pipeline(ABC, Generic[E]):
    """A kind of task: how examples become context units, labels, heads and scores.

    Attributes:
        name: as registered.
        text_form: how a user's own text is written for ``predict``.

    ``readers`` and ``metrics`` are what ``elmobench new task`` writes into a card to fill in.
    """

    name: ClassVar[str]
    text_form: ClassVar[str] = "your own text"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Readers that give its examples, the usual one first, and options to begin with."""
    metrics: ClassVar[tuple[str, ...]] = ()
    """Metrics that read its predictions, the usual one first."""

    @abstractmethod
    def units(self, example: E) -> dict[str, list[Sentence]]:
        """The sentences to encode, by unit name."""

    def training_examples(self, examples: Sequence[E], options: HeadOptions) -> list[E]:
        """What a head trains on: the examples themselves, or for instance their sub-trees."""
        return list(examples)

    @abstractmethod
    def codec(self, train: Sequence[E], labels: Sequence[str] | None) -> LabelCodec:
        """Labels (from the card if it lists them, else as found) and other training state."""

    @abstractmethod
    def gold(self, example: E) -> Any:
        """The gold annotation, of the form that the metric reads."""

    def test_unit(self, example: E) -> str:
        """What stands or falls together in tests of significance: the id of the example, or of
        what several examples are drawn from.
        """
        return str(example.id)  # type: ignore[attr-defined]

    @abstractmethod
    def from_tokens(self, tokens: Sentence) -> E:
        """An unlabelled example from a user's own text, for ``predict``."""

    def from_text(self, text: str, *, tokenized: bool = False) -> E:
        """The same from a string: cut into words, or at white space if it is ``tokenized``.

        A pipeline whose examples are more than one sentence overrides it.
        """
        return self.from_tokens(tuple(TOKENIZERS["whitespace" if tokenized else "words"](text)))


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
