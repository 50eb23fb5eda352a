"""Claims: the cells that they compare, and their outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_up import keep, predictions, record

from elmobench.analysis.claims.claim import ClaimResult, OutcomeCounts
from elmobench.analysis.claims.evidence import Evidence
from elmobench.analysis.claims.paper_findings import CLAIMS, claim_results
from elmobench.tracking.record_store import RecordStore

SEEDS = (1, 2, 3)


def run(
    store: RecordStore,
    features: str,
    wrong: int,
    axes: dict[str, Any] | None = None,
    start: int = 0,
    **more: Any,
) -> None:
    """Write three seeds, each with ``wrong`` of 80 predictions wrong, from ``start`` on."""
    for seed in SEEDS:
        predicted = predictions(wrong, start)
        keep(store, record(features, seed, predicted, axes, **more), predicted)


def outcomes(store: RecordStore) -> dict[str, str]:
    """Outcome of every claim except fewer-epochs, which every comparison with a baseline tests."""
    found = {a.claim.id: a.outcome for a in claim_results(store) if a.evidence}
    return {name: outcome for name, outcome in found.items() if name != "fewer-epochs"}


def evidence(store: RecordStore, claim: str) -> list[Evidence]:
    return next(a.evidence for a in claim_results(store) if a.claim.id == claim)


def test_adding_helps(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+deep", 10)
    # With two layers, the claim about the paper's three is not tested.
    assert outcomes(store) == {"adding-helps": "supported"}
    (row,) = evidence(store, "adding-helps")
    assert row.effect == 100 * 30 / 80
    assert (row.what, row.seeds) == ("flat+deep − flat", 3)
    # One task on which it is worse contradicts the claim.
    run(store, "flat", 10, task="sentiment/other")
    run(store, "flat+deep", 40, task="sentiment/other")
    assert outcomes(store) == {"adding-helps": "contradicted"}


def test_controls_are_not_evidence(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40, task="sentiment/control-sentiment")
    run(store, "flat+deep", 10, task="sentiment/control-sentiment", s=(0.2, 0.6, 0.2))
    assert outcomes(store) == {}


def test_mixes(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "deep", 10, {"mix": "learned"})
    run(store, "deep", 10, {"mix": "uniform"})
    run(store, "deep", 45, {"mix": "last"})
    # Equal answers on 80 examples do not show that systems differ by less than a point.
    assert outcomes(store) == {"all-beat-last": "supported", "learned-is-uniform": "undecided"}
    with_margin(store, 5.0)
    assert outcomes(store) == {"all-beat-last": "supported", "learned-is-uniform": "supported"}


def with_margin(store: RecordStore, margin: float) -> None:
    """Give the experiment of the records a margin."""
    points = [
        r.model_dump(include={"cell", "task", "features", "head", "seed", "axes"}) for r in store
    ]
    store.write_plan({"name": "x", "caveats": [], "margin": margin}, points)


def test_negligible_differences_and_single_runs_support_nothing(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+deep", 10)
    with_margin(store, 90.0)
    (row,) = evidence(store, "adding-helps")
    assert (row.verdict, row.outcome, row.margin) == ("better but negligible", "undecided", 90.0)
    single = RecordStore(tmp_path / "single")
    for features, wrong in (("flat", 40), ("flat+deep", 0)):
        predicted = predictions(wrong)
        keep(single, record(features, 1, predicted), predicted)
    (row,) = evidence(single, "adding-helps")
    assert (row.outcome, row.seeds, row.effect) == ("undecided", 1, 50.0)


def test_the_penalty_is_tested_on_learned_weights(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "deep", 10, {"mix": "learned", "l2": 0.001})
    run(store, "deep", 40, {"mix": "learned", "l2": 1.0})
    run(store, "deep", 40, {"mix": "last", "l2": 0.001})
    run(store, "deep", 40, {"mix": "last", "l2": 1.0})
    found = {a.claim.id: a for a in claim_results(store)}
    assert found["small-penalty"].outcome == "supported"
    assert len(found["small-penalty"].evidence) == 1


def test_settings_may_be_suffixes_of_a_part(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for task in ("srl/made-up", "nli/made-up"):
        run(store, "flat+deep", 20, task=task, l2=0.001)
        run(store, "flat+deep@mix=last", 45, task=task)
        run(store, "flat+deep@l2=1.0", 45, task=task, l2=1.0)
        run(store, "flat+deep@place=both", 5, task=task)
        run(store, "flat+deep@place=output", 60, task=task)
    # It differs from each of the others in two settings, or in a λ that no claim compares.
    run(store, "flat+deep@l2=0.5@place=both", 5, task="srl/made-up")
    found = {a.claim.id: a for a in claim_results(store) if a.evidence}
    assert {name: str(answer.counts) for name, answer in found.items()} == {
        "all-beat-last": "2 supported",
        "small-penalty": "2 supported",
        "both-placements": "1 supported",
        # Both and input, each against output alone.
        "not-at-the-output": "2 supported",
    }
    (row, _) = found["all-beat-last"].evidence
    assert row.what == "flat+deep − flat+deep@mix=last"


# Records are read in the order of their digests: some of these parts come first with a named λ.
@pytest.mark.parametrize("part", list("abcdef"))
def test_an_unnamed_penalty_is_the_head_s_own(tmp_path: Path, part: str) -> None:
    store = RecordStore(tmp_path)
    run(store, f"flat+{part}", 20, l2=0.1)
    run(store, f"flat+{part}@l2=1.0", 45, l2=1.0)
    assert outcomes(store) == {}
    # A named penalty counts, in whichever order records are read.
    run(store, f"flat+{part}@l2=0.001", 20, l2=0.001)
    assert outcomes(store) == {"small-penalty": "supported"}


def test_a_few_changed_predictions_are_undecided(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "deep", 10, {"mix": "learned"})
    run(store, "deep", 12, {"mix": "uniform"}, start=6)
    run(store, "deep", 12, {"mix": "last"}, start=4)
    assert set(outcomes(store).values()) == {"undecided"}


def test_layers_of_senses_and_syntax(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for layer, wrong in ((0, 60), (1, 40), (2, 10)):
        for task in ("wsd/made-up", "pos/made-up", "ner/made-up"):
            run(store, f"elmo-x@layer={layer}", wrong, task=task)
        # The findings are about biLMs, so that BERT is not evidence.
        run(store, f"bert-x@layer={layer}", 60 - wrong, task="wsd/made-up")
    assert outcomes(store) == {
        "context-for-senses": "supported",
        "upper-for-senses": "supported",
        "lower-for-syntax": "contradicted",
    }


def test_less_data(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40, {"train_fraction": 1.0})
    run(store, "flat", 50, {"train_fraction": 0.1})
    run(store, "flat+deep", 5, {"train_fraction": 1.0})
    run(store, "flat+deep", 15, {"train_fraction": 0.1})
    answer = next(r for r in claim_results(store) if r.claim.id == "less-data")
    assert answer.outcome == "supported"
    (row,) = answer.evidence
    assert row.what == "flat+deep with 10 % − flat with 100 %"
    assert row.effect == 100 * 25 / 80


def curves(folder: Path, flat: tuple[float, ...], deep: Sequence[tuple[float, ...]]) -> RecordStore:
    """Runs with these dev scores, one seed each."""
    store = RecordStore(folder)
    for seed, dev in enumerate(deep):
        predicted = predictions(5)
        keep(store, record("flat", seed, predicted, dev=flat), predicted)
        keep(store, record("flat+deep", seed, predicted, dev=dev), predicted)
    return store


def test_fewer_epochs(tmp_path: Path) -> None:
    flat = (50.0, 55.0, 60.0, 70.0, 65.0)
    # The best score of epoch 4 is reached in epochs 1, 2 and 1: 3, 2 and 3 epochs are saved.
    soon = [(75.0, 80.0), (60.0, 70.0), (71.0, 60.0)]
    (row,) = evidence(curves(tmp_path / "soon", flat, soon), "fewer-epochs")
    assert row.outcome == "supported"
    assert row.effect == pytest.approx(8 / 3)
    # Student: the standard error is 1/3, the quantile with two degrees of freedom 4.30265.
    assert row.low == pytest.approx(8 / 3 - 4.30265 / 3, abs=1e-4)
    # A run that stops early without reaching the score saves no epoch.
    (row,) = evidence(curves(tmp_path / "never", flat, [(1.0, 2.0)] * 3), "fewer-epochs")
    assert (row.outcome, row.effect) == ("contradicted", -2.0)
    both = [(75.0, 80.0), (1.0, 2.0), (60.0, 70.0)]
    (row,) = evidence(curves(tmp_path / "both", flat, both), "fewer-epochs")
    assert row.outcome == "undecided"


def test_epochs_of_other_learning_rates_are_not_compared(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    predicted = predictions(5)
    for seed in SEEDS:
        keep(store, record("flat", seed, predicted, chosen={"training.lr": 0.1}), predicted)
        keep(store, record("flat+deep", seed, predicted, chosen={"training.lr": 0.01}), predicted)
    assert evidence(store, "fewer-epochs") == []
    # A head that is fitted in one pass has no epochs to save.
    for seed in SEEDS:
        keep(store, record("flat", seed, predicted, task="wsd/x", dev=(50.0,)), predicted)
        keep(store, record("flat+deep", seed, predicted, task="wsd/x", dev=(60.0,)), predicted)
    assert evidence(store, "fewer-epochs") == []
    for seed in SEEDS:
        keep(store, record("flat+deep", seed, predicted, chosen={"training.lr": 0.1}), predicted)
    assert len(evidence(store, "fewer-epochs")) == 1


def test_weight_of_the_first_layer(tmp_path: Path) -> None:
    def answer(*shares: tuple[float, ...]) -> str:
        store = RecordStore(tmp_path / str(hash(shares)))
        for seed, s in enumerate(shares):
            predicted = predictions(5)
            keep(store, record("elmo-x", seed, predicted, s=s), predicted)
        return outcomes(store).get("first-layer-at-input", "not tested")

    assert answer((0.2, 0.6, 0.2), (0.2, 0.61, 0.19), (0.2, 0.59, 0.21)) == "supported"
    assert answer((0.6, 0.2, 0.2), (0.61, 0.2, 0.19), (0.59, 0.2, 0.21)) == "contradicted"
    assert answer((0.3, 0.4, 0.3), (0.4, 0.3, 0.3), (0.3, 0.35, 0.35)) == "undecided"
    # One run, equal runs and a lead of less than 0.05 support nothing.
    assert answer((0.2, 0.6, 0.2)) == "undecided"
    assert answer(*3 * [(0.2, 0.6, 0.2)]) == "undecided"
    assert answer((0.33, 0.35, 0.32), (0.33, 0.351, 0.319), (0.33, 0.349, 0.321)) == "undecided"
    # It leads over layer 0 but not over layer 2.
    assert answer((0.1, 0.45, 0.45), (0.1, 0.46, 0.44), (0.1, 0.44, 0.46)) == "undecided"


def test_an_untrained_model_is_not_evidence(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+elmo-random", 10)
    for seed in (4, 5, 6):
        predicted = predictions(5)
        for name in ("elmo-random", "elmo-mini@untrained=run"):
            keep(store, record(name, seed, predicted, s=(0.1, 0.1, 0.8)), predicted)
    assert outcomes(store) == {}
    run(store, "flat+elmo-x", 10)
    assert outcomes(store) == {"adding-helps": "supported"}


def test_an_outcome_follows_from_the_evidence() -> None:
    def result(*outcomes: str) -> ClaimResult:
        rows = [
            Evidence("w", "x", 0.0, None, None, 1.0, 1.0, "undecided", o, 1)  # type: ignore[arg-type]
            for o in outcomes
        ]
        return ClaimResult(CLAIMS[0], rows)

    def outcome(*outcomes: str) -> str:
        return result(*outcomes).outcome

    assert outcome() == "not tested"
    assert outcome("supported", "supported") == "supported"
    assert outcome("supported", "undecided") == "undecided"
    assert outcome("supported", "undecided", "contradicted") == "contradicted"
    several = result("supported", "undecided", "supported")
    assert several.counts == OutcomeCounts(supported=2, contradicted=0, undecided=1)
    assert (str(several.counts), several.counts.total) == ("2 supported, 1 undecided", 3)
    assert several.places("supported") == ["w", "w"]


def test_claim_ids_are_distinct() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def declare(store: RecordStore, **claim: Any) -> None:
    """Write the plan of an experiment that states this claim."""
    records = list(store)
    points = [
        {
            **{name: getattr(record, name) for name in ("task", "features", "head", "seed")},
            **{"axes": record.axes, "cell": record.cell},
        }
        for record in records
    ]
    stated = {"id": "ours", "statement": "One is better than the other.", **claim}
    store.write_plan({"name": "x", "caveats": [], "margin": 1.0, "claims": [stated]}, points)


def test_a_claim_of_the_experiment_is_tested(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "deep", 10)
    declare(store, left="deep", right="flat")
    assert outcomes(store)["ours"] == "supported"
    (row,) = evidence(store, "ours")
    assert (row.what, row.effect) == ("deep − flat", 100 * 30 / 80)
    declare(store, left="flat", right="deep")
    assert outcomes(store)["ours"] == "contradicted"
    declare(store, left="flat", right="deep", expects="tie")
    assert outcomes(store)["ours"] == "contradicted"


def test_a_claim_may_be_about_some_tasks_or_an_axis(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    for task, wrong in (("sentiment/made-up", 10), ("sentiment/other", 60)):
        run(store, "deep", 40, {"mix": "last"}, task=task)
        run(store, "deep", wrong, {"mix": "learned"}, task=task)
    declare(store, left="learned", right="last", by="mix")
    assert outcomes(store)["ours"] == "contradicted"
    assert len(evidence(store, "ours")) == 2
    declare(store, left="learned", right="last", by="mix", tasks=["sentiment/made-up"])
    assert outcomes(store)["ours"] == "supported"
    (row,) = evidence(store, "ours")
    assert row.where.startswith("sentiment/made-up")


def test_a_claim_without_runs_is_not_tested(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    declare(store, left="deep", right="flat")
    assert evidence(store, "ours") == []
