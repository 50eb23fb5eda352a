"""Every command and file that README and documentation show is run, or at least understood.

Commands of one page run in their order, in one folder, with the files that the page shows; data and
seeds are cut down (``SMALLER``). What cannot run here (``PARSED``) is parsed to its last option.
"""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from command_line import elmobench

from elmobench import load_task
from elmobench.analysis.report.template.render import render

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

# Not elmobench's own, or of a page's prose.
OTHERS = ("make", "source", "pip", "ray", "srun", ".venv/bin/pre-commit", "torchrun")

# Begins of commands that are only parsed, and why.
PARSED = {
    r"data fetch": "network",
    r"models fetch": "network",
    r"encode elmo-small": "a model that is downloaded",
    r"run mine.yaml --address": "a cluster",
    r"(run|validate) paper/": "data under licence",
    r"(report|claims) paper-": "its results",
    r"pretrain (glove|bert|run)": "minutes of training",
    r"pretrain bilm  ": "minutes of training",
    r"pretrain pack": "a trained model; tested elsewhere",
    r"pretrain overlap": "data of all cards",
    r"ui ": "a server, tested elsewhere",
    r"inspect .*--in ner/wnut17": "network",
}
SMALLER = [
    (r"tasks: \[ner/wnut17(, pos/ud-ewt)?\]", "tasks: [ner/control-ner]"),
    (r"seeds: \[1, 2, 3\]", "seeds: [1, 2]"),
    (r"heads: \[linear, small\]", "heads: [linear]"),
]
FAST = "overrides: [{set: {training.epochs: 2, training.lr: 0.03, options.dropout: 0.0}}]\n"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def file(self) -> str | None:
        """The file that it shows, by its first line."""
        found = re.match(r"{?# ([\w/.-]+\.(?:yaml|in))\b", self.text)
        return found.group(1) if found and self.language in ("yaml", "jinja") else None

    @property
    def commands(self) -> list[str]:
        """Of a block of shell commands, without what follows a #."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in (re.sub(r"\s+#.*", "", x).strip() for x in lines) if line]


def blocks(page: Path) -> list[Block]:
    found = re.findall(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(*one) for one in found]


def parsed_only(command: str) -> bool:
    return any(re.match(f"elmobench {pattern}", command) for pattern in PARSED)


def smaller(text: str) -> str:
    for pattern, other in SMALLER:
        text = re.sub(pattern, other, text)
    if "\ntasks:" in text and "overrides:" not in text:
        text += FAST
    return text


def prepare(folder: Path) -> None:
    """Files of the reader's own, which pages name."""
    train = load_task("sentiment/control-sentiment").split("train")
    rows = [f"{e.label}\t{' '.join(e.tokens)}" for e in train[:120]]
    for split, part in (("train", rows[:60]), ("dev", rows[60:90]), ("test", rows[90:])):
        text = "\n".join(["label\ttext", *part]) + "\n"
        for place in (folder, folder / "cards"):
            place.mkdir(exist_ok=True)
            (place / f"reviews.{split}.tsv").write_text(text)
            (place / f"notes.{split}.conll").write_text(
                "Ada B-PER\nwas O\nhere O\n\nin O\nRome B-LOC\n\n" * 20
            )
    lines = [" ".join(e.tokens) for e in train] * 4
    for name in ("text.txt", "other.txt", "lines.txt"):
        (folder / name).write_text("\n".join(lines) + "\n")


def experiment_of_mine(folder: Path) -> None:
    """Of the reader's own too, until the page shows it."""
    raw = {"name": "mine", "tasks": ["ner/control-ner"], "features": ["random"]}
    (folder / "mine.yaml").write_text(yaml.safe_dump(raw) + FAST)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_is_understood(page: Path) -> None:
    for block in blocks(page):
        for command in block.commands:
            words = shlex.split(command.partition(" < ")[0])
            if words[0] in (*OTHERS, "export", "#SBATCH"):
                continue
            assert words[0] == "elmobench", command
            # An unknown command, option or value ends before the help is shown.
            told = elmobench(*words[1:], "--help")
            assert told.returncode == 0, f"{command}\n{told.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_is_shown_is_yaml(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            assert yaml.safe_load(block.text) is not None


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run_as_they_are_shown(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare(tmp_path)
    experiment_of_mine(tmp_path)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # Nothing waits for a network.
    (tmp_path / "mirror").mkdir()
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(tmp_path / "mirror"))
    for block in blocks(page):
        if block.file is not None:
            target = tmp_path / block.file
            target.parent.mkdir(exist_ok=True)
            target.write_text(smaller(block.text))
        for command in block.commands:
            words = shlex.split(command.partition(" < ")[0])
            if words[0] == "export":
                name, _, value = words[1].partition("=")
                monkeypatch.setenv(name, str(tmp_path / value))
            if words[0] != "elmobench" or parsed_only(command):
                continue
            told = elmobench(*cell_named(words[1:], tmp_path), cwd=tmp_path, stdin=b"Ein Satz .\n")
            assert told.returncode == 0, f"{command}\n{told.stdout[-500:]}\n{told.stderr}"


def cell_named(words: list[str], folder: Path) -> list[str]:
    """With a cell of the page's own experiment in place of ``CELL``."""
    if "CELL" not in words:
        return words
    records = sorted((folder / "results").glob("*/records/*.json"))
    return [records[0].stem if word == "CELL" else word for word in words]


TEXTS = sorted((ROOT / "results").rglob("*.in"))


@pytest.mark.slow
@pytest.mark.parametrize("template", TEXTS, ids=lambda path: path.parent.name)
def test_texts_have_the_numbers_of_their_records(template: Path) -> None:
    rendered = render(template)
    assert template.with_suffix("").read_text("utf-8") == rendered.text
    for name, drawing in rendered.drawings.items():
        # Coordinates depend on the drawing library; the numbers are in the label.
        labels = [
            re.search('aria-label="([^"]*)"', text)[0]  # type: ignore[index]
            for text in (drawing, (template.parent / name).read_text("utf-8"))
        ]
        assert labels[0] == labels[1]


def test_the_site_is_built_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    build(config)
    pages = list((tmp_path / "site").glob("*.html"))
    assert {p.stem for p in pages} >= {p.stem for p in (ROOT / "docs").glob("*.md")}
    for page in pages:
        asked = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text()
        )
        assert asked == []
    tasks = (tmp_path / "site" / "tasks.html").read_text()
    assert "wsd/raganato" in tasks
    results = (tmp_path / "site" / "results.html").read_text()
    assert re.findall(r'src="(\w+\.svg)"', results)
    for name in re.findall(r'src="(\w+\.svg)"', results):
        assert (tmp_path / "site" / name).read_text().startswith("<svg")
    models = (tmp_path / "site" / "models.html").read_text()
    assert "held-out perplexity forward" in models
    assert str(ROOT) not in tasks + models
    assert os.path.expanduser("~") not in models
