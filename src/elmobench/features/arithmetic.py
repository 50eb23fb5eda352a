"""Full single precision, whatever the caller has switched on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from elmobench.core.errors import ConfigError

# Under any other value oneDNN computes fp32 products in a lower precision.
_MATH_MODES: Final = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")


@contextmanager
def no_gradients() -> Iterator[None]:
    """Inference mode, and no autocast on any device. Both are settings of the thread."""
    with (
        torch.inference_mode(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield


@contextmanager
def strict_float32() -> Iterator[None]:
    """No gradients, no autocast, and an error where fp32 products may lose precision.

    The setting is the caller's, so it is refused rather than changed behind their back.

    Raises:
        ConfigError: if PyTorch or oneDNN may compute fp32 products in bf16 or TF32.
    """
    if torch.get_float32_matmul_precision() != "highest":
        raise ConfigError(
            f"float32 matrix products are set to {torch.get_float32_matmul_precision()!r} "
            "precision, and these vectors are defined in full float32",
            fix='call torch.set_float32_matmul_precision("highest") before encoding',
        )
    for name in _MATH_MODES:
        if os.environ.get(name, "STRICT").upper() != "STRICT":
            raise ConfigError(
                f"the environment sets {name}={os.environ[name]}, and these vectors are defined "
                "in full float32",
                fix=f"unset {name}",
            )
    with no_gradients():
        yield
