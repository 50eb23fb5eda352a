"""Equal budgets of the trainings that are compared, and the experiment that compares them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import yaml
from command_line import elmobench
from tiny_cards import write_tiny_cards
from tiny_trainings import BILM

from elmobench.bench.experiment.schema import load_experiment
from elmobench.core.errors import ConfigError
from elmobench.pretraining.domain import equal_passes, write_experiment
from elmobench.pretraining.model_card import card_of


@pytest.mark.parametrize("budget", [None, 50, 12_345])
@pytest.mark.parametrize("tokens", [(4000, 1000), (1000, 4000), (777, 777)])
def test_every_training_reads_as_many_tokens(tokens: tuple[int, int], budget: int | None) -> None:
    by_name = dict(zip(("general", "domain"), tokens, strict=True))
    found = equal_passes(3, by_name, budget)
    wanted = 3 * min(tokens) if budget is None else budget
    for name, number in by_name.items():
        assert found[name] * number == pytest.approx(wanted, rel=1e-5)


def test_texts_that_cannot_be_compared_are_errors() -> None:
    with pytest.raises(ConfigError, match="without tokens"):
        equal_passes(1, {"general": 5, "domain": 0})
    with pytest.raises(ConfigError, match="too small a part"):
        equal_passes(1, {"general": 10**9, "domain": 10})


def test_an_experiment_that_is_there_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "domain.yaml"
    assert write_experiment(path, {"name": "a"})
    assert not write_experiment(path, {"name": "b"})
    assert yaml.safe_load(path.read_text()) == {"name": "a"}


def test_an_unknown_task_or_head_is_an_error_before_training(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("a b c\n" * 50)
    common = ["--general", "text.txt", "--domain", "text.txt", "--out", "out"]
    for more, message in (
        (["--task", "ner/no-such-task"], "no-such-task"),
        (["--task", "ner/control-ner", "--head", "linaer"], "linaer"),
    ):
        failed = elmobench("pretrain", "domain", *common, *more, cwd=tmp_path)
        assert failed.returncode == 1
        assert message in failed.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_three_models_are_trained_and_compared(tmp_path: Path) -> None:
    draw = random.Random(1)
    words = ["Katze", "Hund", "sieht", "die", "eine", "Maus", "nie"]
    for name, lines in (("general", 400), ("domain", 150)):
        rows = [
            " ".join(draw.choice(words) for _ in range(draw.randint(3, 9))) for _ in range(lines)
        ]
        (tmp_path / f"{name}.txt").write_text("\n".join(rows) + "\n")
    (tmp_path / "options.yaml").write_text(yaml.safe_dump(BILM))
    write_tiny_cards(tmp_path / "cards", draw, {"train": 40, "dev": 20, "test": 20})
    command = [
        *("pretrain", "domain", "--general", "general.txt", "--domain", "domain.txt"),
        *("--task", "ner/tiny", "--seeds", "2", "--options", "options.yaml", "--no-overlap"),
        *("--include", "cards", "--out", "out"),
    ]
    done = elmobench(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    read = {}
    for name in ("general", "domain", "continued"):
        card = card_of(out / name)
        assert card is not None
        read[name] = card.tokens_seen
    # Batches are whole, so that a few tokens may be missing.
    assert max(read.values()) - min(read.values()) <= 4 * 5
    experiment = load_experiment(out / "domain.yaml")
    assert experiment.features == ("general", "domain", "continued")
    assert f"{read['general']:,} of general text" in experiment.caveats[0]
    assert "6 cells trained" in done.stdout
    assert "domain better than general" in done.stdout
    # A second call trains nothing, and runs the experiment as it is.
    again = elmobench(*command, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert "is there already" in again.stdout
    assert "0 cells trained, 6 already there" in again.stdout
