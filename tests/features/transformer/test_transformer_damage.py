"""Damaged folders of transformers: an error that names the folder, soon and without much memory."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_transformers import bert

from elmobench.core.errors import ModelError
from elmobench.features.catalog.catalog import load_provider
from elmobench.features.transformer.checks import library_errors


@pytest.fixture
def folder(tmp_path):
    return bert(tmp_path / "model")


def _edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _refused(folder, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_provider(f"bert:{folder}")
    assert str(folder) in str(caught.value)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_hidden_layers", 10**9),
        ("num_hidden_layers", 10**400),
        ("num_hidden_layers", -(10**9)),
        ("max_position_embeddings", 10**12),
        ("num_labels", 10**12),
        ("hidden_size", 10**12),
        ("intermediate_size", 10**12),
        ("vocab_size", 10**12),
    ],
)
def test_sizes_are_checked_before_anything_is_built(folder, key, value):
    _edit(folder / "config.json", lambda config: config.update({key: value}))
    _refused(folder, rf"config\.json: {key} is .* the largest that is read")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("num_attention_heads", 0),
        ("num_hidden_layers", -1),
        ("initializer_range", -1),
        ("pad_token_id", 10**6),
        ("hidden_act", "none"),
        ("hidden_size", "wide"),
        ("layer_norm_eps", []),
        ("vocab_size", 3),
        ("dtype", "float8"),
        ("model_type", 5),
        ("id2label", 3),
    ],
)
def test_whatever_the_library_raises_is_one_error(folder, key, value):
    _edit(folder / "config.json", lambda config: config.update({key: value}))
    _refused(folder, "bert:")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content.update(model={"type": "WordPiece", "vocab": 3}),
        lambda content: content["model"].update(vocab={}),
        lambda content: content.update(normalizer={"type": "Nothing"}),
        lambda content: content.update(post_processor={"type": "TemplateProcessing", "single": []}),
        lambda content: content.update(
            pre_tokenizer={"type": "Split", "pattern": {"Regex": "("}, "behavior": "Removed"}
        ),
        lambda content: content.clear(),
    ],
    ids=["vocabulary", "no words", "normalizer", "template", "pattern", "empty"],
)
def test_damaged_tokenizers(folder, change):
    _edit(folder / "tokenizer.json", change)
    _refused(folder, "tokenizer")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_weights_that_no_training_gives(folder, value):
    path = folder / "model.safetensors"
    weights = load_file(path)
    weights["encoder.layer.1.output.dense.bias"][3] = value
    save_file(weights, path, {"format": "pt"})
    _refused(folder, r"encoder\.layer\.1\.output\.dense\.bias has the value")


def test_a_length_of_texts_below_one(folder):
    _edit(folder / "tokenizer_config.json", lambda config: config.update(model_max_length=-5))
    _refused(folder, "allows texts of -5 pieces")


@pytest.mark.parametrize("header", [b"\xff" * 8, b"\x02" + b"\0" * 7 + b"{}", b"\x08" + b"\0" * 7])
def test_headers_of_safetensors_that_lie(folder, header):
    path = folder / "model.safetensors"
    path.write_bytes(header + path.read_bytes()[8:])
    _refused(folder, "not a complete safetensors file")


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a": NaN}', b"[]", b"\xff", b""])
def test_json_files_are_objects(folder, name, content):
    (folder / name).write_bytes(content)
    _refused(folder, name.replace(".", r"\."))


def test_a_panic_of_rust_is_an_error_and_an_interrupt_is_not():
    class PanicException(BaseException):
        pass

    refused = pytest.raises(ModelError, match="x: it fails: PanicException: no entry")
    with refused, library_errors("it fails", "x", "y"):
        raise PanicException("no entry\nmore")
    with pytest.raises(KeyboardInterrupt), library_errors("it fails", "x", "y"):
        raise KeyboardInterrupt


def test_a_very_long_word_takes_time_in_proportion(folder):
    provider = load_provider(f"bert:{folder}")
    (vectors,) = provider.encode([["a" * 1_000_000, "cat"]])
    assert torch.isfinite(torch.from_numpy(vectors)).all()
