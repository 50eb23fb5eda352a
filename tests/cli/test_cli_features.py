import subprocess
import sys

import pytest
import torch
from typer.testing import CliRunner

from elmobench.cli.features import app
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.features.static.random_vectors import RandomStaticProvider
from elmobench.features.store.feature_store import FeatureStore

runner = CliRunner()
SENTENCES = [("a", "b"), ("c",), ("a", "b")]


@pytest.fixture(autouse=True)
def _task(monkeypatch):
    """The sentences of a task, so that these tests need no dataset."""
    monkeypatch.setattr(
        "elmobench.cli.features.task_sentences", lambda tasks, include, trust: SENTENCES
    )


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMOBENCH_STORE", str(tmp_path / "store"))
    return tmp_path / "store"


def _run(*arguments, **more):
    return runner.invoke(app, list(arguments), catch_exceptions=True, **more)


def test_build_fills_the_store_and_says_so(root):
    result = _run("build", "random+random@seed=2", "some-task", "--precision", "fp32")
    assert result.exit_code == 0, result.output
    assert result.output.count("2 sentences") == 2
    assert "3 word types" in result.output
    store = FeatureStore(precision="fp32")
    for seed in (0, 2):
        assert store.open(RandomStaticProvider(seed=seed)).missing(SENTENCES) == []
    again = _run("build", "random", "some-task", "--precision", "fp32")
    assert "0 word types" in again.output


def test_build_in_eight_bits_and_in_no_known_precision(root):
    assert _run("build", "random", "t", "--precision", "int8").exit_code == 0
    assert FeatureStore(precision="int8").open(RandomStaticProvider()).missing(SENTENCES) == []
    assert "int8" in _run("stat").output
    bad = _run("build", "random", "t", "--precision", "int4")
    assert bad.exit_code == 2
    assert "fp16, fp32, int8" in bad.output


def test_build_encodes_with_the_stated_threads(root, monkeypatch):
    seen, real = [], RandomStaticProvider.encode_types
    before = torch.get_num_threads()

    def encode_types(self, words):
        seen.append(torch.get_num_threads())
        return real(self, words)

    monkeypatch.setattr(RandomStaticProvider, "encode_types", encode_types)
    torch.set_num_threads(3)
    try:
        assert _run("build", "random", "t").exit_code == 0
        assert _run("build", "random@seed=2", "t", "--threads", "2").exit_code == 0
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert seen == [1, 2]
    assert _run("build", "random", "t", "--threads", "0").exit_code == 2


def test_build_refuses_bad_input(root):
    assert isinstance(_run("build", "random+", "t").exception, ConfigError)
    assert isinstance(_run("build", "randum", "t").exception, UnknownNameError)
    assert _run("build", "random", "t", "--precision", "bf16").exit_code == 2
    assert not root.exists()


def test_stat_and_verify(root):
    assert "0.0 MB" in _run("stat").output
    _run("build", "random", "t")
    assert "random" in _run("stat").output
    assert _run("verify").exit_code == 0
    (shard,) = root.glob("*/*.safetensors")
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    result = _run("verify")
    assert result.exit_code == 1
    assert shard.name in result.output.replace("\n", "")


def test_prune_asks_first(root):
    _run("build", "random+random@seed=2", "t")
    fingerprint = RandomStaticProvider(seed=2).fingerprint
    assert _run("prune").exit_code == 0
    assert len(FeatureStore().stat()) == 2
    assert _run("prune", "--fingerprint", fingerprint[:8], input="n\n").exit_code == 1
    assert len(FeatureStore().stat()) == 2
    assert _run("prune", "--fingerprint", fingerprint[:8], "--yes").exit_code == 0
    assert [row.fingerprint for row in FeatureStore().stat()] == [
        RandomStaticProvider().fingerprint
    ]
    assert _run("prune", "--all", "--fingerprint", "x").exit_code == 2
    assert _run("prune", "--fingerprint", "").exit_code == 2
    assert _run("prune", "--all", input="y\n").exit_code == 0
    assert FeatureStore().stat() == []


def test_listing_models_imports_nothing_heavy():
    code = (
        "import sys, elmobench.cli.features;"
        "from elmobench.features.catalog.catalog import ModelCatalog; "
        "ModelCatalog().names(); "
        "print([m for m in ('torch', 'h5py', 'pandas') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
