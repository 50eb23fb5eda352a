"""The page about the tutorial: its 18 sections, and the facts that its errata state."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest
from shown_output import ROOT
from sklearn.model_selection import train_test_split

from elmobench.analysis.report.template.results_query import ResultsQuery
from elmobench.core.errors import UnknownNameError
from elmobench.features.catalog.catalog import ModelCatalog

PAGE = (ROOT / "docs" / "tutorial-measured.md").read_text("utf-8")
# The four sentences of section 9.
SENTENCES = [
    "The dog let out a sharp bark",
    "The bark of the ancient oak was rough",
    "She opened the bank account online",
    "We picnicked on the river bank at sunset",
]

# Those of section 14.
CORPUS = """
The patient presented with acute myocardial infarction .
Left ventricular ejection fraction was measured at 45 percent .
Troponin levels were significantly elevated on admission .
The cardiologist recommended immediate percutaneous coronary intervention .
"""


def test_every_section_says_what_it_measured_and_what_is_wrong() -> None:
    sections = re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]
    assert [int(section.split(".")[0]) for section in sections] == list(range(1, 19))
    for section in sections:
        number = section.split(".")[0]
        parts = ("**Says.**", "**Errata.**")
        assert number == "17" or all(part in section for part in parts), number
        measured = "**Measured.**" in section
        assert measured or number in ("7", "8", "9", "17"), number


def test_what_the_errata_count() -> None:
    words = [sentence.split() for sentence in SENTENCES]
    assert words[2].index("bank") == 3
    assert words[2][4] == "account"
    assert max(map(len, words)) == 8
    assert 'takes index 4,\nwhich is "account"; "bank" has index 3' in PAGE
    _, test = train_test_split(range(6), test_size=0.33, random_state=42)
    assert len(test) == 2
    assert f"{100 / 22:.1f} points" in PAGE
    # Accuracies of 22 sentences, and the words of section 14 that occur three times.
    assert [round(right / 22, 2) for right in (20, 21)] == [0.91, 0.95]
    assert "20 right ones are 0.91,\nand 21 are 0.95" in PAGE
    assert [word for word, n in Counter(CORPUS.split()).items() if n >= 3] == ["."]
    assert "only the full stop occurs three times" in PAGE
    parameters = {
        name: ModelCatalog().entry(name).expect.parameters
        for name in ("elmo-original", "elmo-mini", "glove-840b-300d")
    }
    assert round(parameters["elmo-original"] / parameters["elmo-mini"]) == 31
    assert round(parameters["glove-840b-300d"] / 1e6) == 659
    assert round(parameters["glove-840b-300d"] / parameters["elmo-original"]) == 7


def test_the_cost_of_encoding_is_the_recorded_one() -> None:
    folder = ROOT / "results" / "senses"
    rows = [
        row
        for row in json.loads((folder / "features.json").read_text())
        if row["task"] == "wsd/raganato" and row["features"] == "elmo-mini"
    ]
    first = max(row["seconds"] for row in rows)
    found = ResultsQuery(folder, {}).encoding("wsd/raganato", "elmo-mini")
    assert found["seconds"] == first
    assert f"| time to encode | 3 s | {first:.0f} s |" in PAGE
    assert f"({found['tokens']:,} tokens)" in PAGE
    with pytest.raises(UnknownNameError, match="no encoding"):
        ResultsQuery(folder, {}).encoding("wsd/raganato", "elmo-original")
