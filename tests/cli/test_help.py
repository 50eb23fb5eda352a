"""Help texts fit a terminal of 80 columns, and ``elmobench --help`` has panels and examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from command_line import elmobench

from elmobench.cli.help_format import PANELS, first_sentence
from elmobench.cli.main import COMMANDS, app


def _command_paths(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, child in getattr(command, "commands", {}).items():
        yield from _command_paths(child, (*path, name))


PATHS = list(_command_paths(typer.main.get_command(app)))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_help_fits_80_columns_with_whole_sentences(path: tuple[str, ...]) -> None:
    out = elmobench(*path, "--help", COLUMNS="80")
    assert out.returncode == 0
    lines = [line.rstrip() for line in out.stdout.splitlines()]
    assert max(map(len, lines)) <= 80
    # The usage line may end in "SPEC..." (an argument that repeats); nothing else may.
    assert [line for line in lines if line.endswith(("...", "…")) and "Usage:" not in line] == []


def test_every_command_is_in_a_panel() -> None:
    assert set(COMMANDS) == set(PANELS)
    out = elmobench("--help", COLUMNS="80").stdout
    sections = re.split(r"^(\S.*):$", out, flags=re.MULTILINE)
    listed = dict(zip(sections[1::2], sections[2::2], strict=True))
    assert tuple(title for title in listed if title != "Options") == PANELS
    for panel, commands in COMMANDS.items():
        assert sorted(re.findall(r"^  (\w+)  ", listed[panel], re.MULTILINE)) == sorted(commands)


def test_help_begins_with_three_examples() -> None:
    out = elmobench("--help", COLUMNS="80").stdout
    examples = re.findall(r"^    (elmobench .*?)  +\S", out.partition("Options:")[0], re.MULTILINE)
    assert len(examples) == 3
    assert out.index("Examples:") < out.index("Compare frozen word representations")
    for example in examples:
        assert elmobench(*example.split()[1:], "--help").returncode == 0


def test_first_sentence_is_not_cut() -> None:
    assert first_sentence("One thing\nis done. Then another.\n\nMore.") == "One thing is done."
    assert first_sentence("A heading without an end") == "A heading without an end"
