"""Matrix products with weights that never change, packed once for the processor."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

# Rows that oneDNN is told to expect. The packing serves any number; this one suits batches.
_EXPECTED_ROWS: Final = 128


class FrozenLinear:
    """``x @ weight + bias``.

    On a CPU the weight is packed by oneDNN where PyTorch has it: true fp32, two to three times
    as fast as MKL on AMD processors and as fast elsewhere, and each sum is taken in an order of
    its own, whatever the other rows and the number of threads. On other devices, and where
    oneDNN is missing or switched off, PyTorch's own product runs.

    bfloat16 on a CPU without such instructions gives the same numbers at the speed of float32:
    products of two bfloat16 values are exact in float32.

    Args:
        weight: (K, N).
        bias: (N,), or None.
        dtype: of input, output and stored weight: float32 or bfloat16. Products are summed in
            float32 either way.
        device: where the weight lies.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self.in_features, self.out_features = weight.shape
        self.dtype = dtype
        # Rows are outputs, as PyTorch and oneDNN keep a linear layer.
        rows = weight.detach().t().to(device=device, dtype=dtype).contiguous()
        self._bias = None if bias is None else bias.detach().to(device=device, dtype=dtype)
        on_cpu = rows.device.type == "cpu"
        self._emulated = on_cpu and dtype == torch.bfloat16 and not _has_bfloat16()
        if self._emulated:
            rows = rows.float()
            self._bias = None if self._bias is None else self._bias.float()
        self._linear = _onednn() if on_cpu else None
        if self._linear is None:
            self._weight = rows
        else:
            with torch.inference_mode():
                self._weight = torch.ops.mkldnn._reorder_linear_weight(rows, _EXPECTED_ROWS)

    def __call__(self, x: Tensor) -> Tensor:
        """(…, K) of this layer's dtype to (…, N)."""
        if self._emulated:
            return self._product(x.float()).to(self.dtype)
        return self._product(x)

    def _product(self, x: Tensor) -> Tensor:
        if self._linear is None:
            return torch.nn.functional.linear(x, self._weight, self._bias)
        product: Tensor = self._linear(x.contiguous(), self._weight, self._bias, "none", [], "")
        return product


def _onednn() -> Any | None:
    """oneDNN's packed linear operator, or None where this build of PyTorch lacks it."""
    backend, operators = torch.backends.mkldnn, torch.ops.mkldnn
    if not (backend.is_available() and backend.enabled):  # type: ignore[no-untyped-call]
        return None
    names = ("_reorder_linear_weight", "_linear_pointwise")
    return operators._linear_pointwise if all(hasattr(operators, n) for n in names) else None


def _has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor."""
    asked = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return _onednn() is not None and asked is not None and bool(asked())


class BlockedLinear:
    """``x @ weight + bias`` in float32, summed block by block over the inputs.

    oneDNN adds a sum's terms one after another, which errs more than other libraries' orders
    where sums are long. Short sums that are added up err less than either.

    Args:
        weight: (K, N).
        bias: (N,).
        block: terms a block at most.
        device: where the weight lies.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor, block: int, device: torch.device | str = "cpu"
    ) -> None:
        self._block = block
        self._parts = [
            FrozenLinear(weight[i : i + block], None if i else bias, device=device)
            for i in range(0, len(weight), block)
        ]

    def __call__(self, x: Tensor) -> Tensor:
        """(…, K) to (…, N)."""
        pieces = torch.split(x, self._block, dim=-1)
        total = self._parts[0](pieces[0])
        for part, piece in zip(self._parts[1:], pieces[1:], strict=True):
            total += part(piece)
        return total
