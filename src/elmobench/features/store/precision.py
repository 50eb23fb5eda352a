"""Precisions of stored values: half, single, or 8-bit integers with one scale per vector."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import StoreError
from elmobench.features.provider import FloatArray, Layer

Precision = Literal["fp16", "fp32", "int8"]
"""``int8`` is symmetric: value = q * scale, with q in [-127, 127]. Each vector (a token or a word
type, in one layer) has one float32 scale, its largest absolute value / 127."""

PRECISIONS: Final[tuple[str, ...]] = get_args(Precision)

_DTYPES: Final = {"fp16": np.float16, "fp32": np.float32, "int8": np.int8}
_LEVELS: Final = np.float32(127)
# Rows are converted this many values at a time, so that temporary arrays stay small.
_BLOCK: Final = 1 << 20


def check_precision(precision: str) -> None:
    """Raise StoreError for an unknown precision."""
    if precision not in PRECISIONS:
        raise StoreError(f"unknown precision {precision!r}", fix=f"use {', '.join(PRECISIONS)}")


def values_name(layer: Layer) -> str:
    """Return the name of the array with a layer's values in a shard."""
    return f"{layer.kind}_{layer.name}"


def scales_name(layer: Layer) -> str:
    """Return the name of the array with a layer's ``int8`` scales in a shard."""
    return f"scales_{layer.kind}_{layer.name}"


def row_bytes(layer: Layer, precision: Precision) -> int:
    """Return the stored bytes per vector."""
    scale = np.dtype(np.float32).itemsize if precision == "int8" else 0
    return layer.dim * np.dtype(_DTYPES[precision]).itemsize + scale


def array_layout(
    layer: Layer, precision: Precision, rows: int
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return element type and shape of the arrays of a layer with ``rows`` vectors, by name."""
    layout = {values_name(layer): (np.dtype(_DTYPES[precision]).str, (rows, layer.dim))}
    if precision == "int8":
        return {**layout, scales_name(layer): ("<f4", (rows,))}
    return dict(layout)


class EncodedLayer:
    """Arrays of one layer at the stored precision, filled row by row.

    Args:
        layer: of the provider.
        rows: number of vectors.
        precision: of the stored values.
        name: of the provider, for messages.
    """

    def __init__(self, layer: Layer, rows: int, precision: Precision, name: str) -> None:
        self._layer = layer
        self._precision = precision
        self._name = name
        self._values: NDArray[Any] = np.empty((rows, layer.dim), dtype=_DTYPES[precision])
        self._scales = np.empty(rows if precision == "int8" else 0, dtype=np.float32)

    def put(self, start: int, vectors: FloatArray) -> None:
        """Convert (n, dim) ``vectors`` and store them in the rows from ``start`` on.

        Raises:
            StoreError: if a value is not finite, or too large for the precision.
        """
        step = max(1, _BLOCK // self._layer.dim)
        for begin in range(0, len(vectors), step):
            block = vectors[begin : begin + step]
            rows = slice(start + begin, start + begin + len(block))
            if self._precision == "int8":
                self._quantize(rows, block)
            else:
                with np.errstate(over="ignore"):
                    self._values[rows] = block
                if not np.isfinite(self._values[rows]).all():
                    raise self._does_not_fit(block)

    def _quantize(self, rows: slice, block: FloatArray) -> None:
        largest = np.abs(block).max(axis=1, initial=0)
        if not np.isfinite(largest).all():
            raise self._does_not_fit(block)
        scales = largest / _LEVELS
        # A vector of zeros has scale zero; any divisor gives zeros again.
        divisor = np.where(scales > 0, scales, np.float32(1))
        quotients = block / divisor[:, None]
        np.rint(quotients, out=quotients)
        # Subnormal scales are coarse, so a quotient can exceed 127.
        np.clip(quotients, -_LEVELS, _LEVELS, out=quotients)
        self._values[rows] = quotients
        self._scales[rows] = scales

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of this layer for the shard, by name."""
        arrays: dict[str, NDArray[Any]] = {values_name(self._layer): self._values}
        if self._precision == "int8":
            arrays[scales_name(self._layer)] = self._scales
        return arrays

    def _does_not_fit(self, vectors: FloatArray) -> StoreError:
        where = f"features {self._name!r}, layer {self._layer.name!r}"
        if not np.isfinite(vectors).all():
            return StoreError(
                "the provider gave values that are not finite",
                where=where,
                fix="check the model's weights",
            )
        return StoreError(
            f"a value of {np.abs(vectors).max():.6g} is too large for {self._precision}",
            where=where,
            fix="store these features with precision fp32",
        )
