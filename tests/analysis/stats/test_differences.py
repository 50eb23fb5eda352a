"""Comparisons of stored runs: pairing, resampling units, verdicts and changed examples."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import pytest
from command_line import elmobench

from elmobench.analysis.inspect.changed_examples import changed_examples
from elmobench.analysis.stats import differences
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache, units_of
from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def add(
    store: RecordStore,
    features: str,
    seed: int,
    right: list[bool],
    head: str = "linear",
    units: list[str] | None = None,
    **axes: object,
) -> RunRecord:
    """Write a record whose test predictions are correct where ``right`` says so."""
    rows = [
        {"id": f"e{i}", "unit": (units or {i: f"e{i}"})[i], "gold": "yes"}
        | {"predicted": "yes" if ok else "no"}
        for i, ok in enumerate(right)
    ]
    name = digest_of([features, head, seed, axes])
    score = 100 * sum(right) / len(right)
    record = RunRecord.model_validate(
        {
            "cell": name,
            "experiment": "x",
            "task": "sentiment/t",
            "pipeline": "sentiment",
            "features": features,
            "head": head,
            "seed": seed,
            "axes": axes,
            "identity": {"parts": []},
            "status": "ok",
            "result": {
                "metric": "accuracy",
                "primary": "accuracy",
                "test": {"accuracy": score},
                "dev": {"accuracy": score},
                "per_class": {},
                "best_epoch": 1,
                "predictions_digest": store.write_predictions(name, rows),
                "layer_weights": {},
                "curve": [],
            },
        }
    )
    store.write(record)
    return record


def answers(share: float, seed: int, count: int = 400) -> list[bool]:
    rng = random.Random(seed)
    return [rng.random() < share for _ in range(count)]


def test_a_clear_difference_a_tie_and_neither(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for seed in (1, 2, 3):
        base = answers(0.6, seed)
        add(store, "a", seed, base)
        add(store, "b", seed, [ok or i % 4 == 0 for i, ok in enumerate(base)])
        add(store, "c", seed, base)
        add(store, "d", seed, answers(0.6, 100 + seed))
    (row,) = compare(store, "b", "a")
    assert row.verdict == "better"
    assert row.seeds == (1, 2, 3)
    assert row.units == 400
    expected = [sum(answers(0.6, s)) / 4 for s in (1, 2, 3)]
    assert row.right_scores == pytest.approx(expected)
    assert row.low < row.difference < row.high
    (row,) = compare(store, "a", "b")
    assert row.verdict == "worse"
    (row,) = compare(store, "a", "c")
    assert (row.verdict, row.difference, row.p.two_sided) == ("tie", 0.0, 1.0)
    (row,) = compare(store, "a", "d", margin=0.5)
    assert row.verdict == "undecided"


def test_only_runs_of_the_same_seed_and_point_are_paired(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for seed in (1, 2):
        add(store, "a", seed, answers(0.5, seed))
    add(store, "b", 2, answers(0.9, 7))
    add(store, "b", 3, answers(0.9, 8))
    add(store, "a", 1, answers(0.5, 1), mix="uniform")
    add(store, "b", 1, answers(0.5, 1), mix="last")
    (row,) = compare(store, "b", "a")
    assert row.seeds == (2,)
    with pytest.raises(ConfigError, match=r"no task was run with both 'b' and 'x'[^$]*a, b"):
        compare(store, "b", "x")
    with pytest.raises(ConfigError, match="both"):
        compare(store, "b", "a", where={"head": "paper"})


def test_values_of_an_axis_are_compared(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    add(store, "a", 1, answers(0.9, 1), mix="learned")
    add(store, "a", 1, answers(0.3, 1), mix="uniform")
    (row,) = compare(store, "learned", "uniform", by="mix")
    assert row.axes == {"features": "a"}
    assert row.verdict == "better"


def test_resampling_units_are_swapped_as_a_whole(tmp_path: Path) -> None:
    """Ten documents of forty examples each give less evidence than 400 examples."""
    store = RecordStore(tmp_path)
    units = [f"d{i // 40}" for i in range(400)]
    better = [True] * 240 + [False] * 160
    add(store, "a", 1, [False] * 400, units=units)
    add(store, "b", 1, better, units=units)
    rows = store.read_predictions(next(iter(store)).cell)
    assert units_of(rows) == units
    (row,) = compare(store, "b", "a")
    assert row.units == 10
    # Six of ten documents changed: the sign-flip test has 2 of 64 assignments as large.
    assert row.p.two_sided == 2 / 64
    assert row.p.resamples == 0


def test_predictions_of_other_examples_are_an_error(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    add(store, "a", 1, answers(0.5, 1))
    add(store, "b", 1, answers(0.5, 1, count=300))
    with pytest.raises(DataError, match="other examples"):
        compare(store, "a", "b")


def test_the_margin_is_the_experiments(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    records = [add(store, name, 1, answers(0.5, 1)) for name in "ab"]
    points = [
        r.model_dump(include={"cell", "task", "features", "head", "seed", "axes"}) for r in records
    ]
    store.write_plan({"name": "x", "caveats": [], "margin": 2.5}, points)
    (row,) = compare(store, "a", "b")
    assert row.margin == 2.5


def test_changed_examples_come_best_first(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    left = add(store, "a", 1, [True, True, False, False])
    right = add(store, "b", 1, [True, False, True, False])
    changed = changed_examples(store, left, right)
    assert [(example.id, example.gain) for example in changed] == [("e1", 100.0), ("e2", -100.0)]
    assert (changed[0].left, changed[0].right, changed[0].gold) == ("yes", "no", "yes")


def test_the_command(tmp_path: Path) -> None:
    store = RecordStore(tmp_path / "results" / "mine")
    for seed in (1, 2):
        add(store, "a", seed, answers(0.4, seed))
        add(store, "b", seed, answers(0.9, seed))
    out = elmobench("compare", "b", "a", "--in", "mine", "--examples", 2, cwd=tmp_path)
    assert out.returncode == 0, out.stderr
    assert "better" in out.stdout
    assert "answers differ" in out.stdout
    assert out.stdout.count("gold: yes") >= 2
    (line,) = elmobench(
        "compare", "b", "a", "--in", "mine", "--json", cwd=tmp_path
    ).stdout.splitlines()
    assert json.loads(line)["verdict"] == "better"
    out = elmobench("compare", "b", "c", "--in", "mine", cwd=tmp_path)
    assert (out.returncode, "features here: a, b" in out.stderr) == (1, True)


def test_the_mean_over_folds_is_a_row_of_its_own(tmp_path: Path) -> None:
    """Folds of three and five examples have equal weight; all swaps are enumerated."""
    store = RecordStore(tmp_path)
    right = {
        ("a", 0): [True, False, False],
        ("b", 0): [True, True, True],
        ("a", 1): [False, True, False, False, True],
        ("b", 1): [True, True, False, True, True],
    }
    for (features, fold), answers_ in right.items():
        for seed in (1, 2):
            add(store, features, seed, answers_, fold=fold)
    *folds, mean = compare(store, "b", "a")
    first, second = sorted(folds, key=lambda row: row.axes["fold"])
    assert (first.axes["fold"], second.axes["fold"]) == (0, 1)
    assert mean.axes["fold"] == "mean of 2"
    assert mean.units == 8
    assert mean.difference == pytest.approx((first.difference + second.difference) / 2)
    assert mean.left_scores == pytest.approx([(100 + 80) / 2] * 2)
    assert len(mean.cells) == 4

    def folds_mean(swapped: tuple[bool, ...]) -> float:
        fold_means = []
        for fold, start, stop in ((0, 0, 3), (1, 3, 8)):
            ours, theirs = right["b", fold], right["a", fold]
            swaps = swapped[start:stop]
            signed = [
                (x - y) * (-1 if s else 1) for x, y, s in zip(ours, theirs, swaps, strict=True)
            ]
            fold_means.append(100 * sum(signed) / len(signed))
        return sum(fold_means) / 2

    every = [folds_mean(swaps) for swaps in itertools.product((False, True), repeat=8)]
    large = sum(abs(value) >= abs(mean.difference) - 1e-9 for value in every)
    assert mean.p.two_sided == pytest.approx(large / 256)
    assert mean.p.resamples == 0
    # One fold has other seeds, so that there is no mean over folds.
    add(store, "a", 3, right["a", 1], fold=1)
    add(store, "b", 3, right["b", 1], fold=1)
    assert len(compare(store, "b", "a")) == 2


def test_comparisons_are_cached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = RecordStore(tmp_path)
    for seed in (1, 2):
        add(store, "a", seed, [True] * 30)
        add(store, "b", seed, [True, False] * 15)
    tallies = TallyCache(store)
    asked = []
    once = differences.bootstrap_differences
    monkeypatch.setattr(
        differences,
        "bootstrap_differences",
        lambda *given, **named: asked.append(named["resamples"]) or once(*given, **named),
    )
    first = compare(tallies, "a", "b", resamples=200)
    assert compare(tallies, "a", "b", resamples=200) == first
    assert asked == [200]
    # Other arguments are compared anew.
    assert compare(tallies, "b", "a", resamples=200)[0].difference == -first[0].difference
    (wide,) = compare(tallies, "a", "b", margin=90.0, resamples=200)
    assert wide.margin == 90.0 != first[0].margin
    compare(tallies, "a", "b", resamples=300)
    assert asked == [200, 200, 200, 300]
