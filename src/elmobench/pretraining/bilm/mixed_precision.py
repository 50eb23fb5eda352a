"""Products in bfloat16 with sums, weights and updates in single precision, where that pays."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from elmobench.core.errors import ConfigError

Arithmetic = Literal["fp32", "bf16"]


def check_arithmetic(arithmetic: Arithmetic) -> None:
    """Raises ConfigError if this machine or this torch has no such products."""
    if arithmetic == "fp32":
        return
    if getattr(_settings(), "fp32_precision", None) is None:
        raise ConfigError(
            f"torch {torch.__version__} cannot be asked for products in bf16",
            fix="use torch 2.9 or newer, or arithmetic=fp32",
        )
    if not has_bf16_products():
        raise ConfigError(
            "this processor has no products in bf16",
            fix="use arithmetic=fp32, which is as fast here",
        )


def has_bf16_products() -> bool:
    """Whether products are really rounded to bf16 here when torch is asked for it.

    Some processors have the instructions and torch still multiplies in fp32, so one product of
    512 × 512 standard normal values is tried: rounding to 8 bits changes it by about 0.4, another
    order of the sums by about 0.0001.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    left, right = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
    with products("bf16"):
        rounded = left @ right
    return bool((rounded - left @ right).abs().max() > 0.01)


@contextmanager
def products(arithmetic: Arithmetic) -> Iterator[None]:
    """In this block oneDNN rounds the factors of fp32 products to bf16, and adds up in fp32.

    The setting belongs to the process, so all its threads have it meanwhile.
    """
    if arithmetic == "fp32":
        yield
        return
    settings = _settings()
    before = settings.fp32_precision
    settings.fp32_precision = "bf16"
    try:
        yield
    finally:
        settings.fp32_precision = before


def _settings() -> Any:
    # Not in torch's type hints.
    return getattr(torch.backends.mkldnn, "matmul", None)
