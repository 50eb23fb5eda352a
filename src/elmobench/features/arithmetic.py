"""Context managers that guarantee full float32 precision."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch

from elmobench.core.errors import ConfigError

# With any value other than STRICT, oneDNN computes float32 products at a lower precision.
_MATH_MODES: Final = ("ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE")

LARGEST_WEIGHT: Final = 1e6
"""Absolute value of a model's weight beyond which its file is damaged; trained ones are below 1000.
"""


@contextmanager
def no_gradients() -> Iterator[None]:
    """Enter inference mode without autocast on any device. Both settings belong to the thread."""
    with (
        torch.inference_mode(),
        torch.autocast("cpu", enabled=False),
        torch.autocast("cuda", enabled=False),
    ):
        yield


@contextmanager
def strict_float32() -> Iterator[None]:
    """Disable gradients and autocast, and check that float32 products keep full precision.

    A lower precision is the caller's choice, so it is an error and is not changed silently.

    Raises:
        ConfigError: if PyTorch or oneDNN may compute float32 products in bf16 or TF32.
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


def device_versions(device: str) -> dict[str, str]:
    """Name of the GPU and versions of CUDA and cuDNN; nothing for the CPU.

    Args:
        device: as torch names it (``cpu``, ``cuda``, ``cuda:1``).
    """
    if not device.startswith("cuda"):
        return {}
    cudnn: Any = torch.backends.cudnn
    return {
        "gpu": torch.cuda.get_device_name(device),
        "cuda": str(torch.version.cuda),
        "cudnn": str(cudnn.version()),
    }
