"""Matrix products in bfloat16; sums, weights and updates stay in single precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from elmobench.core.errors import ConfigError

Arithmetic = Literal["fp32", "bf16"]


def check_arithmetic(arithmetic: Arithmetic) -> None:
    """Raise ConfigError if this machine or this version of torch cannot use ``arithmetic``."""
    if arithmetic == "fp32":
        return
    if getattr(_settings(), "fp32_precision", None) is None:
        raise ConfigError(
            f"torch {torch.__version__} has no setting for products in bf16",
            fix="use torch 2.9 or newer, or arithmetic=fp32",
        )
    if not has_bf16_products():
        raise ConfigError(
            "this processor has no products in bf16",
            fix="use arithmetic=fp32, which is as fast here",
        )


def has_bf16_products() -> bool:
    """Whether torch really rounds the factors of products to bf16 on this processor.

    On some processors that have the instructions torch still multiplies in fp32. So this function
    computes one product of 512 × 512 standard normal values: rounding to 8 bits changes it by
    about 0.4, a different order of summation by about 0.0001.
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    left, right = torch.randn(2, 512, 512, generator=torch.Generator().manual_seed(0))
    with products("bf16"):
        rounded = left @ right
    return bool((rounded - left @ right).abs().max() > 0.01)


@contextmanager
def products(arithmetic: Arithmetic) -> Iterator[None]:
    """In this block oneDNN rounds the factors of fp32 products to bf16 and sums in fp32.

    The setting applies to all threads of the process.
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
