"""Which of our runs repeat a published system, and the table that compares them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import made_up
import pytest
from published_runs import number, record, records_of
from rich.console import Console

from elmobench.analysis.report.report import REFERENCES, make_report
from elmobench.analysis.report.terminal import print_report
from elmobench.analysis.tables.published import PublishedNumber
from elmobench.analysis.tables.published_comparison import Comparison, compare_with_published
from elmobench.analysis.tables.reference_table import reference_table
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import Experiment, Override, load_experiment
from elmobench.core.errors import ConfigError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.tasks.registries import HEADS, get_head
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def only(records: list[RunRecord], published: PublishedNumber) -> Comparison:
    (row,) = compare_with_published(records, 1.0, [published])
    return row


def like(*features: str, head: str = "paper", **axes: Any) -> dict[str, Any]:
    return {"features": features, "head": head, "axes": axes}


def test_other_data_is_not_compared() -> None:
    row = only([record(53.0)], number(data="snli"))
    assert (row.verdict, row.reason, row.ours, row.same_data) == (
        "not comparable",
        "other data",
        (),
        False,
    )


def test_controls_and_tasks_of_users_are_not_compared_with_other_data() -> None:
    for task in ("sentiment/control-sentiment", "sentiment/reviews"):
        assert compare_with_published([record(50.0, task=task)], 1.0, [number()]) == []


@pytest.mark.parametrize(
    ("changes", "published", "reason"),
    [
        (
            {},
            {"like": like("elmo-original", mix="last")},
            "no run of elmo-original with head paper, mix last",
        ),
        ({"head": "small"}, {}, "no run of elmo-original-5.5b with head paper"),
        ({"axes": {"train_fraction": 0.5}}, {}, "no run of elmo-original-5.5b with head paper"),
        (
            {},
            {"like": like("elmo-original-5.5b", mix="uniform")},
            "no run of elmo-original-5.5b with head paper, mix uniform",
        ),
        ({}, {"like": None, "not_comparable": "a reason"}, "a reason"),
        ({}, {"metric": "f1"}, "no score f1 on test here"),
        ({}, {"split": "train"}, "no score accuracy on train here"),
        ({"metric": "squad"}, {}, "scored by squad, published by accuracy"),
        (
            {"counts": {"test": 100}},
            {},
            "the test set has 100 examples, the published one 2,210",
        ),
    ],
)
def test_not_comparable_says_why(
    changes: dict[str, Any], published: dict[str, Any], reason: str
) -> None:
    row = only([record(53.0, **changes)], number(**published))
    assert (row.verdict, row.reason, row.ours) == ("not comparable", reason, ())


def test_an_axis_at_its_default_matches() -> None:
    full = record(53.0, axes={"train_fraction": 1.0, "mix": "uniform"})
    assert only([full], number(like=like("elmo-original-5.5b", mix="uniform"))).ours == (53.0,)


def test_the_published_number_of_test_examples_is_compared() -> None:
    assert only([record(53.0, counts={"test": 2210})], number()).ours == (53.0,)


def test_an_unknown_axis_is_an_error() -> None:
    with pytest.raises(ConfigError, match="unknown axis 'mixx'") as error:
        only([record(53.0)], number(like=like("elmo-original-5.5b", mixx="last")))
    assert "'mix'" in str(error.value)


def test_runs_with_other_settings_than_the_preset_s_do_not_repeat_it() -> None:
    preset = get_head("sentiment", "paper")
    published = {
        "head": ["sentiment", "paper", preset.version],
        "options": preset.options.model_dump(mode="json", exclude_defaults=True),
        "training": preset.training.model_dump(mode="json", exclude_defaults=True),
    }
    assert only([record(53.0, identity=published)], number()).verdict == "undecided"
    short = {**published, "training": {**published["training"], "epochs": 2}}
    row = only([record(53.0, identity=short)], number())
    assert row.reason == "other settings than the published system's: training.epochs"
    small = {**published, "options": {**published["options"], "encoder": 7}}
    row = only([record(53.0, identity=small)], number())
    assert row.reason == "other settings than the published system's: options.encoder"
    # Of another version of the head nothing is known.
    old = {**short, "head": ["sentiment", "paper", preset.version + 1]}
    assert only([record(53.0, identity=old)], number()).verdict == "undecided"
    # A run that repeats it is not hidden by one that does not.
    row = only([record(50.0, 1, identity=short), record(53.0, 2, identity=published)], number())
    assert row.ours == (53.0,)


@pytest.mark.parametrize("name", HEADS.names())
def test_a_cell_with_the_preset_s_settings_repeats_it(name: str) -> None:
    pipeline, head = name.split("/")
    experiment = Experiment(name="x", tasks=("t",), features=("random",), heads=(head,))
    (cell,) = grid(experiment, {f"{pipeline}/t": pipeline})
    values = {"data_digest": "d", "card_version": 1, "metric": ("m", 1), "labels": []}
    identity = cell.identity(**values, context_unit="u", fingerprints=["f"], num_layers=[1])
    one = record(53.0, pipeline=pipeline, head=head, features="random", identity=identity)
    published = number(like=like("random", head=head))
    assert [
        row.verdict for row in compare_with_published([one], 1.0, [published]) if row.same_data
    ] == ["undecided"]


@pytest.mark.parametrize(
    ("features", "change", "reason"),
    [
        ("glove-6b-50d(trainable)+elmo-original", {}, None),
        (
            "glove-6b-50d(trainable)+elmo-original",
            {"mix.dropout": 0.4},
            "dropout of elmo-original",
        ),
        (
            "glove-6b-50d(trainable)+elmo-original",
            {"mix.static_dropout": 0.4},
            "dropout of glove-6b-50d",
        ),
        ("glove-6b-50d(trainable)", {"mix.dropout": 0.4}, None),
        (
            "glove-6b-50d(trainable)",
            {"mix.trainable_lowercase": False},
            "mix.trainable_lowercase",
        ),
        ("glove-6b-50d(trainable)", {"mix.trainable_unknown": "zero"}, "mix.trainable_unknown"),
        ("elmo-original", {"mix.standardize": True}, "mix.standardize"),
        ("elmo-original@dropout=0.3", {"mix.dropout": 0.4}, None),
    ],
)
def test_other_settings_of_the_mix_than_the_preset_s_do_not_repeat_it(
    features: str, change: dict[str, Any], reason: str | None
) -> None:
    overrides = (Override(set=change),) if change else ()
    experiment = Experiment(
        name="x", tasks=("t",), features=(features,), heads=("paper",), overrides=overrides
    )
    (cell,) = grid(experiment, {"ner/t": "ner"})
    layers = [3 if "elmo" in part.name else 1 for part in cell.parts]
    values = {"data_digest": "d", "card_version": 1, "metric": ("m", 1), "labels": []}
    prints = ["f"] * len(layers)
    identity = cell.identity(**values, context_unit="u", fingerprints=prints, num_layers=layers)
    one = record(53.0, pipeline="ner", features=features, axes=cell.axes, identity=identity)
    (row,) = [
        row
        for row in compare_with_published([one], 1.0, [number(like=like(features))])
        if row.same_data
    ]
    wanted = "one seed"
    if reason is not None:
        wanted = f"other settings than the published system's: {reason}"
    assert row.reason == wanted


def test_a_published_system_may_have_other_settings_than_the_preset() -> None:
    preset = get_head("sentiment", "paper")
    options = preset.options.model_dump(mode="json", exclude_defaults=True)
    ours = {
        "head": ["sentiment", "paper", preset.version],
        "options": options,
        "training": preset.training.model_dump(mode="json", exclude_defaults=True),
    }
    matching = {**like("elmo-original-5.5b"), "set": {"options.embedding_dropout": 0.25}}
    row = only([record(53.0, identity=ours)], number(like=matching))
    assert row.reason == ("other settings than the published system's: options.embedding_dropout")
    ours = {**ours, "options": {**options, "embedding_dropout": 0.25}}
    assert only([record(53.0, identity=ours)], number(like=matching)).verdict == "undecided"
    wrong = {**matching, "set": {"options.embeding_dropout": 0.25}}
    with pytest.raises(ConfigError, match="embeding_dropout"):
        only([record(53.0, identity=ours)], number(like=wrong))


def test_each_representation_is_compared_alone() -> None:
    both = number(like=like("elmo-original", "glove-840b-300d+elmo-original"))
    records = [
        record(score, seed, features=features)
        for features, scores in {
            "elmo-original": (50.0, 50.1, 50.2),
            "glove-840b-300d@place=input+elmo-original": (53.0, 53.1, 52.9),
        }.items()
        for seed, score in enumerate(scores)
    ]
    one, two = compare_with_published(records, 1.0, [both])
    assert (one.features, one.verdict, one.ours) == ("elmo-original", "missed", (50.0, 50.1, 50.2))
    assert (two.features, two.verdict) == (
        "glove-840b-300d@place=input+elmo-original",
        "reproduced",
    )


def test_points_of_the_grid_with_one_cell_are_one_run() -> None:
    once = record(53.0)
    assert only([once, once.model_copy(update={"axes": {"mix": "learned"}})], number()).ours == (
        53.0,
    )


def test_a_dev_number_is_compared_with_dev_scores() -> None:
    assert only([record(53.0)], number(split="dev")).ours == (54.0,)


def test_a_head_that_is_fitted_in_one_pass_needs_no_spread() -> None:
    once = {"features": "elmo-original@layer=1", "task": "sentiment/sst5"}
    published = number(like=like("elmo-original@layer=1"))
    assert only([record(53.5, losses=(None,), **once)], published).verdict == "reproduced"
    assert only([record(53.5, losses=(0.7,), **once)], published).verdict == "undecided"
    assert only([record(53.5, losses=(), **once)], published).verdict == "undecided"
    # The seed draws the part of the training set: another seed has another score.
    part = record(53.5, losses=(None,), axes={"train_fraction": 0.5}, **once)
    part = part.model_copy(update={"identity": {**part.identity, "train_fraction": 0.5}})
    published = number(like=like("elmo-original@layer=1", train_fraction=0.5))
    assert only([part], published).verdict == "undecided"


@pytest.mark.parametrize("table", ["1", "2", "3"])
def test_the_paper_experiments_match_its_numbers(table: str) -> None:
    experiment = load_experiment(f"paper/table{table}")
    pipelines = {task: CardCatalog().by_id[task].pipeline for task in experiment.tasks}
    rows = [
        row
        for row in compare_with_published(records_of(experiment, pipelines), 1.0)
        if row.number.table == table and row.same_data and row.number.like is not None
    ]
    assert len(rows) == {"1": 4, "2": 8, "3": 6}[table]
    for row in rows:
        # Each seed once: no other point of the grid matches the published system.
        assert len(row.ours) == len(experiment.seeds)


def test_axes_without_effect_are_ignored() -> None:
    base = number(like=like("random@place=input"))

    def verdict_of(
        axes: dict[str, Any], s: list[float] | None, features: str = "random@place=input"
    ) -> str:
        one = record(53.0, features=features, axes=axes)
        assert one.result is not None
        weights = {"input": {"a": {"s": s, "gamma": 1.0, "w": None}}}
        result = one.result.model_copy(update={"layer_weights": weights})
        return only([one.model_copy(update={"result": result})], base).verdict

    assert verdict_of({"placement": "both", "mix": "last", "l2": 1.0}, None) == "undecided"
    assert verdict_of({"mix": "last"}, [0.0, 1.0]) == "not comparable"
    assert verdict_of({"mix": "concat"}, None) == "not comparable"
    assert verdict_of({"l2": "preset"}, [0.5, 0.5]) == "undecided"
    assert verdict_of({"l2": 1.0}, [0.5, 0.5]) == "not comparable"
    # Without a place of its own, the part enters where the axis says.
    assert verdict_of({}, None, "random") == "undecided"
    assert verdict_of({"placement": "both"}, None, "random") == "not comparable"


def test_a_card_s_own_numbers_get_a_verdict_or_a_reason() -> None:
    card = CardCatalog().get("sentiment/sst2")
    stated = {"metric": "accuracy", "score": 90.0, "sd": 0.3, "seeds": 3, "source": "mine"}
    own = card.model_validate(
        {
            **card.model_dump(),
            "published": [
                {**stated, "model": "repeated", "like": like("elmo-mini", head="linear")},
                {**stated, "model": "unknown"},
            ],
        }
    )
    records = [
        record(score, seed, task=card.id, features="elmo-mini", head="linear")
        for seed, score in enumerate((90.1, 90.0, 89.8))
    ]
    rows = reference_table(records, {card.id: own}, 1.0).to_dict("records")
    repeated, unknown = [row for row in rows if row["source"] == "mine"]
    assert (repeated["score"], repeated["verdict"]) == ("90.0 ± 0.3", "reproduced")
    assert repeated["difference"].startswith("-0.03 (")
    assert unknown["verdict"].startswith("not comparable: the card does not say which cells")
    assert unknown["difference"] == "–"


def test_the_table_and_its_caption(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for seed, score in enumerate((54.6, 54.8, 54.7)):
        features = "glove-840b-300d+elmo-original"
        made = record(score, seed, features=features)
        run = made_up.record("deep", 1, made_up.predictions(3)).run
        identity = {"parts": [{"fingerprint": "f"}]}
        store.write(made.model_copy(update={"run": run, "identity": identity}))
    report = make_report(tmp_path)
    (section,) = [section for section in report.sections if section.title == REFERENCES]
    assert "margin of 1.0 points" in section.explanation
    assert "without a spread or a number of seeds counts as exact" in section.explanation
    assert list(section.table) == [
        *("task", "score", "reference", "source", "ours", "difference", "margin", "verdict")
    ]
    verdicts = set(section.table["verdict"].str.split(":").str[0])
    assert verdicts == {"reproduced", "not comparable"}
    out = io.StringIO()
    print_report(report, Console(file=out, width=80))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "reproduced; ours 54.70 ± 0.10" in text
