"""The paper's findings as statements that an experiment's records support or contradict."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from elmobench.analysis.differences import (
    DEFAULT_MARGIN,
    Counts,
    Difference,
    compare,
    corrected,
    difference,
)
from elmobench.analysis.published import is_control
from elmobench.analysis.resampling import mean_interval
from elmobench.analysis.table import learned_mixes
from elmobench.errors import ConfigError, UnknownNameError
from elmobench.features.catalogue import Catalogue
from elmobench.tracking.record import RecordStore, RunRecord

Outcome = Literal["supported", "contradicted", "undecided", "not tested"]
Expectation = Literal["better", "tie", "not worse"]

_SUPPORTS: dict[Expectation, dict[str, Outcome]] = {
    # A tie shows that the difference is small, not that there is none.
    "better": {"better": "supported", "worse": "contradicted", "tie": "undecided"},
    "tie": {"tie": "supported", "better": "contradicted", "worse": "contradicted"},
    "not worse": {"better": "supported", "tie": "supported", "worse": "contradicted"},
}


@dataclass(frozen=True)
class Evidence:
    """One thing that was measured.

    Attributes:
        where: task, head and further axes.
        what: what was compared.
        effect, low, high: with its 95 % interval; points of the score, or shares of weight.
        outcome: what it says of the claim.
        seeds: runs behind it.
        p: corrected over the claim's evidence; None for weights.
    """

    where: str
    what: str
    effect: float
    low: float | None
    high: float | None
    outcome: Outcome
    seeds: int
    p: float | None = None


@dataclass(frozen=True)
class Claim:
    """A finding.

    Attributes:
        id: for the command line.
        statement: in one sentence.
        source: where it was published.
        expects: what a comparison has to show, for people.
        gather: finds its evidence in an experiment.
    """

    id: str
    statement: str
    source: str
    expects: str
    gather: Callable[[_Study], list[Evidence]]


@dataclass(frozen=True)
class Answer:
    """A claim and what an experiment says of it."""

    claim: Claim
    evidence: list[Evidence]

    @property
    def outcome(self) -> Outcome:
        """``contradicted`` if any evidence contradicts; ``supported`` if all of it supports;
        ``not tested`` if there is none; else ``undecided``.
        """
        found = {row.outcome for row in self.evidence}
        if not found:
            return "not tested"
        if "contradicted" in found:
            return "contradicted"
        return "supported" if found == {"supported"} else "undecided"


def answers(store: RecordStore | Counts, resamples: int = 10_000) -> list[Answer]:
    """Every claim, tested on the experiment in ``store``.

    Args:
        store: results folder, or its counts.
        resamples: of each comparison.

    Raises:
        DataError: if predictions are missing or damaged.
    """
    counts = store if isinstance(store, Counts) else Counts(store)
    study = _Study(counts, resamples)
    return [Answer(claim, claim.gather(study)) for claim in CLAIMS]


def _tells(task: str, head: str) -> bool:
    return not is_control(task) and head not in _READ_NOTHING


_READ_NOTHING = frozenset({"most-frequent"})


class _Study:
    """An experiment, and the comparisons that claims ask of it."""

    def __init__(self, counts: Counts, resamples: int) -> None:
        self.counts = counts
        store = counts.store
        # Controls are generated: what holds there is no finding. Nor is what a head does that
        # reads no vectors.
        self.records = [
            record
            for record in store.planned()
            if record.result is not None and _tells(record.task, record.head)
        ]
        self._models = Catalogue(store.experiment().get("models"))
        self.margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
        self._resamples = resamples

    @property
    def contextual(self) -> set[str]:
        """Parts that have several layers to mix."""
        return {
            part
            for record in self.records
            if record.result is not None
            for parts in record.result.layer_weights.values()
            for part, mix in parts.items()
            if mix.get("s") is not None and len(mix["s"]) > 1
        }

    def axis(self, name: str) -> list[str]:
        """Values of an axis in the grid's order."""
        return list(dict.fromkeys(str(r.axes[name]) for r in self.records if name in r.axes))

    def pairs(
        self, wanted: Sequence[tuple[str, str]], by: str, pipelines: Sequence[str] = ()
    ) -> list[Difference]:
        """Comparisons of all pairs, wherever both sides were run; corrected over all."""
        rows: list[Difference] = []
        for left, right in wanted:
            try:
                rows += compare(
                    self.counts, left, right, by=by, margin=self.margin, resamples=self._resamples
                )
            except ConfigError:
                continue  # no task was run with both
        kept = [
            row
            for row in rows
            if _tells(row.task, row.head) and (not pipelines or row.task.split("/")[0] in pipelines)
        ]
        return corrected(kept) if kept else []

    def is_elmo(self, part: str) -> bool:
        """Whether a part of a features spec is a biLM's: the paper's findings are about those."""
        name = part.partition("@")[0]
        try:
            return "elmo" in self._models.entry(name).provider
        except (UnknownNameError, ConfigError):
            return name.startswith("elmo")  # a model that this machine does not know

    def layered(self) -> list[tuple[str, dict[int, str]]]:
        """Axis, and the names of a biLM's single layers: of ``mix=layer=k`` and ``@layer=k``."""
        found = []
        mixes = {int(v.split("=")[1]): v for v in self.axis("mix") if v.startswith("layer=")}
        if len(mixes) > 1:
            found.append(("mix", mixes))
        models: dict[str, dict[int, str]] = defaultdict(dict)
        for name in dict.fromkeys(record.features for record in self.records):
            model, at, layer = name.partition("@layer=")
            if at and layer.isdigit() and self.is_elmo(model):
                models[model][int(layer)] = name
        found += [("features", layers) for layers in models.values() if len(layers) > 1]
        return found

    def difference(
        self, pairs: Sequence[tuple[RunRecord, RunRecord]], left: str, right: str
    ) -> Difference:
        """Of runs that differ in more than one axis."""
        return difference(self.counts, pairs, left, right, self.margin, resamples=self._resamples)


def _evidence(rows: Sequence[Difference], expectation: Expectation) -> list[Evidence]:
    shared = {
        name
        for name in {name for row in rows for name in row.axes}
        if len({str(row.axes.get(name)) for row in rows}) == 1
    }
    found = []
    for row in rows:
        axes = [f"{k}={v}" for k, v in row.axes.items() if k not in shared or k == "features"]
        outcome = _SUPPORTS[expectation].get(row.verdict, "undecided")
        found.append(
            Evidence(
                " · ".join([row.task, row.head, *axes]),
                f"{row.left} less {row.right}",
                row.difference,
                row.low,
                row.high,
                outcome,
                len(row.seeds),
                row.p_corrected,
            )
        )
    return found


def _added(study: _Study) -> list[Evidence]:
    names = {record.features for record in study.records}
    pairs = []
    for name in sorted(names):
        parts = name.split("+")
        for part in parts:
            rest = "+".join(p for p in parts if p != part)
            if part in study.contextual and rest in names:
                pairs.append((name, rest))
    return _evidence(study.pairs(pairs, "features"), "better")


def _mix(left: str, right: str, expectation: Expectation) -> Callable[[_Study], list[Evidence]]:
    return lambda study: _evidence(study.pairs([(left, right)], "mix"), expectation)


def _layers(upper: bool, pipelines: Sequence[str]) -> Callable[[_Study], list[Evidence]]:
    """The last layer against the first that sees the context, or the other way round."""

    def gather(study: _Study) -> list[Evidence]:
        rows = []
        for by, layers in study.layered():
            top, first = max(layers), 1
            if first in layers and top > first:
                pair = (layers[top], layers[first]) if upper else (layers[first], layers[top])
                rows += study.pairs([pair], by, pipelines)
        return _evidence(corrected(rows), "better") if rows else []

    return gather


def _context(study: _Study) -> list[Evidence]:
    rows = []
    for by, layers in study.layered():
        if 0 in layers:
            rows += study.pairs([(n, layers[0]) for k, n in layers.items() if k > 0], by, ["wsd"])
    return _evidence(corrected(rows), "better") if rows else []


def _placements(study: _Study) -> list[Evidence]:
    pairs = [("both", "output"), ("input", "output")]
    return _evidence(study.pairs(pairs, "placement", ["srl"]), "better")


def _both_placements(study: _Study) -> list[Evidence]:
    return _evidence(study.pairs([("both", "input")], "placement", ["nli", "qa"]), "better")


def _penalty(study: _Study) -> list[Evidence]:
    return _evidence(study.pairs([("0.001", "1.0")], "l2"), "better")


def _gamma(study: _Study) -> list[Evidence]:
    rows = [r for r in study.pairs([("True", "False")], "gamma") if r.axes.get("mix") == "last"]
    return _evidence(corrected(rows), "better") if rows else []


def _less_data(study: _Study) -> list[Evidence]:
    """With a tenth of the data or less, the contextual part does no worse than without it."""
    groups: dict[tuple[str, str, str], dict[float, dict[int, RunRecord]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for record in study.records:
        share = float(record.axes.get("train_fraction", 1.0))
        groups[record.task, record.head, record.features][share][record.seed] = record
    rows = []
    for (task, head, features), shares in groups.items():
        for part in features.split("+"):
            rest = "+".join(p for p in features.split("+") if p != part)
            plain = groups.get((task, head, rest))
            if part not in study.contextual or plain is None:
                continue
            for share, mine in shares.items():
                larger = [s for s in plain if s >= 9.99 * share]
                if not larger:
                    continue
                other = min(larger)
                seeds = sorted(set(mine) & set(plain[other]))
                if seeds:
                    rows.append(
                        study.difference(
                            [(mine[s], plain[other][s]) for s in seeds],
                            f"{features} with {100 * share:g} %",
                            f"{rest} with {100 * other:g} %",
                        )
                    )
    return _evidence(corrected(rows), "not worse") if rows else []


def _first_layer_at_input(study: _Study) -> list[Evidence]:
    """Whether the first biLSTM layer has the largest share, in the mixes at the input."""
    rows = []
    for group in learned_mixes(study.records):
        shares = np.array([mix["s"] for mix in group.mixes])
        if group.placement != "input" or shares.shape[1] != 3 or not study.is_elmo(group.part):
            continue
        leads = shares[:, 1] - np.maximum(shares[:, 0], shares[:, 2])
        bounds = mean_interval([float(lead) for lead in leads])
        outcome: Outcome = "undecided"
        if bounds is not None and bounds[0] > 0:
            outcome = "supported"
        elif bounds is not None and bounds[1] < 0:
            outcome = "contradicted"
        low, high = bounds or (None, None)
        rows.append(
            Evidence(
                f"{group.task} · {group.head} · {group.features}",
                f"s1 of {group.part} less the larger of s0 and s2",
                float(leads.mean()),
                low,
                high,
                outcome,
                len(leads),
            )
        )
    return rows


_PETERS = "Peters et al. 2018"
_REIMERS = "Reimers and Gurevych 2019"

CLAIMS: tuple[Claim, ...] = (
    Claim(
        "adding-helps",
        "Added to a baseline's vectors, a contextual representation is better on every task.",
        f"{_PETERS}, table 1",
        "baseline + contextual better than baseline",
        _added,
    ),
    Claim(
        "all-beat-last",
        "All layers, mixed, are better than the last one alone.",
        f"{_PETERS}, table 2",
        "mix=learned better than mix=last",
        _mix("learned", "last", "better"),
    ),
    Claim(
        "small-penalty",
        "A small λ, which lets the weights differ, is better than a large one.",
        f"{_PETERS}, table 2",
        "l2=0.001 better than l2=1.0",
        _penalty,
    ),
    Claim(
        "learned-is-uniform",
        "Learned weights are no better and no worse than a plain mean of the layers.",
        _REIMERS,
        "mix=learned ties with mix=uniform",
        _mix("learned", "uniform", "tie"),
    ),
    Claim(
        "scale-matters",
        "With the last layer alone, a learned scale γ is better than none.",
        f"{_PETERS}, supplement",
        "gamma=true better than gamma=false, with mix=last",
        _gamma,
    ),
    Claim(
        "both-placements",
        "For inference and question answering, input and output are better than the input alone.",
        f"{_PETERS}, table 3",
        "placement=both better than placement=input",
        _both_placements,
    ),
    Claim(
        "not-at-the-output",
        "For semantic roles, the output alone is worse than a placement with the input.",
        f"{_PETERS}, table 3",
        "placement=both and placement=input better than placement=output",
        _placements,
    ),
    Claim(
        "context-for-senses",
        "Word senses need layers that see the context.",
        f"{_PETERS}, table 5",
        "each higher layer better than layer 0",
        _context,
    ),
    Claim(
        "upper-for-senses",
        "Of the layers that see the context, the uppermost is best for word senses.",
        f"{_PETERS}, table 5",
        "the last layer better than layer 1",
        _layers(True, ["wsd"]),
    ),
    Claim(
        "lower-for-syntax",
        "Of the layers that see the context, the lowest is best for parts of speech.",
        f"{_PETERS}, table 6",
        "layer 1 better than the last layer",
        _layers(False, ["pos"]),
    ),
    Claim(
        "less-data",
        "With a contextual representation, a tenth of the training data does as well.",
        f"{_PETERS}, section 5.4 and figure 1",
        "no worse than the baseline with ten times the data",
        _less_data,
    ),
    Claim(
        "first-layer-at-input",
        "At the input, tasks give the first biLSTM layer the largest weight.",
        f"{_PETERS}, section 5.5 and figure 2",
        "s1 larger than s0 and s2",
        _first_layer_at_input,
    ),
)
