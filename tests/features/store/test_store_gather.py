"""Batches against a plain loop over what the shards hold, however the blocks fall."""

import numpy as np
import pytest
from safetensors.numpy import load_file
from store_providers import HashProvider, corpus

from elmobench.core.digests import sentence_digest
from elmobench.features.store import gather as store_gather
from elmobench.features.store.feature_store import FeatureStore


def _by_hand(folder):
    """Sentence digest -> its two token layers, and word -> its type layer, from the files."""
    tokens, types = {}, {}

    def values(arrays, name):
        found = arrays[name].astype(np.float32)
        scales = arrays.get(f"scales_{name}")
        return found if scales is None else found * scales[:, None]

    for path in folder.glob("*.safetensors"):
        arrays = load_file(path)
        if path.name.startswith("tokens-"):
            b, c, bounds = values(arrays, "token_b"), values(arrays, "token_c"), arrays["offsets"]
            for i, digest in enumerate(arrays["digests"]):
                rows = slice(bounds[i], bounds[i + 1])
                tokens[digest.tobytes()] = [b[rows], c[rows]]
        else:
            a, bounds = values(arrays, "type_a"), arrays["word_offsets"]
            for i in range(len(a)):
                raw = arrays["words"][bounds[i] : bounds[i + 1]].tobytes()
                types[raw.decode("utf-8", "surrogatepass")] = np.tile(a[i], 2)
    return tokens, types


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "values"),
    [("fp16", 30), ("fp16", 1 << 18), ("fp32", 200), ("int8", 1), ("int8", 1 << 18)],
)
def test_batches_equal_a_plain_loop(tmp_path, monkeypatch, precision, values):
    monkeypatch.setattr(store_gather, "_BLOCK_VALUES", values)
    long = tuple(f"w{i % 30}" for i in range(90))
    sentences = [*corpus(), long]
    store = FeatureStore(tmp_path, precision, shard_bytes=900)
    store.build(HashProvider(), sentences)
    tokens, types = _by_hand(store.folder(HashProvider()))
    view = store.open(HashProvider()).view(sentences)
    rng = np.random.default_rng(values)
    batches = [rng.integers(0, len(sentences), n) for n in (1, 7, 64)]
    batches += [np.argsort(view.lengths), [sentences.index(())] * 2, [len(sentences) - 1]]
    for batch in batches:
        for layers in (None, [1], [2, 0], [0]):
            for cut in (None, 4):
                found = view.gather(batch, layers, cut)
                size = [min(len(sentences[i]), cut or 99) for i in batch]
                right = np.zeros((len(batch), 3, max(size), 6), dtype=np.float32)
                for b, i in enumerate(batch):
                    sentence = sentences[i]
                    for t in range(size[b]):
                        right[b, 0, t] = types[sentence[t]]
                        for k in (0, 1):
                            right[b, k + 1, t] = tokens[sentence_digest(sentence)][k][t]
                right = right[:, layers or [0, 1, 2]] if layers else right
                assert found.shape == right.shape
                assert found.flags.c_contiguous
                assert found.tobytes() == right.tobytes()


def test_a_shard_of_nothing_but_the_empty_sentence(tmp_path):
    store = FeatureStore(tmp_path, "int8", shard_bytes=1)
    store.build(HashProvider(), [(), ("a",)])
    found = store.open(HashProvider()).gather([(), ("a",), ()])
    assert (found[[0, 2]] == 0).all()
    assert (found[1] != 0).any()
