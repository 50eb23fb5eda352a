"""What is wrong with a model's files is said, not papered over."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_transformers import bert, gpt2, t5

from elmobench.core.errors import ConfigError, DigestError, ModelError
from elmobench.features.catalog.catalog import ModelCatalog, load_provider

SENTENCE = [["The", "cat", "sat"]]


@pytest.fixture
def folder(tmp_path):
    return bert(tmp_path / "model")


def _edit(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({k: v for k, v in (content | changes).items() if v is not None}))


def _refuses(folder, message):
    with pytest.raises(ModelError, match=message) as caught:
        load_provider(f"bert:{folder}")
    assert str(folder) in str(caught.value)


def test_no_such_folder(tmp_path):
    with pytest.raises(ModelError, match="no folder"):
        load_provider(f"bert:{tmp_path / 'nothing'}")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("config.json", "no config.json"),
        ("model.safetensors", "no weights"),
        ("tokenizer.json", "no tokenizer"),
    ],
)
def test_missing_files(folder, name, message):
    (folder / name).unlink()
    _refuses(folder, message)


@pytest.mark.parametrize("changes", [{"model_type": "no-such"}, {"model_type": None}])
def test_foreign_architecture(folder, changes):
    _edit(folder / "config.json", **changes)
    _refuses(folder, "does not describe a model that transformers supports")


def test_code_in_the_folder_does_not_run(folder):
    """Neither as a foreign architecture nor in place of a known one."""
    (folder / "evil.py").write_text("raise SystemExit('it ran')\n")
    auto_map = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    _edit(folder / "config.json", auto_map=auto_map)
    assert load_provider(f"bert:{folder}").num_layers == 4
    _edit(folder / "config.json", model_type="evil")
    _refuses(folder, "does not describe a model that transformers supports")


def test_damaged_config_and_tokenizer(folder):
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text[: len(text) // 2])
    _refuses(folder, r"tokenizer\.json:\d+:\d+: is not JSON")
    (folder / "config.json").write_text("{")
    _refuses(folder, "config.json")


def test_unreadable_safetensors(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    _refuses(folder, "not a complete safetensors file")


@pytest.mark.parametrize("key", ["embeddings.word_embeddings.weight", "encoder.layer.1.output"])
def test_missing_weights_are_not_random(folder, key):
    path = folder / "model.safetensors"
    kept = {name: w for name, w in load_file(path).items() if not name.startswith(key)}
    save_file(kept, path, {"format": "pt"})
    _refuses(folder, rf"missing or have another shape: {key}")


@pytest.mark.parametrize("changes", [{"num_hidden_layers": 4}, {"intermediate_size": 28}])
def test_weights_that_do_not_match_the_config(folder, changes):
    _edit(folder / "config.json", **changes)
    _refuses(folder, "its weights")


def test_a_checkpoint_without_pooler_or_with_heads_is_fine(folder, tmp_path):
    whole = load_provider(f"bert:{folder}")
    path = folder / "model.safetensors"
    kept = {name: w for name, w in load_file(path).items() if "pooler" not in name}
    save_file(
        {f"bert.{k}": w for k, w in kept.items()} | {"cls.bias": torch.ones(3)},
        path,
        {"format": "pt"},
    )
    found = load_provider(f"bert:{folder}")
    assert (found.encode(SENTENCE)[0] == whole.encode(SENTENCE)[0]).all()


def test_old_names_of_layer_norm(folder):
    """As in the published BERT checkpoints."""
    whole = load_provider(f"bert:{folder}").encode(SENTENCE)[0]
    path = folder / "model.safetensors"
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
            "LayerNorm.bias", "LayerNorm.beta"
        ): weight
        for name, weight in load_file(path).items()
    }
    assert any("gamma" in name for name in old)
    save_file(old, path, {"format": "pt"})
    assert (load_provider(f"bert:{folder}").encode(SENTENCE)[0] == whole).all()


def test_an_encoder_without_its_decoder(tmp_path):
    folder = t5(tmp_path / "t5")
    whole = load_provider(f"bert:{folder}")
    path = folder / "model.safetensors"
    kept = {k: w for k, w in load_file(path).items() if not k.startswith("decoder.")}
    save_file(kept, path, {"format": "pt"})
    found = load_provider(f"bert:{folder}")
    assert found.num_layers == 3
    assert (found.encode(SENTENCE)[0] == whole.encode(SENTENCE)[0]).all()
    assert found.parameters < sum(w.numel() for w in load_file(path).values()) + 1


def test_pickles_are_read_as_weights_only(folder):
    whole = load_provider(f"bert:{folder}").encode(SENTENCE)[0]
    path = folder / "model.safetensors"
    torch.save(load_file(path), folder / "pytorch_model.bin")
    path.unlink()
    assert (load_provider(f"bert:{folder}").encode(SENTENCE)[0] == whole).all()

    class Evil:
        def __reduce__(self):
            return (pytest.fail, ("the pickle ran",))

    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Evil()))
    _refuses(folder, "weights cannot be read")
    torch.save({"a": Evil()}, folder / "pytorch_model.bin")
    _refuses(folder, "weights cannot be read")


def test_safetensors_go_before_pickles(folder):
    (folder / "pytorch_model.bin").write_bytes(b"not a model")
    assert load_provider(f"bert:{folder}").num_layers == 4


def test_tokenizer_of_another_model(folder):
    _edit(folder / "tokenizer.json", added_tokens=[
        {"id": 900, "content": "<new>", "single_word": False, "lstrip": False, "rstrip": False,
         "normalized": False, "special": False},
    ])  # fmt: skip
    _refuses(folder, "its tokenizer has pieces up to")


def test_a_slow_tokenizer(tmp_path):
    folder = gpt2(tmp_path / "slow")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer.model").write_bytes(b"no sentencepiece model")
    _refuses(folder, "its tokenizer")


def test_two_places_or_none():
    for options in ({}, {"folder": "a", "repo": "b"}):
        with pytest.raises(ConfigError, match="files are given by"):
            ModelCatalog({"it": {"provider": "transformer", "options": options}}).load("it")


def test_files_by_name_with_digests(folder):
    def entry(**more):
        files = {
            name: {"path": str(folder / name)}
            for name in ("config.json", "model.safetensors", "tokenizer.json")
        }
        return {"it": {"provider": "transformer", "files": files | more}}

    assert load_provider("it", entry()).num_layers == 4
    wrong = {"path": str(folder / "config.json"), "sha256": "0" * 64}
    with pytest.raises(DigestError, match="sha256"):
        load_provider("it", entry(**{"config.json": wrong}))
    with pytest.raises(ConfigError, match="'weights' is not a file of a transformer"):
        load_provider("it", entry(weights={"path": "w"}))
    with pytest.raises(ConfigError, match="local files have no revision"):
        load_provider("it@revision=" + "a" * 40, entry())


def test_the_error_for_a_family_shows_how_to_name_a_model():
    with pytest.raises(ConfigError, match="bert:path/to/folder"):
        load_provider("bert")


def test_weights_that_are_written_to_are_an_error_and_replaced_ones_are_not(folder):
    provider = load_provider(f"bert:{folder}")
    path = folder / "model.safetensors"
    expected = provider.encode(SENTENCE)[0]
    other = path.with_suffix(".new")
    content = bytearray(path.read_bytes())
    content[-4096:] = bytes(4096)
    other.write_bytes(content)
    other.replace(path)
    assert (provider.encode(SENTENCE)[0] == expected).all()
    provider = load_provider(f"bert:{folder}")
    with path.open("r+b") as file:
        file.seek(-4096, 2)
        file.write(bytes(4096))
    with pytest.raises(ModelError, match="was written to while") as caught:
        provider.encode(SENTENCE)
    assert str(path) in str(caught.value)


def test_an_untrained_model_does_not_depend_on_its_file(folder):
    provider = load_provider(f"bert:{folder}@untrained=1")
    expected = provider.encode(SENTENCE)[0]
    (folder / "model.safetensors").write_bytes(b"")
    assert (provider.encode(SENTENCE)[0] == expected).all()
