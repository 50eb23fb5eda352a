"""Full single precision, whatever the caller has switched on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from elmobench.errors import ConfigError


@contextmanager
def strict_float32() -> Iterator[None]:
    """No gradients, no autocast, and an error where fp32 products may lose precision.

    The setting is the caller's, so it is refused rather than changed behind their back.

    Raises:
        ConfigError: if ``torch.set_float32_matmul_precision`` allows bf16 or TF32.
    """
    if torch.get_float32_matmul_precision() != "highest":
        raise ConfigError(
            f"float32 matrix products are set to {torch.get_float32_matmul_precision()!r} "
            "precision, and these vectors are defined in full float32",
            fix='call torch.set_float32_matmul_precision("highest") before encoding',
        )
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        yield
