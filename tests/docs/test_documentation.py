"""Every command, file and Python block that README and documentation show is run, or parsed.

Commands of one page run in their order, in one folder, with the files that the page shows; data and
seeds are reduced (``SMALLER``). Commands that cannot run here (``PARSED``) are parsed to their last
option. Output that a page shows is compared with what comes out.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from command_line import elmobench
from page_programs import run_program
from shown_output import PAGES, ROOT, assert_same_output, blocks, page_name

import elmobench as package
from elmobench import load_task
from elmobench.analysis.report.template.render import render

# Programs other than elmobench.
OTHERS = (
    *("make", "source", "pip", "ray", "srun", ".venv/bin/pre-commit", "torchrun"),
    *("mkdir", "cp", "find", "awk", "zcat", "docker", "uv", "lowest/bin/python"),
)

# Patterns of commands that are only parsed, and why.
PARSED = {
    r"data fetch": "network",
    r"models fetch": "network",
    r"encode elmo-small": "a model that is downloaded",
    r"run mine.yaml --address": "a cluster",
    r"pretrain (glove|fasttext|bert|run)": "minutes of training",
    r"pretrain bilm .*--out models/my-elmo": "minutes of training; a smaller one follows",
    r"pretrain bilm --corpus train\.txt --vocabulary vocab\.txt --out models/four-lines$": (
        "run with smaller options by test_pretraining_guide.py"
    ),
    r"(pretrain bilm --corpus train\.txt|inspect rash)": "run by test_pretraining_guide.py",
    r"pretrain domain": "minutes of training; tested elsewhere",
    r"pretrain pack": "a trained model; tested elsewhere",
    r"pretrain overlap": "data of all cards",
    r"export mine": "results, tested elsewhere",
    r"board results": "results and a pattern of the shell; tested elsewhere",
    r"ui ": "a server, tested elsewhere",
    r"inspect .*--in ner/wnut17": "network",
    r"reference setup": "network",
    r"predict CELL --ids": "standard input with ids; tested elsewhere",
    r"features time": "measures for many seconds; tested elsewhere",
    r"slices mine": "run with the experiment of docs/index.md",
    r"score CELL --on": "data of another task; tested elsewhere",
}
SMALLER = [
    (r"tasks: \[ner/wnut17(, pos/ud-ewt)?\]", "tasks: [ner/control-ner]"),
    (r"seeds: \[1, 2, 3\]", "seeds: [1, 2]"),
    (r"heads: \[linear, small\]", "heads: [linear]"),
]
FAST = "overrides: [{set: {training.epochs: 2, training.lr: 0.03, options.dropout: 0.0}}]\n"


def parsed_only(command: str) -> bool:
    return any(re.match(f"elmobench {pattern}", command) for pattern in PARSED)


def smaller(text: str) -> str:
    for pattern, other in SMALLER:
        text = re.sub(pattern, other, text)
    if "\ntasks:" in text and "overrides:" not in text:
        text += FAST
    return text


def prepare(folder: Path) -> None:
    """Write the user's files that the pages name."""
    train = load_task("sentiment/control-sentiment").split("train")
    rows = [f"{e.label}\t{' '.join(e.tokens)}" for e in train[:120]]
    table = "".join(f'"{label}","{text}"\n' for label, text in (row.split("\t") for row in rows))
    (folder / "reviews.csv").write_text(f"label,text\n{table}")
    for split, part in (("train", rows[:60]), ("dev", rows[60:90]), ("test", rows[90:])):
        text = "\n".join(["label\ttext", *part]) + "\n"
        for place in (folder, folder / "cards"):
            place.mkdir(exist_ok=True)
            (place / f"reviews.{split}.tsv").write_text(text)
            (place / f"notes.{split}.conll").write_text(
                "Ada B-PER\nwas O\nhere O\n\nin O\nRome B-LOC\n\n" * 20
            )
    lines = [" ".join(e.tokens) for e in train]
    for name in ("text.txt", "other.txt", "lines.txt"):
        (folder / name).write_text("\n".join(lines) + "\n")


def experiment_of_mine(folder: Path) -> None:
    """Write ``mine.yaml``, which some pages use without showing it."""
    raw = {"name": "mine", "tasks": ["ner/control-ner"], "features": ["random"]}
    (folder / "mine.yaml").write_text(yaml.safe_dump(raw) + FAST)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_is_understood(page: Path) -> None:
    for block in blocks(page):
        for command in block.commands:
            words = shlex.split(re.split(r" [<|>] ", command)[0])
            if words[0] in (*OTHERS, "export", "#SBATCH"):
                continue
            assert words[0] == "elmobench", command
            # An unknown command, option or value ends before the help is shown.
            result = elmobench(*words[1:], "--help")
            assert result.returncode == 0, f"{command}\n{result.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_file_that_is_shown_is_yaml(page: Path) -> None:
    for block in blocks(page):
        if block.language == "yaml":
            assert yaml.safe_load(block.text) is not None


# tests/docs/test_licensed_data_walk.py runs this one, with stand-ins for data and models.
WITHOUT_DATA = [page for page in PAGES if page.name != "licensed-data.md"]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("page", WITHOUT_DATA, ids=page_name)
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
            words = shlex.split(re.split(r" [<|>] ", command)[0])
            if words[0] == "export":
                name, _, value = words[1].partition("=")
                monkeypatch.setenv(name, str(tmp_path / value))
            if words[0] != "elmobench" or parsed_only(command):
                continue
            arguments = cell_named(words[1:], tmp_path)
            result = elmobench(*arguments, cwd=tmp_path, stdin=b"Ein Satz .\n", COLUMNS="80")
            assert result.returncode == 0, f"{command}\n{result.stdout[-500:]}\n{result.stderr}"
            if block.output is not None and command == block.commands[-1]:
                assert_same_output(block.output, result.stdout, f"{page.name}: {command}")


# Scripts that read a file and show no output have tests of their own.
WITH_PYTHON = [
    page for page in PAGES if any(b.language == "python" and b.output for b in blocks(page))
]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", WITH_PYTHON, ids=page_name)
def test_python_prints_what_is_shown(page: Path, tmp_path: Path) -> None:
    """The Python blocks of a page, as one program."""
    code = [block for block in blocks(page) if block.language == "python"]
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "study").symlink_to(ROOT / "results" / "study")
    status, out, err = run_program("\n".join(block.text for block in code), tmp_path)
    assert status == 0, err
    shown = "".join(block.output or "" for block in code)
    assert shown
    assert_same_output(shown, out, page.name)


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_inspect_prints_what_is_shown(page: Path, tmp_path: Path) -> None:
    """The quick commands with output; the others are compared where they run."""
    for block in blocks(page):
        if block.output and block.commands and "elmobench inspect" in block.commands[-1]:
            result = elmobench(*shlex.split(block.commands[-1])[1:], COLUMNS="80", cwd=tmp_path)
            assert_same_output(block.output, result.stdout, block.commands[-1])


def cell_named(words: list[str], folder: Path) -> list[str]:
    """With a cell of the page's own experiment in place of ``CELL``."""
    if "CELL" not in words:
        return words
    records = sorted((folder / "results").glob("*/records/*.json"))
    return [records[0].stem if word == "CELL" else word for word in words]


TEXTS = sorted([*(ROOT / "results").rglob("*.in"), *(ROOT / "docs").rglob("*.in")])


@pytest.mark.nightly
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


@pytest.mark.slow
def test_the_site_is_built_and_fetches_nothing(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"))
    build(config)
    pages = list((tmp_path / "site").rglob("*.html"))
    assert {p.stem for p in pages} >= {p.stem for p in (ROOT / "docs").rglob("*.md")}
    for page in pages:
        fetched = re.findall(
            r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page.read_text("utf-8")
        )
        assert fetched == []
    tasks = (tmp_path / "site" / "reference" / "tasks.html").read_text()
    assert "wsd/raganato" in tasks
    fidelity = (tmp_path / "site" / "fidelity.html").read_text()
    assert 'id="nerpaper"' in fidelity
    results = (tmp_path / "site" / "results.html").read_text()
    assert re.findall(r'src="(\w+\.svg)"', results)
    for name in re.findall(r'src="(\w+\.svg)"', results):
        assert (tmp_path / "site" / name).read_text().startswith("<svg")
    models = (tmp_path / "site" / "reference" / "models.html").read_text()
    assert "held-out perplexity forward" in models
    commands = (tmp_path / "site" / "reference" / "cli.html").read_text()
    assert "elmobench pretrain bilm" in commands
    python = (tmp_path / "site" / "reference" / "python.html").read_text()
    for name in (
        *package.__all__,
        "Results",
        "Comparison",
        "FeatureProvider",
        "Pipeline",
        "HeadPreset",
    ):
        assert f'id="{name.lower()}"' in python
    for notebook in (ROOT / "docs" / "notebooks").glob("*.ipynb"):
        page = tmp_path / "site" / "notebooks" / f"{notebook.stem}.html"
        assert page.with_suffix(".ipynb").read_bytes() == notebook.read_bytes()
        assert '<table class="dataframe">' in page.read_text()
    assert (tmp_path / "site" / "search" / "search_index.json").is_file()
    for text in (tasks, models, commands, python):
        assert str(ROOT) not in text
        assert os.path.expanduser("~") not in text
