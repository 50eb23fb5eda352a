import json
import os
import time

import pytest
from filelock import FileLock
from store_providers import HashProvider, corpus, shard_bytes

from elmobench.errors import StoreError
from elmobench.features.store import FeatureStore


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(tmp_path / "store", shard_bytes=1500)
    store.build(HashProvider(), corpus())
    return store


def test_stat_counts_everything(store):
    FeatureStore(store.root, "fp32").build(HashProvider(), corpus()[:10])
    FeatureStore(store.root).build(HashProvider("static", token_layers=False), corpus())
    rows = {(row.name, row.precision): row for row in store.stat()}
    assert set(rows) == {("hash", "fp16"), ("hash", "fp32"), ("static", "fp16")}
    row, distinct = rows["hash", "fp16"], set(corpus())
    assert row.sentences == len(distinct)
    assert row.tokens == sum(map(len, distinct))
    assert row.types == len({w for s in distinct for w in s})
    folder = store.folder(HashProvider())
    assert row.bytes == sum(p.stat().st_size for p in folder.iterdir() if p.is_file())
    assert row.bytes_per_token == row.bytes / row.tokens
    assert rows["static", "fp16"].tokens == 0
    assert FeatureStore(store.root / "none").stat() == []


def test_a_flipped_bit_anywhere_is_found(store):
    """One bit in each array and in the header, each found again."""
    assert store.verify() == []
    for path in sorted(store.root.glob("*/*.safetensors"))[:: len(shard_bytes(store.root)) // 4]:
        good = path.read_bytes()
        header = int.from_bytes(good[:8], "little")
        arrays = json.loads(good[8 : 8 + header])
        places = [0, 12, 8 + header // 2]
        for name, entry in arrays.items():
            begin, end = entry.get("data_offsets", (0, 0))
            if name != "__metadata__" and end > begin:
                places.append(8 + header + (begin + end) // 2)
        assert len(places) >= 5
        for place in places:
            path.write_bytes(good[:place] + bytes([good[place] ^ 4]) + good[place + 1 :])
            problems = store.verify()
            assert len(problems) == 1, (path, place)
            assert str(path) in problems[0]
        path.write_bytes(good)
    assert store.verify() == []


def test_truncated_and_renamed_shards_are_found(store):
    first, second, *_ = sorted(store.root.glob("*/tokens-*.safetensors"))
    first.write_bytes(first.read_bytes()[:-1])
    second.rename(second.with_name(second.name.replace("tokens-", "tokens-0")))
    problems = store.verify()
    assert len(problems) == 2
    assert any("ends beyond the file" in problem for problem in problems)
    assert any("named" in problem for problem in problems)
    with pytest.raises(StoreError, match=first.name):
        store.open(HashProvider())


def test_prune_takes_whole_providers_only(store):
    other = HashProvider(version=2)
    store.build(other, corpus())
    assert store.prune() == []
    assert len(store.stat()) == 2
    kept = store.folder(other)
    assert store.prune(fingerprints=[HashProvider().fingerprint[:10]]) == [
        store.folder(HashProvider())
    ]
    assert [row.fingerprint for row in store.stat()] == [other.fingerprint]
    assert store.prune(keep=[other.fingerprint]) == []
    assert store.prune(keep=["nothing"], older_than=60) == []
    old = time.time() - 1000
    for path in kept.iterdir():
        os.utime(path, (old, old))
    assert store.prune(older_than=60) == [kept]
    assert store.stat() == []


def test_prune_spares_foreign_folders(store):
    foreign = store.root / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("x")
    store.prune(fingerprints=[""])
    assert (foreign / "thesis.txt").exists()
    assert store.stat() == []


def test_prune_removes_what_killed_writers_left(store):
    folder = store.folder(HashProvider())
    dead, live = folder / ".tokens-1.safetensors.x.part", folder / ".tokens-2.safetensors.x.part"
    dead.write_text("x")
    live.write_text("x")
    before = shard_bytes(store.root)
    with FileLock(folder / "locks" / "tokens-2.lock"):
        assert store.prune() == [dead]
    assert live.exists()
    assert shard_bytes(store.root) == before
