"""What a record says about machine and settings is what was in use."""

from __future__ import annotations

import json
import os

import numpy  # noqa: F401  (loads its BLAS)
import pytest
import torch
from threadpoolctl import threadpool_limits

from elmobench.tracking.host import _torch_blas, host_info, numerics, numerics_text
from elmobench.training.machine import repeatable, torch_threads


def test_settings_are_those_in_use() -> None:
    other = torch.get_num_threads() + 1
    before = numerics()
    with torch_threads(other), repeatable():
        inside = numerics()
    assert (inside["torch_threads"], inside["deterministic"]) == (other, True)
    assert (before["torch_threads"], before["deterministic"]) == (other - 1, False)
    assert numerics() == before
    assert before["torch_interop_threads"] == torch.get_num_interop_threads()
    assert before["cpu_capability"] == torch.backends.cpu.get_cpu_capability()
    assert (before["device"], before["default_dtype"]) == ("cpu", "float32")


def test_threads_of_numpys_blas_are_its_own() -> None:
    with threadpool_limits(1, user_api="blas"):
        libraries = numerics()["libraries"]
    blas = [one for one in libraries if one["name"] in ("openblas", "mkl", "blis")]
    if not blas:
        pytest.skip("NumPy's BLAS is of a kind that cannot be asked")
    assert {one["threads"] for one in blas} == {1}
    assert all(one["version"] for one in blas)


def test_a_precision_setting_is_seen() -> None:
    assert numerics()["float32_matmul_precision"] == "highest"
    torch.set_float32_matmul_precision("medium")
    try:
        assert numerics()["float32_matmul_precision"] == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_variables_that_change_sums_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.setenv("SECRET_OF_THE_USER", "x")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    found = numerics()
    assert found["variables"]["MKL_CBWR"] == "COMPATIBLE"
    assert found["variables"].keys().isdisjoint({"SECRET_OF_THE_USER", "OMP_NUM_THREADS"})
    assert "MKL_CBWR=COMPATIBLE" in numerics_text(found)


def test_nothing_in_it_names_a_folder_and_json_holds_it() -> None:
    text = json.dumps([numerics(), host_info(2)])
    assert json.loads(text) == [numerics(), host_info(2)]
    assert os.path.dirname(torch.__file__) not in text
    assert os.uname().nodename not in text


@pytest.mark.parametrize(
    ("build", "expected"),
    [
        (
            "  - Intel(R) oneAPI Math Kernel Library Version 2024.2-Product Build 20240605\n"
            "  - Intel(R) MKL-DNN v3.12.0 (Git Hash 80afa71)\n  - Build settings: BLAS_INFO=mkl, X",
            "mkl 2024.2, onednn 3.12.0",
        ),
        (
            "  - Intel(R) MKL-DNN v3.5.3 (Git Hash 1)\n  - Build settings: BLAS_INFO=open, USE=1",
            "open, onednn 3.5.3",
        ),
        # Some builds have MKL's other functions without its BLAS.
        (
            "Math Kernel Library Version 2024.2-P\nBLAS_INFO=accelerate,",
            "accelerate, mkl 2024.2",
        ),
        ("PyTorch built with:", "unknown BLAS"),
    ],
)
def test_blas_of_torch(build: str, expected: str) -> None:
    assert _torch_blas(build) == expected


def test_the_line_for_a_person() -> None:
    values = {
        "device": "cuda:0",
        "gpu": "Some GPU",
        "cpu_capability": "AVX2",
        "torch_threads": 1,
        "torch_interop_threads": 4,
        "torch_blas": "mkl 2024.2",
        "libraries": [
            {"name": "libgomp", "version": None, "kernels": None, "threads": 2},
            {"name": "openblas", "version": "0.3", "kernels": "Haswell", "threads": 8},
        ],
        "deterministic": True,
        "variables": {},
    }
    assert numerics_text(values) == (
        "cuda:0 Some GPU; AVX2 instructions; torch with mkl 2024.2, threads: 1 within and 4 "
        "between operations; libgomp, threads: 2; openblas 0.3 (Haswell), threads: 8; deterministic"
    )
    assert numerics_text({}) == ""
