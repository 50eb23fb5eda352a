"""Cards, lists of files, pins, archives, experiments and templates."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

from tests.fuzz.kind import Kind
from tests.helpers.made_up import keep, predictions, record

from elmobench.analysis.report.template.render import render
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import load_experiment
from elmobench.core import paths
from elmobench.data.cards.catalog import load_card
from elmobench.data.cards.file_lists import single_files
from elmobench.data.download import pins
from elmobench.data.download.archives import read_member
from elmobench.tasks.task import Task
from elmobench.tracking.record_store import RecordStore

_CARD = """\
name: tiny
pipeline: sentiment
version: 1
title: Tiny
description: For tests.
language: en
corpus: mine
reader: {name: table, options: {text: 0, label: 1, map: {"0": bad}}}
splits:
  train: [{path: a.tsv, lines: [1, 3]}]
  dev: [{path: a.tsv, lines: [1, 2], sha256: SHA}]
  test: [{path: b.zip, member: a.tsv}]
counts: {train: {examples: 3, labels: {bad: 1, good: 2}}}
labels: [bad, good]
metric: accuracy
licence: none
redistributable: no
citation: none
published:
- {metric: accuracy, score: 93.5, model: M, source: S, like: {head: small, features: [random]}}
ceiling: {context_free: 75.5, why: because}
"""

_TSV = "a fine film\tgood\nno\t0\nyes yes\tgood\n"


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name in ("a.tsv", "folder/b.txt"):
            bundle.writestr(zipfile.ZipInfo(name), _TSV)


def _write_card(folder: Path) -> None:
    (folder / "a.tsv").write_text(_TSV)
    _zip(folder / "b.zip")
    (folder / "tiny.yaml").write_text(
        _CARD.replace("SHA", hashlib.sha256(_TSV.encode()).hexdigest())
    )


def _read_card(folder: Path) -> str:
    card = load_card(folder / "tiny.yaml")
    task = Task(card)
    found = (task.is_local, task.data_digest, task.split_counts, task.labels, task.dropped)
    return repr((card, found)).replace(str(folder), "")


def _write_data(folder: Path) -> None:
    """A file whose digest the card states, so that any other content is an error."""
    _write_card(folder)
    digest = hashlib.sha256(_TSV.encode()).hexdigest()
    card = (folder / "tiny.yaml").read_text("utf-8")
    train = "train: [{path: a.tsv, lines: [1, 3]"
    card = card.replace(train, f"{train}, sha256: {digest}")
    (folder / "tiny.yaml").write_text(card, "utf-8")


def _read_data(folder: Path) -> str:
    task = Task(load_card(folder / "tiny.yaml"))
    return repr([task.split(split) for split in ("train", "dev")]).replace(str(folder), "")


_LISTED = """\
name: listed
pipeline: sentiment
version: 1
title: t
description: d
language: en
reader: {name: lines, options: {label_field: first}}
splits: {all: [{base: "https://example.org/x", files: files.tsv}]}
split: {by: hash, salt: s}
metric: accuracy
licence: none
redistributable: no
citation: none
"""


def _write_list(folder: Path) -> None:
    rows = [f"folder/{name}.tsv\t{name * 64}\t{ord(name)}" for name in "abc"]
    (folder / "files.tsv").write_text("\n".join(rows) + "\n")
    (folder / "listed.yaml").write_text(_LISTED)


def _read_list(folder: Path) -> str:
    card = load_card(folder / "listed.yaml")
    (source,) = card.splits["all"]
    files = single_files(card, source)  # type: ignore[arg-type]
    return repr((files, Task(card).data_digest)).replace(str(folder), "")


def _write_pins(folder: Path) -> None:
    # The fuzzer sets the home of the processes that read, and this one as well.
    paths.lock_file().unlink(missing_ok=True)
    pins.pin_all({f"https://example.org/{c}": {"sha256": c * 64, "bytes": 5} for c in "ab"})
    paths.lock_file().replace(folder / "trusted.json")


def _read_pins(folder: Path) -> Any:
    paths.lock_file().write_bytes((folder / "trusted.json").read_bytes())
    return pins.pinned_below("")


def _read_archive(folder: Path) -> str:
    members = ("a.tsv", "folder/b.txt")
    return repr([read_member(folder / "b.zip", name, "b.zip", 1 << 20) for name in members])


_PARENT = """\
name: parent
tasks: [ner/control-ner, sentiment/control-sentiment]
features: [random, "glove-mini+elmo-mini"]
heads: [linear]
seeds: [1, 2]
axes: {mix: [learned, "layer=1"], train_fraction: [0.5, 1.0]}
overrides:
- when: {features: random}
  set: {training.epochs: 2, mix: learned}
models:
  own: {provider: static, description: d, files: {vectors: {path: parent.yaml}}}
"""

_CHILD = """\
name: child
extends: parent.yaml
seeds: [3]
settings: {threads: 2}
overrides:
- when: {task: control-ner}
  set: {options.dropout: 0.25}
"""


_SETTINGS = "training.lr=0.01\nmargin=0.5\naxes.gamma=[true]"


def _write_experiment(folder: Path) -> None:
    (folder / "parent.yaml").write_text(_PARENT)
    (folder / "child.yaml").write_text(_CHILD)
    (folder / "settings.txt").write_text(_SETTINGS)


def _read_experiment(folder: Path) -> str:
    text = (folder / "settings.txt").read_bytes().decode("utf-8", "surrogateescape")
    experiment = load_experiment(folder / "child.yaml", text.split("\n"))
    pipelines = {task: task.split("/")[0] for task in experiment.tasks}
    cells = [repr(cell) for cell in grid(experiment, pipelines)]
    return repr((experiment, cells)).replace(str(folder), "")


_TEMPLATE = """\
# {{ number_word(3) }} results
{% set r = results("some") %}
{% for row in table("a.csv") %}
| {{ row.name }} | {{ "%.1f" | format(row.score | float) }} |
{% endfor %}
{{ r.cells }} cells, {{ r.score("sentiment/made-up", "flat+deep") }}
{{ r.scores(["flat+deep", "flat"]) }}
"""


def _write_template(folder: Path) -> None:
    (folder / "text.md.in").write_text(_TEMPLATE)
    (folder / "a.csv").write_text('name,score\nx,1.5\n"y, z",2\n')
    store = RecordStore(folder / "some")
    for seed, wrong in ((1, 8), (2, 12)):
        for features in ("flat", "flat+deep"):
            predicted = predictions(wrong)
            keep(store, record(features, seed, predicted, {"mix": "learned"}), predicted)


def _read_template(folder: Path) -> Any:
    rendered = render(folder / "text.md.in")
    return rendered.text, rendered.drawings


KINDS = [
    Kind("card", _write_card, _read_card, files="tiny.yaml", weight=2),
    Kind("data of a card", _write_data, _read_data, written_by_us=True, files="a.tsv"),
    Kind("file list", _write_list, _read_list),
    Kind("pins", _write_pins, _read_pins, written_by_us=True),
    Kind(
        "archive",
        lambda folder: _zip(folder / "b.zip"),
        _read_archive,
        words=(b"../a.tsv", b"PK\x01\x02", b"PK\x05\x06"),
    ),
    Kind(
        "experiment",
        _write_experiment,
        _read_experiment,
        words=(b"extends: child.yaml", b"training.epochs", json.dumps(list(range(999))).encode()),
        weight=2,
    ),
    Kind(
        "template",
        _write_template,
        _read_template,
        files="*.*",
        words=(
            *(b"{{", b"{%", b"}}", b"{{ r.nope }}", b"{{ r._records }}", b"{{ results('\\0') }}"),
            *(b"{{ 'x' * 10**10 }}", b"{{ 9**9**9 }}", b"{{ [0] * 10**9 }}", b"{{ 1 / 0 }}"),
            *(b"{{ '%1000000000d' % 1 }}", b"{{ 'a' | int }}"),
        ),
    ),
]
