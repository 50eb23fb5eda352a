"""The tables of pages that show records are those of the committed records."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from shown_output import ROOT

from elmobench.core import parsing, yaml_files

_spec = importlib.util.spec_from_file_location("record_tables", ROOT / "docs" / "record_tables.py")
assert _spec is not None
assert _spec.loader is not None
tables = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tables)
PAGE = (ROOT / "docs" / "reliability.md").read_text("utf-8")


@pytest.mark.parametrize("name", tables.PAGES)
def test_a_page_shows_the_committed_records(name: str) -> None:
    page = tables.page_path(name).read_text("utf-8")
    assert tables.rendered(name, page) == page


def test_records_of_disturbances_are_summed_up(tmp_path: Path) -> None:
    head = {"date": "2026-01-02", "version": "9", "machine": "one", "seed": 5}
    kill = {"scenario": "kills", "job": "run", "launcher": "pool", "phase": "training"}
    full = {"scenario": "full", "job": "run", "launcher": "pool"}
    rows = [
        {**kill, "trials": 1200, "faults": 1},
        {**full, "phase": "write 1", "trials": 2, "faults": 0},
        {**full, "phase": "write 2", "trials": 3, "faults": 0},
    ]
    inputs = [
        {"kind": "card", "inputs": 30, "faults": 0},
        {"kind": "YAML", "inputs": 3000, "faults": 2},
    ]
    passes = {
        "first, cold": [0.701, 0.812, 0.9],
        "first, warm": [1.2, 1.25, 1.3],
        "later, warm": [0.9, 1, 1.1],
        "checksums alone": 0.1,
        "maximum alone": 0.2,
    }
    run = {"cells": 6, "seconds": 9.16, "whole run": [0.98, 1.004, 1.03], "share of checks": 0.0066}
    costs = [{"dim": 1024, "precision": "fp16", **passes}, run]
    for name, content in (("fuzz", inputs), ("torture", rows), ("store_checks", costs)):
        text = "".join(json.dumps(row) + "\n" for row in [head, *content])
        (tmp_path / "reliability").mkdir(exist_ok=True)
        (tmp_path / "reliability" / f"{name}.jsonl").write_text(text)
    page = tables.rendered("reliability.md", PAGE, tmp_path)
    assert "| kills | run | pool | training | 1,200 | 1 |" in page
    assert "| full | run | pool |  | 5 | 0 |" in page
    assert "| **all** |  |  |  | **1,205** | **1** |" in page
    assert "| card | 30 | 0 |\n| YAML | 3,000 | 2 |\n| **all** | **3,030** | **2** |" in page
    cells = "0.81 (0.70 to 0.90) | 1.25 (1.20 to 1.30) | 1.00 (0.90 to 1.10) | 0.10 | 0.20"
    assert f"| 1,024 | fp16 | {cells} |" in page
    assert "A run of 6 linear probes" in page
    assert "1.00 (0.98 to 1.03) times as much with them; 0.66 % of its" in page
    assert "elmobench 9, 2026-01-02, one, seed 5." in page
    with pytest.raises(ValueError, match="has 0 places for the table 'fuzz'"):
        tables.rendered("reliability.md", "nothing", tmp_path)


def test_hours_are_those_of_all_epochs_and_all_tokens(tmp_path: Path) -> None:
    head = {"date": "2026-01-02", "version": "9", "machine": "one"}
    preset = {"head": "ner/paper", "published": "CoNLL", "examples": 7_200, "tokens": 3_600_000}
    cost = {"examples per second": 4, "hours per epoch": 0.5, "epochs": 10, "peak memory": 1.25e9}
    speed = {"encoding": "elmo-original", "tokens per second": 500}
    (tmp_path / "costs").mkdir()
    lines = [json.dumps(row) for row in (head, {**preset, **cost}, speed)]
    (tmp_path / "costs" / "paper_presets.jsonl").write_text("\n".join(lines))
    empty = "<!-- costs: python docs/record_tables.py --><!-- end -->"
    page = tables.rendered("what-to-expect.md", empty, tmp_path)
    # 3.6 million tokens at 500 per second: two hours; three layers of 1,024 values in 16 bits each.
    row = "| 7,200 | 4.0 | 0.5 | 10 | 5 | 1.2 | 3.6 M | 2.0 | 22.1 |"
    assert f"| `ner/paper` | CoNLL {row}" in page
    assert page.rstrip().endswith("elmobench 9, 2026-01-02, one.\n\n<!-- end -->")


def test_limits_are_those_of_the_code() -> None:
    assert yaml_files.MAX_YAML_BYTES == 1 << 20
    assert (
        f"1 MiB, {yaml_files.MAX_YAML_DEPTH} levels, {yaml_files.MAX_YAML_VALUES:,} values" in PAGE
    )
    assert f"| JSON | {parsing.MAX_JSON_DEPTH} levels" in PAGE
    assert f"| {parsing.MAX_UNPACKED_BYTES >> 20} MiB of content |" in PAGE
