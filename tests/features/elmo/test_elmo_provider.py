"""ELMo against a float64 reference written from the semantics, and against itself."""

import numpy as np
import pytest
import torch
from elmo_reference import Reference, write_model

from elmobench.core.errors import ConfigError
from elmobench.features.elmo.provider import ElmoProvider

SENTENCES = [
    ["The", "cat", "sat", "on", "the", "mat", "."],
    [],
    ["word"],
    ["naïve", "日本語", "", "é" * 30, "😀", "<S>", "x"],
    [f"w{i}" for i in range(60)],
    ["The", "cat", "sat", "on", "the", "mat", "."][::-1],
    ["a\udc80b", "a", "</S>"],
]
ASK = 5e-6


@pytest.fixture(
    params=[
        {},
        {"lstm": {"use_skip_connections": False}},
        {"lstm": {"cell_clip": None, "proj_clip": None}},
        {"lstm": {"n_layers": 3}, "char_cnn": {"activation": "tanh", "n_highway": 0}},
        {"char_cnn": {"n_characters": 261, "filters": [[7, 9], [2, 3]]}},
    ],
    ids=["published", "no-skip", "no-clips", "three-layers-tanh", "261-characters"],
)
def model(request, tmp_path):
    return write_model(tmp_path, **request.param)


def _largest(a, b):
    return max(np.abs(x - y).max(initial=0) for x, y in zip(a, b, strict=True))


def test_equals_the_float64_reference(model):
    ours, reference = ElmoProvider.from_files(*model), Reference(*model)
    vectors = ours.encode(SENTENCES)
    for sentence, found in zip(SENTENCES, vectors, strict=True):
        expected, _ = reference.encode(sentence)
        assert found.dtype == np.float32
        assert found.shape == expected.shape
        assert np.abs(found - expected).max(initial=0) <= ASK


def test_the_published_tiny_model_hits_both_clips(tmp_path):
    """Otherwise the comparison above would not see a missing clip."""
    model = write_model(tmp_path)
    reference = Reference(*model)
    exact = [reference.encode(sentence)[0] for sentence in SENTENCES]
    for clip in ("cell_clip", "proj_clip"):
        reference.options["lstm"] |= {"cell_clip": 3, "proj_clip": 3, clip: None}
        without = [reference.encode(sentence)[0] for sentence in SENTENCES]
        assert _largest(exact, without) > 1e-3


def test_order_and_batch_do_not_matter(model):
    ours = ElmoProvider.from_files(*model)
    together = ours.encode(SENTENCES)
    alone = [ours.encode([sentence])[0] for sentence in SENTENCES]
    permuted = ours.encode(SENTENCES[::-1])[::-1]
    padded = [ours.encode([sentence, ["long"] * 90])[0] for sentence in SENTENCES]
    for other in (alone, permuted, padded):
        assert _largest(together, other) <= ASK


def test_many_batches_equal_one(tmp_path, monkeypatch):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    whole = ours.encode(SENTENCES)
    monkeypatch.setattr("elmobench.features.elmo.encoding._BATCH_VALUES", 200)  # 20 tokens
    monkeypatch.setattr("elmobench.features.elmo.bilstm._MOST_ROWS", 2)
    monkeypatch.setattr("elmobench.features.elmo.bilstm._RUN_VALUES", 30)  # 3 positions
    monkeypatch.setattr("elmobench.features.elmo.char_cnn._STEP_VALUES", 500)
    monkeypatch.setattr("elmobench.features.elmo.char_cnn._WORDS", 3)
    assert _largest(whole, ours.encode(SENTENCES)) <= ASK


def test_layers_and_shapes(tmp_path):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    assert [(x.name, x.kind, x.dim, x.repeat) for x in ours.layers] == [
        ("char_cnn", "type", 5, 2),
        ("lstm_1", "token", 10, 1),
        ("lstm_2", "token", 10, 1),
    ]
    assert ours.dim == 10
    assert ours.encode_types([])[0].shape == (0, 5)
    assert [a.shape for a in ours.encode_tokens([[]])[0]] == [(0, 10), (0, 10)]
    assert ours.encode_tokens([]) == []
    # char_embed, 3 filters, 2 highways of 18, projection, 4 LSTM layers
    expected = 261 * 4 + (4 * 4 + 4) + (2 * 4 * 6 + 6) + (3 * 4 * 8 + 8)
    expected += 2 * 2 * (18 * 18 + 18) + 18 * 5 + 5 + 4 * (10 * 48 + 48 + 12 * 5)
    assert ours.parameters == expected


def test_a_string_is_not_a_sentence(tmp_path):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    with pytest.raises(TypeError, match="sentence 0 is a string"):
        ours.encode_tokens(["oops"])


def test_carry_continues_from_the_same_row(model):
    """Rows beyond a smaller batch keep their state; a larger one starts new rows at zero."""
    ours, reference = ElmoProvider.from_files(*model, state="carry"), Reference(*model)
    assert not ours.cacheable
    batches = [SENTENCES[:2], SENTENCES[2:6], SENTENCES[:1], SENTENCES[3:6]]
    rows = [None] * 4
    for batch in batches:
        for row, (sentence, layers) in enumerate(
            zip(batch, ours.encode_tokens(batch), strict=True)
        ):
            expected, rows[row] = reference.encode(sentence, rows[row])
            for layer, found in enumerate(layers, start=1):
                assert np.abs(found - expected[layer]).max(initial=0) <= 2 * ASK
    zero, first = ElmoProvider.from_files(*model), ElmoProvider.from_files(*model, state="carry")
    assert _largest(first.encode_tokens(batches[0])[0], zero.encode_tokens(batches[0])[0]) <= ASK


def test_carry_batches_within_a_call(tmp_path):
    model = write_model(tmp_path)
    one = ElmoProvider.from_files(*model, state="carry", batch_size=2)
    other = ElmoProvider.from_files(*model, state="carry", batch_size=9)
    at_once = one.encode_tokens(SENTENCES)
    by_call = [x for i in range(0, 7, 2) for x in other.encode_tokens(SENTENCES[i : i + 2])]
    for a, b in zip(at_once, by_call, strict=True):
        assert _largest(a, b) <= ASK


@pytest.mark.slow
def test_warm_is_order_free_and_not_zero(tmp_path):
    model = write_model(tmp_path)
    warm, zero = ElmoProvider.from_files(*model, state="warm"), ElmoProvider.from_files(*model)
    assert warm.cacheable
    first = warm.encode(SENTENCES)
    again = [ElmoProvider.from_files(*model, state="warm").encode([s])[0] for s in SENTENCES]
    assert _largest(first, again) <= ASK
    short = SENTENCES.index(["word"])
    assert np.abs(first[short][1:] - zero.encode([["word"]])[0][1:]).max() > 1e-3
    assert np.abs(first[short][0] - zero.encode([["word"]])[0][0]).max() <= ASK


def test_warm_starts_from_what_its_text_leaves(tmp_path):
    from elmobench.features.elmo.warm_up import WARM_UP

    model = write_model(tmp_path)
    reference, state = Reference(*model), None
    for sentence in WARM_UP:
        _, state = reference.encode(sentence, state)
    expected, _ = reference.encode(SENTENCES[0], state)
    found = ElmoProvider.from_files(*model, state="warm").encode(SENTENCES[:1])[0]
    assert np.abs(found - expected).max() <= ASK


def test_fingerprints_tell_apart_what_changes_vectors(tmp_path):
    model = write_model(tmp_path / "a")
    fingerprint = ElmoProvider.from_files(*model).fingerprint
    assert ElmoProvider.from_files(*model, name="another name").fingerprint == fingerprint
    assert ElmoProvider.from_files(*model, batch_size=5).fingerprint == fingerprint
    others = [
        ElmoProvider.from_files(*model, state="warm"),
        ElmoProvider.from_files(*model, state="carry"),
        ElmoProvider.from_files(*model, state="carry", batch_size=3),
        ElmoProvider.from_files(*write_model(tmp_path / "b", seed=1)),
        ElmoProvider.from_files(*write_model(tmp_path / "c", lstm={"cell_clip": 2})),
    ]
    assert len({fingerprint, *(other.fingerprint for other in others)}) == 6


def test_261_and_262_characters_are_the_same_model(tmp_path):
    one = ElmoProvider.from_files(*write_model(tmp_path / "a", char_cnn={"n_characters": 261}))
    other = ElmoProvider.from_files(*write_model(tmp_path / "b", char_cnn={"n_characters": 262}))
    assert one.options.digest == other.options.digest
    assert _largest(one.encode(SENTENCES), other.encode(SENTENCES)) == 0


def test_reduced_precision_is_refused_and_autocast_ignored(tmp_path):
    ours = ElmoProvider.from_files(*write_model(tmp_path))
    exact = ours.encode(SENTENCES)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert _largest(exact, ours.encode(SENTENCES)) <= ASK
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")
    try:
        with pytest.raises(ConfigError, match="full float32"):
            ours.encode(SENTENCES)
    finally:
        torch.set_float32_matmul_precision(before)
    torch.set_default_dtype(torch.float64)
    try:
        assert _largest(exact, ours.encode(SENTENCES)) <= ASK
    finally:
        torch.set_default_dtype(torch.float32)
