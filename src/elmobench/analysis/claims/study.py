"""The comparisons within one experiment on which claims are tested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Literal

from elmobench.analysis.claims.evidence import Evidence, Outcome
from elmobench.analysis.stats.comparable import HEADS_WITHOUT_FEATURES
from elmobench.analysis.stats.difference_row import Difference, Verdict
from elmobench.analysis.stats.differences import (
    DEFAULT_MARGIN,
    compare,
    corrected,
    difference,
)
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.families import provider_of
from elmobench.analysis.tables.published import is_control
from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.spec import parse_features
from elmobench.tracking.record import RunRecord

Expectation = Literal["better", "tie", "not worse"]

# The outcome of each verdict; undecided where none is named. A negligible difference does not
# support a claim that one system is better, and does not contradict it either.
_OUTCOMES: dict[Expectation, dict[Verdict, Outcome]] = {
    "better": {"better": "supported", "worse": "contradicted"},
    "tie": {
        "tie": "supported",
        "better but negligible": "supported",
        "worse but negligible": "supported",
        "better": "contradicted",
        "worse": "contradicted",
    },
    "not worse": {
        "better": "supported",
        "better but negligible": "supported",
        "tie": "supported",
        "worse but negligible": "supported",
        "worse": "contradicted",
    },
}
# An untrained ELMo: its gains and its layer weights are not evidence for the paper's findings.
_UNTRAINED = "elmo-random"
# Settings whose axis and suffix in a features spec have different names.
_SUFFIXES = {"placement": "place"}


class Study:
    """An experiment, and the comparisons that claims need from it.

    Args:
        tallies: of its results folder.
    """

    def __init__(self, tallies: TallyCache) -> None:
        self.tallies = tallies
        store = tallies.store
        # Controls are generated, and heads that read no features do not depend on them: neither
        # says anything about a published finding. Nor do runs on a sample of each split, or with
        # models that are not frozen.
        self.records = [
            record
            for record in tallies.records
            if record.result is not None
            and record.limit is None
            and not record.is_control
            and _is_evidence(record.task, record.head)
            and parse_features(record.features).frozen
        ]
        self._models = ModelCatalog(store.experiment().get("models"))
        self.margin = float(store.experiment().get("margin", DEFAULT_MARGIN))

    @property
    def contextual(self) -> set[str]:
        """Trained parts that have several layers to mix."""
        return {
            part
            for record in self.records
            if record.result is not None
            for parts in record.result.layer_weights.values()
            for part, mix in parts.items()
            if mix.get("s") is not None and len(mix["s"]) > 1 and self._provider(part) != _UNTRAINED
        }

    def axis(self, name: str) -> list[str]:
        """Values of an axis in the grid's order."""
        return list(dict.fromkeys(str(r.axes[name]) for r in self.records if name in r.axes))

    def pairs(
        self, wanted: Sequence[tuple[str, str]], by: str, pipelines: Sequence[str] = ()
    ) -> list[Difference]:
        """Compare all pairs wherever both sides were run; Holm's correction is over all rows.

        Args:
            wanted: pairs of values of ``by``.
            by: ``features`` or an axis.
            pipelines: use only tasks of these pipelines; all tasks by default.
        """
        rows: list[Difference] = []
        for left, right in wanted:
            try:
                rows += compare(self.tallies, left, right, by=by, margin=self.margin)
            except ConfigError:
                continue  # no task was run with both
        kept = [
            row
            for row in rows
            if _is_evidence(row.task, row.head)
            and (not pipelines or row.task.split("/")[0] in pipelines)
            and not row.is_fold_mean  # single folds have rows of their own
        ]
        return corrected(kept) if kept else []

    def is_elmo(self, part: str) -> bool:
        """Whether a part of a features spec is a trained biLM, the subject of the findings."""
        provider = self._provider(part)
        return "elmo" in provider and provider != _UNTRAINED

    def _provider(self, part: str) -> str:
        """Name of a part's provider; of the part itself if the model is unknown here."""
        return provider_of(parse_features(part).parts[0], self._models)

    def settings(
        self,
        name: str,
        wanted: Sequence[tuple[str, str]],
        default: str,
        pipelines: Sequence[str] = (),
    ) -> list[Difference]:
        """Compare two values of a mix's setting; Holm's correction is over all rows.

        Args:
            name: ``mix``, ``l2`` or ``placement``: an axis, or a suffix of a part of the features.
            wanted: pairs of values.
            default: the value of a part that does not name the setting.
            pipelines: use only tasks of these pipelines; all tasks by default.
        """
        rows = self.pairs(wanted, name, pipelines)
        by_suffix = [
            (values[left], values[right])
            for values in self._variants(_SUFFIXES.get(name, name), default)
            for left, right in wanted
            if left in values and right in values
        ]
        rows += self.pairs(by_suffix, "features", pipelines)
        return corrected(rows) if rows else []

    def _variants(self, suffix: str, default: str) -> list[dict[str, str]]:
        """Groups of features that differ only in one suffix of one part, by the suffix's value."""
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

    def single_layers(self) -> list[tuple[str, dict[int, str]]]:
        """Runs that read a single layer of a biLM, by ``mix=layer=k`` or ``@layer=k``.

        Returns:
            The axis that selects the layer, and the value of the axis for each layer.
        """
        choices = []
        mixes = {int(v.split("=")[1]): v for v in self.axis("mix") if v.startswith("layer=")}
        if len(mixes) > 1:
            choices.append(("mix", mixes))
        models: dict[tuple[int, str], dict[int, str]] = defaultdict(dict)
        for features in dict.fromkeys(record.features for record in self.records):
            spec = parse_features(features)
            chosen = spec.single_layer()
            if chosen is None:
                continue
            index, layer = chosen
            part = spec.parts[index].without_setting("layer")
            if self.is_elmo(str(part)):
                models[index, str(spec.with_part(index, part))][layer] = features
        choices += [("features", layers) for layers in models.values() if len(layers) > 1]
        return choices

    def difference(
        self, ours: Sequence[RunRecord], theirs: Sequence[RunRecord], left: str, right: str
    ) -> Difference:
        """The difference between runs, by rising seed, that differ in more than one axis."""
        return difference(self.tallies, [(ours, theirs)], left, right, self.margin)


def evidence_of(rows: Sequence[Difference], expectation: Expectation) -> list[Evidence]:
    """Comparisons as evidence for a claim that expects this verdict of the left side."""
    evidence = []
    for row in rows:
        low, high = row.interval
        evidence.append(
            Evidence(
                where=evidence_place(row, _shared_axes(rows)),
                what=f"{row.left} − {row.right}",
                effect=row.difference,
                low=low,
                high=high,
                margin=row.margin,
                p=row.p_corrected,
                verdict=row.verdict,
                outcome=_OUTCOMES[expectation].get(row.verdict, "undecided"),
                seeds=min(len(row.left_seeds), len(row.right_seeds)),
            )
        )
    return evidence


def evidence_place(row: Difference, left_out: Collection[str] = ()) -> str:
    """Format the place of a comparison: task, head and further axes."""
    axes = [f"{name}={value}" for name, value in row.axes.items() if name not in left_out]
    return " · ".join([row.task, row.head, *axes])


def _shared_axes(rows: Sequence[Difference]) -> set[str]:
    """Axes, except the features, that have the same value in all rows."""
    names = {name for row in rows for name in row.axes} - {"features"}
    return {name for name in names if len({str(row.axes.get(name)) for row in rows}) == 1}


def _is_evidence(task: str, head: str) -> bool:
    return not is_control(task) and head not in HEADS_WITHOUT_FEATURES
