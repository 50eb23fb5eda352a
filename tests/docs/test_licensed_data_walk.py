"""The guide to the paper's data, from its first line to the tables, with small made-up files.

Every file and card that the page shows is written and every command runs, in order, in the folder
of a user who has the corpora as they are published. Of the experiments one seed runs, with heads
of one epoch.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import official_formats
import pytest
import stand_ins
from command_line import elmobench
from shown_output import ROOT, Block, blocks

from elmobench import load_task
from elmobench.analysis.report.page import figures
from elmobench.tracking.record_store import RecordStore

PAGE = ROOT / "docs" / "guides" / "licensed-data.md"
SHARES = [0.5, 1.0]
"""Shares of the training set that figure 1 has here; each leaves another number of examples."""


def own_copies(folder: Path) -> None:
    """The corpora that need a licence, as their publishers lay them out."""
    official_formats.conll2003(folder / "conll2003", (4, 2, 2))
    official_formats.ontonotes(folder, (3, 2, 2))
    official_formats.conll2005(folder / "conll05st-release", (3, 2, 2))
    official_formats.penn_treebank(folder / "wsj", (3, 2, 2, 1, 2, 2))
    official_formats.evaluation_framework(folder / "WSD_Evaluation_Framework", 8, 4)
    official_formats.wordnet(folder / "WordNet-3.0")


def shown_file(block: Block) -> str | None:
    """The path of the file that a block shows."""
    script = re.match(r"# ([\w-]+\.awk)\n", block.text)
    return script.group(1) if script and block.language == "awk" else block.file


def run_command(command: str, folder: Path) -> str:
    """What a command of the page prints; a run has one seed and no tracking database."""
    words = shlex.split(command)
    if words[0] != "elmobench":
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    else:
        if words[1] == "run" and "--dry-run" not in words:
            words += ["--set", "seeds=[1]", "--tracking-uri", "none"]
            if "figure1" in command:
                words += ["--set", f"train_fraction={SHARES}"]
        done = elmobench(*words[1:], cwd=folder)
    assert done.returncode == 0, f"{command}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}"
    return done.stdout


def walk(page: Path, folder: Path) -> dict[str, str]:
    """Write every file of a page and run every command, in order; what each command prints."""
    printed: dict[str, str] = {}
    for block in blocks(page):
        file = shown_file(block)
        if file is not None:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text(block.text, "utf-8")
        for command in block.commands:
            printed[command] = run_command(command, folder)
    return printed


def published_rows(folder: Path, source: str) -> dict[str, dict[str, str]]:
    """The verdicts in a report on the published scores of ``source``, by task and score."""
    text = (folder / "report.md").read_text("utf-8").partition("## Ceilings and published scores")
    lines = [line for line in text[2].partition("\n## ")[0].splitlines() if line[:1] == "|"]
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in lines)
    verdicts: dict[str, dict[str, str]] = {}
    for row in rows:
        cells = dict(zip(names, row, strict=True))
        if cells["source"].startswith(source):
            verdicts.setdefault(cells["task"], {})[cells["score"]] = cells["verdict"]
    return verdicts


def check_own_data(cards: Path) -> None:
    """The cards of the page read the made-up corpora as they are annotated."""
    roles = load_task("srl/conll2012", [cards]).split("test")
    assert len(roles) == 2 * 3  # two documents of three predicates: conll-2012-test, not test
    assert roles[0].tokens[4] == "-LRB-"
    assert (roles[0].predicate, roles[0].tags[:4]) == (1, ("B-ARG0", "B-V", "B-ARG1", "I-ARG1"))
    (document, _) = load_task("coref/conll2012", [cards]).split("dev")
    assert document.genre == "bc"
    assert document.speakers == (*("speaker#1",) * 9, *("speaker#2",) * 7)
    # He, he and the name; the thing in both sentences. Tokens are counted in the document.
    assert document.clusters == (((0, 0), (9, 9), (11, 11)), ((2, 3), (13, 14)))
    words = load_task("pos/ptb", [cards]).split("train")
    assert len(words) == 5  # sections 00 and 18
    assert words[0].tokens == ("Ada", "(", ")", "left", "the", "book", ".")
    assert words[0].tags == ("NNP", "-LRB-", "-RRB-", "VBD", "DT", "NN", ".")
    arguments = load_task("srl/conll2005", [cards]).split("train")
    assert len(arguments) == 6  # two sections
    assert arguments[0].tags == ("B-A0", "B-V", "B-A1", "I-A1", "O")
    names = load_task("ner/conll2003", [cards]).split("test")
    assert names[0].tags == ("B-PER", "I-PER", "B-PER", "O", "B-LOC", "O")


PETERS = "Peters et al. 2018, table "
VERDICTS = ("reproduced", "missed", "undecided")

# Results folder, source, and the scores of the rows that are compared with ours.
TABLES: list[tuple[str, str, dict[str, set[str]]]] = [
    (
        "my-table1",
        f"{PETERS}1",
        {
            "ner/conll2003": {"90.15", "92.22 ± 0.1"},
            "srl/conll2012": {"81.4", "84.6"},
            "coref/conll2012": {"67.2", "70.4"},
        },
    ),
    (
        "paper-table1",
        f"{PETERS}1",
        {"nli/snli": {"88.0", "88.7 ± 0.17"}, "sentiment/sst5": {"51.4", "54.7 ± 0.5"}},
    ),
    (
        "paper-table2",
        f"{PETERS}2",
        {
            "qa/squad": {"80.8", "84.7", "85.0", "85.2"},
            "nli/snli": {"88.1", "89.1", "89.3", "89.5"},
        },
    ),
    ("my-table2", f"{PETERS}2", {"srl/conll2012": {"81.6", "84.1", "84.6", "84.8"}}),
    (
        "paper-table3",
        f"{PETERS}3",
        {"qa/squad": {"85.1", "85.6", "84.8"}, "nli/snli": {"88.9", "89.5", "88.7"}},
    ),
    ("my-table3", f"{PETERS}3", {"srl/conll2012": {"84.7", "84.3", "80.9"}}),
    ("paper-table5", f"{PETERS}5", {"wsd/raganato": {"67.4", "69.0"}}),
    ("my-senses", f"{PETERS}5", {"wsd/raganato-wordnet30": {"65.9", "67.4", "69.0"}}),
    ("my-table6", f"{PETERS}6", {"pos/ptb": {"97.3", "96.8"}}),
    ("my-roles", f"{PETERS}1", {"srl/conll2012": {"81.4", "84.6"}}),
    ("paper-table1-nli", "AllenNLP", {"nli/snli": {"88.5"}}),
    ("paper-table1-nli", f"{PETERS}1", {"nli/snli": {"88.0"}}),
    ("paper-table1-sentiment", f"{PETERS}1", {"sentiment/sst5": {"51.4", "54.7 ± 0.5"}}),
    ("paper-table1-qa", f"{PETERS}3", {"qa/squad": {"85.6"}}),
    ("my-entities", f"{PETERS}1", {"ner/conll2003": {"90.15", "92.22 ± 0.1"}}),
    ("my-coref-2018", "Lee et al. 2018", {"coref/conll2012": {"73.0"}}),
]


def check_tables(results: Path) -> None:
    """Every row of the paper's tables is listed with its verdict, or why it cannot have one."""
    for name, source, expected in TABLES:
        verdicts = published_rows(results / name, source)
        for task, scores in expected.items():
            compared = {s for s, v in verdicts[task].items() if v.startswith(VERDICTS)}
            assert compared == scores, (name, task, verdicts[task])
    # The scores of nearest neighbours do not depend on chance, so that one run decides.
    assert (
        published_rows(results / "paper-table5", f"{PETERS}5")["wsd/raganato"]["67.4"] == "missed"
    )
    hidden = published_rows(results / "paper-table1", f"{PETERS}1")["qa/squad"]
    assert set(hidden) == {"81.1", "85.8"}
    assert all("hidden" in verdict for verdict in hidden.values())


def check_figures(results: Path) -> None:
    """Figure 1 has shares of the training set, figure 2 the layer weights at each placement."""
    for name, tasks in (("paper-figure1", {"nli/snli"}), ("my-figure1", {"srl/conll2012"})):
        records = list(RecordStore(results / name))
        assert {record.task for record in records} == tasks
        sizes = {record.result.counts["train"] for record in records if record.result is not None}
        assert len(sizes) == len(SHARES)
        assert len(records) == 2 * len(SHARES)  # with ELMo, and without
    for kind in ("paper", "my"):
        cells = {
            name: {(r.task, r.cell) for r in RecordStore(results / f"{kind}-{name}")}
            for name in ("table1", "figure1", "figure2")
        }
        # Figure 1's cells of the whole training set are table 1's, and figure 2's those with ELMo.
        tasks = {task for task, _ in cells["figure1"]}
        assert {cell for cell in cells["table1"] if cell[0] in tasks} <= cells["figure1"]
        assert cells["figure2"] <= cells["table1"]
    weights = {
        (task, placement)
        for name in ("paper-figure2", "my-figure2")
        for task, placement in layer_weight_places(results / name)
    }
    assert weights == {
        *((task, place) for task in ("qa/squad", "nli/snli") for place in ("input", "output")),
        *(("sentiment/sst5", "input"), ("ner/conll2003", "input"), ("srl/conll2012", "input")),
        ("coref/conll2012", "input"),
    }


def layer_weight_places(folder: Path) -> set[tuple[str, str]]:
    """Task and placement of every mix of layers that a record of ``folder`` has."""
    return {
        (record.task, place)
        for record in RecordStore(folder)
        if record.result is not None
        for place, parts in record.result.layer_weights.items()
        if any(mix["s"] is not None for mix in parts.values())
    }


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_the_page_leads_from_the_corpora_to_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_ins.write(tmp_path / "published")
    stand_ins.use(tmp_path / "published", monkeypatch)
    # Drawing takes as long as training here, and other tests look at the figures.
    monkeypatch.setattr(figures, "_svg", lambda figure, description: "<svg></svg>")
    folder = tmp_path / "user"
    folder.mkdir()
    own_copies(folder)
    printed = walk(PAGE, folder)
    check_own_data(folder / "cards")
    missing = printed["elmobench validate paper/table1"]
    assert "elmobench models fetch elmo-original --trust-first" in missing
    assert "89.5" in printed["elmobench report paper-table2"]
    assert "undecided" in printed["elmobench report my-table1"]
    (compared,) = (text for command, text in printed.items() if "elmobench compare" in command)
    assert all(task in compared for task in ("ner/conll2003", "srl/conll2012", "coref/conll2012"))
    check_tables(folder / "results")
    check_figures(folder / "results")
