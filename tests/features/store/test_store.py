import hashlib
import inspect
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file
from store_providers import HashProvider, corpus, expected, shard_bytes

from elmobench.core.digests import sentence_digest
from elmobench.core.errors import StoreError
from elmobench.features.store import shard as store_shard
from elmobench.features.store.feature_store import FeatureStore

FP16 = 1e-3
SMALL = 1500


@pytest.fixture
def store(tmp_path):
    return FeatureStore(tmp_path / "store", shard_bytes=SMALL)


def _check(vectors, sentences, layers=(0, 1, 2), tolerance=FP16):
    longest = max(map(len, sentences), default=0)
    assert vectors.shape == (len(sentences), len(layers), longest, 6)
    assert vectors.dtype == np.float32
    for found, sentence in zip(vectors, sentences, strict=True):
        size = len(sentence)
        right = expected(sentence)[list(layers)]
        assert np.abs(found[:, :size] - right).max(initial=0) <= tolerance
        assert (found[:, size:] == 0).all()


@pytest.mark.parametrize(("precision", "tolerance"), [("fp16", FP16), ("fp32", 0)])
def test_what_was_written_is_read(tmp_path, precision, tolerance):
    store, provider = FeatureStore(tmp_path, precision, shard_bytes=SMALL), HashProvider()
    sentences = corpus()
    store.build(provider, sentences)
    stored = store.open(provider)
    assert stored.missing(sentences) == []
    _check(stored.gather(sentences), sentences, tolerance=tolerance)
    _check(stored.gather(sentences, layers=[2, 0]), sentences, (2, 0), tolerance)
    view = stored.view(sentences)
    assert view.lengths.tolist() == [len(s) for s in sentences]
    for indices in ([3], [5, 5, 1], np.arange(len(sentences))[::-1]):
        _check(view.gather(indices), [sentences[i] for i in indices], tolerance=tolerance)


def test_empty_batches_and_empty_sentences(store):
    provider = HashProvider()
    store.build(provider, [()])
    stored = store.open(provider)
    assert stored.gather([()]).shape == (1, 3, 0, 6)
    assert stored.gather([]).shape == (0, 3, 0, 6)
    assert stored.view([()]).gather([]).shape == (0, 3, 0, 6)
    report = store.build(provider, [])
    assert report.sentences == report.bytes == 0


def test_long_sentences_are_cut_to_max_length(store):
    sentences = [("a", "b", "c", "d"), ("e",)]
    store.build(HashProvider(), sentences)
    found = store.open(HashProvider()).gather(sentences, max_length=2)
    assert found.shape == (2, 3, 2, 6)
    assert np.abs(found[0] - expected(sentences[0])[:, :2]).max() <= FP16
    assert (found[1, :, 1] == 0).all()


def test_each_sentence_and_word_is_encoded_once(store):
    provider, sentences, seen = HashProvider(), corpus(), []
    distinct, words = set(sentences), {w for s in sentences for w in s}
    report = store.build(provider, sentences, seen.append)
    assert report.sentences == report.encoded_sentences == len(distinct)
    assert report.encoded_tokens == sum(map(len, distinct))
    assert report.encoded_types == len(words)
    assert report.bytes == sum(map(len, shard_bytes(store.root).values()))
    assert sum(seen) == len(distinct)
    assert len(seen) > 3
    calls, seen[:] = provider.calls, []
    again = store.build(provider, [list(s) for s in reversed(sentences)], seen.append)
    assert (again.encoded_sentences, again.encoded_tokens, again.encoded_types) == (0, 0, 0)
    assert provider.calls == calls
    assert sum(seen) == len(distinct)


def test_a_second_dataset_adds_what_is_new(store):
    provider, first, second = HashProvider(), corpus(), corpus(80, seed=1)
    store.build(provider, first)
    before = shard_bytes(store.root)
    report = store.build(provider, first[:30] + second)
    assert report.encoded_sentences == len(set(second) - set(first))
    after = shard_bytes(store.root)
    assert {name: after[name] for name in before} == before
    _check(store.open(provider).gather(first + second), first + second)


def test_order_of_the_sentences_changes_no_byte(tmp_path):
    sentences = corpus()
    for name, given in (("a", sentences), ("b", sentences[::-1] + sentences)):
        FeatureStore(tmp_path / name, shard_bytes=SMALL).build(HashProvider(), given)
    assert shard_bytes(tmp_path / "a") == shard_bytes(tmp_path / "b")


def test_missing_lists_what_is_not_wholly_stored(store):
    provider = HashProvider()
    assert store.open(provider).missing([("x",), ["x"], ()]) == [("x",), ()]
    assert not store.root.exists()
    store.build(provider, [("x", "y")])
    assert store.open(provider).missing([("x", "y"), ("y",), ("x", "y")]) == [("y",)]
    with pytest.raises(
        StoreError, match="1 sentences have no stored vectors, for example 'y'"
    ) as caught:
        store.open(provider).gather([("x", "y"), ("y",)])
    # `features build` does not know an experiment's own models and phrases.
    assert caught.value.fix.startswith("run the experiment again, or ")


def test_sentences_with_equal_joined_text_are_distinct(store):
    pair = [("a b",), ("a", "b")]
    store.build(HashProvider(), pair)
    _check(store.open(HashProvider()).gather(pair), pair)


def test_only_types_and_only_tokens(tmp_path):
    sentences = corpus()
    for kwargs, layer in (({"token_layers": False}, [0]), ({"types": False}, [1, 2])):
        provider = HashProvider(**kwargs)
        store = FeatureStore(tmp_path, shard_bytes=SMALL)
        report = store.build(provider, sentences)
        assert bool(report.encoded_types) == (layer == [0])
        stored = store.open(provider)
        assert stored.missing([*sentences, ("new",)]) == [("new",)]
        _check(stored.gather(sentences), sentences, layer)
        assert store.build(provider, sentences).bytes == 0
        assert stored.nbytes_per_token > 0


def test_shards_are_plain_safetensors(store):
    """Read by the library itself: one flat array a layer, offsets, digests; types once."""
    sentences = corpus()
    store.build(HashProvider(), sentences)
    folder = store.folder(HashProvider())
    found, words = {}, []
    for path in folder.glob("tokens-*.safetensors"):
        arrays = load_file(path)
        assert set(arrays) == {"token_b", "token_c", "offsets", "digests"}
        assert arrays["token_b"].dtype == np.float16
        bounds = arrays["offsets"].tolist()
        assert bounds[-1] == len(arrays["token_b"]) == len(arrays["token_c"])
        for i, digest in enumerate(arrays["digests"]):
            found[digest.tobytes()] = arrays["token_c"][bounds[i] : bounds[i + 1]]
    for sentence in set(sentences):
        rows = found.pop(sentence_digest(sentence))
        assert np.abs(rows - expected(sentence)[2]).max(initial=0) <= FP16
    assert not found
    for path in folder.glob("types-*.safetensors"):
        arrays = load_file(path)
        assert arrays["type_a"].shape[1] == 3
        raw, bounds = arrays["words"].tobytes(), arrays["word_offsets"].tolist()
        words += [raw[i:j].decode("utf-8", "surrogatepass") for i, j in zip(bounds, bounds[1:])]  # noqa: B905, RUF007
    assert sorted(words) == sorted({w for s in sentences for w in s})
    meta = json.loads((folder / "meta.json").read_text())
    assert meta["format"] == 1
    assert meta["precision"] == "fp16"
    assert meta["provider"]["name"] == "hash"


def test_shards_keep_below_their_size_where_they_can(store):
    long = tuple(f"w{i % 7}" for i in range(400))
    store.build(HashProvider(), [*corpus(), long])
    sizes = [
        load_file(path)["token_b"].nbytes * 2 for path in store.root.glob("*/tokens-*.safetensors")
    ]
    assert len(sizes) > 5
    assert [size for size in sizes if size > SMALL] == [400 * 6 * 2 * 2]


def test_overflow_and_values_that_are_not_finite(tmp_path):
    big = HashProvider(scale=1e6)
    store = FeatureStore(tmp_path)
    with pytest.raises(StoreError, match=r"layer 'a'.*too large for fp16") as caught:
        store.build(big, corpus())
    assert "fp32" in str(caught.value.fix)
    assert shard_bytes(tmp_path) == {}
    FeatureStore(tmp_path, "fp32").build(big, corpus())
    with pytest.raises(StoreError, match="not finite"):
        FeatureStore(tmp_path, "fp32").build(HashProvider(scale=float("inf")), corpus())


def test_providers_that_carry_state_are_refused(store):
    provider = HashProvider()
    provider.cacheable = False
    for call in (lambda: store.build(provider, [("a",)]), lambda: store.open(provider)):
        with pytest.raises(StoreError, match="@state=zero"):
            call()
    assert not store.root.exists()


def test_precisions_and_providers_do_not_mix(tmp_path):
    one, other = HashProvider(), HashProvider(version=2)
    FeatureStore(tmp_path).build(one, corpus())
    assert FeatureStore(tmp_path).open(other).missing([("the",)])
    assert FeatureStore(tmp_path, "fp32").open(one).missing(corpus())
    with pytest.raises(StoreError, match="bf16"):
        FeatureStore(tmp_path, "bf16")


def test_meta_that_contradicts_the_provider(store):
    provider = HashProvider()
    store.build(provider, [("a",)])
    path = store.folder(provider) / "meta.json"
    meta = json.loads(path.read_text())
    path.write_text(json.dumps({**meta, "format": 99}))
    with pytest.raises(StoreError, match="format is 99, expected 1"):
        store.open(provider)
    path.write_text("{")
    with pytest.raises(StoreError, match=r"meta\.json:1:2: is not JSON"):
        store.build(provider, [("a",)])


def test_the_store_is_found_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMOBENCH_STORE", str(tmp_path / "here"))
    assert FeatureStore().root == tmp_path / "here"


def test_the_digest_identifies_the_vectors_of_a_view(store):
    """It names the shards that hold the view's sentences and words, and their stored bits."""
    sentences = corpus()
    store.build(HashProvider(), sentences)

    def digest(provider, sentences, where=store):
        return where.open(provider).view(sentences).digest

    some = sentences[:3]
    first = digest(HashProvider(), some)
    assert digest(HashProvider(), [*reversed(some), some[0]]) == first
    assert digest(HashProvider(), sentences) != first
    # What others add does not concern it; the same sentences in a store of their own do.
    store.build(HashProvider(), [("quite", "new")])
    assert digest(HashProvider(), some) == first
    other = FeatureStore(store.root.parent / "other", shard_bytes=SMALL)
    other.build(HashProvider(), some)
    assert digest(HashProvider(), some, other) != first
    # Other vectors of the same sentences, in shards of the same names.
    for kwargs in ({"token_layers": False}, {"types": False}):
        twin = FeatureStore(store.root.parent / "twin", shard_bytes=SMALL)
        for scale in (1.0, 0.5):
            twin.build(HashProvider(scale=scale, **kwargs), some)
        assert digest(HashProvider(**kwargs), some, twin) != digest(
            HashProvider(scale=0.5, **kwargs), some, twin
        )
    # The bytes that stand in the header, as the library itself reads them.
    provider = HashProvider(token_layers=False)
    (path,) = twin.folder(provider).glob("types-*.safetensors")
    with safe_open(path, "numpy") as shard:
        checksum = json.loads(shard.metadata()["elmobench"])["checksum"]
    text = json.dumps([[path.name, checksum]], separators=(",", ":"))
    assert digest(provider, some, twin) == hashlib.sha256(text.encode()).hexdigest()
    assert digest(provider, [], twin) == hashlib.sha256(b"[]").hexdigest()


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="needs Linux's /proc")
def test_reading_one_layer_maps_only_that_layer(tmp_path):
    """The pages of the other layers are not even mapped."""
    provider = HashProvider()
    sentences = [(*(f"w{i % 50}" for i in range(500)), f"{k}") for k in range(3)]
    store = FeatureStore(tmp_path, "fp32")
    store.build(provider, sentences)
    stored = store.open(provider)
    view = stored.view(sentences)
    (shard,) = stored.sentences.group.shards
    vectors = view.gather([0, 2], layers=[2])
    _check(vectors, [sentences[0], sentences[2]], (2,), 0)
    page, wanted = 4096, shard.arrays["token_c"]
    end = wanted.offset + 4 * int(np.prod(wanted.shape))
    resident = 0
    lines = Path("/proc/self/smaps").read_text().splitlines()
    for i, line in enumerate(lines):
        if line.endswith(str(shard.path)):
            start, stop = (int(x, 16) for x in line.split()[0].split("-"))
            offset = int(line.split()[2], 16)
            # Mapped from the page that holds the layer's first byte to its last byte's.
            assert offset == wanted.offset // page * page
            assert offset + stop - start <= end + page
            resident += int(next(x for x in lines[i:] if x.startswith("Rss:")).split()[1])
    assert resident > 0


def test_a_disk_without_space(store, monkeypatch):
    import errno

    provider, real, count = HashProvider(), store_shard.raw_bytes, [0]

    def raw(array):
        if "content_checksum" not in {frame.function for frame in inspect.stack()}:
            count[0] += 1
            if count[0] == 7:
                raise OSError(errno.ENOSPC, "No space left on device")
        return real(array)

    # In the middle of a shard, in the thread that writes.
    monkeypatch.setattr(store_shard, "raw_bytes", raw)
    with pytest.raises(StoreError, match="no space for a shard") as caught:
        store.build(provider, corpus())
    assert caught.value.where == str(store.folder(provider))
    assert "ELMOBENCH_STORE" in caught.value.fix
    assert list(store.root.glob("*/.*")) == []
    assert store.verify() == []
    monkeypatch.undo()
    report = store.build(provider, corpus())
    assert report.encoded_sentences > 0
    _check(store.open(provider).gather(corpus()), corpus())
