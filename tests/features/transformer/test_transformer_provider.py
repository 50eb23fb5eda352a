"""Transformers against transformers itself, one sentence at a time, and against themselves."""

import json

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_transformers import FAMILIES, WORDS, Plain, bert, pooled

from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.store.feature_store import FeatureStore
from elmobench.features.transformer.loading import load_model
from elmobench.features.transformer.pieces import WordPieces

ASK = 5e-6
SENTENCES = [
    ["The", "cat", "sat", "on", "the", "mat", "."],
    ["word"],
    ["Don't", "stop", ",", "x1", "!"],
    ["naïve", "日本", "cafés"],
    ["mat", "the", "on", "sat", "cat"],
]
ODD = [[], [""], ["", "cat", "\x07", "\u200b", "a\udc80b", "", "\ue000"], ["\x07"], ["a\xa0b", "c"]]
# Enough pieces for several windows of all of them.
LONG = [WORDS[i * 7 % len(WORDS)] for i in range(60)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: build(root / name) for name, build in FAMILIES.items()}


@pytest.fixture(params=list(FAMILIES))
def family(request):
    return request.param


def _load(folder, **options):
    entry = {"provider": "transformer", "options": {"folder": str(folder)} | options}
    return load_provider("it", {"it": entry})


def _plain(folders, family):
    return Plain(folders[family], blank=family in ("gpt2", "roberta"))


def _largest(a, b):
    return max(np.abs(x - y).max(initial=0) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_equals_transformers_one_by_one(folders, family, pooling):
    ours, plain = _load(folders[family], pieces=pooling), _plain(folders, family)
    for sentence, found in zip(SENTENCES, ours.encode(SENTENCES), strict=True):
        expected = plain.encode(sentence, pooling)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() <= ASK


def test_order_and_batch_do_not_matter(folders, family):
    ours = _load(folders[family])
    sentences = [*SENTENCES, *ODD, LONG]
    together = ours.encode(sentences)
    alone = [ours.encode([sentence])[0] for sentence in sentences]
    permuted = ours.encode(sentences[::-1])[::-1]
    for other in (alone, permuted):
        assert _largest(together, other) <= ASK


def test_many_batches_equal_one(folders, family, monkeypatch):
    ours = _load(folders[family])
    whole = ours.encode([*SENTENCES, LONG])
    monkeypatch.setattr("elmobench.features.transformer.encoding._BATCH_PIECES", 30)
    monkeypatch.setattr("elmobench.features.transformer.pieces._SENTENCES_AT_ONCE", 2)
    assert _largest(whole, ours.encode([*SENTENCES, LONG])) <= ASK


@pytest.mark.parametrize("stride", [None, 3])
def test_long_texts_against_a_naive_loop(folders, family, stride):
    """Windows of complete words; each word from the window where it is furthest from an edge."""
    ours, plain = _load(folders[family], stride=stride), _plain(folders, family)
    ids, words = plain.pieces(LONG)
    inner = [k for k, word in enumerate(words) if word is not None]
    prefix, suffix = ids[: inner[0]], ids[inner[-1] + 1 :]
    room = ours.window - len(prefix) - len(suffix)
    of_word = [[ids[k] for k in inner if words[k] == t] for t in range(len(LONG))]
    starts = np.cumsum([0, *map(len, of_word)])
    begin, spans = 0, []
    while True:
        stop = begin
        while stop < len(LONG) and starts[stop + 1] - starts[begin] <= room:
            stop += 1
        spans.append((begin, stop))
        if stop == len(LONG):
            break
        candidates = range(begin + 1, stop + 1)
        begin = next(
            (
                w
                for w in candidates
                if starts[w] >= starts[begin] + ours.stride and starts[stop + 1] - starts[w] <= room
            ),
            stop,
        )
    assert len(spans) > 2
    expected = np.zeros((ours.num_layers, len(LONG), ours.dim))
    best = np.full(len(LONG), -1)
    for begin, stop in spans:
        row = [*prefix, *(k for t in range(begin, stop) for k in of_word[t]), *suffix]
        owners = [t for t in range(begin, stop) for _ in of_word[t]]
        labels = [None] * len(prefix) + owners + [None] * len(suffix)
        vectors = pooled(plain.hidden(row), labels, len(LONG), "mean")
        for t in range(begin, stop):
            distance = min(starts[t] - starts[begin], starts[stop] - starts[t + 1])
            if distance > best[t]:
                best[t], expected[:, t] = distance, vectors[:, t]
    assert np.abs(ours.encode([LONG])[0] - expected).max() <= ASK


def test_a_word_longer_than_the_window_is_cut(folders, family):
    ours, plain = _load(folders[family]), _plain(folders, family)
    word = "x1!" * 40
    ids, words = plain.pieces([word])
    inner = [k for k, w in enumerate(words) if w is not None]
    suffix = ids[inner[-1] + 1 :]
    row = ids[: ours.window - len(suffix)] + suffix
    assert len(row) == ours.window < len(ids)
    labels = [words[k] for k in range(ours.window - len(suffix))] + [None] * len(suffix)
    expected = pooled(plain.hidden(row), labels, 1, "mean")
    assert np.abs(ours.encode([[word]])[0] - expected).max() <= ASK
    beside = ours.encode([["cat", word, "cat"]])[0]
    assert np.abs(beside).min(axis=(0, 2)).min() > 0


def test_words_without_pieces_are_zero_and_leave_no_trace(folders):
    ours = _load(folders["bert"])
    vectors = ours.encode([["The", "", "cat", "\x07", "\u200b", "sat"], ["The", "cat", "sat"]])
    assert not vectors[0][:, [1, 3, 4]].any()
    assert np.abs(vectors[0][:, [0, 2, 5]] - vectors[1]).max() <= ASK
    for sentence, found in zip(ODD, ours.encode(ODD), strict=True):
        assert found.shape == (4, len(sentence), 16)
    assert not ours.encode([["", "\x07"]])[0].any()
    assert ours.encode([]) == []


@pytest.fixture(scope="module")
def splitters(folders):
    from elmobench.features.transformer.files import folder_files

    found = {}
    for name, folder in folders.items():
        model = load_model(folder_files(folder), name)
        found[name] = (WordPieces(model.tokenizer, name), _plain(folders, name))
    return found


letters = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "C"]), max_size=8)
words = st.one_of(st.sampled_from(WORDS), letters)


@pytest.mark.parametrize("name", list(FAMILIES))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sentence=st.lists(words, max_size=12))
def test_pieces_are_those_of_the_running_text(splitters, name, sentence):
    """And each belongs to the word that it was cut from."""
    splitter, plain = splitters[name]
    (found,) = splitter([sentence])
    present = [t for t, word in enumerate(sentence) if word]
    ids, of = plain.pieces([sentence[t] for t in present])
    expected = [(i, present[w]) for i, w in zip(ids, of, strict=True) if w is not None]
    owners = np.repeat(found.words, found.counts)
    assert list(zip(found.ids.tolist(), owners.tolist(), strict=True)) == expected
    assert (np.diff(found.words) > 0).all()
    assert (found.counts > 0).all()


def test_cased_and_uncased(folders, tmp_path):
    cased, uncased = _load(folders["bert"]), _load(bert(tmp_path / "u", lowercase=True))
    pair = [["The", "cat"], ["the", "cat"]]
    a, b = cased.encode(pair)
    assert np.abs(a - b).max() > 1e-2
    a, b = uncased.encode(pair)
    assert np.abs(a - b).max() <= ASK


def test_layers_windows_and_parameters(folders):
    ours = _load(folders["bert"])
    names = ["embeddings", "block_1", "block_2", "block_3"]
    assert [(x.name, x.kind, x.dim, x.repeat) for x in ours.layers] == [
        (name, "token", 16, 1) for name in names
    ]
    plain = Plain(folders["bert"], blank=False).model
    pooler = sum(p.numel() for p in plain.pooler.parameters())
    assert ours.parameters == sum(p.numel() for p in plain.parameters()) - pooler
    assert (ours.window, ours.stride) == (24, 11)
    # RoBERTa's first position is 2; GPT-2 adds no special tokens.
    assert _load(folders["roberta"]).window == 24
    assert (_load(folders["gpt2"]).window, _load(folders["gpt2"]).stride) == (20, 10)
    assert ours.encode_types(["a"]) == []
    assert [x.shape for x in ours.encode_tokens([[]])[0]] == [(0, 16)] * 4
    with pytest.raises(TypeError, match="is a string"):
        ours.encode_tokens(["oops"])


def test_fingerprints_tell_apart_what_changes_vectors(folders, tmp_path):
    folder = folders["bert"]
    ours = _load(folder)
    by_path = load_provider(f"bert:{folder}")
    assert by_path.fingerprint == ours.fingerprint == _load(folder, stride=11).fingerprint
    files = {
        p.name: {"path": str(p)} for p in folder.iterdir() if p.name != "generation_config.json"
    }
    by_file = load_provider("it", {"it": {"provider": "transformer", "files": files}})
    assert by_file.fingerprint == ours.fingerprint
    others = [
        _load(folder, pieces="first"),
        _load(folder, pieces="last"),
        _load(folder, stride=5),
        _load(folder, window=12),
        _load(folder, arithmetic="bf16"),
        _load(bert(tmp_path / "other", num_hidden_layers=2)),
        _load(bert(tmp_path / "lower", lowercase=True)),
    ]
    assert len({ours.fingerprint, *(other.fingerprint for other in others)}) == 8
    assert ours.describe() == json.loads(json.dumps(ours.describe()))


def test_bf16_is_near_and_does_not_depend_on_the_batch(folders, family):
    exact, ours = _load(folders[family]), _load(folders[family], arithmetic="bf16")
    together = ours.encode(SENTENCES)
    assert 1e-4 < _largest(exact.encode(SENTENCES), together) < 0.3
    assert _largest(together, [ours.encode([s])[0] for s in SENTENCES]) <= ASK


def test_reduced_precision_is_refused_and_autocast_ignored(folders):
    ours = _load(folders["bert"])
    exact = ours.encode(SENTENCES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert _largest(exact, ours.encode(SENTENCES)) <= ASK
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ConfigError, match="full float32"):
            ours.encode(SENTENCES)
    finally:
        torch.set_float32_matmul_precision("highest")
    torch.set_default_dtype(torch.float64)
    try:
        assert _largest(exact, ours.encode(SENTENCES)) <= ASK
        assert _largest(exact, _load(folders["bert"]).encode(SENTENCES)) <= ASK
    finally:
        torch.set_default_dtype(torch.float32)


def test_without_onednn_the_vectors_are_the_same(folders, family):
    ours = _load(folders[family])
    with torch.backends.mkldnn.flags(enabled=False):
        other = _load(folders[family])
        assert _largest(ours.encode(SENTENCES), other.encode(SENTENCES)) <= ASK


def test_the_store_keeps_them(folders, tmp_path):
    ours = _load(folders["bert"])
    sentences = [*SENTENCES, [], LONG]
    store = FeatureStore(tmp_path / "store", precision="fp32")
    assert store.build(ours, sentences).encoded_sentences == len(sentences)
    assert store.build(ours, sentences).encoded_sentences == 0
    again = FeatureStore(tmp_path / "store", precision="fp32").open(_load(folders["bert"]))
    assert again.missing(sentences) == []
    stored = again.gather(sentences)  # (B, L, longest, D)
    for found, expected in zip(stored, ours.encode(sentences), strict=True):
        assert np.abs(found[:, : expected.shape[1]] - expected).max(initial=0) <= ASK


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 2}, "2 pieces, 2 of them special"),
        ({"window": 25}, "takes 3 to 24"),
        ({"stride": 23}, "strides of 1 to 22"),
        ({"pieces": "middle"}, "pieces"),
        ({"device": "tpu"}, "device"),
        ({"arithmetic": "fp16"}, "arithmetic"),
        ({"state": "zero"}, "state"),
    ],
)
def test_options_that_do_not_fit(folders, options, message):
    with pytest.raises(ConfigError, match=message):
        _load(folders["bert"], **options)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device here")
def test_no_such_device(folders):
    with pytest.raises(ConfigError, match="torch finds 0 CUDA devices"):
        load_provider(f"bert:{folders['bert']}@device=cuda")


def test_pooling_equals_the_published_fixture(shared):
    folder = shared / "fixtures" / "bert_pooling"
    expected = np.load(folder / "pooling_expected.npz")
    sentences = json.loads((folder / "sentences.json").read_text())
    for pooling, key in (("mean", "avg"), ("first", "first")):
        provider = load_provider(f"bert:{folder / 'tiny-bert'}@pieces={pooling}")
        layers = provider.encode(sentences)
        for row, (sentence, found) in enumerate(zip(sentences, layers, strict=True)):
            assert np.abs(found[-1] - expected[key][row, : len(sentence)]).max() <= 1e-6
            for layer in range(4):
                states = expected["hidden"][layer, row]
                for t, (first, last) in enumerate(expected["offsets"][row][: len(sentence)]):
                    own = states[first : last + 1] if first >= 0 else np.zeros((1, 16))
                    want = own.mean(0) if pooling == "mean" else own[0]
                    assert np.abs(found[layer, t] - want).max() <= 1e-6
