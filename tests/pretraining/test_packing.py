"""Small copies of trained models: the same vectors except for rounding, and the same names."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from small_corpus import small_corpus, small_options

from elmobench import load_provider
from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.entries import read_entries
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.model_card import card_of, write_catalog
from elmobench.pretraining.packing import pack
from elmobench.pretraining.runs import Options, Pretraining, pretrain

SENTENCES = [["wörd3", "wörd29", "wörd7"], ["wörd0"]]


def train_model(root: Path, name: str, options: Options) -> Path:
    encoded = small_corpus(root, 200)
    corpus = Corpus.open([root / "text.txt"])
    run = Pretraining(
        name=name,
        out=root / name,
        corpus=corpus,
        encoded=encoded,
        options=options,
        overlap=False,
    )
    assert pretrain(run, LoopOptions(threads=1))
    return root / name


BERT = BertOptions(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_length=32,
    epochs=1,
)


def test_copies_give_the_same_vectors_from_smaller_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds: dict[str, Options] = {
        "my-elmo": small_options(n_epochs=1),
        "my-glove": GloveOptions(vector_size=4, min_count=1, epochs=1),
        "my-bert": BERT,
    }
    folders = [train_model(tmp_path, name, options) for name, options in kinds.items()]
    out = tmp_path / "packed"
    cards = pack(folders, out)
    assert [card.name for card in cards] == list(kinds)
    monkeypatch.setenv("ELMOBENCH_MODELS", str(out))
    for folder in folders:
        kind = {"my-elmo": "elmo", "my-bert": "bert"}.get(folder.name, "static")
        file = "/vectors.txt.gz" if kind == "static" else ""
        before = load_provider(f"{kind}:{folder}{file}").encode(SENTENCES)
        after = load_provider(folder.name).encode(SENTENCES)
        for original, copy in zip(before, after, strict=True):
            # Weights keep eleven bits: an error of two thousandths after a few layers.
            assert np.abs(original - copy).max() <= 2e-3 * np.abs(original).max()
        if kind != "static":
            assert any((a != b).any() for a, b in zip(before, after, strict=True))
        card = card_of(out / folder.name)
        assert card is not None
        assert card.precision == ("single" if kind == "static" else "half")
        assert {p.name for p in (out / folder.name).iterdir()} >= {"model_card.yaml", "README.md"}
    assert not list(out.glob("*/checkpoints"))
    with h5py.File(out / "my-elmo" / "weights.hdf5") as file:
        bias = np.asarray(file["RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell/B"])
    assert bias.dtype == np.float32
    np.testing.assert_array_equal(bias, bias.astype(np.float16))
    halves = load_file(out / "my-bert" / "model.safetensors")
    assert {tensor.dtype for tensor in halves.values()} == {torch.float16}
    assert set(ModelCatalog().names()) >= set(kinds)


def test_errors_of_packing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not a finished model"):
        pack([tmp_path], tmp_path / "out")
    folder = train_model(tmp_path, "my-bert", BERT)
    with pytest.raises(ConfigError, match="two models have the name 'my-bert'"):
        pack([folder, folder], tmp_path / "out")
    weights = load_file(folder / "model.safetensors")
    name = next(iter(weights))
    weights[name].view(-1)[0] = 1e6
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"model\.safetensors: is damaged.*models\.yaml states"):
        pack([folder], tmp_path / "out2")
    entry = read_entries(folder / "models.yaml")["my-bert"].model_dump(exclude_none=True)
    entry["files"]["model.safetensors"]["sha256"] = file_sha256(folder / "model.safetensors")
    write_catalog(folder, {"my-bert": entry})
    with pytest.raises(ModelError, match="1e\\+06, but the largest in half precision is 65504"):
        pack([folder], tmp_path / "out2")
    assert not (tmp_path / "out2" / "models.yaml").exists()
