"""Provenance of a result: library versions and the machine."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")

COMPUTING = ("elmobench", "torch", "numpy", "pytorch-crf", "seqeval", "scikit-learn", "h5py")


def library_versions() -> dict[str, str]:
    """Versions of Python and of the packages that scores depend on."""
    versions = {"python": platform.python_version()}
    for name in COMPUTING:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "not installed"
    return versions


def host_info(threads: int) -> dict[str, Any]:
    """Processor, cores and threads; no host name, because records are published."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


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
