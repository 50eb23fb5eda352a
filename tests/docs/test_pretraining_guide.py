"""The guide to pre-training: its four lines become a model, with bilm-tf's files and a warning."""

from __future__ import annotations

import contextlib
import io
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from command_line import elmobench
from shown_output import ROOT, blocks

from elmobench import load_provider
from elmobench.core.errors import ElmobenchWarning

PAGE = ROOT / "docs" / "guides" / "custom-elmo.md"


def test_four_lines_become_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ELMOBENCH_HOME", str(tmp_path / "home"))
    (example,) = [block for block in blocks(PAGE) if block.language == "python"]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(example.text, {})
    assert printed.getvalue() == example.output
    train, inspect = commands_on("train.txt")
    with pytest.warns(ElmobenchWarning) as warnings:
        trained = elmobench(*train, "--tracking-uri", "none", COLUMNS="200")
    assert trained.returncode == 0, trained.stderr
    small, short, few = (str(warning.message) for warning in warnings)
    assert small.startswith("36 tokens are too few for a useful model")
    assert "the held-out measures are of the training text itself" in small
    assert "too few for a step of batch_size 128 and unroll_steps 20" in short
    # The three words occur 4, 3 and 2 times.
    assert "covers only 25.0 % of the training tokens" in few
    assert "training-text perplexity" in trained.stderr
    assert "held-out perplexity" not in trained.stderr
    assert "36 tokens to train on, 0 held out" in trained.stdout
    assert "6 words to predict, 25.0 % of the training tokens" in trained.stdout

    folder = tmp_path / "models" / "four-lines"
    assert (folder / "vocabulary.txt").read_text() == Path("vocab.txt").read_text()
    card = yaml.safe_load((folder / "model_card.yaml").read_text())
    assert card["corpus"]["heldout_is_train"] is True
    # 36 tokens with four begins and ends: two rows of 22 tokens, of which 21 are used.
    assert (card["options"]["batch_size"], card["options"]["unroll_steps"]) == (2, 20)
    assert card["tokens_seen"] == 5 * 2 * 20
    assert card["corpus"]["word_types"] == len(set(Path("train.txt").read_text().split())) + 3
    assert "too short to hold anything out" in (folder / "README.md").read_text()

    seen = elmobench(*inspect, COLUMNS="80")
    assert seen.returncode == 0, seen.stderr
    assert "lstm_2" in seen.stdout
    (vectors,) = load_provider("elmo:models/four-lines").encode([["A", "rash", "unheard-of"]])
    assert vectors.shape == (3, 3, 16)
    assert np.isfinite(vectors).all()


def commands_on(name: str) -> list[list[str]]:
    """The arguments of the commands in the block that mentions the file ``name``."""
    (block,) = [b for b in blocks(PAGE) if b.language == "sh" and name in b.text]
    return [shlex.split(command)[1:] for command in block.commands]
