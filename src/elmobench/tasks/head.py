"""Heads: the batches they read, what they compute, and the options they are trained with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Literal, TypeVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from elmobench.core.strict_model import StrictModel
from elmobench.data.examples import Sentence
from elmobench.nn.pooling import masked_mean, mean_of_zero_padded
from elmobench.tasks.base import HeadOptions, LabelCodec

E = TypeVar("E")
T = TypeVar("T")

Arithmetic = Literal["float32", "bf16"]
"""Arithmetic of the matrix products in a head."""

Placement = Literal["input", "output"]
"""Where features enter a head: its input, or the output of its encoder."""


@dataclass
class SlotBatch:
    """The sentences in one slot (``"text"``, ``"premise"``, …) of a batch of examples.

    There are B sentences, of T tokens at most. B is the number of examples, or more where an
    example has several sentences per slot.

    Attributes:
        tokens: the sentences, unpadded.
        mask: (B, T) bool, true at real tokens. Padding is on the right only.
        parts: one (B, L, T, D) tensor per part of the features spec: the frozen layers, zero at
            padding.
        word_ids: (B, T) ids in the vocabulary of the trainable parts, 0 for padding and for words
            outside it; None unless a part is trainable.
    """

    tokens: list[Sentence]
    mask: Tensor
    parts: list[Tensor]
    word_ids: Tensor | None = None
    made: dict[Hashable, Tensor] = field(default_factory=dict, repr=False, compare=False)
    """See :meth:`~elmobench.nn.feature_mixer.FeatureMixer.forward`."""
    zero_padding: bool = field(default=False, repr=False, compare=False)
    """Whether mixed vectors of this slot are known to be zero at padding: then a mean of them needs
    no copy. A model sets it that mixes them itself.
    """

    def mean(self, x: Tensor) -> Tensor:
        """(B, D) mean over real tokens of (B, T, D) ``x``; once for vectors that models share."""
        mean = mean_of_zero_padded if self.zero_padding else masked_mean
        if not any(x is shared for shared in self.made.values()):
            return mean(x, self.mask)
        key = ("mean", id(x))
        if key not in self.made:
            self.made[key] = mean(x, self.mask)
        return self.made[key]

    @property
    def lengths(self) -> Tensor:
        """(B,) number of tokens of each sentence, without padding."""
        return self.mask.sum(dim=1)


@dataclass
class Batch(Generic[E]):
    """A batch of examples with the features of their slots."""

    examples: list[E]
    slots: dict[str, SlotBatch]
    made: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)
    """See :meth:`once`."""

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What ``make`` returns, called once per batch, however many models read the batch.

        Args:
            key: the same for models that would make the same value.
            make: must not depend on parameters or random numbers.
        """
        if key not in self.made:
            self.made[key] = make()
        value: T = self.made[key]
        return value

    @property
    def device(self) -> torch.device:
        """Where its tensors are, and where a head makes others; ``cpu`` without any."""
        return next((slot.mask.device for slot in self.slots.values()), torch.device("cpu"))


Mixed = Mapping[str, Mapping[str, Tensor]]
"""placement -> slot -> (B, T, D) vectors: mixed, normalised and concatenated over parts."""


class Head(nn.Module, ABC, Generic[E]):
    """A module that computes a loss and predictions from mixed features.

    A head that treats static parts (one vector per word) and contextual parts of its input
    differently sets ``splits_input``. Then ``input_dims`` and the mixed vectors also have the
    entries ``static`` and ``contextual``: the dimensions of ``input`` that come from each kind of
    parts. ``contextual`` is left out if there is no contextual part.

    A head that reads nothing of a sentence but the mean of its token vectors sets ``reads_means``.
    Then it is trained on means that are computed once, wherever the mix is linear.

    A head that has :meth:`nats` and :meth:`coded_labels` sets ``gives_nats``.

    A head stores its ``codec`` and ``input_dims``; with its options they are enough to build it
    again.

    Args:
        input_dims: width of the mixed vectors at each placement in use.
        codec: the labels and other state collected from the training set.
        options: the head's options.
    """

    splits_input: ClassVar[bool] = False
    reads_means: ClassVar[bool] = False
    gives_nats: ClassVar[bool] = False

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: HeadOptions
    ) -> None:
        super().__init__()
        self.input_dims = dict(input_dims)
        self.codec = codec

    @abstractmethod
    def loss(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """Scalar training loss; the mean over the examples unless the head says otherwise."""

    @abstractmethod
    def predict(self, batch: Batch[E], mixed: Mixed) -> list[Any]:
        """One prediction per example: a JSON value of the form that the metric reads."""

    def predict_together(
        self, batch: Batch[E], heads: Sequence[Head[E]], mixed: Iterable[Mixed]
    ) -> list[list[Any]]:
        """The predictions of ``heads``, of the class and codec of this one, from their features.

        Each is equal to what :meth:`predict` gives. A head that decodes in many small operations
        overrides this method: they take little more time for all candidates of a search than for
        one.
        """
        return [head.predict(batch, own) for head, own in zip(heads, mixed, strict=True)]

    def probabilities(self, batch: Batch[E], mixed: Mixed) -> list[dict[str, float]] | None:
        """The probability of every label, one mapping per example; None if the head has none.

        Only heads that give an example one label, or a set of labels, have them.
        """
        return None

    def nats(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """Negative log-likelihoods whose sum is that of all gold labels in the batch, in nats.

        There is one per label or, of a head that gives labels together, one per sequence. An online
        code needs them. They are asked for in evaluation mode.

        Raises:
            NotImplementedError: the head gives none (``gives_nats`` is false).
        """
        raise NotImplementedError(f"{type(self).__name__} gives no likelihood of labels")

    def coded_labels(self, batch: Batch[E]) -> int:
        """The number of labels in the batch whose likelihoods :meth:`nats` has.

        Raises:
            NotImplementedError: the head gives none (``gives_nats`` is false).
        """
        raise NotImplementedError(f"{type(self).__name__} gives no likelihood of labels")

    @property
    def label_kinds(self) -> int:
        """K in the uniform code n log2 K of n labels: that of the codec's labels by default."""
        return len(self.codec.labels)


class SharedLossHead(Head[E]):
    """Base of the heads whose loss is computed for several models in the same calls.

    The candidates of a hyper-parameter search are trained on the same batches. A loss that consists
    of many small operations (a CRF's) takes little more time for all of them than for one.
    """

    @abstractmethod
    def outputs(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """What the loss is computed from: all that draws random numbers is done here."""

    @abstractmethod
    def losses(
        self, batch: Batch[E], heads: Sequence[SharedLossHead[E]], outputs: Sequence[Tensor]
    ) -> list[Tensor]:
        """The losses of ``heads``, of the class and codec of this one, from their outputs.

        Each is equal to the bit to what it is without the others, and so is its gradient.
        """

    def loss(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """See :meth:`Head.loss`."""
        return self.losses(batch, [self], [self.outputs(batch, mixed)])[0]


class OnePassHead(Head[E]):
    """Base of the heads that are fitted in one pass over the training set, without gradients.

    The layer mix keeps its initial weights, which are uniform. A cell of such a head therefore
    resolves the mix ``learned`` to ``uniform`` and has no γ, λ or dropout.
    """

    @abstractmethod
    def fit(self, batches: Iterable[tuple[Batch[E], Mixed]]) -> None:
        """Fit the head to the training set.

        Args:
            batches: all batches of the training set, once, in the order of the data.
        """

    def loss(self, batch: Batch[E], mixed: Mixed) -> Tensor:
        """Raise TypeError: such a head has no loss."""
        raise TypeError(f"{type(self).__name__} is fitted in one pass and has no loss")


class TrainingOptions(StrictModel):
    """How a head is trained. Presets carry the published values."""

    optimizer: Literal["adam", "adadelta"] = "adam"
    """The optimizer, Adam or Adadelta."""
    lr: float = Field(default=1e-3, gt=0)
    """Learning rate."""
    optimizer_options: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of the optimizer (``betas``, ``rho``, …)."""
    batch_size: int = Field(default=32, ge=1)
    """Examples per batch."""
    epochs: int = Field(default=20, ge=1)
    """Maximum number of passes over the training set."""
    patience: int = Field(default=5, ge=1)
    """Number of epochs without a better dev score after which training stops."""
    clip_norm: float | None = Field(default=5.0, gt=0)
    """Largest global norm of the gradient; larger ones are scaled down. None for no clipping."""
    clip_value: float | None = Field(default=None, gt=0)
    """Largest absolute value in the gradient; larger ones are clipped. None for no clipping."""
    decay: float | None = Field(default=None, gt=0, lt=1)
    """Factor of the learning rate after every ``decay_steps`` batches; None for a constant rate."""
    decay_steps: int = Field(default=100, ge=1)
    """Number of batches between two decays."""
    plateau_factor: float | None = Field(default=None, gt=0, lt=1)
    """Factor of the learning rate after each epoch without a better dev score; None for a constant
    rate.
    """
    plateau_patience: int = Field(default=0, ge=0)
    """Number of epochs in a row without a better dev score that leave the learning rate as it is;
    the next one multiplies it by ``plateau_factor``, and counting begins anew.
    """
    average: float | None = Field(default=None, gt=0, lt=1)
    """Decay of a moving average of the weights; dev and test are scored with the average. None to
    score with the weights themselves.
    """
    arithmetic: Arithmetic = "float32"
    """Arithmetic of the head: ``float32``, or ``bf16``, in which matrix products are rounded to 16
    bits while weights, sums and losses stay in float32 (torch's autocast). It is for GPUs and for
    processors with instructions for it. The mix of the layers is always computed in float32.
    """
    online_code: bool = False
    """Whether the description length of the training labels is computed as well, by the online
    code of Voita and Titov (2020): about ten more models are trained on parts of train, until the
    code of dev gets no shorter, whatever ``epochs``, ``patience`` and Adam's ``lr`` say. For heads
    that give the likelihood of labels: all that are trained by gradients and label texts, pairs,
    edges or tokens.
    """
    model_lr: float = Field(default=5e-5, gt=0)
    """Learning rate of the weights of a ``(finetuned)`` model; ``lr`` is that of the head. It has
    no effect on frozen features.
    """
    model_warmup: float = Field(default=0.1, ge=0, le=1)
    """Share of all steps (batches times ``epochs``) in which ``model_lr`` grows linearly from zero.
    """
    grid: dict[str, list[float]] = Field(default_factory=dict)
    """Values to search over, by option path (``training.lr``, ``options.dropout``). Each seed
    trains every combination and chooses one on dev; among those within one standard error of the
    best, the default values win. ``linear`` heads use the same grid for every embedding on every
    task. Empty for no search.
    """

    @field_validator("grid")
    @classmethod
    def _not_of_the_mix(cls, grid: dict[str, list[float]]) -> dict[str, list[float]]:
        # The parts of a cell have their settings of the mix before a search begins.
        for path in grid:
            if path.startswith("mix."):
                raise ValueError(f"{path} cannot be searched: make it an axis of the experiment")
        return grid


class MixDefaults(StrictModel):
    """A preset's defaults for the parts of the features; an experiment's axes override them.

    Both kinds of dropout must be given. They come on top of the head's own dropout on its input,
    which does not distinguish the parts, so a published rate belongs in one of the two places.

    >>> MixDefaults(dropout=0.5, static_dropout=0.0).l2
    0.0
    """

    dropout: float = Field(ge=0, lt=1)
    """Dropout on the output of the mix of each contextual part (ELMo, a transformer); the frozen
    encoder has none.
    """
    static_dropout: float = Field(ge=0, lt=1)
    """Dropout on each static part (one vector per word type: GloVe, random vectors)."""
    l2: float = Field(default=0.0, ge=0)
    """Weight λ of the penalty λ Σ w² on the layer weights."""
    standardize: bool = False
    """Whether each part is scaled to zero mean and unit variance over the training tokens."""
    static_unit: bool = False
    """Whether the vectors of each static part are scaled to length 1."""
    trainable_lowercase: bool = False
    """Whether the spellings of a word share one vector of a ``(trainable)`` part; it starts from
    the pre-trained vector of the lower-cased word.
    """
    trainable_unknown: Literal["normal", "zero"] = "normal"
    """Initial vector in a ``(trainable)`` part of a word without a pre-trained one: random numbers
    with the mean and standard deviation of the pre-trained vectors of the data's words, as in
    AllenNLP, or zeros.
    """


@dataclass(frozen=True)
class HeadPreset:
    """A head class with its option values: what an experiment calls ``linear`` or ``paper``.

    Attributes:
        head: the head's class.
        options: the head's options in this preset.
        training: how the head is trained.
        mix: defaults of the layer mix.
        version: increased by hand whenever a change of code alters results.
        placements: the placements at which the head can read features.
    """

    head: type[Head[Any]]
    options: HeadOptions
    training: TrainingOptions
    mix: MixDefaults
    version: int
    placements: tuple[Placement, ...] = ("input",)
