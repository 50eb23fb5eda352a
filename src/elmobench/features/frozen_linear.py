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

    oneDNN adds a sum's terms one after another, which errs more than other libraries' orders
    where sums are long: short sums that are added up err less than either. Other products need
    no such help, and get none.

    bfloat16 on a CPU without such instructions gives the same numbers at the speed of float32:
    products of two bfloat16 values are exact in float32.

    Args:
        weight: (K, N).
        bias: (N,), or None.
        dtype: of input, output and stored weight: float32 or bfloat16. Products are summed in
            float32 either way.
        device: where the weight lies.
        block: terms that oneDNN adds up in one go at most, in float32; None for all.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        block: int | None = None,
    ) -> None:
        self.in_features, self.out_features = weight.shape
        self.dtype = dtype
        # Rows are outputs, as PyTorch and oneDNN keep a linear layer.
        rows = weight.detach().t().to(device=device, dtype=dtype).contiguous()
        self._bias = None if bias is None else bias.detach().to(device=device, dtype=dtype)
        on_cpu = rows.device.type == "cpu"
        self._emulated = on_cpu and dtype == torch.bfloat16 and not has_bfloat16()
        if self._emulated:
            rows = rows.float()
            self._bias = None if self._bias is None else self._bias.float()
        self._linear = _onednn() if on_cpu else None
        self._weights: tuple[Tensor, ...]
        if self._linear is None:
            self._weights = (rows,)
            self._block = self.in_features
        else:
            single = dtype == torch.float32 and block is not None
            self._block = block if single and block is not None else max(1, self.in_features)
            with torch.inference_mode():
                self._weights = tuple(
                    torch.ops.mkldnn._reorder_linear_weight(part.contiguous(), _EXPECTED_ROWS)
                    for part in torch.split(rows, self._block, dim=1)
                )

    def __call__(self, x: Tensor) -> Tensor:
        """(…, K) of this layer's dtype to (…, N)."""
        if self._emulated:
            return self._product(x.float()).to(self.dtype)
        return self._product(x)

    def _product(self, x: Tensor) -> Tensor:
        first, *others = self._weights
        if self._linear is None:
            return torch.nn.functional.linear(x, first, self._bias)
        parts = torch.split(x, self._block, dim=-1) if others else (x,)
        product: Tensor = self._linear(parts[0].contiguous(), first, self._bias, "none", [], "")
        for part, weight in zip(parts[1:], others, strict=True):
            product = self._linear.binary(part.contiguous(), product, weight, None, "add")
        return product


def _onednn() -> Any | None:
    """oneDNN's packed linear operator, or None where this build of PyTorch lacks it."""
    backend, operators = torch.backends.mkldnn, torch.ops.mkldnn
    if not (backend.is_available() and backend.enabled):  # type: ignore[no-untyped-call]
        return None
    names = ("_reorder_linear_weight", "_linear_pointwise")
    return operators._linear_pointwise if all(hasattr(operators, n) for n in names) else None


def has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor."""
    asked = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return _onednn() is not None and asked is not None and bool(asked())
