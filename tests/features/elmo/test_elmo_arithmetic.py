"""Threads, bfloat16 and settings of the machine: what may change vectors, and what may not."""

import threading

import numpy as np
import pytest
import torch
from elmo_reference import Reference, write_model

from elmobench.core.errors import ConfigError
from elmobench.features import frozen_linear
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.elmo.threads import run_in_threads

SENTENCES = [[f"w{i % 7}" for i in range(n)] for n in (5, 1, 12, 0, 30, 8)]


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def _largest(a, b):
    return max(np.abs(x - y).max(initial=0) for x, y in zip(a, b, strict=True))


def test_threads_change_nothing(tmp_path, threads):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    threads(1)
    one = ours.encode(SENTENCES)
    threads(2)
    assert _largest(one, ours.encode(SENTENCES)) <= 5e-6
    assert torch.get_num_threads() == 2


def test_halves_run_at_the_same_time_and_in_order(threads):
    threads(2)
    meet = threading.Barrier(2, timeout=30)

    def half(i):
        meet.wait()
        assert torch.is_inference_mode_enabled()
        return i, torch.get_num_threads()

    assert run_in_threads(half, 2) == [(0, 1), (1, 1)]


def test_with_one_thread_they_run_one_after_the_other(threads):
    threads(1)
    names = run_in_threads(lambda i: (i, threading.current_thread().name), 2)
    assert names == [(i, threading.current_thread().name) for i in range(2)]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_in_either_half_arrives_and_threads_are_given_back(threads, failing):
    threads(2)

    def half(i):
        if i == failing:
            raise ValueError(f"half {i}")

    with pytest.raises(ValueError, match=f"half {failing}"):
        run_in_threads(half, 2)
    assert torch.get_num_threads() == 2


@pytest.mark.parametrize("native", [True, False])
def test_bfloat16_is_near_float32_and_another_fingerprint(tmp_path, monkeypatch, native):
    if not native:
        monkeypatch.setattr(frozen_linear, "has_bfloat16", lambda: False)
    model = write_model(tmp_path)
    exact = ElmoProvider.from_files(*model)
    near = ElmoProvider.from_files(*model, arithmetic="bf16")
    assert near.fingerprint != exact.fingerprint
    assert near.describe()["arithmetic"] == "bf16"
    reference = Reference(*model)
    for sentence, found in zip(SENTENCES, near.encode(SENTENCES), strict=True):
        expected, _ = reference.encode(sentence)
        # Layer 0 stays in float32; above it factors have 8 bits.
        assert np.abs(found[0] - expected[0]).max(initial=0) <= 5e-6
        assert np.abs(found[1:] - expected[1:]).max(initial=0) <= 0.1
    assert _largest(exact.encode(SENTENCES), near.encode(SENTENCES)) > 1e-4


def test_bfloat16_does_not_depend_on_the_batch(tmp_path):
    near = ElmoProvider.from_files(*write_model(tmp_path), arithmetic="bf16")
    together = near.encode(SENTENCES)
    alone = [near.encode([sentence])[0] for sentence in SENTENCES]
    assert _largest(together, alone) <= 5e-6


@pytest.mark.parametrize("name", ["ONEDNN_DEFAULT_FPMATH_MODE", "DNNL_DEFAULT_FPMATH_MODE"])
def test_an_environment_that_lowers_precision_is_refused(tmp_path, monkeypatch, name):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    exact = ours.encode(SENTENCES)
    monkeypatch.setenv(name, "BF16")
    with pytest.raises(ConfigError, match=name) as error:
        ours.encode(SENTENCES)
    assert f"unset {name}" in str(error.value)
    monkeypatch.setenv(name, "strict")
    assert _largest(exact, ours.encode(SENTENCES)) == 0


def test_without_onednn_the_vectors_are_the_same(tmp_path, monkeypatch):
    model = write_model(tmp_path)
    exact = ElmoProvider.from_files(*model).encode(SENTENCES)
    monkeypatch.setattr(frozen_linear, "_onednn", lambda: None)
    assert _largest(exact, ElmoProvider.from_files(*model).encode(SENTENCES)) <= 5e-6
