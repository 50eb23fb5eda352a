"""Which Python the reference environment is built with."""

import sys
from pathlib import Path

import pytest
from fake_python import answering, write_script

from elmobench.core.errors import ConfigError
from elmobench.features.allennlp.pythons import find_python


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine with nothing on PATH and no versions of pyenv."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    return tmp_path


def test_the_newest_version_is_taken_wherever_it_is(machine):
    answering(machine / "bin" / "python3.9", "3.9")
    assert find_python() == machine / "bin" / "python3.9"
    kept = answering(machine / "pyenv" / "versions" / "3.10.2" / "bin" / "python", "3.10")
    assert find_python() == kept
    on_path = answering(machine / "bin" / "python3.10", "3.10")
    assert find_python() == on_path


def test_patch_levels_are_numbers(machine):
    for patch in (9, 13, 2):
        answering(machine / "pyenv" / "versions" / f"3.10.{patch}" / "bin" / "python", "3.10")
    assert find_python().parts[-3] == "3.10.13"


def test_a_command_that_does_not_run_is_passed_over(machine):
    write_script(machine / "bin" / "python3.10", "echo 'pyenv: version not set' >&2; exit 127")
    (machine / "bin" / "python3.9").write_text("no program")
    (machine / "bin" / "python3.9").chmod(0o755)
    answering(machine / "bin" / "python3.8", "3.9")  # not what its name says
    with pytest.raises(ConfigError):
        find_python()
    own = answering(machine / "of-uv", "3.8")
    write_script(machine / "bin" / "uv", f'[ "$3" = 3.8 ] && echo {own}')
    assert find_python() == own


def test_the_error_without_a_python_lists_the_searched_places(machine):
    answering(machine / "bin" / "python3.12", "3.12")
    with pytest.raises(ConfigError) as caught:
        find_python()
    text = str(caught.value)
    for part in (
        "python3.10",
        "PATH",
        str(machine / "pyenv"),
        "uv python install 3.10",
        "--python",
    ):
        assert part in text
    assert "uv itself is not on PATH" in text
    write_script(machine / "bin" / "uv", "exit 2")
    with pytest.raises(ConfigError, match=r"`uv python find`\n"):
        find_python()


def test_a_named_one_is_checked(machine):
    answering(machine / "bin" / "python3.10", "3.10")
    named = answering(machine / "mine", "3.8")
    assert find_python(named) == named
    with pytest.raises(ConfigError, match=r"is Python 3\.\d+, and AllenNLP"):
        find_python(Path(sys.executable))
    with pytest.raises(ConfigError, match="not a Python that runs"):
        find_python(machine / "nothing")
