"""``elmobench pretrain`` on a small text: from files to models that experiments use by name."""

from __future__ import annotations

import hashlib
import json
import math
import random
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from command_line import elmobench as run_elmobench
from mlflow import MlflowClient
from tiny_trainings import BILM

import elmobench
from elmobench import load_provider
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.cli.pretrain.train import chosen_options
from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.pretraining.model_card import card_of, read_card
from elmobench.pretraining.plan import KINDS, PretrainingPlan, parse_seeds

MODELS = {
    "tiny-elmo": {"kind": "bilm", "options": BILM},
    "tiny-glove": {
        "kind": "glove",
        "options": {"vector_size": 6, "min_count": 1, "epochs": 2, "batch_size": 64},
    },
    "tiny-fasttext": {
        "kind": "fasttext",
        "options": {"dim": 6, "bucket": 50, "min_count": 1, "epochs": 1, "batch_tokens": 300},
    },
    "tiny-bert": {
        "kind": "bert",
        "options": {
            "vocab_size": 80,
            "hidden_size": 8,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_length": 16,
            "epochs": 1,
        },
    },
}


def pretrain(*arguments: object, home: Path, status: int = 0) -> subprocess.CompletedProcess[str]:
    result = run_elmobench("pretrain", *arguments, ELMOBENCH_HOME=str(home))
    assert result.returncode == status, result.stderr
    return result


@pytest.fixture
def text(tmp_path: Path) -> Path:
    draw = random.Random(1)
    words = ["Katze", "Hund", "sieht", "die", "eine", "grüne", "Maus", "nie"]
    path = tmp_path / "text.txt"
    rows = [
        " ".join(draw.choice(words) for _ in range(draw.randint(3, 9))) + "." for _ in range(200)
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--vocabulary", "none.txt"], "none.txt: cannot be read"),
        (["--vocabulary", "none.txt", "--min-count", "2"], "only one of --vocabulary and"),
        (["--min-count", "1000"], "no word occurs 1000 times in the training text"),
        (["--min-count", "0"], "--min-count"),
    ],
)
def test_words_to_predict_that_cannot_be(
    text: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run_elmobench(
        *("pretrain", "bilm", "--corpus", text, "--out", tmp_path / "m", *options),
        ELMOBENCH_HOME=str(tmp_path / "home"),
    )
    assert result.returncode in (1, 2)
    assert message in result.stderr
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
def test_a_plan_from_text_to_named_models(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = {
        "name": "tiny",
        "corpus": {
            "tokenizer": "words",
            "files": [{"name": text.name, "sha256": hashlib.sha256(text.read_bytes()).hexdigest()}],
        },
        "licence": "none needed",
        "attribution": "a test",
        "models": MODELS,
    }
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(plan))
    out = tmp_path / "models"
    home = tmp_path / "home"
    result = pretrain("run", file, "--out", out, "--threads", 1, "--no-overlap", home=home)
    assert "held-out perplexity" in result.stderr
    assert "masked cross-entropy" in result.stderr
    monkeypatch.setenv("ELMOBENCH_MODELS", str(out))
    shapes = {"tiny-elmo": (3, 2, 16), "tiny-glove": (1, 2, 6), "tiny-bert": (2, 2, 8)}
    shapes["tiny-fasttext"] = (1, 2, 6)
    assert "held-out loss" in result.stderr
    for name, shape in shapes.items():
        readme = (out / name / "README.md").read_text()
        assert "none needed" in readme
        assert "text.txt" in readme
        assert str(tmp_path) not in readme
        card = yaml.safe_load((out / name / "model_card.yaml").read_text())
        assert card["corpus"]["train_tokens"] > 1000
        assert card["kind"] == MODELS[name]["kind"]
        provider = ModelCatalog().load(name, {})
        (vectors,) = provider.encode([["Katze", "nie"]])
        assert vectors.shape == shape
        assert np.isfinite(vectors).all()
        assert provider.parameters == card["parameters"]["model"]
    for name in MODELS:
        client = MlflowClient(f"sqlite:///{out / name / 'mlflow' / 'mlflow.db'}")
        experiment = client.get_experiment_by_name("pretraining")
        (logged,) = client.search_runs([experiment.experiment_id])
        assert logged.info.status == "FINISHED"
        assert [key for key in logged.data.metrics if key.startswith("heldout")]
        assert "corpus" in logged.data.params
    # A second call has nothing left to train.
    again = pretrain("run", file, "--out", out, "--threads", 1, "--no-overlap", home=home)
    assert "step" not in again.stderr
    pretrain("run", file, "--out", out, "--only", "tiny-elm", home=home, status=1)
    text.write_text(text.read_text() + "mehr\n")
    other = pretrain("run", file, "--out", out, home=home, status=1)
    assert "the plan states" in other.stderr


@pytest.mark.slow
def test_a_model_of_a_plan_starts_from_another(text: Path, tmp_path: Path) -> None:
    digest = hashlib.sha256(text.read_bytes()).hexdigest()
    plan: dict[str, Any] = {
        "name": "two",
        "corpus": {"tokenizer": "words", "files": [{"name": text.name, "sha256": digest}]},
        "licence": "none needed",
        "attribution": "a test",
        "models": {
            "first": {"kind": "bilm", "options": BILM},
            "second": {
                "kind": "bilm",
                "start": "first",
                "options": {**BILM, "n_epochs": 0.5, "learning_rate": 1e-6},
            },
        },
    }
    file = tmp_path / "two.yaml"
    file.write_text(yaml.safe_dump(plan))
    out, home = tmp_path / "models", tmp_path / "home"
    common = ("run", file, "--out", out, "--threads", 1, "--no-overlap")
    early = pretrain(*common, "--only", "second", home=home, status=1)
    assert "train first first" in early.stderr
    pretrain(*common, home=home)
    (a,), (b,) = (
        load_provider(f"elmo:{out / name}").encode([["Katze", "nie"]]) for name in plan["models"]
    )
    np.testing.assert_allclose(a, b, atol=1e-3)
    assert (a != b).any()
    plan["models"]["second"]["kind"] = "bert"
    file.write_text(yaml.safe_dump(plan))
    assert "only a bilm can start" in pretrain(*common, home=home, status=1).stderr


@pytest.mark.slow
def test_several_seeds_of_a_plan_are_an_axis(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256(text.read_bytes()).hexdigest()
    plan: dict[str, Any] = {
        "name": "seeds",
        "corpus": {"tokenizer": "words", "files": [{"name": text.name, "sha256": digest}]},
        "licence": "none needed",
        "attribution": "a test",
        "models": {name: MODELS[name] for name in ("tiny-elmo", "tiny-glove")},
    }
    file = tmp_path / "seeds.yaml"
    file.write_text(yaml.safe_dump(plan))
    out = tmp_path / "models"
    pretrain(
        *("run", file, "--out", out, "--threads", 1, "--no-overlap", "--seeds", "4-5"),
        home=tmp_path / "home",
    )
    monkeypatch.setenv("ELMOBENCH_MODELS", str(out))
    for name in plan["models"]:
        experiment = parse_experiment(
            {"name": "x", "tasks": ["pos/control-pos"], "features": [f"{name}-seed4..5"]}
        )
        assert experiment.features == (f"{name}-seed4", f"{name}-seed5")
        first, second = (load_provider(spec) for spec in experiment.features)
        assert np.abs(first.encode([["Katze"]])[0] - second.encode([["Katze"]])[0]).max() > 1e-4
        cards = [read_card(out / spec / "model_card.yaml") for spec in experiment.features]
        assert [card.options.pop("seed") for card in cards] == [4, 5]
        same = {"kind", "corpus", "tokens_seen", "updates", "parameters", "options"}
        assert cards[0].model_dump(include=same) == cards[1].model_dump(include=same)
        assert (cards[0].processor_seconds or 0) > 0
        rows = (out / f"{name}-seed4" / "log.jsonl").read_text().splitlines()
        last = json.loads(rows[-1])
        batches = 1 if name == "tiny-elmo" else math.ceil(last["cells"] / 64)
        assert cards[0].updates == last["step"] * batches
        readme = (out / f"{name}-seed4" / "README.md").read_text()
        assert f"| updates of the weights | {cards[0].updates:,} |" in readme
        assert "| processor time of the training |" in readme


def test_seeds_of_models_that_start_from_others() -> None:
    content: dict[str, Any] = {
        "name": "two",
        "corpus": {"files": [{"name": "text", "sha256": "0" * 64}]},
        "licence": "none",
        "attribution": "none",
        "models": {
            "first": {"kind": "bilm", "start": "elsewhere"},
            "second": {"kind": "bilm", "start": "first", "options": {"batch_size": 4}},
        },
    }
    plan = PretrainingPlan.model_validate(content).with_seeds(parse_seeds("3,1"))
    assert list(plan.models) == ["first-seed3", "first-seed1", "second-seed3", "second-seed1"]
    assert [model.start for model in plan.models.values()] == [
        *2 * ["elsewhere"],
        *("first-seed3", "first-seed1"),
    ]
    assert plan.models["second-seed1"].options == {"batch_size": 4, "seed": 1}
    for wrong in ("3-1", "a", "", "1,1", "1-2-3", "1-2000"):
        with pytest.raises(ConfigError, match="seed"):
            parse_seeds(wrong)


def test_default_options_are_those_of_the_shipped_models() -> None:
    for kind, name in (("bilm", "elmo-mini"), ("glove", "glove-mini"), ("bert", "bert-mini")):
        card = card_of(Path(elmobench.__file__).parent / "models" / name)
        assert card is not None
        shipped = KINDS[kind].model_validate(card.options).model_dump()
        options = chosen_options(kind, None).model_dump()
        if kind == "bilm":
            # Many processors have no bf16 products.
            assert (options.pop("arithmetic"), shipped.pop("arithmetic")) == ("fp32", "bf16")
        assert options == shipped


@pytest.mark.nightly
def test_a_trained_model_is_fine_tuned_on_other_text(text: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    options = tmp_path / "options.json"
    options.write_text(yaml.safe_dump(BILM))
    common = ("--tokenizer", "words", "--threads", 1, "--no-overlap")
    pretrain(
        *("bilm", "--corpus", text, "--out", tmp_path / "a", "--options", options),
        *("--set", "learning_rate=0.1", *common),
        home=home,
    )
    other = tmp_path / "other.txt"
    other.write_text(text.read_text(encoding="utf-8").replace("Hund", "Vogel"), encoding="utf-8")
    pretrain(
        *("bilm", "--corpus", other, "--out", tmp_path / "b", "--start", tmp_path / "a"),
        *("--set", "learning_rate=0.0001", *common),
        home=home,
    )
    fresh = pretrain(
        *("bilm", "--corpus", other, "--out", tmp_path / "c", "--options", options),
        *("--set", "learning_rate=0.0001", *common),
        home=home,
    )
    sentence = [["Katze", "sieht", "Vogel"]]
    a, b, c = (load_provider(f"elmo:{tmp_path / n}").encode(sentence)[0] for n in "abc")
    # With a tiny learning rate the model stays close to its start.
    assert np.abs(a - b).mean() < 0.2 * np.abs(a - c).mean()
    assert "perplexity" in fresh.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--set", "n_epoch=3"), "no option 'n_epoch'"),
        (("--set", "n_epochs=0"), "n_epochs"),
        (("--set", "lstm.dims=3"), "no option 'lstm.dims'"),
        (("--set", "cnn.dims=3"), "no option 'cnn.dims'"),
        (("--tokenizer", "word"), "did you mean 'words'"),
        (("--start", "nowhere"), "nowhere"),
        (("--device", "cuda:99"), "the device is to be cuda:99"),
    ],
)
def test_errors_name_the_mistake(
    text: Path, tmp_path: Path, arguments: tuple, message: str
) -> None:
    options = tmp_path / "o.yaml"
    options.write_text(yaml.safe_dump(BILM))
    result = pretrain(
        *("bilm", "--corpus", text, "--out", tmp_path / "m", "--options", options, *arguments),
        home=tmp_path / "home",
        status=1,
    )
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "m" / "weights.hdf5").exists()
