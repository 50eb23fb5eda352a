"""The paper's findings as statements that an experiment's records support or contradict."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from elmobench.analysis.stats.difference_row import Difference
from elmobench.analysis.stats.differences import (
    DEFAULT_MARGIN,
    FOLD_MEAN,
    compare,
    corrected,
    difference,
)
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.published import is_control
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord

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
        effect, low, high: with its 95 % interval; points of the score, shares of weight, or epochs.
        outcome: what it says of the claim.
        seeds: runs behind it.
        p: corrected over the claim's evidence; None for weights and epochs.
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
    gather: Callable[[Study], list[Evidence]]


@dataclass(frozen=True)
class ClaimResult:
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

    @property
    def counts(self) -> str:
        """How many comparisons say what: ``3 supported, 1 undecided``."""
        counts = Counter(row.outcome for row in self.evidence)
        return ", ".join(f"{counts[name]} {name}" for name in get_args(Outcome) if counts[name])


def _tells(task: str, head: str) -> bool:
    return not is_control(task) and head not in _READ_NOTHING


_READ_NOTHING = frozenset({"most-frequent"})
# An ELMo that was never trained: what it adds or prefers is no finding.
_CONTROL = "elmo-random"


# Where an axis and the suffix of a part have different names.
_SUFFIXES = {"placement": "place"}


class Study:
    """An experiment, and the comparisons that claims ask of it.

    Args:
        counts: of its results folder.
        resamples: of each comparison.
    """

    def __init__(self, counts: TallyCache, resamples: int) -> None:
        self.counts = counts
        store = counts.store
        # Controls are generated: what holds there is no finding. Nor is what a head does that
        # reads no vectors.
        self.records = [
            record
            for record in store.planned()
            if record.result is not None and _tells(record.task, record.head)
        ]
        self._models = ModelCatalog(store.experiment().get("models"))
        self.margin = float(store.experiment().get("margin", DEFAULT_MARGIN))
        self._resamples = resamples

    @property
    def contextual(self) -> set[str]:
        """Trained parts that have several layers to mix."""
        return {
            part
            for record in self.records
            if record.result is not None
            for parts in record.result.layer_weights.values()
            for part, mix in parts.items()
            if mix.get("s") is not None and len(mix["s"]) > 1 and self._provider(part) != _CONTROL
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
            if _tells(row.task, row.head)
            and (not pipelines or row.task.split("/")[0] in pipelines)
            # Of features without layers, two points of a mix's axis are one cell.
            and any(one != other for one, other in row.cells)
            # The folds are rows of their own.
            and not str(row.axes.get("fold", "")).startswith(FOLD_MEAN)
        ]
        return corrected(kept) if kept else []

    def is_elmo(self, part: str) -> bool:
        """Whether a part of a features spec is a biLM's that was trained: the paper's findings are
        about those.
        """
        provider = self._provider(part)
        return "elmo" in provider and provider != _CONTROL

    def _provider(self, part: str) -> str:
        """Name of a part's provider; the part's own, if this machine does not know the model."""
        name = parse_features(part).parts[0].name
        try:
            return self._models.entry(name).provider
        except (UnknownNameError, ConfigError):
            return name.split(":")[0]

    def settings(
        self,
        name: str,
        wanted: Sequence[tuple[str, str]],
        default: str,
        pipelines: Sequence[str] = (),
    ) -> list[Difference]:
        """Comparisons of two values of a mix's setting; corrected over all.

        Args:
            name: ``mix``, ``l2`` or ``placement``: an axis, or a suffix of a part of the features.
            wanted: pairs of values.
            default: the value of a part that says nothing.
            pipelines: of which tasks; of all by default.
        """
        rows = self.pairs(wanted, name, pipelines)
        typed = [
            (values[left], values[right])
            for values in self._variants(_SUFFIXES.get(name, name), default)
            for left, right in wanted
            if left in values and right in values
        ]
        rows += self.pairs(typed, "features", pipelines)
        return corrected(rows) if rows else []

    def _variants(self, suffix: str, default: str) -> list[dict[str, str]]:
        """Features that differ in one suffix of one part alone: its value, and their name."""
        groups: dict[tuple[int, str], dict[str, str]] = defaultdict(dict)
        for features in dict.fromkeys(record.features for record in self.records):
            spec = parse_features(features)
            for index, part in enumerate(spec.parts):
                rest = str(spec.with_part(index, part.without_setting(suffix)))
                value = part.setting(suffix)
                if value is not None:
                    groups[index, rest][value] = features
                else:
                    groups[index, rest].setdefault(default, features)
        return list(groups.values())

    def layered(self) -> list[tuple[str, dict[int, str]]]:
        """Axis, and the names of a biLM's single layers: of ``mix=layer=k`` and ``@layer=k``."""
        found = []
        mixes = {int(v.split("=")[1]): v for v in self.axis("mix") if v.startswith("layer=")}
        if len(mixes) > 1:
            found.append(("mix", mixes))
        models: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)
        for features in dict.fromkeys(record.features for record in self.records):
            spec = parse_features(features)
            chosen = spec.single_layer()
            if chosen is None:
                continue
            index, layer = chosen
            part = spec.parts[index].without_setting("layer")
            if self.is_elmo(part.name):
                models[index, str(spec.with_part(index, part))][layer] = features
        found += [("features", layers) for layers in models.values() if len(layers) > 1]
        return found

    def difference(
        self, pairs: Sequence[tuple[RunRecord, RunRecord]], left: str, right: str
    ) -> Difference:
        """Of runs that differ in more than one axis."""
        return difference(self.counts, [pairs], left, right, self.margin, resamples=self._resamples)


def evidence_of(rows: Sequence[Difference], expectation: Expectation) -> list[Evidence]:
    """What comparisons say of a claim that expects the left side to be so."""
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
