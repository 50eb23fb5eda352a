"""The trained module: one feature mixer for each placement, and a head on top."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor, nn

from elmobench.nn.feature_mixer import FeatureMixer
from elmobench.tasks.base import Batch, Head


class BenchModel(nn.Module):
    """Mixers and head, trained together; the vectors below them stay frozen.

    Args:
        mixers: placement -> its own mixer.
        head: the task head.
    """

    def __init__(self, mixers: Mapping[str, FeatureMixer], head: Head[Any]) -> None:
        super().__init__()
        self.mixers = nn.ModuleDict(dict(mixers))
        self.head = head

    def mix(self, batch: Batch[Any]) -> dict[str, dict[str, Tensor]]:
        """placement -> unit -> (B, T, D) mixed vectors."""
        return {
            placement: {
                name: mixer(unit.parts, unit.mask, unit.word_ids)
                for name, unit in batch.units.items()
            }
            for placement, mixer in self.mixers.items()
        }

    def loss(self, batch: Batch[Any]) -> Tensor:
        """The head's loss plus every mixer's penalty λ Σ w²."""
        total = self.head.loss(batch, self.mix(batch))
        for mixer in self.mixers.values():
            total = total + cast(FeatureMixer, mixer).penalty()
        return total

    def predict(self, batch: Batch[Any]) -> list[Any]:
        """The head's predictions, one an example."""
        return self.head.predict(batch, self.mix(batch))

    def layer_weights(self) -> dict[str, dict[str, Any]]:
        """placement -> part -> {"s": …, "gamma": …, "w": …}: what the task chose to read."""
        return {
            placement: cast(FeatureMixer, mixer).report()
            for placement, mixer in self.mixers.items()
        }
