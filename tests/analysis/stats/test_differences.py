"""Comparisons of stored runs: pairing, resampling units, verdicts and changed examples."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from command_line import elmobench
from scipy import stats

from elmobench.analysis.inspect.changed_examples import changed_examples
from elmobench.analysis.stats import differences
from elmobench.analysis.stats.correction import holm
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
    identity: dict[str, object] | None = None,
    curve: list[dict[str, object]] | None = None,
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
            "identity": {"parts": [], **(identity or {})},
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
                "curve": curve or [],
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
        base = answers(0.6, 0)
        base[seed] = not base[seed]
        add(store, "a", seed, base)
        add(store, "b", seed, [ok or i % 4 == 0 for i, ok in enumerate(base)])
        add(store, "c", seed, base)
        add(store, "d", seed, answers(0.6, 100 + seed))
    (row,) = compare(store, "b", "a")
    assert row.verdict == "better"
    assert row.left_seeds == row.right_seeds == (1, 2, 3)
    assert (row.seeds_text, row.scope, row.units) == ("3", "systems", 400)
    low, high = row.interval
    assert 0 < low < row.difference < high
    assert row.difference == pytest.approx(np.mean(row.left_scores) - np.mean(row.right_scores))
    (row,) = compare(store, "a", "b")
    assert row.verdict == "worse"
    # A wide margin makes the same difference negligible.
    (row,) = compare(store, "a", "b", margin=60.0)
    assert row.verdict == "worse but negligible"
    (row,) = compare(store, "a", "c", margin=2.0)
    assert (row.verdict, row.difference, row.p_corrected) == ("tie", 0.0, 1.0)
    (row,) = compare(store, "a", "d", margin=0.5)
    assert row.verdict == "undecided"


def test_a_cell_is_not_compared_with_itself(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    points = []
    for seed in (1, 2):
        add(store, "a", seed, answers(0.6, seed))
        add(store, "b", seed, answers(0.7, seed))
        # A head that reads no features: one cell at two points of the grid.
        add(store, "a", seed, answers(0.5, 0), head="most-frequent")
    for record in store:
        point = {key: getattr(record, key) for key in ("cell", "task", "head", "seed", "axes")}
        names = ("a", "b") if record.head == "most-frequent" else (record.features,)
        points += [{**point, "pipeline": "sentiment", "features": name} for name in names]
    store.write_plan({"name": "x", "caveats": []}, points)
    (row,) = compare(store, "b", "a")
    assert row.head == "linear"
    assert row.p_corrected == row.estimate.p_value()
    with pytest.raises(ConfigError, match="'a' and 'a' name the same runs"):
        compare(store, "a", "a")


def test_runs_of_other_seeds_are_compared_and_of_other_points_are_not(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for seed in (1, 2):
        add(store, "a", seed, answers(0.5, seed))
    for seed in (2, 3, 4):
        add(store, "b", seed, answers(0.9, seed))
    add(store, "a", 1, answers(0.5, 1), mix="uniform")
    add(store, "b", 1, answers(0.5, 1), mix="last")
    (row,) = compare(store, "b", "a")
    assert (row.left_seeds, row.right_seeds, row.paired) == ((2, 3, 4), (1, 2), False)
    assert row.seeds_text == "3, 2"
    assert len(row.left_cells) == 3
    with pytest.raises(ConfigError, match=r"no run with features 'x' here[^$]*a, b"):
        compare(store, "b", "x")
    with pytest.raises(ConfigError, match="no run with head 'paper' here"):
        compare(store, "b", "a", where={"head": "paper"})


def test_runs_on_the_same_part_of_the_training_set_are_paired(tmp_path: Path) -> None:
    """The part that a seed draws moves the scores of both systems."""
    store = RecordStore(tmp_path)
    for seed, share in ((1, 0.4), (2, 0.6), (3, 0.8)):
        for name, more in (("a", 0.0), ("b", 0.1)):
            right = [i < 400 * (share + more) for i in range(400)]
            add(store, name, seed, right, identity={"train_fraction": 0.1})
            add(store, name, seed, right, head="all", identity={"train_fraction": 1.0})
    rows = {row.head: row for row in compare(store, "b", "a")}
    paired, independent = rows["linear"], rows["all"]
    assert (paired.paired, independent.paired) == (True, False)
    assert paired.difference == independent.difference == pytest.approx(10.0)
    assert (paired.verdict, independent.verdict) == ("better", "undecided")


def test_a_single_run_decides_nothing_unless_it_has_no_chance(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for head, loss in (("linear", 0.5), ("one-pass", None)):
        curve = [{"epoch": 1, "train_loss": loss, "dev": 50.0, "layer_weights": {}}]
        add(store, "a", 1, answers(0.5, 1), head=head, curve=curve)
        add(store, "b", 1, answers(0.9, 2), head=head, curve=curve)
    rows = {row.head: row for row in compare(store, "b", "a")}
    trained, fitted = rows["linear"], rows["one-pass"]
    assert (trained.scope, trained.verdict) == ("runs", "undecided")
    assert (fitted.scope, fitted.verdict) == ("systems", "better")
    # The interval is the same, about this run and about the system. The row about single runs
    # decides nothing, so that the other one is corrected for itself alone.
    assert trained.interval == pytest.approx(fitted.interval)
    assert fitted.p_corrected == pytest.approx(fitted.estimate.p_value())
    # A head that is fitted to a part of the training set depends on the seed that draws it.
    part = {"train_fraction": 0.5}
    for name, share in (("a", 0.5), ("b", 0.9)):
        add(store, name, 1, answers(share, 1), head="part", curve=curve, identity=part)
    assert compare(store, "b", "a", where={"head": "part"})[0].verdict == "undecided"


def test_values_of_an_axis_are_compared(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for seed in (1, 2, 3):
        add(store, "a", seed, answers(0.9, seed), mix="learned")
        add(store, "a", seed, answers(0.3, seed), mix="uniform")
    (row,) = compare(store, "learned", "uniform", by="mix")
    assert row.axes == {"features": "a"}
    assert row.verdict == "better"


def test_units_count_as_a_whole(tmp_path: Path) -> None:
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
    # Six of ten documents are right throughout, four not at all.
    expected = stats.ttest_1samp([100.0] * 6 + [0.0] * 4, 0.0)
    assert row.estimate.p_value() == pytest.approx(expected.pvalue)
    assert row.interval == pytest.approx(tuple(expected.confidence_interval()))


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
    line = elmobench("compare", "b", "a", "--in", "mine", "--json", cwd=tmp_path).stdout
    (row,) = json.loads(line)["comparisons"]
    assert row["verdict"] == "better"
    out = elmobench("compare", "b", "c", "--in", "mine", cwd=tmp_path)
    assert (out.returncode, "no run with features 'c' here" in out.stderr) == (1, True)
    assert "known: a, b" in out.stderr
    for option, message in (
        (("--task", "nope"), "no run with task 'nope' here"),
        (("--head", "paper"), "no run with head 'paper' here"),
        (("--by", "colour"), "no axis 'colour' here"),
    ):
        out = elmobench("compare", "b", "a", "--in", "mine", *option, cwd=tmp_path)
        assert (out.returncode, message in out.stderr) == (1, True), out.stderr
    out = elmobench("compare", "b", "a", "--in", "nowhere", cwd=tmp_path)
    assert "no results of 'nowhere' here\n  -> known: mine" in out.stderr


def test_the_mean_over_folds_is_a_row_of_its_own(tmp_path: Path) -> None:
    """Folds of three and five examples have equal weight."""
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
    assert len(mean.left_cells) == len(mean.right_cells) == 4

    # Both seeds have the same answers, so that only the units vary, each within its fold.
    changes = [
        [100.0 * (x - y) for x, y in zip(right["b", fold], right["a", fold], strict=True)]
        for fold in (0, 1)
    ]
    errors = [np.var(change, ddof=1) / len(change) / 4 for change in changes]
    # Four units differ, which are too few to show the spread: two more are added.
    variance = sum(errors) + 2 * (100 / 8) ** 2
    assert mean.estimate.sources[-1].variance == pytest.approx(variance)
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
    once = differences.estimate_difference
    monkeypatch.setattr(
        differences,
        "estimate_difference",
        lambda *given, **named: asked.append(1) or once(*given, **named),
    )
    first = compare(tallies, "a", "b")
    assert compare(tallies, "a", "b") == first
    assert len(asked) == 1
    # Other arguments are compared anew.
    assert compare(tallies, "b", "a")[0].difference == -first[0].difference
    (wide,) = compare(tallies, "a", "b", margin=90.0)
    assert wide.margin == 90.0 != first[0].margin
    assert len(asked) == 3


def test_p_values_are_corrected_over_the_rows(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for head, share in (("first", 0.75), ("second", 0.72), ("third", 0.6)):
        for seed in (1, 2, 3):
            add(store, "a", seed, answers(0.6, seed), head=head)
            add(store, "b", seed, answers(share, 50 + seed), head=head)
    rows = compare(store, "b", "a")
    assert [row.p_corrected for row in rows] == holm([row.estimate.p_value() for row in rows])
    assert [row.p_within_corrected for row in rows] == holm(
        [row.estimate.p_within(1.0) for row in rows]
    )
