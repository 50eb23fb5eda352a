"""The command line as a user meets it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from command_line import elmobench


def test_help_names_every_verb() -> None:
    out = elmobench("--help").stdout
    for verb in ("run", "list", "show", "validate", "report", "predict", "data", "features"):
        assert verb in out


def test_list_shows_tasks_heads_and_features() -> None:
    out = elmobench("list").stdout
    for name in ("sentiment/sst5", "ner/wnut17", "elmo-random", "ner/paper", "demo", "span-f1"):
        assert name in out
    out = elmobench("list", "taks")
    assert out.returncode == 1
    assert "did you mean 'tasks'" in out.stderr


def test_show() -> None:
    assert "CC BY 4.0" in elmobench("show", "wnut17").stdout.replace("-", " ")
    assert "elmo-random" in elmobench("show", "elmo-random").stdout
    assert "control" in elmobench("show", "demo").stdout
    assert "illegal_i" in elmobench("show", "conll-columns").stdout
    assert "char_filters" in elmobench("show", "ner/paper").stdout
    shown = yaml.safe_load(elmobench("show", "snli").stdout.split("\n", 1)[1])
    assert (shown["corpus"], shown["same_as"]) == ("snli", "snli")
    assert {number["score"] for number in shown["published"]} >= {88.0, 88.7}
    out = elmobench("show", "wnut71")
    assert (out.returncode, "did you mean" in out.stderr) == (1, True)


def test_show_a_head_with_the_published_values() -> None:
    out = elmobench("show", "ner/paper", "--fidelity", COLUMNS="600").stdout
    assert "AllenNLP's configuration" in out
    assert re.search(r"Units per layer and direction +│ 200 +│ 200 +│ +│", out)
    assert re.search(r"Transition scores of the CRF +│ normal, Xavier", out)
    # Below the table: how many rows differ (those with a reason), and how to check.
    reasons = re.findall(r"^│ \S.*│ +\S[^│]*│$", out, re.MULTILINE)
    assert re.search(rf"^\d+ rows as published, {len(reasons)} different$", out, re.MULTILINE)
    assert "CrfTagger of allennlp-models, weight for weight: elmobench reference heads" in out
    out = elmobench("show", "ner/small", "--fidelity")
    assert (out.returncode, "not a head that follows a publication" in out.stderr) == (1, True)


def test_doctor_tells_where_things_are(tmp_path: Path) -> None:
    out = elmobench("doctor", ELMOBENCH_HOME=str(tmp_path))
    assert out.returncode == 0
    assert str(tmp_path) in out.stdout.replace("\n", "")
    assert "torch" in out.stdout


def test_errors_have_no_traceback() -> None:
    out = elmobench("run", "no-such-file.yaml")
    assert out.returncode == 1
    assert out.stderr.startswith("error: no experiment file")
    assert "Traceback" not in out.stderr


def test_a_file_beside_the_missing_one_is_named(tmp_path: Path) -> None:
    (tmp_path / "compare.yaml").touch()
    (tmp_path / "reviews.csv").touch()
    for arguments, near in (
        (("run", "compare.yml"), "did you mean 'compare.yaml'?"),
        (("run", "nowhere/compare.yaml"), "there is no folder nowhere"),
        (("new", "task", "--from", "review.csv"), "did you mean 'reviews.csv'?"),
        (("new", "task", "--from", "nowhere/a.csv"), "there is no folder nowhere"),
    ):
        out = elmobench(*arguments, cwd=tmp_path)
        assert (out.returncode, near in out.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "environment", "message"),
    [
        (["run", "demo", "--results", "/proc/nope"], {}, "/proc/nope"),
        (["report", "no-such-results"], {}, "no results of 'no-such-results'"),
        (["predict", "**", "text"], {}, "results: there is no such folder"),
        (["predict", "**", "text", "--results", "."], {}, "no record '**'"),
        (["run", "demo", "--tracking-uri", "foo://x"], {}, "--tracking-uri none"),
        (["run", "demo", "--overwrite", "sometimes"], {}, "never, failed, always"),
        (["features", "build", "elmo", "ner/control-ner"], {}, "family of models"),
        (["doctor"], {"ELMOBENCH_HOME": "/x/[/b]"}, ""),
    ],
)
def test_mistakes_have_no_traceback(
    arguments: list[str], environment: dict[str, str], message: str, tmp_path: Path
) -> None:
    out = elmobench(*arguments, cwd=tmp_path, **environment)
    assert "Traceback" not in out.stderr
    assert message in out.stderr
    assert (out.returncode == 0) == (message == "")


def test_version() -> None:
    import elmobench as package

    # In a process of its own, as a user starts it.
    command = [sys.executable, "-m", "elmobench", "--version"]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == package.__version__


@pytest.mark.slow
def test_run_report_predict(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(
        "name: mine\ntasks: [ner/control-ner]\nfeatures: [random]\nheads: [small]\n"
        "overrides: [{set: {training.epochs: 2}}]\n"
    )
    results = tmp_path / "results" / "mine"
    checked = elmobench("validate", str(file))
    assert "1 cells are valid" in checked.stdout
    assert not results.exists()
    ran = elmobench("run", str(file), "--results", str(results))
    assert ran.returncode == 0, ran.stderr
    assert "1 cells trained, 0 already there" in ran.stdout
    again = elmobench("run", str(file), "--results", str(results))
    assert "0 cells trained, 1 already there" in again.stdout
    assert "0 sentences encoded" in again.stdout
    shown = elmobench("report", str(results))
    assert "context-free ceiling" in shown.stdout
    assert (results / "report.md").exists()
    (record,) = (results / "records").iterdir()
    said = elmobench("predict", str(record), "Alan Turing worked at Bletchley Park", "--json")
    assert '"tokens": ["Alan", "Turing"' in said.stdout
    assert (results / "mlflow" / "mlflow.db").exists()


@pytest.mark.slow
def test_a_polite_end_is_an_interrupt(tmp_path: Path) -> None:
    """SIGTERM, as schedulers send it: no worker stays, and what is finished is there."""
    (tmp_path / "long.yaml").write_text(
        "{name: long, tasks: [ner/control-ner], features: [random], heads: [linear], "
        f"seeds: {list(range(1, 200))}, overrides: [{{set: {{training.epochs: 3, "
        "training.patience: 3, training.lr: 0.01, options.dropout: 0.0}}]}"
    )
    command = [sys.executable, "-m", "elmobench", "run", "long.yaml", "--workers", "2", "--quiet"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    records = tmp_path / "results" / "long" / "records"
    deadline = time.monotonic() + 120
    while not list(records.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "finished work is kept" in err
    assert 1 <= len(list(records.glob("*.json"))) < 199
    deadline = time.monotonic() + 10
    while _alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)  # the resource tracker of multiprocessing ends by itself
    assert not _alive(process.pid)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
