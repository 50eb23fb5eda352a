"""Update a biLM's weights: the dense ones, and the rows of the softmax that a step used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from elmobench.pretraining.bilm.network import SOFTMAX_BIAS, SOFTMAX_WEIGHT
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.sampled_softmax import SampledLoss
from elmobench.pretraining.distributed import ProcessGroup

# Words that a step does not use keep their moments, as in SparseAdam.
_SPARSE = (SOFTMAX_WEIGHT, SOFTMAX_BIAS)


class Optimizer:
    """Adagrad as in bilm-tf, or Adam, with a schedule and one norm clip over all gradients.

    Args:
        weights: by name; those of the softmax receive sparse gradients.
        options: of the training.
        total_steps: steps of the whole run, for the decay.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], options: BilmOptions, total_steps: int
    ) -> None:
        self._options = options
        self._total = total_steps
        self._weights = dict(weights)
        self._names = [
            [name for name in weights if name not in _SPARSE],
            [name for name in weights if name in _SPARSE],
        ]
        groups = [[weights[name] for name in names] for names in self._names]
        self._parts: list[torch.optim.Optimizer]
        if options.optimizer == "adagrad":
            self._parts = [
                torch.optim.Adagrad(group, lr=options.rate, initial_accumulator_value=1.0)
                for group in groups
            ]
        else:
            self._parts = [
                torch.optim.Adam(groups[0], lr=options.rate),
                torch.optim.SparseAdam(groups[1], lr=options.rate),
            ]

    def rate(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0."""
        warm = min(1.0, (step + 1) / max(1, self._options.warmup_steps))
        if self._options.decay == "cosine":
            done = min(1.0, step / max(1, self._total))
            return self._options.rate * warm * 0.5 * (1.0 + math.cos(math.pi * done))
        return self._options.rate * warm

    def gather(self, losses: Sequence[SampledLoss], scale: float, group: ProcessGroup) -> float:
        """Store all gradients of a step in the weights. Returns their norm before clipping.

        Args:
            losses: of both directions; their gradients of the softmax are summed. All other
                weights already have theirs in ``.grad``.
            scale: factor of the gradients in ``losses``.
            group: processes whose gradients are summed.
        """
        dense = [self._weights[name].grad for name in self._names[0]]
        group.all_reduce([grad for grad in dense if grad is not None])
        rows = group.all_gather(torch.cat([loss.rows for loss in losses])).unsqueeze(0)
        for name, values in (
            (SOFTMAX_WEIGHT, torch.cat([loss.weight for loss in losses])),
            (SOFTMAX_BIAS, torch.cat([loss.bias for loss in losses])),
        ):
            weight = self._weights[name]
            weight.grad = torch.sparse_coo_tensor(
                rows, group.all_gather(values * scale), weight.shape, check_invariants=False
            ).coalesce()
        # One list, because each number that is read makes a GPU's host wait for it.
        squares = torch.stack([grad.square().sum() for grad in self._gradients()])
        return math.sqrt(sum(squares.tolist()))

    def _gradients(self) -> list[Tensor]:
        """The values of all gradients; of sparse gradients, the stored ones."""
        values = []
        for weight in self._weights.values():
            assert weight.grad is not None
            values.append(weight.grad.values() if weight.grad.is_sparse else weight.grad)
        return values

    def step(self, step: int, norm: float) -> None:
        """Update all weights by the gradients that :meth:`gather` stored.

        Args:
            step: counted from 0.
            norm: of all gradients; they are scaled down if it exceeds ``all_clip_norm_val``.
        """
        if norm > self._options.all_clip_norm_val:
            for grad in self._gradients():
                grad.mul_(self._options.all_clip_norm_val / norm)
        for part in self._parts:
            for settings in part.param_groups:
                settings["lr"] = self.rate(step)
            # torch creates sparse tensors here and warns unless checking is set explicitly.
            with torch.sparse.check_sparse_tensor_invariants(enable=False):  # type: ignore[no-untyped-call]
                part.step()
            part.zero_grad(set_to_none=True)

    def state(self) -> dict[str, Tensor]:
        """All moments, by ``weight:moment``."""
        tensors = {}
        for part, names in zip(self._parts, self._names, strict=True):
            for index, moments in part.state_dict()["state"].items():
                for kind, value in moments.items():
                    tensors[f"{names[index]}:{kind}"] = torch.as_tensor(value)
        return tensors

    def load(self, state: Mapping[str, Tensor]) -> None:
        """Restore the result of :meth:`state`."""
        for part, names in zip(self._parts, self._names, strict=True):
            moments: dict[int, dict[str, object]] = {}
            for key, value in state.items():
                name, _, kind = key.rpartition(":")
                if name in names:
                    # SparseAdam keeps its step count as an int.
                    is_int = isinstance(part, torch.optim.SparseAdam) and kind == "step"
                    moments.setdefault(names.index(name), {})[kind] = (
                        int(value) if is_int else value
                    )
            part.load_state_dict({**part.state_dict(), "state": moments})
