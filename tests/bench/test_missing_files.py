"""``validate`` and ``run --dry-run`` download nothing and check what needs no missing file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import elmobench

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.missing_files import MissingFiles, missing_files
from elmobench.core import paths
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.download import cache

VECTORS = b"we 1.0 2.0\nsaw 0.5 1.0\n"
DATA = b"good\tfine we saw\nbad\tpoor we saw\n"
MODEL_URL = "https://example.org/v.txt"
TASK_URL = "https://example.org/t.tsv"


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The addresses that were downloaded, from a pretended network."""
    monkeypatch.delenv(paths.MIRROR_VARIABLE, raising=False)
    monkeypatch.setenv(paths.HOME_VARIABLE, str(tmp_path / "home"))
    monkeypatch.setenv(paths.STORE_VARIABLE, str(tmp_path / "store"))
    urls: list[str] = []

    def download(url: str, part: Path, *_: Any) -> None:
        urls.append(url)
        part.write_bytes({MODEL_URL: VECTORS, TASK_URL: DATA}[url])

    monkeypatch.setattr(cache, "_download", download)
    return urls


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def remote(cards: Path, tiny: dict) -> dict:
    """The tiny task and ``random``, with a task and a model that would be downloaded."""
    text = (cards / "sentiment.yaml").read_text().replace("name: tiny", "name: remote", 1)
    card = yaml.safe_load(text)
    source = {"url": TASK_URL, "sha256": _sha(DATA), "bytes": len(DATA)}
    card["redistributable"] = "no"
    card["splits"] = {split: [source] for split in ("train", "dev", "test")}
    (cards / "remote.yaml").write_text(yaml.safe_dump(card))
    files = {"vectors": {"url": MODEL_URL, "sha256": _sha(VECTORS), "bytes": len(VECTORS)}}
    model = {"provider": "static", "description": "d", "files": files}
    return {
        **tiny,
        "tasks": ["sentiment/tiny", "sentiment/remote"],
        "features": ["random", "far@place=input"],
        "models": {"far": model},
    }


def _of(raw: dict, cards: Path) -> list[MissingFiles]:
    return missing_files(RunContext(Experiment.model_validate(raw), CardCatalog([cards])))


def test_what_would_be_downloaded(cards: Path, remote: dict, requested: list[str]) -> None:
    task, model = _of(remote, cards)
    assert (task.kind, task.name, task.files, task.bytes) == (
        *("task", "sentiment/remote"),
        *(1, len(DATA)),
    )
    assert task.command == "elmobench data fetch sentiment/remote"
    assert (model.kind, model.name, model.files, model.bytes) == ("model", "far", 1, len(VECTORS))
    assert model.command is None  # the name is known to this experiment only
    assert requested == []


def test_unknown_digests_and_sizes_are_said(
    cards: Path, remote: dict, requested: list[str]
) -> None:
    remote["tasks"] = ["sentiment/tiny"]
    remote["features"] = [
        "elmo-original",
        "elmo-original@state=warm+glove-6b-50d+glove-6b-100d",
    ]
    remote["models"] = {}
    elmo, *glove = _of(remote, cards)
    assert (elmo.name, elmo.pinned) == ("elmo-original", False)
    assert elmo.line == (
        "elmo-original, 2 files, 374.4 MB: elmobench models fetch elmo-original --trust-first"
    )
    assert [one.line for one in glove] == [
        f"{name}, 1 file, 862.2 MB: elmobench models fetch {name}"
        for name in ("glove-6b-50d", "glove-6b-100d")
    ]
    assert MissingFiles("model", "m", 1, None, True, None).line == "m, 1 file, size unknown"
    # Of an untrained model the weights are not read.
    untrained = "elmo-original@untrained=1"
    remote["features"] = [untrained]
    [elmo] = _of(remote, cards)
    assert (elmo.files, elmo.command) == (1, None)
    remote["features"] = [untrained, "elmo-original", untrained.replace("1", "2")]
    assert [one.files for one in _of(remote, cards)] == [2]


def test_files_in_the_mirror_or_the_cache_are_not_missing(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.fetch(TASK_URL, sha256=_sha(DATA))
    assert [one.name for one in _of(remote, cards)] == ["far"]
    (tmp_path / "mirror" / "example.org").mkdir(parents=True)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert [one.name for one in _of(remote, cards)] == ["far"]
    (tmp_path / "mirror" / "example.org" / "v.txt").write_bytes(VECTORS)
    assert _of(remote, cards) == []


def test_a_file_of_the_mirror_without_a_known_digest_has_to_be_accepted(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mirror" / "example.org"
    folder.mkdir(parents=True)
    (folder / "v.txt").write_bytes(VECTORS)
    (folder / "t.tsv").write_bytes(DATA)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert _of(remote, cards) == []
    del remote["models"]["far"]["files"]["vectors"]["sha256"]
    card = yaml.safe_load((cards / "remote.yaml").read_text())
    for sources in card["splits"].values():
        sources[0].pop("sha256", None)  # all splits have one mapping
    (cards / "remote.yaml").write_text(yaml.safe_dump(card))
    found = _of(remote, cards)
    assert [(one.name, one.pinned) for one in found] == [
        *(("sentiment/remote", False), ("far", False)),
    ]
    assert found[0].command == "elmobench data fetch sentiment/remote --trust-first"
    experiment = Experiment.model_validate(remote)
    trusting = RunContext(experiment, CardCatalog([cards]), trust_first=True)
    assert missing_files(trusting) == []


def test_a_hub_model_needs_its_commit_in_the_mirror(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"repo": "some/model", "revision": "a" * 40}
    entry = {"provider": "transformer", "description": "d", "options": options}
    remote |= {"tasks": ["sentiment/tiny"], "features": ["hub"], "models": {"hub": entry}}
    (one,) = _of(remote, cards)
    assert (one.name, one.bytes, one.pinned) == ("hub", None, False)
    folder = tmp_path / "mirror" / "huggingface.co" / "some/model" / "resolve" / ("a" * 40)
    folder.mkdir(parents=True)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    assert _of(remote, cards) == []
    remote["features"] = [f"hub@revision={'b' * 40}"]
    assert [one.name for one in _of(remote, cards)] == ["hub"]


def test_validate_checks_the_rest(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "remote.yaml"
    file.write_text(yaml.safe_dump(remote))
    out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert out.stdout.startswith("tiny: 1 cells are valid\n  3 more need files")
    assert "sentiment/remote, 1 file, 0.0 MB: elmobench data fetch sentiment/remote" in out.stdout
    assert "far, 1 file, 0.0 MB\n" in out.stdout
    assert "random on sentiment/tiny" in out.stdout
    assert requested == []
    file.write_text(yaml.safe_dump({**remote, "tasks": ["sentiment/remote"]}))
    out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert out.stdout.startswith("tiny: all cells need files that are not on this machine")
    # What concerns only cells with missing files is checked nevertheless.
    for change, message in (
        ({"heads": ["smal"]}, "did you mean"),
        ({"features": ["far@palce=input"]}, "palce"),
        ({"features": ["far@place=output"]}, "takes no features at 'output'"),
        ({"overrides": [{"set": {"training.epoch": 2}}]}, "did you mean 'epochs'"),
        ({"tasks": ["sentiment/remte"]}, "did you mean"),
    ):
        wrong = {**remote, "tasks": ["sentiment/remote"], **change}
        file.write_text(yaml.safe_dump(wrong))
        out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
        assert out.returncode == 1, change
        assert message in out.stderr
    # A task that is here is checked although the model is not.
    (cards / "tiny.sentiment.dev").write_text("good\n")
    file.write_text(yaml.safe_dump({**remote, "features": ["far@place=input"]}))
    out = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert out.returncode == 1
    assert "tiny.sentiment.dev:1" in out.stderr
    assert requested == []


@pytest.mark.slow
def test_validate_fetches_when_told(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "remote.yaml"
    file.write_text(yaml.safe_dump(remote))
    out = elmobench("validate", file, "--include", cards, "--fetch", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert out.stdout.startswith("tiny: 4 cells are valid\n  sentiment/tiny")
    assert sorted(requested) == [TASK_URL, MODEL_URL]
    again = elmobench("validate", file, "--include", cards, cwd=tmp_path)
    assert again.stdout.startswith("tiny: 4 cells are valid\n  sentiment/tiny")
    assert len(requested) == 2


def test_a_dry_run_lists_absent_cells(
    cards: Path, remote: dict, requested: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "remote.yaml"
    file.write_text(yaml.safe_dump(remote))
    out = elmobench("run", file, "--include", cards, "--dry-run", cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert out.stdout.count("to run  sentiment/tiny · random") == 1
    assert out.stdout.count("absent  sentiment/remote") == 2
    assert "4 cells in results/tiny: 1 to run, 3 absent" in out.stdout
    assert "would download:\n  sentiment/remote, 1 file" in out.stdout
    assert requested == []
