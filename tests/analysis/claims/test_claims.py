"""Claims: which cells they ask, and what they answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from made_up import keep, predictions, record

from elmobench.analysis.claims.claim import ClaimResult, Evidence
from elmobench.analysis.claims.paper_findings import CLAIMS, answers
from elmobench.tracking.record import RecordStore

SEEDS = (1, 2, 3)


def run(
    store: RecordStore,
    features: str,
    wrong: int,
    axes: dict[str, Any] | None = None,
    start: int = 0,
    **more: Any,
) -> None:
    """Three seeds, each with ``wrong`` of 80 answers wrong, from ``start`` on."""
    for seed in SEEDS:
        said = predictions(wrong, start)
        keep(store, record(features, seed, said, axes, **more), said)


def outcomes(store: RecordStore) -> dict[str, str]:
    """Of every claim but the one of epochs, which a comparison with a baseline always tests too."""
    found = {a.claim.id: a.outcome for a in answers(store, resamples=500) if a.evidence}
    return {name: outcome for name, outcome in found.items() if name != "fewer-epochs"}


def evidence(store: RecordStore, claim: str) -> list[Evidence]:
    return next(a.evidence for a in answers(store, resamples=500) if a.claim.id == claim)


def test_adding_helps(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+deep", 10)
    # Two layers: nothing is said of the paper's three.
    assert outcomes(store) == {"adding-helps": "supported"}
    (row,) = evidence(store, "adding-helps")
    assert row.effect == 100 * 30 / 80
    assert (row.what, row.seeds) == ("flat+deep less flat", 3)
    # One task on which it is worse is enough.
    run(store, "flat", 10, task="sentiment/other")
    run(store, "flat+deep", 40, task="sentiment/other")
    assert outcomes(store) == {"adding-helps": "contradicted"}


def test_controls_are_no_findings(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40, task="sentiment/control-sentiment")
    run(store, "flat+deep", 10, task="sentiment/control-sentiment", s=(0.2, 0.6, 0.2))
    assert outcomes(store) == {}


def test_mixes(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "deep", 10, {"mix": "learned"})
    run(store, "deep", 10, {"mix": "uniform"})
    run(store, "deep", 45, {"mix": "last"})
    assert outcomes(store) == {"all-beat-last": "supported", "learned-is-uniform": "supported"}


def test_the_penalty_is_asked_of_learned_weights(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "deep", 10, {"mix": "learned", "l2": 0.001})
    run(store, "deep", 40, {"mix": "learned", "l2": 1.0})
    run(store, "deep", 40, {"mix": "last", "l2": 0.001})
    run(store, "deep", 40, {"mix": "last", "l2": 1.0})
    found = {a.claim.id: a for a in answers(store, 500)}
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
    # It differs from each of the others in two settings, or in a λ that nobody asks about.
    run(store, "flat+deep@l2=0.5@place=both", 5, task="srl/made-up")
    found = {a.claim.id: a for a in answers(store, 500) if a.evidence}
    assert {name: answer.counts for name, answer in found.items()} == {
        "all-beat-last": "2 supported",
        "small-penalty": "2 supported",
        "both-placements": "1 supported",
        # Both and input, each against output alone.
        "not-at-the-output": "2 supported",
    }
    (row, _) = found["all-beat-last"].evidence
    assert row.what == "flat+deep less flat+deep@mix=last"


# Records are read in the order of their digests: of these parts some are typed first, some are not.
@pytest.mark.parametrize("part", list("abcdef"))
def test_the_head_s_own_penalty_may_be_another(tmp_path: Path, part: str) -> None:
    store = RecordStore(tmp_path)
    run(store, f"flat+{part}", 20, l2=0.1)
    run(store, f"flat+{part}@l2=1.0", 45, l2=1.0)
    assert outcomes(store) == {}
    # What is typed counts, whatever stands first.
    run(store, f"flat+{part}@l2=0.001", 20, l2=0.001)
    assert outcomes(store) == {"small-penalty": "supported"}


def test_a_few_changed_answers_decide_nothing(tmp_path: Path) -> None:
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
        # The findings are about biLMs.
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
    answer = next(a for a in answers(store, 500) if a.claim.id == "less-data")
    assert answer.outcome == "supported"
    (row,) = answer.evidence
    assert row.what == "flat+deep with 10 % less flat with 100 %"
    assert row.effect == 100 * 25 / 80


def curves(folder: Path, flat: tuple[float, ...], deep: Sequence[tuple[float, ...]]) -> RecordStore:
    """Runs whose dev scores were so, a seed each."""
    store = RecordStore(folder)
    for seed, mine in enumerate(deep):
        said = predictions(5)
        keep(store, record("flat", seed, said, dev=flat), said)
        keep(store, record("flat+deep", seed, said, dev=mine), said)
    return store


def test_fewer_epochs(tmp_path: Path) -> None:
    flat = (50.0, 55.0, 60.0, 70.0, 65.0)
    # As good in epochs 1, 2 and 1 as the other in its fourth: 3, 2 and 3 are saved.
    soon = [(75.0, 80.0), (60.0, 70.0), (71.0, 60.0)]
    (row,) = evidence(curves(tmp_path / "soon", flat, soon), "fewer-epochs")
    assert row.outcome == "supported"
    assert row.effect == pytest.approx(8 / 3)
    # Student: the standard error is 1/3, the quantile with two degrees of freedom 4.30265.
    assert row.low == pytest.approx(8 / 3 - 4.30265 / 3, abs=1e-4)
    # One that stopped early without getting there did not save an epoch.
    (row,) = evidence(curves(tmp_path / "never", flat, [(1.0, 2.0)] * 3), "fewer-epochs")
    assert (row.outcome, row.effect) == ("contradicted", -2.0)
    both = [(75.0, 80.0), (1.0, 2.0), (60.0, 70.0)]
    (row,) = evidence(curves(tmp_path / "both", flat, both), "fewer-epochs")
    assert row.outcome == "undecided"


def test_epochs_of_other_learning_rates_are_not_compared(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    said = predictions(5)
    for seed in SEEDS:
        keep(store, record("flat", seed, said, chosen={"training.lr": 0.1}), said)
        keep(store, record("flat+deep", seed, said, chosen={"training.lr": 0.01}), said)
    assert evidence(store, "fewer-epochs") == []
    # Fitted in one pass: there are no epochs to save.
    for seed in SEEDS:
        keep(store, record("flat", seed, said, task="wsd/x", dev=(50.0,)), said)
        keep(store, record("flat+deep", seed, said, task="wsd/x", dev=(60.0,)), said)
    assert evidence(store, "fewer-epochs") == []
    for seed in SEEDS:
        keep(store, record("flat+deep", seed, said, chosen={"training.lr": 0.1}), said)
    assert len(evidence(store, "fewer-epochs")) == 1


def test_what_the_mixes_choose(tmp_path: Path) -> None:
    def answer(*shares: tuple[float, ...]) -> str:
        store = RecordStore(tmp_path / str(hash(shares)))
        for seed, s in enumerate(shares):
            said = predictions(5)
            keep(store, record("elmo-x", seed, said, s=s), said)
        return outcomes(store).get("first-layer-at-input", "not tested")

    assert answer((0.2, 0.6, 0.2), (0.2, 0.61, 0.19), (0.2, 0.59, 0.21)) == "supported"
    assert answer((0.6, 0.2, 0.2), (0.61, 0.2, 0.19), (0.59, 0.2, 0.21)) == "contradicted"
    assert answer((0.3, 0.4, 0.3), (0.4, 0.3, 0.3), (0.3, 0.35, 0.35)) == "undecided"
    assert answer((0.2, 0.6, 0.2)) == "undecided"


def test_an_untrained_model_is_no_evidence(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+elmo-random", 10)
    for seed in (4, 5, 6):
        said = predictions(5)
        keep(store, record("elmo-random", seed, said, s=(0.1, 0.1, 0.8)), said)
    assert outcomes(store) == {}
    run(store, "flat+elmo-x", 10)
    assert outcomes(store) == {"adding-helps": "supported"}


def test_an_answer_follows_from_its_evidence() -> None:
    def outcome(*found: str) -> str:
        rows = [Evidence("w", "x", 0.0, None, None, one, 1) for one in found]  # type: ignore[arg-type]
        return ClaimResult(CLAIMS[0], rows).outcome

    assert outcome() == "not tested"
    assert outcome("supported", "supported") == "supported"
    assert outcome("supported", "undecided") == "undecided"
    assert outcome("supported", "undecided", "contradicted") == "contradicted"


def test_claims_have_names_of_their_own() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
