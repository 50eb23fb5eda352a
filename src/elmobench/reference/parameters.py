"""Give our modules the parameters of a published one, each exactly once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from elmobench.core.errors import ElmobenchError

Arrays = Mapping[str, NDArray[np.generic]]
"""What a published head left: ``parameter/…``, ``input/…`` and ``output/…`` arrays."""


class PublishedParameters:
    """The parameters of a published head that have not been used yet.

    >>> arrays = {"parameter/linear.weight": np.ones((2, 3)), "parameter/linear.bias": np.zeros(2)}
    >>> module, published = nn.Linear(3, 2), PublishedParameters(arrays)
    >>> published.fill(module, {"weight": "linear.weight", "bias": "linear.bias"})
    >>> module.weight.sum().item()
    6.0

    Args:
        arrays: of the published head; only ``parameter/…`` is read.
    """

    def __init__(self, arrays: Arrays) -> None:
        start = "parameter/"
        self._left = {
            name.removeprefix(start): torch.from_numpy(array)
            for name, array in arrays.items()
            if name.startswith(start)
        }

    def take(self, name: str) -> Tensor:
        """Return a parameter by its published name. Raises ElmobenchError if used or unknown."""
        if name not in self._left:
            raise ElmobenchError(
                f"no published parameter {name!r} is left; left are {', '.join(self._left)}"
            )
        return self._left.pop(name)

    def fill(self, module: nn.Module, names: Mapping[str, str | Tensor]) -> None:
        """Set every trainable parameter of ``module``; the published ones must then be used up.

        Args:
            module: ours.
            names: our parameter's name -> the published name, or the tensor itself where it had to
                be put together from parameters that were taken.

        Raises:
            ElmobenchError: a parameter of ours is not named, shapes differ, or a published
                parameter has not been used.
        """
        ours = {name: p for name, p in module.named_parameters() if p.requires_grad}
        if ours.keys() != names.keys():
            different = ", ".join(sorted(ours.keys() ^ names.keys()))
            raise ElmobenchError(f"parameters without a counterpart: {different}")
        with torch.no_grad():
            for name, source in names.items():
                value = self.take(source) if isinstance(source, str) else source
                if value.shape != ours[name].shape:
                    raise ElmobenchError(
                        f"{name} has shape {tuple(ours[name].shape)} here and "
                        f"{tuple(value.shape)} in the published head"
                    )
                ours[name].copy_(value)
        if self._left:
            raise ElmobenchError(f"published parameters without a use: {', '.join(self._left)}")


def bilstm_names(ours: str, published: str, layers: int) -> dict[str, str]:
    """Names in our :class:`~elmobench.nn.recurrent.BiLstm` -> names in torch's bidirectional LSTM.

    Args:
        ours: name of our module, for instance ``encoder``.
        published: name of torch's, for instance ``encoder._module``.
        layers: number of layers.
    """
    return {
        f"{ours}.{direction}.{layer}.{kind}_l0": f"{published}.{kind}_l{layer}{suffix}"
        for layer in range(layers)
        for direction, suffix in (("forwards", ""), ("backwards", "_reverse"))
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
