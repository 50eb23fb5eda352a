"""Encoding while writing: overlap, errors in either thread, and what others store meanwhile."""

import hashlib
import signal
import threading
import tracemalloc

import numpy as np
import pytest
import xxhash
from filelock import FileLock
from safetensors.numpy import load_file, save
from store_providers import HashProvider, corpus, expected, shard_bytes

from elmobench.core.digests import canonical_json
from elmobench.core.errors import StoreError
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store import writer as store_writer
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.shard import content_checksum, folder_lock, write_shard


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", shard_bytes=1500)


def test_the_next_shard_is_encoded_while_one_is_written(store, monkeypatch):
    """Each write waits until the next encoding has begun; never are two shards in flight."""
    provider, real = HashProvider(types=False), store_writer.write_shard
    begun, threads, events = threading.Semaphore(0), set(), []
    jobs = 5

    def encoding():
        events.append(("encode", provider.calls))
        begun.release()

    def write(path, arrays, checksum, versions):
        number = sum(kind == "write" for kind, _ in events) + 1
        if number < jobs:
            assert begun.acquire(timeout=20)
        if number == 1:
            # The first was released by its own encoding.
            assert begun.acquire(timeout=20)
        events.append(("write", number))
        threads.add(threading.current_thread())
        return real(path, arrays, checksum, versions)

    provider.on_call = encoding
    monkeypatch.setattr(store_writer, "write_shard", write)
    sentences = [tuple(f"w{i}" for i in range(60 + k)) for k in range(jobs)]
    report = store.build(provider, sentences)
    assert report.encoded_sentences == provider.calls == jobs
    assert threading.main_thread() not in threads
    for number in range(1, jobs):
        at = events.index(("write", number))
        assert events.index(("encode", number + 1)) < at
        if number + 2 <= jobs:
            # Bounded: the one after next has to wait.
            assert at < events.index(("encode", number + 2))
    assert not any(thread.is_alive() for thread in threads)


def test_an_error_of_the_writer_reaches_the_caller(store, monkeypatch):
    real, count = store_writer.write_shard, [0]

    def write(path, arrays, checksum, versions):
        count[0] += 1
        if count[0] == 3:
            raise StoreError("no space")
        return real(path, arrays, checksum, versions)

    monkeypatch.setattr(store_writer, "write_shard", write)
    with pytest.raises(StoreError, match="no space"):
        store.build(HashProvider(), corpus())
    assert len(shard_bytes(store.root)) == 2
    _nothing_held(store)
    monkeypatch.undo()
    store.build(HashProvider(), corpus())
    assert store.open(HashProvider()).missing(corpus()) == []


@pytest.mark.parametrize("how", ["signal", "error", "progress"])
def test_stopped_in_the_middle(store, monkeypatch, request, how):
    """Ctrl-C or an error while encoding: what is being written is finished, nothing is partial."""
    provider, writing, go = HashProvider(types=False), threading.Event(), threading.Event()
    real = store_writer.write_shard

    def write(path, arrays, checksum, versions):
        writing.set()
        assert go.wait(20) or provider.calls < 2
        return real(path, arrays, checksum, versions)

    def stop():
        if provider.calls == 2:
            assert writing.wait(20)
            threading.Timer(0.1, go.set).start()
            if how == "signal":
                signal.raise_signal(signal.SIGINT)
            raise RuntimeError("stopped")

    def progress(steps):
        if shard_bytes(store.root):
            raise RuntimeError("stopped")

    if how == "progress":
        go.set()
    else:
        provider.on_call = stop
    monkeypatch.setattr(store_writer, "write_shard", write)
    # A process that a script put into the background ignores the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    with pytest.raises(KeyboardInterrupt if how == "signal" else RuntimeError):
        store.build(provider, corpus(), progress if how == "progress" else None)
    assert len(shard_bytes(store.root)) in ((1, 2) if how == "progress" else (1,))
    assert store.verify() == []
    _nothing_held(store)


def _nothing_held(store):
    assert list(store.root.glob("*/.*.part")) == []
    for folder in store.root.iterdir():
        if folder.is_dir():
            for path in (folder / "locks").iterdir():
                with FileLock(path, timeout=0):
                    pass
            with folder_lock(folder).acquire(timeout=0):
                pass
    assert not [t for t in threading.enumerate() if t.name.startswith("elmobench-store")]


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_what_another_stored_meanwhile_is_not_stored_twice(tmp_path, precision):
    """While a shard is encoded, some or all of its sentences are stored in another shard."""
    sentences, other = corpus(), corpus()[20:45]
    for share in (other, sentences):
        store = FeatureStore(tmp_path / str(len(share)), precision, shard_bytes=3000)
        provider, reports = HashProvider(), []

        def meanwhile(store=store, share=share, provider=provider, reports=reports):
            if provider.calls == 2:
                twin = FeatureStore(store.root, precision, shard_bytes=500)
                reports.append(twin.build(HashProvider(), share))

        provider.on_call = meanwhile
        report = store.build(provider, sentences)
        (row,) = store.stat()
        assert row.sentences == len(set(sentences))
        assert row.tokens == sum(map(len, set(sentences)))
        assert reports[0].encoded_sentences > 0
        assert report.encoded_sentences + reports[0].encoded_sentences == row.sentences
        assert report.encoded_tokens + reports[0].encoded_tokens == row.tokens
        assert store.verify() == []
        found = store.open(provider).gather(sentences)
        for vectors, sentence in zip(found, sentences, strict=True):
            difference = np.abs(vectors[:, : len(sentence)] - expected(sentence))
            assert difference.max(initial=0) <= (1e-3 if precision == "fp16" else 1 / 250)


def test_words_that_another_stored_meanwhile(tmp_path):
    store = FeatureStore(tmp_path, "int8")
    provider = HashProvider(token_layers=False)
    real = provider.encode_types

    def encode_types(words):
        if len(words) == 3:
            store.build(HashProvider(token_layers=False), [("b", "d")])
        return real(words)

    provider.encode_types = encode_types
    report = store.build(provider, [("a", "b", "c")])
    assert report.encoded_types == 2
    (row,) = store.stat()
    assert row.types == 4
    assert store.verify() == []
    found = store.open(provider).gather([("a", "b", "c", "d")])
    assert np.abs(found[0] - expected(("a", "b", "c", "d"))[:1]).max() <= 1 / 250


def test_a_shard_has_the_bytes_that_the_library_writes(tmp_path):
    rng = np.random.default_rng(0)
    for name, dtype in {"fp16": np.float16, "fp32": np.float32, "int8": np.int8}.items():
        arrays = {
            "token_ü\n": (rng.normal(size=(7, 5)) * 50).astype(dtype),
            "token_a": (rng.normal(size=(7, 3)) * 50).astype(dtype),
            "scales_token_a": rng.normal(size=7).astype(np.float32),
            "digests": rng.integers(0, 255, (3, 16)).astype(np.uint8),
            "offsets": np.arange(4),
            "empty": np.zeros((0, 4), dtype),
        }
        checksum = content_checksum(arrays)
        path = tmp_path / f"{name}.safetensors"
        versions = {"torch": "2", "numpy": "1.26"}
        assert write_shard(path, arrays, checksum, versions) == path.stat().st_size
        facts = {
            "format": 2,
            "folder": tmp_path.name,
            "name": name,
            "checksum": checksum,
            "versions": versions,
            "block_bytes": 1 << 16,
            # All arrays are smaller than a block.
            "xxh3": {
                key: xxhash.xxh3_64_hexdigest(array.tobytes()) if array.size else ""
                for key, array in arrays.items()
            },
            "digest": "0" * 64,
        }
        blank = save(arrays, {"elmobench": canonical_json(facts)})
        length = 8 + int.from_bytes(blank[:8], "little")
        facts["digest"] = hashlib.sha256(blank[:length]).hexdigest()
        assert path.read_bytes() == save(arrays, {"elmobench": canonical_json(facts)})
        for key, array in load_file(path).items():
            assert np.array_equal(array, arrays[key])


class Wide(FeatureProvider):
    """Two token layers of 1024 equal values; cheap, so that only memory is of interest."""

    name = "wide"
    layers = (Layer("b", "token", 1024), Layer("c", "token", 1024))
    fingerprint = "f" * 64
    parameters = 0

    def encode_types(self, words):
        raise AssertionError

    def encode_tokens(self, sentences):
        return [[np.full((len(s), 1024), j, np.float32) for j in (1, 2)] for s in sentences]


@pytest.mark.parametrize(("precision", "share"), [("fp16", 1.5), ("int8", 1.26)])
def test_a_shard_is_not_copied_on_its_way(tmp_path, precision, share):
    """In memory are the provider's vectors and the narrow ones; nothing more but small blocks."""
    sentence = ("w",) * 8000
    store = FeatureStore(tmp_path, precision)
    tracemalloc.start()
    try:
        store.build(Wide(), [sentence])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    vectors = 8000 * 2 * 1024 * 4
    assert vectors < peak < vectors * share + (20 << 20)
    assert (store.open(Wide()).gather([sentence])[0, :, -1] == [[1], [2]]).all()
