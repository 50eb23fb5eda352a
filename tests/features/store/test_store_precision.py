"""The stored precisions: rounding against a plain reference, and exact sizes."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from store_providers import HashProvider

from elmobench.core.errors import StoreError
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store import precision as store_precision
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.store.precision import EncodedLayer


class Given(FeatureProvider):
    """One token layer whose vectors are given by word, and the same by type, shown twice."""

    def __init__(self, vectors, dim):
        self.name = "given"
        self.vectors = vectors
        self.layers = (Layer("t", "type", dim // 2, repeat=2), Layer("scale_t", "token", dim))

    @property
    def fingerprint(self):
        return "0" * 64

    @property
    def parameters(self):
        return 0

    def encode_types(self, words):
        return [np.stack([self.vectors[w][: self.layers[0].dim] for w in words])]

    def encode_tokens(self, sentences):
        return [[np.stack([self.vectors[w] for w in s])] for s in sentences]


def _vectors():
    rng = np.random.default_rng(0)
    found = {f"w{i}": rng.normal(size=10) * 10.0 ** rng.integers(-6, 6) for i in range(200)}
    found |= {
        "zero": np.zeros(10),
        "one": np.eye(10)[2] * -3,
        "equal": np.full(10, 0.1),
        "tiny": rng.normal(size=10) * 1e-43,
        "least": np.full(10, 1e-45),
        "huge": np.linspace(-3.4e38, 3.4e38, 10),
    }
    return {word: vector.astype(np.float32) for word, vector in found.items()}


def _quantized(vector):
    """Value by value, in double precision: what int8 stores of a vector, and its scale."""
    scale = np.float32(max(abs(float(x)) for x in vector)) / np.float32(127)
    return [round(float(x) / float(scale)) if scale else 0 for x in vector], scale


def test_int8_is_a_scale_a_vector_and_rounded_quotients(tmp_path, monkeypatch):
    monkeypatch.setattr(store_precision, "_BLOCK", 70)  # 7 rows at a time.
    vectors = _vectors()
    provider, words = Given(vectors, 10), sorted(vectors)
    sentences = [words[i : i + 9] for i in range(0, len(words), 9)]
    store = FeatureStore(tmp_path, "int8", shard_bytes=400)
    store.build(provider, sentences)
    found = store.open(provider).gather(sentences)
    assert found.dtype == np.float32
    for i, sentence in enumerate(sentences):
        for t, word in enumerate(sentence):
            for layer, right in ((0, np.tile(vectors[word][:5], 2)), (1, vectors[word])):
                q, scale = _quantized(right)
                error = np.abs(found[i, layer, t].astype(np.float64) - right)
                # Half a step, and the rounding of the product.
                bound = float(scale) * (0.5 + 127 * 2.0**-24) + 1e-43
                assert error.max() <= bound, word
                if scale >= 1e-36:
                    stored = np.float32(q) * scale
                    # A quotient in the middle may go either way.
                    assert np.abs(found[i, layer, t] - stored).max() <= float(scale) * 1.0001
                    assert (found[i, layer, t] == stored).mean() >= 0.9


def test_zeros_stay_zeros_to_the_bit(tmp_path):
    vectors = {"z": np.zeros(4, np.float32), "x": np.float32([-1, 0, 1e-9, 1])}
    for precision in ("fp16", "fp32", "int8"):
        store = FeatureStore(tmp_path, precision)
        provider = Given(vectors, 4)
        store.build(provider, [["z", "x"], ["x"]])
        found = store.open(provider).gather([["z", "x"], ["x"]])
        assert found[0, 1, 0].tobytes() == found[1, 1, 1].tobytes() == bytes(16)
        assert found[0, 1, 1].tolist()[::3] == [-1, 1]
    (path,) = store.folder(provider).glob("tokens-*")
    arrays = load_file(path)
    assert arrays["token_scale_t"].dtype == np.int8
    assert arrays["scales_token_scale_t"].dtype == np.float32
    assert sorted(arrays["token_scale_t"][:, 0].tolist()) == [-127, -127, 0]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("precision", ["fp16", "fp32", "int8"])
def test_values_that_are_not_finite_are_refused(precision, bad):
    narrow = EncodedLayer(Layer("a", "token", 3), 5, precision, "given")
    narrow.put(0, np.zeros((4, 3), np.float32))
    with pytest.raises(StoreError, match=r"layer 'a'.*not finite"):
        narrow.put(4, np.float32([[0, bad, 1]]))


def test_precisions_lie_side_by_side(tmp_path):
    sentences = [("a", "b"), ("c",)]
    for precision in ("fp16", "fp32", "int8"):
        FeatureStore(tmp_path, precision).build(HashProvider(), sentences)
    assert [row.precision for row in FeatureStore(tmp_path).stat()] == ["fp16", "fp32", "int8"]
    with pytest.raises(StoreError, match="bf16") as caught:
        FeatureStore(tmp_path, "bf16")
    assert caught.value.fix == "use fp16, fp32, int8"


class Original(Given):
    """The shape of the original ELMo: 512 values per word type, twice 1024 per token."""

    def __init__(self):
        self.name = "original"
        self.layers = (
            Layer("char_cnn", "type", 512, repeat=2),
            Layer("lstm_1", "token", 1024),
            Layer("lstm_2", "token", 1024),
        )
        self.rng = np.random.default_rng(0)

    def encode_types(self, words):
        return [self.rng.normal(size=(len(words), 512)).astype(np.float32)]

    def encode_tokens(self, sentences):
        return [list(self.rng.normal(size=(2, len(s), 1024)).astype("f4")) for s in sentences]


@pytest.mark.parametrize(("precision", "limit"), [("fp16", 5200), ("int8", 2700), ("fp32", 10400)])
def test_bytes_a_token_of_the_original_size(tmp_path, precision, limit):
    """About 4,000 tokens of which half are new words, as in running text of that length."""
    rng = np.random.default_rng(1)
    words = [f"word{i}" for i in range(1500)]
    sentences = [
        tuple(words[int(i)] for i in 1500 * rng.random(n) ** 2) for n in rng.integers(5, 35, 200)
    ]
    store, provider = FeatureStore(tmp_path, precision, shard_bytes=1 << 24), Original()
    store.build(provider, sentences)
    stored = store.open(provider)
    tokens = sum(map(len, sentences))
    types = sorted({word for s in sentences for word in s})
    assert tokens > 3500
    assert len(types) > 700
    width, scale = {"fp16": (2, 0), "fp32": (4, 0), "int8": (1, 4)}[precision]
    token, word = 2 * (1024 * width + scale), 512 * width + scale
    content = tokens * token + len(types) * word
    index = len(sentences) * (16 + 8) + sum(map(len, types)) + 8 * len(types)
    # The last offset of each shard, its header of at most 1.5 kilobytes, and in it the 16 digits of
    # the checksum of each block of 64 kB.
    shards = len(list(store.folder(provider).glob("*.safetensors")))
    sizes = stored.nbytes_per_token * tokens
    assert content + index < sizes <= content + index + shards * 1536 + content // (1 << 12)
    (row,) = store.stat()
    assert row.bytes_per_token <= limit
    view = stored.view(sentences)
    assert view.nbytes_per_token == pytest.approx((content + index) / tokens, abs=1e-9)
    # Of the sentences that are read, each once, whatever else is stored.
    some = stored.view([sentences[3]] * 2)
    types = set(sentences[3])
    alone = len(sentences[3]) * token + 24 + sum(map(len, types)) + len(types) * (8 + word)
    assert some.nbytes_per_token == pytest.approx(alone / len(sentences[3]), abs=1e-9)
    assert stored.view([]).nbytes_per_token == 0
