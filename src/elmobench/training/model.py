"""The trained module: one feature mixer for each placement, and a head on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from torch import Tensor, nn

from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.head import Batch, Head


class BenchModel(nn.Module):
    """Mixers and head, trained together; the vectors below them stay frozen.

    Args:
        mixers: placement -> its own mixer.
        reads: placement -> which of a batch's parts its mixer takes, in order.
        head: the task head.
    """

    def __init__(
        self,
        mixers: Mapping[str, FeatureMixer],
        reads: Mapping[str, Sequence[int]],
        head: Head[Any],
    ) -> None:
        super().__init__()
        self._reads = {placement: tuple(indices) for placement, indices in reads.items()}
        self.mixers = nn.ModuleDict(dict(mixers))
        self.head = head

    def mix(self, batch: Batch[Any]) -> dict[str, dict[str, Tensor]]:
        """placement -> unit -> (B, T, D) mixed vectors."""
        return {
            placement: {
                name: mixer(
                    [slot.parts[i] for i in self._reads[placement]], slot.mask, slot.word_ids
                )
                for name, slot in batch.slots.items()
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


def make_mixer(
    configs: Sequence[PartConfig],
    indices: Sequence[int],
    standardize: bool,
    initial: Mapping[str, Tensor] | None,
) -> FeatureMixer:
    """The mixer of a placement where only the parts with these ``indices`` enter.

    Args:
        configs: all parts of the features spec.
        standardize, initial: see :class:`FeatureMixer`; ``initial`` may hold all parts'.
    """
    chosen = [configs[i] for i in indices]
    names = {config.name for config in chosen}
    return FeatureMixer(
        chosen,
        standardize=standardize,
        initial={name: table for name, table in (initial or {}).items() if name in names},
    )
