"""Provenance of a result: the machine, and the settings that decide the last bits."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")

_VARIABLES = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE"),
    *("ATEN_CPU_CAPABILITY", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "ONEDNN_MAX_CPU_ISA"),
    *("ONEDNN_DEFAULT_FPMATH_MODE", "NVIDIA_TF32_OVERRIDE", "CUBLAS_WORKSPACE_CONFIG"),
)
"""Environment variables that change the order of sums, or which instructions compute them."""


def host_info(threads: int) -> dict[str, Any]:
    """Processor, cores and threads; no host name, because records are published.

    Args:
        threads: that the computation asks for; :func:`numerics` says what is in use.
    """
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": _usable_cores(),
        "threads": threads,
    }


def numerics(device: str = "cpu") -> dict[str, Any]:
    """Settings in use now that decide the last bits of a result: threads, BLAS, precision.

    The two numbers of threads are torch's own: ``torch_threads`` within an operation, and
    ``torch_interop_threads`` between operations. BLAS libraries that torch does not use
    (NumPy's, SciPy's) have threads of their own, which torch's setting does not change. Only the
    variables that are set are listed.

    Args:
        device: on which the head computes, as torch names it (``cpu``, ``cuda:0``).

    Returns:
        JSON values only; no paths, because records are published.

    >>> from elmobench.tracking.host import numerics
    >>> numerics()["device"]
    'cpu'
    """
    import torch

    from elmobench.features.arithmetic import device_versions

    mkldnn: Any = torch.backends.mkldnn
    return {
        "device": device,
        **device_versions(device),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "torch_threads": torch.get_num_threads(),
        "torch_interop_threads": torch.get_num_interop_threads(),
        "torch_blas": _torch_blas(torch.__config__.show()),
        "libraries": _thread_pools(),
        "onednn": bool(mkldnn.enabled and mkldnn.is_available()),
        "bf16_products": bool(_operator(torch.ops.mkldnn, "_is_mkldnn_bf16_supported")),
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "variables": {name: os.environ[name] for name in _VARIABLES if name in os.environ},
    }


def numerics_text(values: Mapping[str, Any]) -> str:
    """One line of :func:`numerics` for a person: device, instructions, threads and BLAS."""
    if not values:
        return ""
    parts = [
        f"{values['device']} {values.get('gpu', '')}".strip(),
        f"{values['cpu_capability']} instructions",
        f"torch with {values['torch_blas']}, threads: {values['torch_threads']} within and "
        f"{values['torch_interop_threads']} between operations",
    ]
    for pool in values["libraries"]:
        kernels = f"({pool['kernels']})" if pool["kernels"] else None
        name = " ".join(filter(None, (pool["name"], pool["version"], kernels)))
        parts.append(f"{name}, threads: {pool['threads']}")
    parts.append("deterministic" if values["deterministic"] else "not deterministic")
    parts += [f"{name}={value}" for name, value in values["variables"].items()]
    return "; ".join(parts)


def _torch_blas(build: str) -> str:
    """The BLAS library that torch is built with, and oneDNN, from torch's own description."""
    blas = re.search(r"BLAS_INFO=(\w+)", build)
    names = [blas[1] if blas else "unknown BLAS"]
    for name, pattern in (
        ("mkl", r"Math Kernel Library Version ([\w.]+)"),
        ("onednn", r"MKL-DNN v([\w.]+)"),
    ):
        found = re.search(pattern, build)
        if found and name == names[0]:
            names[0] = f"{name} {found[1]}"
        elif found:
            names.append(f"{name} {found[1]}")
    return ", ".join(names)


def _thread_pools() -> list[dict[str, Any]]:
    """The BLAS and OpenMP libraries that are loaded, with the threads that each would use."""
    from threadpoolctl import threadpool_info

    pools = [
        {
            # All OpenMP runtimes have one internal_api; their file names tell them apart.
            "name": pool["prefix"] if pool["user_api"] == "openmp" else pool["internal_api"],
            "version": pool["version"],
            "kernels": pool.get("architecture"),
            "threads": pool["num_threads"],
        }
        for pool in threadpool_info()
    ]
    return sorted(pools, key=lambda pool: (pool["name"], pool["version"] or ""))


def _operator(namespace: Any, name: str) -> Any:
    """Call an operator of torch that some builds do not have; None if it is missing."""
    function = getattr(namespace, name, None)
    return None if function is None else function()


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _usable_cores() -> int | None:
    """Cores that this process may run on, which a batch system can restrict."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def reset_peak_memory() -> None:
    """Reset what :func:`peak_memory_bytes` returns, where the system can."""
    # proc(5): writing 5 resets the peak resident size of the process.
    with contextlib.suppress(OSError):
        _CLEAR_REFS.write_text("5")


def peak_memory_bytes() -> int:
    """Largest resident size of this process since the last reset; 0 where it is unknown.

    Mapped pages of the feature store count as long as they are resident.
    """
    if _STATUS.exists():
        for line in _STATUS.read_text("utf-8", "replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    try:
        import resource  # not on Windows
    except ImportError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
