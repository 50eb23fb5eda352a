"""Claims: which cells they ask, and what they answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from made_up import keep, predictions, record

from elmobench.analysis.claims import Answer, Evidence
from elmobench.analysis.findings import CLAIMS, answers
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
    return {a.claim.id: a.outcome for a in answers(store, resamples=500) if a.evidence}


def test_adding_helps(tmp_path: Path) -> None:
    store = RecordStore(tmp_path)
    run(store, "flat", 40)
    run(store, "flat+deep", 10)
    # Two layers: nothing is said of the paper's three.
    assert outcomes(store) == {"adding-helps": "supported"}
    (row,) = next(a for a in answers(store, 500) if a.evidence).evidence
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
        return Answer(CLAIMS[0], rows).outcome

    assert outcome() == "not tested"
    assert outcome("supported", "supported") == "supported"
    assert outcome("supported", "undecided") == "undecided"
    assert outcome("supported", "undecided", "contradicted") == "contradicted"


def test_claims_have_names_of_their_own() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)
