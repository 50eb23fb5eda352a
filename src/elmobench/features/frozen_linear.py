"""Linear layers with frozen weights that are packed once for the processor."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

# Number of rows that oneDNN packs for. Any number of rows works; this one suits batches.
_EXPECTED_ROWS: Final = 128


class FrozenLinear:
    """Compute ``x @ weight + bias``.

    On a CPU, oneDNN packs the weight if PyTorch has oneDNN. Products are then true float32, two to
    three times as fast as MKL on AMD processors and as fast elsewhere. oneDNN chooses the order of
    its sums by the shape of ``x`` and the number of threads, so a row's product may differ in its
    last bits with the number of rows: one row of 2,048 values is summed in another order than rows
    of a larger batch. Sums in blocks of 256 terms were equal in every case that was tried. On other
    devices, and if oneDNN is missing or disabled, PyTorch's own product is used; its order depends
    on the number of rows as well.

    oneDNN accumulates sequentially and loses accuracy on long sums. Splitting a sum into short
    blocks is more accurate than oneDNN's and other libraries' long sums, so ``block`` does that for
    oneDNN. Other libraries need no blocks and get none.

    On a CPU without bfloat16 instructions, bfloat16 gives the same numbers at the speed of float32:
    products of two bfloat16 values are exact in float32.

    Args:
        weight: (K, N).
        bias: (N,), or None.
        dtype: of input, output and stored weight: float32 or bfloat16. Products are summed in
            float32 in both cases.
        device: of the weight.
        block: maximum number of terms that oneDNN sums at once in float32; None for all.
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
        # One row per output, as in the linear layers of PyTorch and oneDNN.
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
        """Multiply x, (…, K) of this layer's dtype, by the weight; returns (…, N)."""
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
    """oneDNN's packed linear operator, or None if this build of PyTorch lacks it."""
    backend, operators = torch.backends.mkldnn, torch.ops.mkldnn
    if not (backend.is_available() and backend.enabled):  # type: ignore[no-untyped-call]
        return None
    names = ("_reorder_linear_weight", "_linear_pointwise")
    return operators._linear_pointwise if all(hasattr(operators, n) for n in names) else None


def has_bfloat16() -> bool:
    """Whether oneDNN multiplies bfloat16 on this processor."""
    supported = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)
    return _onednn() is not None and supported is not None and bool(supported())
