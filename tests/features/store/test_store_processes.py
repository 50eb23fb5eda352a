"""The store among processes: reopened, killed, shared, and out of space."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from store_providers import HashProvider, corpus, expected, overlapping, shard_bytes

from elmobench.features.store.feature_store import FeatureStore

SCRIPT = Path(__file__).parents[2] / "helpers" / "store_providers.py"


def _start(root, *mode):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), str(root), *mode], stdout=subprocess.PIPE, text=True
    )


def _run(root, *mode):
    process = _start(root, *mode)
    return process.communicate(timeout=100)[0], process.returncode


@pytest.fixture
def whole(tmp_path):
    """The files of a build that nothing disturbed."""
    FeatureStore(tmp_path / "whole", shard_bytes=1500).build(HashProvider(), corpus())
    return shard_bytes(tmp_path / "whole")


@pytest.mark.slow
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
    # Killed while it encodes, it may be writing the shard before, too.
    assert leftovers or mode == "kill-encoding"
    store = FeatureStore(root, shard_bytes=1500)
    assert store.open(HashProvider()).missing(corpus())
    assert store.verify() == []
    encoded, _, _ = json.loads(_run(root, "plain")[0])
    assert 0 < encoded < len(set(corpus()))
    assert shard_bytes(root) == whole
    assert list(root.glob("*/.*.part")) == []


@pytest.mark.slow
def test_two_writers_share_the_work(tmp_path, whole):
    root = tmp_path / "store"
    writers = [_start(root, "slow") for _ in range(2)]
    reports = [json.loads(writer.communicate(timeout=100)[0]) for writer in writers]
    assert shard_bytes(root) == whole
    # Every sentence was encoded by exactly one of them.
    assert sum(report[0] for report in reports) == len(set(corpus()))
    assert sum(report[2] for report in reports) == sum(map(len, whole.values()))


def test_a_quota_leaves_no_incomplete_file(tmp_path, whole):
    pytest.importorskip("resource")
    root = tmp_path / "store"
    output, _ = _run(root, "quota")
    assert output.startswith("StoreError")
    assert "no space for a shard" in output
    assert str(root) in output
    assert list(root.glob("*/.*")) == []
    # Shards smaller than the quota are complete.
    assert shard_bytes(root).items() <= whole.items()
    assert len(shard_bytes(root)) < len(whole)


@pytest.mark.slow
def test_writers_of_overlapping_data_store_nothing_twice(tmp_path):
    root = tmp_path / "store"
    writers = [_start(root, f"overlap-{which}") for which in (0, 1, 2, 1)]
    reports = [json.loads(writer.communicate(timeout=100)[0]) for writer in writers]
    every = [sentence for which in (0, 1, 2) for sentence in overlapping(which)]
    store = FeatureStore(root)
    assert store.verify() == []
    (row,) = store.stat()
    assert row.sentences == len(set(every)) == sum(report[0] for report in reports)
    assert row.tokens == sum(map(len, set(every)))  # Counts what lies in two shards twice.
    assert row.types == len({word for s in every for word in s})
    assert sum(report[1] for report in reports) == row.types
    found = store.open(HashProvider()).gather(every)
    for vectors, sentence in zip(found, every, strict=True):
        difference = np.abs(vectors[:, : len(sentence)] - expected(sentence))
        assert difference.max(initial=0) <= 1e-3
    assert list(root.glob("*/.*.part")) == []


@pytest.mark.nightly
def test_a_real_model_writes_the_same_bytes_whatever_happens(tmp_path):
    """In another order with repeats, by two processes at once, killed and resumed."""
    roots = {name: tmp_path / name for name in ("whole", "shuffled", "shared", "killed")}
    _run(roots["whole"], "elmo", "fp16")
    _run(roots["shuffled"], "elmo-shuffled", "fp16")
    writers = [_start(roots["shared"], mode, "fp16") for mode in ("elmo", "elmo-shuffled")]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    for writer in writers:
        writer.stdout.close()
    _, status = _run(roots["killed"], "elmo-killed", "fp16")
    assert status == -9
    partial = shard_bytes(roots["killed"])
    _run(roots["killed"], "elmo", "fp16")
    whole = _digests(roots["whole"])
    assert 0 < len(partial) < len(whole)
    for root in roots.values():
        assert _digests(root) == whole


def _digests(root):
    return {name: hashlib.sha256(data).hexdigest() for name, data in shard_bytes(root).items()}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_new_process_reads_the_same_batch(tmp_path, precision):
    store = FeatureStore(tmp_path, precision, shard_bytes=1500)
    store.build(HashProvider(), corpus())
    here = float(store.open(HashProvider()).gather(corpus()).sum())
    total, missing = json.loads(_run(tmp_path, "read", precision)[0])
    assert (total, missing) == (here, [])
