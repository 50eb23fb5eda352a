import json
import os
import shutil
import threading
import time

import numpy as np
import pytest
from store_providers import HashProvider, corpus, shard_bytes

from elmobench.core.errors import StoreError
from elmobench.features.store import maintenance as store_upkeep
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.shard import folder_lock


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


def test_meta_of_another_folder_is_damage(store):
    """Of the same provider, but at another precision."""
    other = FeatureStore(store.root, "fp32")
    other.build(HashProvider(), corpus())
    assert other.verify() == []
    path = other.folder(HashProvider()) / "meta.json"
    shutil.copy(store.folder(HashProvider()) / "meta.json", path)
    (problem,) = other.verify()
    assert problem.startswith(f"{path}: is damaged: it belongs to another folder")


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_a_flipped_bit_anywhere_is_found(tmp_path, precision):
    """Every third byte of the header, and some of each array; each flip names its file."""
    store = FeatureStore(tmp_path, precision, shard_bytes=1500)
    store.build(HashProvider(), corpus(12))
    assert store.verify() == []
    rng = np.random.default_rng(0)
    folder = store.folder(HashProvider())
    # One of each kind, the small ones.
    chosen = [min(folder.glob(f"{kind}-*"), key=lambda p: p.stat().st_size) for kind in KINDS]
    for path in [*chosen, folder / "meta.json"]:
        good = path.read_bytes()
        places = range(0, len(good), 2)
        if path.suffix == ".safetensors":
            start = 8 + int.from_bytes(good[:8], "little")
            arrays = json.loads(good[8:start])
            del arrays["__metadata__"]
            kind = path.name.split("-")[0]
            assert (
                len(arrays) == KINDS[kind] + (precision == "int8") * {"tokens": 2, "types": 1}[kind]
            )
            places = list(range(0, start, 3))
            for begin, end in (entry["data_offsets"] for entry in arrays.values()):
                assert end > begin
                places += [start + begin, start + end - 1]
                places += (start + rng.integers(begin, end, 10)).tolist()
            assert len(good) == start + max(e["data_offsets"][1] for e in arrays.values())
        for place in places:
            flipped = good[place] ^ (1 << int(rng.integers(8)))
            path.write_bytes(good[:place] + bytes([flipped]) + good[place + 1 :])
            problems = store.verify()
            # A damaged name in meta.json can also make the folder look like another's.
            assert len(problems) == 1, (path, place)
            assert str(path) in problems[0]
        path.write_bytes(good)
    assert store.verify() == []


KINDS = {"tokens": 4, "types": 3}
"""Kinds of shards of a HashProvider, with the number of their arrays in half precision."""


def test_truncated_and_renamed_shards_are_found(store):
    first, second, third, *_ = sorted(store.root.glob("*/tokens-*.safetensors"))
    first.write_bytes(first.read_bytes()[:-1])
    renamed = second.with_name(second.name.replace("tokens-", "tokens-0"))
    second.rename(renamed)
    third.write_bytes(third.read_bytes() + b"0")
    problems = {line.partition(": ")[0]: line for line in store.verify()}
    assert set(problems) == {str(first), str(renamed), str(third)}
    assert "ends beyond the file" in problems[str(first)]
    assert f"was written as {first.parent.name}/{second.name}" in problems[str(renamed)]
    assert "1 bytes follow its last array" in problems[str(third)]
    for path in (renamed, first, third):
        with pytest.raises(StoreError) as caught:
            store.open(HashProvider())
        assert caught.value.where == str(min(path for path in problems if os.path.exists(path)))
        os.unlink(caught.value.where)
    store.open(HashProvider())


def test_prune_deletes_only_whole_providers(store):
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


def test_a_layer_that_is_first_read_after_a_prune(store):
    """An open map stays readable; one that is opened too late gives a message, not an OSError."""
    sentences = corpus()
    view = store.open(HashProvider()).view(sentences)
    open_layer = view.gather(range(len(sentences)), layers=[1])
    store.prune(fingerprints=[""])
    assert np.array_equal(view.gather(range(len(sentences)), layers=[1]), open_layer)
    for layer in (0, 2):
        with pytest.raises(StoreError, match="was deleted while in use") as caught:
            view.gather([0], layers=[layer])
        assert "build" in caught.value.fix
        assert caught.value.where.endswith(".safetensors")


def test_a_writer_continues_after_a_prune(store):
    """Pruned while it encodes its second part: what it writes then has a meta.json again."""
    provider, sentences = HashProvider(version=2), corpus(80, seed=1)
    pruned = []

    def prune():
        if provider.calls == 2:
            # The first part is written meanwhile, by another thread.
            for _ in range(3000):
                if any(store.folder(provider).glob("tokens-*.safetensors")):
                    break
                time.sleep(0.01)
            pruned.extend(store.prune(fingerprints=[provider.fingerprint]))

    provider.on_call = prune
    store.build(provider, sentences)
    assert pruned == [store.folder(provider)]
    rows = {row.fingerprint: row for row in store.stat()}
    assert set(rows) == {HashProvider().fingerprint, provider.fingerprint}
    assert 0 < rows[provider.fingerprint].sentences < len(set(sentences))
    assert store.verify() == []
    store.build(provider, sentences)
    assert store.open(provider).missing(sentences) == []
    assert store.prune(fingerprints=[""])
    assert [path for path in store.root.iterdir() if path.is_dir()] == []


def test_a_folder_loses_its_name_before_its_files(store, monkeypatch):
    """Killed while deleting: no half-deleted folder is visible, and the next prune finishes it."""
    folder = store.folder(HashProvider())

    class Killed(BaseException):
        pass

    def kill(path, *args, **kwargs):
        raise Killed

    monkeypatch.setattr(store_upkeep.shutil, "rmtree", kill)
    with pytest.raises(Killed):
        store.prune(fingerprints=[""])
    monkeypatch.undo()
    assert not folder.exists()
    assert store.stat() == []
    assert store.verify() == []
    (aside,) = [path for path in store.root.iterdir() if path.is_dir()]
    assert len(list(aside.glob("*.safetensors"))) > 2
    store.build(HashProvider(), corpus())
    assert store.prune() == [aside]
    assert not aside.exists()
    assert store.open(HashProvider()).missing(corpus()) == []
    assert store.verify() == []


def test_a_prune_waits_while_a_shard_is_put_down(store):
    folder, deleted = store.folder(HashProvider()), []
    with folder_lock(folder):
        thread = threading.Thread(
            target=lambda: deleted.extend(store.prune(fingerprints=[""])), daemon=True
        )
        thread.start()
        thread.join(0.3)
        assert folder.exists()
    thread.join(20)
    assert deleted == [folder]


def test_looking_at_a_store_that_another_prunes(store, monkeypatch):
    """Each look loses the folder just as it begins to read it."""
    other = HashProvider(version=2)

    def vanishing(real):
        def vanish(folder):
            if folder == store.folder(other):
                shutil.rmtree(folder)
            return real(folder)

        return vanish

    for name in ("read_meta", "verify_meta", "_modified"):
        monkeypatch.setattr(store_upkeep, name, vanishing(getattr(store_upkeep, name)))
    for look in (store.stat, store.verify, lambda: store.prune(older_than=60)):
        store.build(other, corpus())
        found = look()
        assert len(found) == (look == store.stat)
        assert not store.folder(other).exists()


def test_prune_spares_foreign_folders(store):
    foreign = store.root / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("x")
    store.prune(fingerprints=[""])
    assert (foreign / "thesis.txt").exists()
    assert store.stat() == []


def test_prune_removes_what_killed_writers_left(store):
    """Whoever writes holds the folder's lock: while it is held, nothing is deleted."""
    folder = store.folder(HashProvider())
    left = [folder / ".meta.json.x.part", folder / ".tokens-1.safetensors.x.part"]
    for path in left:
        path.write_text("x")
    before = shard_bytes(store.root)
    with folder_lock(folder):
        assert store.prune() == []
    assert all(path.exists() for path in left)
    assert store.prune() == left
    assert shard_bytes(store.root) == before
    assert store.verify() == []
