"""Values of options that arithmetic, generators or memory cannot hold."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from pydantic import ValidationError
from small_corpus import small_bert_options, small_corpus, small_options

from elmobench.cli.pretrain.train import chosen_options
from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.pretraining.bert.train import train_bert
from elmobench.pretraining.bilm.network import initial_weights, weight_count
from elmobench.pretraining.bilm.train import BilmTrainer
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.glove.train import train_glove
from elmobench.pretraining.memory import check_memory
from elmobench.pretraining.model_card import check_model_name

HUGE = 2**31 - 1


@pytest.mark.parametrize(
    ("kind", "setting", "message"),
    [
        ("glove", f"seed={2**63}", "seed: Input should be less than or equal to"),
        ("bilm", "seed=-1", "seed: Input should be greater than or equal to 0"),
        ("bert", f"seed={'9' * 5000}", "--set seed.*is not of type int"),
        ("glove", "vector_size=0", "vector_size: Input should be greater than or equal to 1"),
        ("glove", "window_size=1001", "window_size"),
        ("bert", "batch_size=-3", "batch_size"),
        ("glove", "eta=.inf", "eta: Input should be a finite number"),
        ("glove", "eta=.nan", "eta: Input should be a finite number"),
        ("bert", "learning_rate=1e999", "no float can hold it|not of type float"),
        ("bilm", "n_epochs=1e300", "n_epochs"),
        ("bilm", "lstm.n_layers=101", "lstm.n_layers: Input should be less than or equal to 100"),
        ("bilm", "char_cnn.max_characters_per_token=10001", "less than or equal to 10000"),
        ("bert", "max_length=99999999999", "max_length"),
        ("glove", f"eta={'[' * 1000}", "--set eta"),
        ("glove", "eta", "'eta' is no setting"),
        ("glove", "eta=2026-01-01", "eta: Input should be a valid number"),
    ],
)
def test_settings_that_no_training_can_use(kind: str, setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"(?s){message}"):
        chosen_options(kind, None, [setting])


def test_a_block_that_is_no_block(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("lstm: 3\n")
    with pytest.raises(ConfigError, match="lstm is not a block of options"):
        chosen_options("bilm", tmp_path / "o.yaml", ["lstm.dim=3"])


def test_the_largest_seed_trains(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    for trainer in (
        BilmTrainer(corpus, small_options(seed=2**63 - 1), threads=1),
        train_glove(
            corpus, GloveOptions(min_count=1, epochs=1, seed=2**63 - 1), tmp_path / "g"
        ).trainer,
    ):
        assert trainer.step in (0, 1)
    with pytest.raises(ValidationError):
        GloveOptions(seed=2**63)


def test_models_that_memory_cannot_hold_are_refused_at_once(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    with pytest.raises(ConfigError, match=r"needs at least .* GB of memory"):
        train_glove(corpus, GloveOptions(min_count=1, vector_size=HUGE), tmp_path / "o")
    lstm = {"dim": 100_000, "projection_dim": 100_000, "n_layers": 100}
    with pytest.raises(ConfigError, match=r"needs at least .* GB of memory"):
        BilmTrainer(corpus, small_options(lstm=lstm), threads=1)
    options = small_bert_options(hidden_size=2**30, num_hidden_layers=2**30)
    with pytest.raises(ConfigError, match=r"needs at least .* GB of memory"):
        train_bert(corpus, options, tmp_path / "o")
    check_memory(1000, 1000)


def test_the_number_of_weights_is_that_of_the_model() -> None:
    options = small_options()
    weights = initial_weights(options, 40)
    assert weight_count(options, 40) == sum(torch.numel(weight) for weight in weights.values())


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b", "-x", "é"])
def test_names_that_are_no_folder_are_refused(name: str) -> None:
    with pytest.raises(ElmobenchError, match="is no name of a model"):
        check_model_name(name)
    check_model_name("elmo-mini_2.0")


def test_a_bilm_that_could_not_be_read_again_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("elmobench.pretraining.bilm.train.check_memory", lambda *_: None)
    lstm = {"dim": 10_000, "projection_dim": 10_000, "n_layers": 2}
    with pytest.raises(ModelError, match="the most are 1,000,000,000"):
        BilmTrainer(small_corpus(tmp_path), small_options(lstm=lstm), threads=1)
