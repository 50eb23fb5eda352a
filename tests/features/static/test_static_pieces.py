"""Static models of word pieces (model2vec), against the rule of their publisher, word by word."""

import json

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_transformers import word_piece
from tokenizers import Tokenizer

from elmobench import load_provider
from elmobench.core.errors import ConfigError, ModelError

TEXTS = [("The", "cat", "sat"), ("unbelievably", "naïve", "日本"), (), ("€€€",), ("a",) * 700]


def model(folder, *, normalize=True, weights=False, mapping=False, dtype=np.float32):
    """Write a folder as model2vec does; returns its arrays."""
    folder.mkdir()
    tokenizer = word_piece(lowercase=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    pieces = tokenizer.get_vocab_size()
    draw = np.random.default_rng(0)
    rows = 20 if mapping else pieces
    arrays = {"embeddings": draw.normal(size=(rows, 5)).astype(dtype)}
    if mapping:
        arrays["mapping"] = draw.integers(0, rows, pieces)
    if weights:
        arrays["weights"] = draw.random(pieces)
    save_file(arrays, folder / "model.safetensors")
    config = {"model_type": "model2vec", "normalize": normalize}
    (folder / "config.json").write_text(json.dumps(config))
    return arrays


def reference(folder, text, arrays, normalize, most=None):
    """Sum over the pieces of one text, as model2vec's documentation says it."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    unknown = tokenizer.token_to_id("[UNK]")
    ids = [i for i in tokenizer.encode(text, add_special_tokens=False).ids if i != unknown][:most]
    total = np.zeros(5)
    for i in ids:
        row = arrays["embeddings"][arrays["mapping"][i] if "mapping" in arrays else i]
        total += row.astype(np.float64) * (arrays["weights"][i] if "weights" in arrays else 1)
    mean = total / len(ids) if ids else total
    length = np.sqrt((mean**2).sum())
    return mean / length if normalize and length else mean


@pytest.mark.parametrize(
    "options",
    [{}, {"normalize": False}, {"weights": True, "mapping": True}, {"dtype": np.float16}],
)
def test_words_and_texts(tmp_path, options):
    folder = tmp_path / "m"
    arrays = model(folder, **options)
    words = load_provider(f"static:{tmp_path / 'm'}")
    texts = load_provider(f"sentence:{tmp_path / 'm'}")
    assert (words.contextual, words.per_text, texts.per_text) == (False, False, True)
    of_words, of_texts = words.encode(TEXTS), texts.encode(TEXTS)
    for sentence, tokens, text in zip(TEXTS, of_words, of_texts, strict=True):
        assert tokens.shape == (1, len(sentence), 5)
        for t, word in enumerate(sentence[:5]):
            assert np.abs(tokens[0, t] - reference(folder, word, arrays, False)).max() <= 1e-6
        wanted = reference(
            tmp_path / "m", " ".join(sentence), arrays, options.get("normalize", True), 512
        )
        assert np.abs(text[0, 0] - wanted).max() <= 1e-6


def test_coverage_and_fingerprints(tmp_path):
    model(tmp_path / "m")
    words, texts = (load_provider(f"{kind}:{tmp_path / 'm'}") for kind in ("static", "sentence"))
    assert words.coverage(["cat", "cat", "€€€"]) == {"tokens": 2 / 3, "types": 1 / 2}
    assert words.fingerprint != texts.fingerprint
    config = tmp_path / "m" / "config.json"
    config.write_text(config.read_text().replace("true", "false"))
    assert load_provider(f"sentence:{tmp_path / 'm'}").fingerprint != texts.fingerprint


def test_the_folder_of_sentence_transformers(tmp_path):
    arrays = model(tmp_path / "m", normalize=False)
    folder = tmp_path / "m"
    (folder / "0_StaticEmbedding").mkdir()
    (folder / "tokenizer.json").rename(folder / "0_StaticEmbedding" / "tokenizer.json")
    (folder / "model.safetensors").unlink()
    table = {"embedding.weight": arrays["embeddings"]}
    save_file(table, folder / "0_StaticEmbedding" / "model.safetensors")
    modules = [("StaticEmbedding", "0_StaticEmbedding"), ("Normalize", "1_Normalize")]
    listed = [{"type": f"sentence_transformers.models.{t}", "path": p} for t, p in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    found = load_provider(f"sentence:{folder}").encode([("The", "cat")])[0][0, 0]
    wanted = reference(folder / "0_StaticEmbedding", "The cat", arrays, True)
    assert np.abs(found - wanted).max() <= 1e-6


def test_damaged_and_foreign_folders(tmp_path):
    model(tmp_path / "m")
    with pytest.raises(ConfigError, match="a folder of word pieces has no 'case'"):
        load_provider(f"static:{tmp_path / 'm'}@case=lower")
    weights = tmp_path / "m" / "model.safetensors"
    for arrays, message in (
        ({"embeddings": np.ones((3, 5), np.float32)}, "has vectors for 3 pieces in a table of 3"),
        ({"other": np.ones((3, 5), np.float32)}, "has no table embeddings or embedding.weight"),
        ({"embeddings": np.full((400, 5), np.nan, np.float32)}, "not finite"),
        (
            {"embeddings": np.ones((9, 5)), "mapping": np.full(400, 9)},
            "has vectors for 400 pieces in a table of 9",
        ),
    ):
        save_file(arrays, weights)
        with pytest.raises(ModelError, match=message):
            load_provider(f"static:{tmp_path / 'm'}")
    weights.write_bytes(b"damaged")
    with pytest.raises(ModelError, match=r"model.safetensors: cannot be read"):
        load_provider(f"static:{tmp_path / 'm'}")
    weights.unlink()
    with pytest.raises(ModelError, match=r"there is no model.safetensors"):
        load_provider(f"static:{tmp_path / 'm'}")
