"""Encoding time by sentence length: the sentences that are encoded, and the output."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import elmobench

from elmobench.core.errors import ElmobenchWarning
from elmobench.features.length_cost import time_by_length
from elmobench.tracking.record_store import RecordStore


class Slow:
    """Takes a second a sentence and a tenth a token, by the clock that it moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.lengths: list[int] = []
        self.words: set[str] = set()

    def encode(self, sentences: Sequence[Sequence[str]]) -> list[Any]:
        for sentence in sentences:
            self.now += 1 + 0.1 * len(sentence)
            self.lengths.append(len(sentence))
            self.words |= set(sentence)
        return [np.zeros((1, len(sentence), 1)) for sentence in sentences]


def test_seconds_are_the_provider_s() -> None:
    slow = Slow()
    text = [("a", "b", "c"), ("d",), ()]
    found = time_by_length(slow, text, (3, 7, 50), tokens=21, clock=lambda: slow.now)  # type: ignore[arg-type]
    assert [(row.length, row.sentences) for row in found] == [(3, 7), (7, 3), (50, 1)]
    assert [row.seconds for row in found] == pytest.approx([1.3, 1.7, 6.0])
    assert found[0].microseconds_per_token == pytest.approx(1.3e6 / 3)
    assert sorted(set(slow.lengths)) == [3, 7, 50]
    assert slow.words == {"a", "b", "c", "d"}
    with pytest.raises(ValueError, match="the text has no words"):
        time_by_length(slow, [()])  # type: ignore[arg-type]


@pytest.mark.slow
def test_the_command_keeps_it_for_the_report(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results")
    store.write_plan({"name": "x", "caveats": []}, [])
    for spec in ("random", "elmo-random"):
        found = elmobench("features", "time", spec, "--results", str(store.folder))
        assert found.returncode == 0, found.stderr
        assert "µs/token" in found.stdout
    kept = json.loads((store.folder / "lengths.json").read_text())
    assert set(kept["seconds"]) == {"random", "elmo-random"}
    assert kept["threads"] == 1
    assert all(value > 0 for value in kept["seconds"]["elmo-random"].values())
    assert store.length_costs()["seconds"] == kept["seconds"]
    (store.folder / "lengths.json").write_text("[")
    with pytest.warns(ElmobenchWarning, match=r"lengths.json.* is not JSON"):
        assert store.length_costs() == {}
    wrong = elmobench("features", "time", "random+elmo-random")
    assert wrong.returncode != 0
    assert "one by one" in wrong.stderr
