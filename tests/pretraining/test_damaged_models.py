"""Files of exported and packed models: damage is noticed before they are used."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_corpus import small_corpus, small_options

from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.pretraining.bilm.export import export
from elmobench.pretraining.bilm.network import initial_weights
from elmobench.pretraining.bilm.start import read_start
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.model_card import card_of
from elmobench.pretraining.packing import catalog_below, pack
from elmobench.pretraining.runs import Pretraining, pretrain
from elmobench.pretraining.vocabulary import SPECIAL, Vocabulary

WORDS = Vocabulary([*SPECIAL, "a", "b", "c"])


def change_byte(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize(
    "name", ["options.json", "weights.hdf5", "vocabulary.txt", "softmax.safetensors"]
)
def test_a_bilm_to_start_from_is_checked(tmp_path: Path, name: str) -> None:
    options = small_options()
    weights = initial_weights(options, len(WORDS))
    export(tmp_path, weights, options, WORDS)
    start = read_start(tmp_path, options, WORDS, initial_weights(options, len(WORDS)))
    assert all(torch.equal(start[key], weights[key]) for key in weights)
    change_byte(tmp_path / name, -2)
    with pytest.raises(ElmobenchError, match=rf"{name}"):
        read_start(tmp_path, options, WORDS, weights)


def test_files_of_two_exports_are_noticed(tmp_path: Path) -> None:
    """As a process leaves them that was killed while it exported."""
    options = small_options()
    for folder, seed in (("a", 1), ("b", 2)):
        weights = initial_weights(small_options(seed=seed), len(WORDS))
        export(tmp_path / folder, weights, options, WORDS)
    shutil.copyfile(tmp_path / "a" / "weights.hdf5", tmp_path / "b" / "weights.hdf5")
    with pytest.raises(ModelError, match=r"weights\.hdf5: .*training was interrupted.*\n.*again"):
        read_start(tmp_path / "b", options, WORDS, weights)


def test_a_softmax_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    options = small_options()
    weights = initial_weights(options, len(WORDS))
    export(tmp_path, weights, options, WORDS)
    file = tmp_path / "softmax.safetensors"
    save_file(load_file(file), file)
    start = read_start(tmp_path, options, WORDS, weights)
    assert torch.equal(start["softmax/W"], weights["softmax/W"])


def test_a_start_without_weights(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"weights\.hdf5: cannot be read: No such file"):
        train_bilm(small_corpus(tmp_path), small_options(), tmp_path / "o", start=tmp_path / "no")


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    encoded = small_corpus(tmp_path, 100)
    run = Pretraining(
        name="mine",
        out=tmp_path / "models" / "mine",
        corpus=Corpus.open([tmp_path / "text.txt"]),
        encoded=encoded,
        options=GloveOptions(vector_size=4, min_count=1, epochs=1),
        overlap=False,
    )
    assert pretrain(run, LoopOptions(threads=1))
    return run.out


def test_packing_checks_what_it_copies(tmp_path: Path, finished: Path) -> None:
    assert [card.name for card in pack([finished], tmp_path / "out")] == ["mine"]
    assert catalog_below(finished.parent) == ["mine"]
    change_byte(finished / "vectors.txt.gz", 40)
    with pytest.raises(ModelError, match=r"vectors\.txt\.gz: is damaged: it does not have the dig"):
        pack([finished], tmp_path / "out2")
    (finished / "vectors.txt.gz").unlink()
    with pytest.raises(ModelError, match=r"vectors\.txt\.gz: cannot be read: No such file"):
        pack([finished], tmp_path / "out2")


@pytest.mark.parametrize("name", ["model_card.yaml", "models.yaml"])
def test_cards_and_catalogs_are_checked(tmp_path: Path, finished: Path, name: str) -> None:
    path = finished / name
    path.write_text(path.read_text("utf-8").replace("mine", "mint"), "utf-8")
    with pytest.raises(ConfigError, match=rf"{name}: is damaged or was edited"):
        pack([finished], tmp_path / "out")
    if name == "model_card.yaml":
        with pytest.raises(ConfigError, match="run the training again"):
            card_of(finished)
