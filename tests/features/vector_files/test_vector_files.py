"""Files of vectors: what is written is read, and what is wrong is named with its position."""

import io
import json

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file
from store_providers import HashProvider, corpus, expected

from elmobench import load_provider
from elmobench.core.errors import ModelError
from elmobench.data.readers.tokenizers import TOKENIZERS
from elmobench.features.export.layer_selection import make_selection
from elmobench.features.export.stored_source import ListedSentences
from elmobench.features.export.token_lines import TokenLines
from elmobench.features.export.vector_file import export
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.vector_files.provider import VectorFileProvider

SENTENCES = [("The", "bank", "."), (), ("a\u00a0b", "naïve"), ("The", "bank", "."), ("last",)]


def exported(path, sentences=SENTENCES, provider=None, precision="fp32", **selection):
    provider = provider or HashProvider()
    chosen = make_selection(provider, **selection)
    export(provider, ListedSentences(sentences, "here"), path, chosen, precision)
    return VectorFileProvider.from_file(path)


def flat(sentences):
    return {
        "tokens": [token for sentence in sentences for token in sentence],
        "lengths": [len(sentence) for sentence in sentences],
        "vectors": np.concatenate([expected(sentence) for sentence in sentences], axis=1),
    }


@pytest.mark.parametrize("suffix", [".hdf5", ".safetensors"])
def test_all_layers_of_an_exported_file(tmp_path, suffix):
    # Among them tokens with blanks, empty ones and lone surrogates.
    sentences = [*SENTENCES, *corpus()]
    provider = exported(tmp_path / f"x{suffix}", sentences)
    assert [layer.name for layer in provider.layers] == ["a", "b", "c"]
    assert (provider.num_layers, provider.dim, provider.contextual) == (3, 6, True)
    for sentence, found in zip(sentences, provider.encode(sentences), strict=True):
        assert np.array_equal(found, expected(sentence))
    again = provider.encode(list(reversed(sentences)))
    assert np.array_equal(again[0], expected(sentences[-1]))


@pytest.mark.parametrize("suffix", [".hdf5", ".safetensors"])
def test_one_layer_and_the_mean_of_all(tmp_path, suffix):
    one = exported(tmp_path / f"one{suffix}", layer=1)
    mean = exported(tmp_path / f"mean{suffix}", average=True)
    assert [provider.num_layers for provider in (one, mean)] == [1, 1]
    for sentence in SENTENCES:
        layers = expected(sentence)
        assert np.array_equal(one.encode([sentence])[0], layers[1:2])
        average = layers.astype(np.float64).sum(axis=0) / 3
        assert np.abs(mean.encode([sentence])[0][0] - average).max(initial=0) <= 1e-6


def test_files_say_whether_vectors_are_static(tmp_path):
    words = HashProvider(token_layers=False)
    assert not exported(tmp_path / "x.hdf5", provider=words).contextual
    path = tmp_path / "y.npz"
    np.savez(path, **flat(SENTENCES), contextual=False)
    assert not VectorFileProvider.from_file(path).contextual
    forced = VectorFileProvider.from_file(path, contextual=True)
    assert forced.contextual
    assert forced.fingerprint != VectorFileProvider.from_file(path).fingerprint
    options = {"provider": "vectors", "files": {"vectors": {"path": str(path)}}}
    entry = {**options, "options": {"contextual": True}}
    assert load_provider("mine", {"mine": entry}).fingerprint == forced.fingerprint


def test_a_vector_per_text(tmp_path):
    provider = load_provider("elmo-mini")
    texts = [("The", "bank"), ("last",)]
    found = exported(tmp_path / "x.hdf5", texts, provider, output="default")
    flat_file = exported(tmp_path / "x.safetensors", texts, provider, output="default")
    np.savez(tmp_path / "x.npz", texts=["The bank", "last"], vectors=np.eye(2, 3))
    for own in (found, flat_file, VectorFileProvider.from_file(tmp_path / "x.npz")):
        assert own.per_text
        assert [v.shape for v in own.encode(texts)] == [(1, 1, own.dim)] * 2
    layers = provider.encode(texts[:1])[0].mean(axis=0).mean(axis=0)
    assert np.abs(found.encode(texts[:1])[0][0, 0] - layers).max() <= 1e-6


@pytest.mark.parametrize("layers", [1, 3])
def test_npz_of_numpy(tmp_path, layers):
    arrays = flat(SENTENCES)
    if layers == 1:
        arrays["vectors"] = arrays["vectors"][1].astype(np.float64)
    np.savez(tmp_path / "x.npz", **arrays)
    np.savez_compressed(tmp_path / "y.npz", **arrays)
    for name in ("x.npz", "y.npz"):
        provider = VectorFileProvider.from_file(tmp_path / name)
        for sentence in SENTENCES:
            wanted = expected(sentence)[1:2] if layers == 1 else expected(sentence)
            assert np.array_equal(provider.encode([sentence])[0], wanted)


def test_allennlps_file_is_read_by_its_index(tmp_path):
    path = tmp_path / "allennlp.hdf5"
    with h5py.File(path, "w") as file:
        for i, sentence in enumerate(SENTENCES[2:]):
            file[str(i)] = expected(sentence)
        index = json.dumps({"a\u00a0b naïve": "0", "The bank .": "1", "last": "2"})
        file.create_dataset("sentence_to_index", (1,), dtype=h5py.string_dtype())[0] = index
    provider = VectorFileProvider.from_file(path)
    assert np.array_equal(provider.encode(SENTENCES[:1])[0], expected(SENTENCES[0]))
    with pytest.raises(ModelError, match="sentence 1: 3 vectors for the 2 tokens of 'The bank"):
        provider.encode([("The bank", ".")])


def test_the_store_has_the_same_vectors(tmp_path):
    sentences = corpus(30)
    provider = exported(tmp_path / "x.safetensors", sentences)
    store = FeatureStore(tmp_path / "store", "fp32")
    store.build(provider, sentences)
    assert np.array_equal(
        store.open(provider).gather(sentences[:5]),
        _padded([expected(sentence) for sentence in sentences[:5]]),
    )


def _padded(vectors):
    out = np.zeros((len(vectors), 3, max(v.shape[1] for v in vectors), 6), np.float32)
    for row, own in zip(out, vectors, strict=True):
        row[:, : own.shape[1]] = own
    return out


def test_a_missing_sentence_is_named_and_counted(tmp_path):
    provider = exported(tmp_path / "x.hdf5")
    wanted = [SENTENCES[0], ("The", "river"), ("a", "b", "naïve"), ("The", "river")]
    message = r"x.hdf5: 2 of 3 sentences are missing, the first is 'The river' \(2 tokens\)"
    with pytest.raises(ModelError, match=message):
        provider.check_sentences(wanted)
    with pytest.raises(ModelError, match=message):
        provider.encode(wanted)
    with pytest.raises(ModelError, match=message):
        FeatureStore(tmp_path / "store").build(provider, wanted)


def test_repeated_sentences_may_differ_by_rounding_only(tmp_path):
    arrays = flat(SENTENCES)
    arrays["vectors"][0, 5, 0] += 5e-6  # the first token of the second "The bank ."
    np.savez(tmp_path / "near.npz", **arrays)
    near = VectorFileProvider.from_file(tmp_path / "near.npz")
    assert np.array_equal(near.encode(SENTENCES[:1])[0], expected(SENTENCES[0]))
    arrays["vectors"][0, 5, 0] += 0.01
    np.savez(tmp_path / "far.npz", **arrays)
    far = VectorFileProvider.from_file(tmp_path / "far.npz")
    message = r"sentence 3: 'The bank .' has other vectors than in .*far.npz, sentence 0"
    with pytest.raises(ModelError, match=message):
        far.encode(SENTENCES[:1])
    assert far.encode(SENTENCES[4:])  # others are not affected


def test_values_that_are_not_finite_are_named(tmp_path):
    arrays = flat(SENTENCES)
    arrays["vectors"][2, 4, 1] = np.nan
    np.savez(tmp_path / "x.npz", **arrays)
    provider = VectorFileProvider.from_file(tmp_path / "x.npz")
    with pytest.raises(ModelError, match=r"sentence 2, token 1 \('naïve'\): has values that are"):
        provider.encode(SENTENCES[2:3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vectors": None}, "has no array 'vectors'"),
        ({"lengths": None}, "has no array 'lengths'"),
        ({"tokens": None}, "has no array 'tokens'"),
        ({"lengths": [3, 0, 2, 3, 2]}, "'lengths' does not add up to the 9 tokens"),
        ({"lengths": [-1, 0, 2, 3, 5]}, "'lengths' does not add up"),
        ({"lengths": [3.0, 0, 2, 3, 1]}, "'lengths' is of type float64"),
        ({"tokens": [1, 2]}, "'tokens' is of type int64"),
        ({"tokens": np.array(["a", None], dtype=object)}, "holds Python objects, which are not"),
        ({"vectors": np.ones((8, 4))}, "'vectors' has 8 rows for 9 tokens"),
        ({"vectors": np.ones(9)}, r"'vectors' is of type float64 and shape \(9,\)"),
        ({"vectors": np.ones((9, 4), int)}, "'vectors' is of type int64"),
        ({"vectors": np.ones((9, 0))}, "vectors of 0 values"),
        ({"texts": ["a", "b"]}, "has both 'texts' and 'tokens'"),
        ({"contextual": "no"}, "'contextual' is not true or false"),
    ],
)
def test_wrong_arrays_of_an_npz_file(tmp_path, change, message):
    arrays = {k: v for k, v in (flat(SENTENCES) | change).items() if v is not None}
    np.savez(tmp_path / "x.npz", **arrays)
    with pytest.raises(ModelError, match=message):
        VectorFileProvider.from_file(tmp_path / "x.npz")


def test_damaged_and_foreign_files(tmp_path):
    for name in ("x.npz", "x.hdf5", "x.safetensors"):
        (tmp_path / name).write_bytes(b"not what it says" * 10)
        with pytest.raises(ModelError, match=f"{name}.*not a readable"):
            VectorFileProvider.from_file(tmp_path / name)
    (tmp_path / "x.txt").write_text("the 1 2 3")
    with pytest.raises(ModelError, match=r"unknown format '.txt'\n  -> name a file ending in .hdf"):
        VectorFileProvider.from_file(tmp_path / "x.txt")
    save_file({"embeddings": np.ones((2, 3), np.float32)}, tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match="has no array 'offsets', so it is not a file of `elmo"):
        VectorFileProvider.from_file(tmp_path / "m.safetensors")
    with h5py.File(tmp_path / "w.hdf5", "w") as file:
        file["char_embed"] = np.ones((3, 3))
    with pytest.raises(ModelError, match="has no tokens: neither a group 'elmobench' nor 'sent"):
        VectorFileProvider.from_file(tmp_path / "w.hdf5")


def test_a_dataset_of_another_shape_is_named(tmp_path):
    exported(tmp_path / "x.hdf5")
    with h5py.File(tmp_path / "x.hdf5", "a") as file:
        del file["2"]
        file["2"] = np.ones((3, 2, 5), np.float32)
    provider = VectorFileProvider.from_file(tmp_path / "x.hdf5")
    with pytest.raises(ModelError, match=r"sentence 2: has the shape \(3, 2, 5\), and the first"):
        provider.encode(SENTENCES[2:3])


def test_the_fingerprint_is_that_of_the_content(tmp_path):
    np.savez(tmp_path / "x.npz", **flat(SENTENCES))
    (tmp_path / "copy.npz").write_bytes((tmp_path / "x.npz").read_bytes())
    first, copy = (VectorFileProvider.from_file(tmp_path / n) for n in ("x.npz", "copy.npz"))
    assert first.fingerprint == copy.fingerprint
    assert first.fingerprint == load_provider(f"vectors:{tmp_path / 'x.npz'}").fingerprint
    np.savez(tmp_path / "copy.npz", **flat(SENTENCES[:-1]))
    other = VectorFileProvider.from_file(tmp_path / "copy.npz")
    assert other.fingerprint != first.fingerprint


def test_lines_of_a_text_are_found_by_their_tokens(tmp_path):
    lines = TokenLines(io.BytesIO(b"The bank .\n\nlast\n"), "x", TOKENIZERS["spaces"])
    provider = HashProvider()
    export(provider, lines, tmp_path / "x.hdf5", make_selection(provider))
    found = VectorFileProvider.from_file(tmp_path / "x.hdf5").encode([("last",), ()])
    assert np.array_equal(found[0], expected(("last",)))
    assert found[1].shape == (3, 0, 6)


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_repeated_sentences_are_compared_at_the_scale_of_their_vectors(tmp_path, precision):
    scale = {"float32": 1e-6, "float16": 5e-4}[precision]
    vectors = scale * np.array([[1.0, 2.0], [-1.0, 2.0]])
    np.savez(
        tmp_path / "small.npz",
        tokens=np.array(["a", "a"]),
        lengths=np.array([1, 1]),
        vectors=vectors.astype(precision),
    )
    small = VectorFileProvider.from_file(tmp_path / "small.npz")
    with pytest.raises(ModelError, match="'a' has other vectors"):
        small.encode([("a",)])
