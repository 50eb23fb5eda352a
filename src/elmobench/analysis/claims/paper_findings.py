"""Published findings as claims, each with the function that gathers its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np

from elmobench.analysis.claims.claim import Claim, ClaimResult
from elmobench.analysis.claims.declared import declared_claims
from elmobench.analysis.claims.evidence import Evidence
from elmobench.analysis.claims.seed_effects import SeedEffect, seed_evidence
from elmobench.analysis.claims.study import Expectation, Study, evidence_of, evidence_place
from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import corrected
from elmobench.analysis.stats.epochs import comparable_results, epochs_saved
from elmobench.analysis.stats.estimate import mean_estimate
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.layer_weights import learned_mixes
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

WEIGHT_MARGIN = 0.05
"""Leads of a layer below this share of the weight are negligible."""
EPOCH_MARGIN = 1.0
"""Savings below one epoch are negligible."""
EPOCH_ROUNDING = 2 / 12
"""Variance that rounding to whole epochs leaves in a difference of two of them."""


def claim_results(store: RecordStore | TallyCache) -> list[ClaimResult]:
    """Test every published claim, and those that the experiment states, on its records.

    Args:
        store: the results folder, or its tallies.

    Raises:
        DataError: if predictions are missing or damaged.
    """
    tallies = store if isinstance(store, TallyCache) else TallyCache(store)
    study = Study(tallies)
    claims = (*declared_claims(study), *CLAIMS)
    return [ClaimResult(claim, claim.gather(study)) for claim in claims]


def _contextual_gains(study: Study) -> list[Difference]:
    """Features with a contextual part compared with the same features without it."""
    names = {record.features for record in study.records}
    pairs = []
    for name in sorted(names):
        spec = parse_features(name)
        for part in spec.parts:
            rest = str(spec.without(part))
            if str(part) in study.contextual and rest in names:
                pairs.append((name, rest))
    return study.pairs(pairs, "features")


def _adding_helps(study: Study) -> list[Evidence]:
    return evidence_of(_contextual_gains(study), "better")


def _fewer_epochs(study: Study) -> list[Evidence]:
    """Epochs that the contextual part saves in reaching the baseline's best dev score."""
    measured: list[SeedEffect] = []
    for row in _contextual_gains(study):
        results = comparable_results(row, study.tallies)
        if results:
            saved = tuple(float(epochs_saved(ours, theirs)) for ours, theirs in results)
            measured.append(
                SeedEffect(
                    where=evidence_place(row),
                    what=f"epochs that {row.left} saves in reaching the best dev score of "
                    f"{row.right}",
                    estimates=(mean_estimate(saved, EPOCH_ROUNDING),),
                    seeds=len(saved),
                )
            )
    return seed_evidence(measured, EPOCH_MARGIN)


def _mixes(left: str, right: str, expectation: Expectation) -> Callable[[Study], list[Evidence]]:
    return lambda study: evidence_of(
        study.settings("mix", [(left, right)], default="learned"), expectation
    )


def _layers(upper: bool, pipelines: Sequence[str]) -> Callable[[Study], list[Evidence]]:
    """The last layer compared with the first contextual one, or the reverse."""

    def gather(study: Study) -> list[Evidence]:
        rows = []
        for by, layers in study.single_layers():
            top, first = max(layers), 1
            if first in layers and top > first:
                pair = (layers[top], layers[first]) if upper else (layers[first], layers[top])
                rows += study.pairs([pair], by, pipelines)
        return evidence_of(corrected(rows), "better") if rows else []

    return gather


def _contextual_layers(study: Study) -> list[Evidence]:
    rows = []
    for by, layers in study.single_layers():
        if 0 in layers:
            pairs = [(name, layers[0]) for layer, name in layers.items() if layer > 0]
            rows += study.pairs(pairs, by, ["wsd"])
    return evidence_of(corrected(rows), "better") if rows else []


def _not_at_the_output(study: Study) -> list[Evidence]:
    pairs = [("both", "output"), ("input", "output")]
    return evidence_of(study.settings("placement", pairs, "input", ["srl"]), "better")


def _both_placements(study: Study) -> list[Evidence]:
    pairs = [("both", "input")]
    return evidence_of(study.settings("placement", pairs, "input", ["nli", "qa"]), "better")


def _small_penalty(study: Study) -> list[Evidence]:
    kept = []
    for row in study.settings("l2", [("0.001", "1.0")], default="0.001"):
        left = study.tallies.by_cell[row.left_cells[0]]
        # Only learned weights are penalised; and a part that names no λ has the head's own, which
        # may differ from 0.001.
        is_small = "l2" in left.axes or any(
            p.get("l2") == 0.001 for p in left.identity.get("parts", ())
        )
        if is_small and row.axes.get("mix", "learned") == "learned":
            kept.append(row)
    return evidence_of(corrected(kept), "better") if kept else []


def _scale_matters(study: Study) -> list[Evidence]:
    rows = [r for r in study.pairs([("True", "False")], "gamma") if r.axes.get("mix") == "last"]
    return evidence_of(corrected(rows), "better") if rows else []


def _less_data(study: Study) -> list[Evidence]:
    """The contextual part with a tenth of the data or less, compared with the baseline."""
    groups: dict[tuple[str, str, str], dict[float, dict[int, RunRecord]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for record in study.records:
        share = float(record.axes.get("train_fraction", 1.0))
        groups[record.task, record.head, record.features][share][record.seed] = record
    rows = []
    for (task, head, features), shares in groups.items():
        spec = parse_features(features)
        for part in spec.parts:
            rest = str(spec.without(part))
            baseline = groups.get((task, head, rest))
            if str(part) not in study.contextual or baseline is None:
                continue
            for share, runs in shares.items():
                # Ten times the data; the tolerance is for shares such as 0.3 and 0.03.
                larger = [s for s in baseline if s >= 9.99 * share]
                if not larger:
                    continue
                other = min(larger)
                rows.append(
                    study.difference(
                        [runs[seed] for seed in sorted(runs)],
                        [baseline[other][seed] for seed in sorted(baseline[other])],
                        f"{features} with {100 * share:g} %",
                        f"{rest} with {100 * other:g} %",
                    )
                )
    return evidence_of(corrected(rows), "not worse") if rows else []


def _first_layer_at_input(study: Study) -> list[Evidence]:
    """Lead of the first biLSTM layer over both of the others, in mixes at the input."""
    measured = []
    for group in learned_mixes(study.records):
        # JSON has null for weights that are not numbers.
        shares = np.array([mix["s"] for mix in group.mixes], dtype=float)
        if group.placement != "input" or shares.shape[1] != 3 or not study.is_elmo(group.part):
            continue
        leads = [tuple(map(float, shares[:, 1] - shares[:, other])) for other in (0, 2)]
        measured.append(
            SeedEffect(
                where=" · ".join(
                    filter(None, (group.task, group.head, group.features, group.axes))
                ),
                what=f"smaller one of s1 − s0 and s1 − s2 of {group.part}",
                estimates=tuple(mean_estimate(lead) for lead in leads),
                seeds=len(shares),
            )
        )
    return seed_evidence(measured, WEIGHT_MARGIN)


_PETERS = "Peters et al. 2018"
_REIMERS = "Reimers and Gurevych 2019"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "adding-helps",
        "Adding a contextual representation to a baseline's vectors improves every task.",
        f"{_PETERS}, table 1",
        "baseline + contextual better than baseline",
        _adding_helps,
    ),
    Claim(
        "all-beat-last",
        "A mix of all layers is better than the last layer alone.",
        f"{_PETERS}, table 2",
        "mix=learned better than mix=last",
        _mixes("learned", "last", "better"),
    ),
    Claim(
        "small-penalty",
        "A small penalty λ, which lets the layer weights differ, is better than a large one.",
        f"{_PETERS}, table 2",
        "l2=0.001 better than l2=1.0",
        _small_penalty,
    ),
    Claim(
        "learned-is-uniform",
        "Learned layer weights are neither better nor worse than the mean of the layers.",
        _REIMERS,
        "mix=learned ties with mix=uniform",
        _mixes("learned", "uniform", "tie"),
    ),
    Claim(
        "scale-matters",
        "With the last layer alone, a learned scale γ is better than no scale.",
        f"{_PETERS}, supplement",
        "gamma=true better than gamma=false, with mix=last",
        _scale_matters,
    ),
    Claim(
        "both-placements",
        "For inference and question answering, input and output are better than input alone.",
        f"{_PETERS}, table 3",
        "placement=both better than placement=input",
        _both_placements,
    ),
    Claim(
        "not-at-the-output",
        "For semantic roles, the output alone is worse than placements that include the input.",
        f"{_PETERS}, table 3",
        "placement=both and placement=input better than placement=output",
        _not_at_the_output,
    ),
    Claim(
        "context-for-senses",
        "Word senses need layers that see the context.",
        f"{_PETERS}, table 5",
        "each higher layer better than layer 0",
        _contextual_layers,
    ),
    Claim(
        "upper-for-senses",
        "Among contextual layers, the uppermost is best for word senses.",
        f"{_PETERS}, table 5",
        "the last layer better than layer 1",
        _layers(True, ["wsd"]),
    ),
    Claim(
        "lower-for-syntax",
        "Among contextual layers, the lowest is best for parts of speech.",
        f"{_PETERS}, table 6",
        "layer 1 better than the last layer",
        _layers(False, ["pos"]),
    ),
    Claim(
        "less-data",
        "With a tenth of the data, a contextual representation does as well as the baseline.",
        f"{_PETERS}, section 5.4 and figure 1",
        "no worse than the baseline with ten times the data",
        _less_data,
    ),
    Claim(
        "fewer-epochs",
        "A contextual representation reaches the baseline's best dev score in fewer epochs.",
        f"{_PETERS}, section 5.4",
        "epochs saved above zero, with the same training options",
        _fewer_epochs,
    ),
    Claim(
        "first-layer-at-input",
        "At the input, tasks give the first biLSTM layer the largest weight.",
        f"{_PETERS}, section 5.5 and figure 2",
        "s1 larger than s0 and s2",
        _first_layer_at_input,
    ),
)
