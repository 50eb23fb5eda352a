"""The GPU's biLSTM, run on the CPU, against the float64 reference and the CPU's own."""

import numpy as np
import pytest
import torch
from elmo_reference import Reference, write_model

from elmobench.core.errors import ConfigError
from elmobench.features.arithmetic import strict_float32
from elmobench.features.elmo import fused
from elmobench.features.elmo.encoding import TokenEncoder
from elmobench.features.elmo.fused import FusedBiLstm
from elmobench.features.elmo.loading import build_network, read_weights
from elmobench.features.elmo.options import read_options
from elmobench.features.elmo.provider import ElmoProvider

SENTENCES = [
    ("The", "cat", "sat", "on", "the", "mat", "."),
    (),
    ("word",),
    ("naïve", "日本語", "", "é" * 30, "😀", "<S>", "x"),
    tuple(f"w{i}" for i in range(60)),
    *[tuple(f"v{i}" for i in range(n)) for n in (3, 9, 16, 17, 1, 2, 31)],
]


@pytest.fixture(
    params=[{}, {"lstm": {"use_skip_connections": False, "cell_clip": None, "proj_clip": None}}],
    ids=["published", "bare"],
)
def model(request, tmp_path):
    return write_model(tmp_path, **request.param)


def _network(model, dtype=torch.float32, as_fused=True):
    options = read_options(model[0])
    return build_network(options, read_weights(model[1], options), dtype, fused=as_fused)


def _vectors(network, policy="zero", batch_size=3, sentences=SENTENCES):
    with strict_float32():
        return TokenEncoder(network, policy, batch_size)(sentences)


def _largest(a, b):
    return max(
        np.abs(x - y).max(initial=0)
        for ours, theirs in zip(a, b, strict=True)
        for x, y in zip(ours, theirs, strict=True)
    )


@pytest.mark.parametrize("rows", [2, 3, 256])
def test_equals_the_float64_reference(model, rows, monkeypatch):
    monkeypatch.setattr(fused, "_MOST_ROWS", rows)
    monkeypatch.setattr(fused, "_ROW_MULTIPLE", 2)
    monkeypatch.setattr(fused, "_RUN_STEPS", 5)
    network = _network(model)
    assert isinstance(network.bilstm, FusedBiLstm)
    reference = Reference(*model)
    for sentence, layers in zip(SENTENCES, _vectors(network), strict=True):
        expected, _ = reference.encode(list(sentence))
        found = np.stack(layers)
        assert found.dtype == np.float32
        assert np.abs(found - expected[1:]).max(initial=0) <= 5e-6


@pytest.mark.parametrize("policy", ["zero", "warm", "carry"])
def test_equals_the_two_directions_apart_under_every_policy(model, policy):
    apart = _vectors(_network(model, as_fused=False), policy)
    assert _largest(_vectors(_network(model), policy), apart) <= 5e-6


def test_a_run_is_used_again_for_another_batch(model):
    network = _network(model)
    first = _vectors(network)
    assert _largest(_vectors(network, sentences=SENTENCES[:1]), first[:1]) <= 5e-6
    assert _largest(_vectors(network), first) == 0


def test_bfloat16_is_near(model):
    exact = _vectors(_network(model))
    near = _vectors(_network(model, torch.bfloat16))
    assert 1e-4 < _largest(exact, near) < 0.2


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_gpu_cuda_is_a_clear_error(model):
    with pytest.raises(ConfigError, match="no CUDA device") as error:
        ElmoProvider.from_files(*model, device="cuda")
    assert "device=cuda" in str(error.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_gpu_gives_the_same_vectors(model):
    sentences = [list(s) for s in SENTENCES]
    ours = ElmoProvider.from_files(*model, device="cuda").encode(sentences)
    cpu = ElmoProvider.from_files(*model).encode(sentences)
    assert max(np.abs(a - b).max(initial=0) for a, b in zip(ours, cpu, strict=True)) <= 5e-5
