"""The store among processes: reopened, killed, shared, and out of space."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from store_providers import HashProvider, corpus, expected, shard_bytes

from elmobench.features.store import FeatureStore

SCRIPT = Path(__file__).with_name("store_providers.py")


def _start(root, mode):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root), mode], stdout=subprocess.PIPE, text=True
    )


def _run(root, mode):
    process = _start(root, mode)
    return process.communicate(timeout=100)[0], process.returncode


@pytest.fixture
def whole(tmp_path):
    """The files of a build that nothing disturbed."""
    FeatureStore(tmp_path / "whole", shard_bytes=1500).build(HashProvider(), corpus())
    return shard_bytes(tmp_path / "whole")


def test_a_new_process_reads_what_another_wrote(tmp_path):
    _run(tmp_path, "plain")
    total, missing = json.loads(_run(tmp_path, "read")[0])
    assert missing == []
    assert total == pytest.approx(sum(float(expected(s).sum()) for s in corpus()), rel=1e-3)


@pytest.mark.parametrize("mode", ["kill-encoding", "kill-writing"])
def test_killed_and_resumed(tmp_path, whole, mode):
    root = tmp_path / "store"
    _, status = _run(root, mode)
    assert status == -9
    partial = shard_bytes(root)
    assert 0 < len(partial) < len(whole)
    assert partial.items() <= whole.items()
    leftovers = list(root.glob("*/.*.part"))
    assert bool(leftovers) == (mode == "kill-writing")
    store = FeatureStore(root, shard_bytes=1500)
    assert store.open(HashProvider()).missing(corpus())
    assert store.verify() == []
    encoded, _, _ = json.loads(_run(root, "plain")[0])
    assert 0 < encoded < len(set(corpus()))
    assert shard_bytes(root) == whole
    assert list(root.glob("*/.*.part")) == []


def test_two_writers_share_the_work(tmp_path, whole):
    root = tmp_path / "store"
    writers = [_start(root, "slow") for _ in range(2)]
    reports = [json.loads(writer.communicate(timeout=100)[0]) for writer in writers]
    assert shard_bytes(root) == whole
    # Every sentence was encoded by exactly one of them.
    assert sum(report[0] for report in reports) == len(set(corpus()))
    assert sum(report[2] for report in reports) == sum(map(len, whole.values()))


def test_a_quota_leaves_nothing_half_written(tmp_path, whole):
    pytest.importorskip("resource")
    root = tmp_path / "store"
    output, _ = _run(root, "quota")
    assert output.startswith("StoreError")
    assert "no space for a shard" in output
    assert str(root) in output
    assert list(root.glob("*/.*")) == []
    # Shards below the quota are whole.
    assert shard_bytes(root).items() <= whole.items()
    assert len(shard_bytes(root)) < len(whole)


@pytest.mark.slow
def test_a_real_model_writes_the_same_bytes_in_any_process(tmp_path):
    for name in ("a", "b"):
        _run(tmp_path / name, "elmo")
    first = shard_bytes(tmp_path / "a")
    assert len(first) > 2
    assert first == shard_bytes(tmp_path / "b")
    lost = sorted(first)[1]
    (tmp_path / "b" / lost).unlink()
    _run(tmp_path / "b", "elmo")
    assert shard_bytes(tmp_path / "b") == first
