"""The trained module: one feature mixer per placement, and a task head."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.head import Arithmetic, Batch, Head, Mixed, SharedLossHead, SlotBatch


class BenchModel(nn.Module):
    """Mixers and head, which are trained together: on frozen vectors, or with their models.

    Args:
        mixers: placement -> mixer.
        reads: placement -> indices of the parts that its mixer takes, in order.
        head: the task head.
        arithmetic: of the head, in training and prediction; see
            :class:`~elmobench.tasks.head.TrainingOptions`.
        encoders: index of a part -> the model that computes its vectors from the tokens and is
            trained too: it maps B sentences to (B, L, T, D), zero at padding. Other parts are
            frozen, and batches have their vectors.
    """

    def __init__(
        self,
        mixers: Mapping[str, FeatureMixer],
        reads: Mapping[str, Sequence[int]],
        head: Head[Any],
        arithmetic: Arithmetic = "float32",
        encoders: Mapping[int, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        self.arithmetic = arithmetic
        self._reads = {placement: tuple(indices) for placement, indices in reads.items()}
        self.mixers = nn.ModuleDict(dict(mixers))
        self.head = head
        self.encoders = nn.ModuleDict({str(i): one for i, one in (encoders or {}).items()})
        views = _views(mixers["input"]) if head.splits_input else {}
        self._views = tuple(views)
        for name, columns in views.items():
            # Without columns the numbers would be floats.
            index = torch.tensor(columns, dtype=torch.long)
            self.register_buffer(f"_columns_{name}", index, persistent=False)

    def copy_standardizers(self, other: BenchModel) -> None:
        """Take means and deviations from ``other``, a model of the same features."""
        for placement, mixer in self.mixers.items():
            theirs = cast(FeatureMixer, other.mixers[placement])
            cast(FeatureMixer, mixer).copy_standardizer(theirs)

    def mix(self, batch: Batch[Any]) -> dict[str, dict[str, Tensor]]:
        """placement -> slot -> (B, T, D) mixed vectors, with the views that the head asks for."""
        for slot in batch.slots.values():
            slot.zero_padding = True
        parts = {name: self.part_vectors(slot) for name, slot in batch.slots.items()}
        mixed = {
            placement: {
                name: mixer(
                    [parts[name][i] for i in self._reads[placement]],
                    slot.mask,
                    slot.word_ids,
                    # Vectors of models that are trained are each model's own.
                    None if self.encoders else slot.made,
                )
                for name, slot in batch.slots.items()
            }
            for placement, mixer in self.mixers.items()
        }
        for view in self._views:
            columns = self.get_buffer(f"_columns_{view}")
            mixed[view] = {name: x.index_select(-1, columns) for name, x in mixed["input"].items()}
        return mixed

    def part_vectors(self, slot: SlotBatch) -> list[Tensor]:
        """One (B, L, T, D) tensor per part: the frozen vectors, or those of its encoder now."""
        return [
            self.encoders[str(i)](slot.tokens) if str(i) in self.encoders else vectors
            for i, vectors in enumerate(slot.parts)
        ]

    @contextmanager
    def computing(self, device: torch.device) -> Iterator[None]:
        """Compute in the head's arithmetic on ``device`` inside the block."""
        if self.arithmetic == "float32":
            yield
            return
        with torch.autocast(device.type, dtype=torch.bfloat16):
            yield

    def outputs(self, batch: Batch[Any]) -> Tensor:
        """See :meth:`~elmobench.tasks.head.SharedLossHead.outputs`."""
        assert isinstance(self.head, SharedLossHead)
        mixed = self.mix(batch)
        with self.computing(batch.device):
            return self.head.outputs(batch, mixed)

    def loss(self, batch: Batch[Any]) -> Tensor:
        """The head's loss plus the penalty λ Σ w² of every mixer."""
        mixed = self.mix(batch)
        with self.computing(batch.device):
            loss = self.head.loss(batch, mixed)
        return self.penalized(loss)

    def penalized(self, loss: Tensor) -> Tensor:
        """The head's ``loss`` plus the penalty λ Σ w² of every mixer."""
        for mixer in self.mixers.values():
            loss = loss + cast(FeatureMixer, mixer).penalty()
        return loss

    def predict(self, batch: Batch[Any]) -> list[Any]:
        """The head's predictions, one per example."""
        mixed = self.mix(batch)
        with self.computing(batch.device):
            return self.head.predict(batch, mixed)

    def probabilities(self, batch: Batch[Any]) -> list[dict[str, float]] | None:
        """The head's probabilities of labels, one mapping per example; None if it has none."""
        mixed = self.mix(batch)
        with self.computing(batch.device):
            return self.head.probabilities(batch, mixed)

    def nats(self, batch: Batch[Any]) -> Tensor:
        """The head's negative log-likelihoods of the gold labels in the batch, in nats."""
        mixed = self.mix(batch)
        with self.computing(batch.device):
            return self.head.nats(batch, mixed)

    def layer_weights(self) -> dict[str, dict[str, Any]]:
        """placement -> part -> {"s": …, "gamma": …, "w": …}: the learned layer weights."""
        return {
            placement: cast(FeatureMixer, mixer).report()
            for placement, mixer in self.mixers.items()
        }


def predict_together(models: Sequence[BenchModel], batch: Batch[Any]) -> list[list[Any]]:
    """What :meth:`BenchModel.predict` gives for each of the models, of the same kind of head."""
    first = models[0]
    if len(models) == 1:
        return [first.predict(batch)]
    # Each model's vectors are made when its head reads them, and are in the processor's cache then.
    mixed: Iterable[Mixed] = (model.mix(batch) for model in models)
    if first.arithmetic != "float32":
        mixed = list(mixed)
    with first.computing(batch.device):
        return first.head.predict_together(batch, [model.head for model in models], mixed)


def _views(mixer: FeatureMixer) -> dict[str, list[int]]:
    """The columns of static and of contextual parts; see :class:`~elmobench.tasks.head.Head`."""
    views: dict[str, list[int]] = {"static": [], "contextual": []}
    for column, static in enumerate(mixer.static_columns):
        views["static" if static else "contextual"].append(column)
    return views if views["contextual"] else {"static": views["static"]}


def input_dims(head: type[Head[Any]], mixers: Mapping[str, FeatureMixer]) -> dict[str, int]:
    """The widths that a head of this class is built with, by placement."""
    dims = {placement: mixer.out_dim for placement, mixer in mixers.items()}
    if head.splits_input:
        dims |= {name: len(columns) for name, columns in _views(mixers["input"]).items()}
    return dims


def make_mixer(
    configs: Sequence[PartConfig],
    indices: Sequence[int],
    standardize: bool,
    initial: Mapping[str, Tensor] | None,
) -> FeatureMixer:
    """The mixer of a placement that takes the parts with these ``indices``.

    Args:
        configs: all parts of the features spec.
        indices: the parts that the mixer takes.
        standardize, initial: see :class:`FeatureMixer`; ``initial`` may have entries of other
            parts too.
    """
    chosen = [configs[i] for i in indices]
    names = {config.name for config in chosen}
    return FeatureMixer(
        chosen,
        standardize=standardize,
        initial={name: table for name, table in (initial or {}).items() if name in names},
    )
