"""The check of banned phrases finds them, names the line and offers plain words."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check_words() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_words", ROOT / ".ci" / "check_words.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Written in two pieces, so that the check does not find them here.
BAD = ["as far" + " as known", "a vector a" + " word", "No" + "body knows", "GloVe is to" + "ld"]
BAD_OVER_TWO_LINES = "x = 1\n# this stands\n# besi" + "de the other\n"


@pytest.mark.parametrize("phrase", BAD)
def test_a_phrase_is_found(check_words: ModuleType, phrase: str) -> None:
    phrases = check_words.load_phrases()
    text = f"First line.\nThen {phrase}, which is wrong.\n"
    if phrase == "GloVe is to" + "ld":
        assert len(check_words.check_text(text, "a.md", phrases)) == 2  # two patterns
        return
    (message,) = check_words.check_text(text, "a.md", phrases)
    assert message.startswith("a.md:2: ")
    assert " => " in message


def test_a_phrase_over_two_lines_of_a_comment_is_found(check_words: ModuleType) -> None:
    (message,) = check_words.check_text(BAD_OVER_TWO_LINES, "a.py", check_words.load_phrases())
    assert message.startswith("a.py:2: ")


def test_plain_text_passes(check_words: ModuleType) -> None:
    text = "One vector per word; value.strip() is called.\n"
    assert check_words.check_text(text, "a.md", check_words.load_phrases()) == []


def test_the_script_fails_on_a_file_with_a_phrase(
    check_words: ModuleType,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(check_words, "ROOT", tmp_path)
    (tmp_path / "bad.md").write_text("\n\n" + BAD[1] + "\n")
    (tmp_path / "good.md").write_text("fine\n")
    assert check_words.main(["good.md"]) == 0
    assert check_words.main(["good.md", "bad.md"]) == 1
    assert "bad.md:3: " in capsys.readouterr().out
