"""A full or read-only disk at every write of the store: a clear error, then the build goes on."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from store_providers import HashProvider, corpus, shard_bytes

from elmobench.core import files
from elmobench.core.errors import StoreError
from elmobench.features.store.feature_store import FeatureStore

SCRIPT = Path(__file__).parents[2] / "helpers" / "store_providers.py"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EIO])
@pytest.mark.parametrize("call", ["open", "fsync", "replace", "mkdir"])
def test_every_write_of_a_build_can_fail(tmp_path, monkeypatch, call, number):
    """The n-th call fails, for every n until none fails; each build goes on from the last."""
    whole = FeatureStore(tmp_path / "whole", shard_bytes=3000)
    whole.build(HashProvider(), corpus(20))
    store, real, failed = FeatureStore(tmp_path / "store", shard_bytes=3000), getattr(os, call), 0
    for nth in range(100):
        count = [0]

        def failing(path, *args, count=count, nth=nth, **kwargs):
            if call == "fsync" or "store/" in f"{path}/":
                count[0] += 1
                if count[0] == nth + 1:
                    raise OSError(number, os.strerror(number))
            return real(path, *args, **kwargs)

        with monkeypatch.context() as patched:
            patched.setattr(os, call, failing)
            error = None
            try:
                store.build(HashProvider(), corpus(20))
            except StoreError as raised:
                error = raised
        if error is None:
            break
        failed += 1
        assert os.strerror(number) in error.what
        assert "store" in error.where
        assert "ELMOBENCH_STORE" in error.fix
        assert list(store.root.glob("*/.*")) == []
        assert store.verify() == []
    assert failed >= (2 if call == "mkdir" else 1)
    store.build(HashProvider(), corpus(20))
    assert shard_bytes(store.root) == shard_bytes(whole.root)


def _unshare(script):
    """Run a shell script that may mount file systems; skip where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("needs unshare")
    probe = [unshare, "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    if subprocess.run(probe, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount in a name space of its own")
    done = subprocess.run(
        [unshare, "-rm", "sh", "-ec", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_a_small_file_system(tmp_path):
    """Full at first, then with room: what was stored is kept and the rest is added."""
    command = f"{sys.executable} {SCRIPT} {tmp_path}"
    output = _unshare(f"""
        mount -t tmpfs -o size=24k none {tmp_path}
        {command} plain
        ls {tmp_path}/* | wc -l
        find {tmp_path} -name '*.part'
        mount -o remount,size=10m {tmp_path}
        {command} plain
        mount -o remount,ro {tmp_path}
        {command} plain
        {command} read
    """)
    full, fix, _, again, nothing, read = output.splitlines()
    assert full.startswith(f"StoreError {tmp_path}")
    assert "no space for" in full
    assert "run again to continue" in fix
    assert again.startswith("[")
    assert int(again[1:].partition(",")[0]) > 0
    assert nothing == "[0, 0, 0]"
    assert read.endswith(", []]")


def test_left_over_files_go_with_the_next_build(tmp_path):
    store = FeatureStore(tmp_path, shard_bytes=1500)
    store.build(HashProvider(), corpus(5))
    left = store.folder(HashProvider()) / ".tokens-0.safetensors.0-1-2.part"
    left.write_bytes(b"half")
    store.build(HashProvider(), corpus(5))
    assert left.exists()  # Nothing was written.
    store.build(HashProvider(), [*corpus(5), ("new",)])
    assert not left.exists()
    assert files.remove_leftovers(store.root, deep=True) == []
