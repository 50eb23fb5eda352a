"""Queries that a text template can make of an experiment's records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd

from elmobench.analysis.claims.claim import ClaimResult
from elmobench.analysis.claims.paper_findings import claim_results
from elmobench.analysis.report.markdown import markdown_table
from elmobench.analysis.report.page.scores import primary
from elmobench.analysis.report.template.cell_selection import CellSelection, as_text, axes_text
from elmobench.analysis.report.template.drawings import score_drawing, weight_drawing
from elmobench.analysis.stats.corpora import CorpusMean, means_by_head
from elmobench.analysis.stats.correction import p_text
from elmobench.analysis.stats.difference_row import Difference, interval_text
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.epochs import comparable_results, passing_epoch
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.analysis.tables.layer_weights import layer_weight_table, learned_mixes
from elmobench.analysis.tables.mix_table import MixedLayer, mix_table, mixed_layers
from elmobench.analysis.tables.probe_table import ProbeRow, probe_rows, probe_table
from elmobench.analysis.tables.results_frame import flags_text, frame_of
from elmobench.analysis.tables.score_tables import FLAGS_EXPLAINED, mean_sd, score_table
from elmobench.core.errors import DataError, UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.tracking.record_store import RecordStore

_Row = TypeVar("_Row", ProbeRow, MixedLayer)


class ResultsQuery:
    """The records of one results folder, as a template sees them.

    Numbers are returned as text, tables as Markdown. Scores are test scores in percent, mean ±
    sample standard deviation over seeds. ``axes`` restrict a query to cells with these values:
    ``head="linear"``, ``train_fraction=0.25``, ``task=["ner/wnut17", "ner/litbank"]``.

    Args:
        folder: results folder.
        drawings: receives the drawings, by file name.

    Raises:
        DataError: if there are no records.
    """

    def __init__(self, folder: Path, drawings: dict[str, str]) -> None:
        self._store = RecordStore(folder)
        self._records = [r for r in self._store.planned() if r.status == "ok"]
        if not self._records:
            raise DataError(
                "no run records here", where=str(folder), fix="run the experiment into this folder"
            )
        self._selection = CellSelection(self._records)
        self._drawings = drawings
        self._tallies = TallyCache(self._store)
        self._compared: dict[Any, list[Difference]] = {}
        self._claim_results: list[ClaimResult] | None = None

    @property
    def cells(self) -> int:
        """Number of cells with a result."""
        return len(self._records)

    @property
    def tasks(self) -> list[str]:
        """Names of the tasks, in the grid's order."""
        return list(dict.fromkeys(record.task for record in self._records))

    @property
    def features(self) -> list[str]:
        """Names of the compared representations, in the grid's order."""
        return list(dict.fromkeys(record.features for record in self._records))

    def seeds(self, **axes: Any) -> int:
        """Number of different seeds."""
        return len({record.seed for record in self._selection.some(**axes)})

    def parameters(self, features: str) -> int:
        """Number of parameters of a representation, without heads."""
        run = self._selection.some(features=features)[0].run
        return sum(n for name, n in run.parameters.items() if name != "head") if run else 0

    def training_share(self, **axes: Any) -> str:
        """The share of the training data that cells use: ``25 %``.

        Raises:
            UnknownNameError: if the cells use several shares.
        """
        shares = {float(r.axes.get("train_fraction", 1.0)) for r in self._selection.some(**axes)}
        if len(shares) > 1:
            raise UnknownNameError(f"several shares of the training data with {axes_text(axes)}")
        return f"{100 * shares.pop():g} %"

    def shared_cells(self, other: ResultsQuery) -> int:
        """Number of cells that another results folder has as well."""
        return len({r.cell for r in self._records} & {r.cell for r in other._records})

    @property
    def hours(self) -> str:
        """Processor hours of all cells, without encoding."""
        seconds = [r.run.seconds.get("cpu", 0.0) for r in self._records if r.run is not None]
        return f"{sum(seconds) / 3600:.1f}"

    @property
    def encoding_hours(self) -> str:
        """Processor hours of encoding; wall time where processor time was not recorded."""
        seconds = [cost.get("cpu", cost["seconds"]) for cost in self._store.costs()]
        return f"{sum(seconds) / 3600:.1f}"

    def encoding(self, task: str, features: str) -> dict[str, float]:
        """What the longest encoding of a task's text with one model cost.

        Args:
            task: a task of the experiment.
            features: a model, as a part of a features spec.

        Returns:
            ``seconds``, ``megabytes`` of stored vectors, and ``tokens`` and ``types`` encoded.

        Raises:
            UnknownNameError: if no such encoding is recorded.
        """
        costs = [
            cost
            for cost in self._store.costs()
            if (cost["task"], cost["features"]) == (task, features)
        ]
        if not costs:
            raise UnknownNameError(f"no encoding of {task} with {features} is recorded")
        longest = max(costs, key=lambda cost: float(cost["seconds"]))
        return {
            "seconds": longest["seconds"],
            "megabytes": longest["bytes"] / 1e6,
            "tokens": longest["encoded_tokens"],
            "types": longest["encoded_types"],
        }

    @property
    def caveats(self) -> str:
        """The experiment's caveats as a list."""
        caveats = dict.fromkeys(caveat for record in self._records for caveat in record.caveats)
        return "\n".join(f"- {' '.join(caveat.split())}" for caveat in caveats)

    def score(self, task: str, features: str, **axes: Any) -> str:
        """Score of one representation on one task: ``18.54 ± 3.17``.

        Raises:
            UnknownNameError: if no cell matches, or cells that differ in more than the seed do.
        """
        records = self._selection.one_kind(task=task, features=features, **axes)
        return mean_sd([primary(record) for record in records])

    def mean(self, task: str, features: str, **axes: Any) -> float:
        """The mean score as a number, for arithmetic."""
        records = self._selection.one_kind(task=task, features=features, **axes)
        return sum(primary(record) for record in records) / len(records)

    def scores(self, features: Sequence[str] = (), **axes: Any) -> str:
        """Table: one row per task (and further axes), one column per representation."""
        records = self._selection.some(features=features or self.features, **axes)
        table = score_table(frame_of(records))
        names = [name for name in self.features if name in table]
        keys = [str(name) for name in table if name not in names]
        return _table(
            table[[*keys, *(features or names)]], optional=set(keys) - {"task", "metric", "seeds"}
        )

    @property
    def marks(self) -> str:
        """What the marks in :meth:`scores` mean; empty if there are none."""
        return FLAGS_EXPLAINED if any(flags_text(record) for record in self._records) else ""

    def differences(self, left: str, right: str, by: str = "features", **axes: Any) -> str:
        """Table: difference, interval, p-value and verdict on every task; see ``compare``."""
        rows = self._compare(left, right, by, axes)
        table = pd.DataFrame(
            {
                "task": row.task,
                "head": row.head,
                **{k: v for k, v in row.axes.items() if k not in axes},
                "seeds": row.seeds_text,
                f"{left} − {right}": f"{row.difference:+.2f}",
                "95 % interval": interval_text(row),
                "p": p_text(row.p_corrected),
                "verdict": row.verdict,
            }
            for row in rows
        )
        return _table(table, optional=("head", *(rows[0].axes)))

    def difference(
        self, task: str, left: str, right: str, by: str = "features", **axes: Any
    ) -> str:
        """Difference on one task: ``+6.13 (+4.02 … +8.25, p < 0.001)``.

        p is corrected by Holm over the tasks, as in the table.

        Raises:
            UnknownNameError: if not exactly one comparison matches.
        """
        rows = [row for row in self._compare(left, right, by, axes) if row.task == task]
        if len(rows) != 1:
            raise UnknownNameError(
                f"{len(rows)} comparisons of {left} with {right} on {task}",
                fix="name the values of head and further axes" if rows else None,
            )
        (row,) = rows
        p = p_text(row.p_corrected)
        return (
            f"{row.difference:+.2f} ({interval_text(row)}, "
            f"p {p if p.startswith('<') else '= ' + p})"
        )

    def count(self, verdict: str, left: str, right: str, by: str = "features", **axes: Any) -> int:
        """Number of tasks with this verdict; see :class:`Difference`."""
        return sum(row.verdict == verdict for row in self._compare(left, right, by, axes))

    def mean_over_corpora(
        self, left: str, right: str, by: str = "features", **axes: Any
    ) -> CorpusMean:
        """Mean difference over corpora, in which tasks on the same texts have the weight of one.

        It prints as ``+6.13 (+4.02 … +8.25)``, and says so if it is about single runs; ``.corpora``
        has the tasks of each corpus.

        Raises:
            UnknownNameError: unless there is one head, and more than one corpus.
        """
        means = means_by_head(self._compare(left, right, by, axes), self._tallies)
        if len(means) != 1:
            raise UnknownNameError(
                f"{left} and {right} were compared with {len(means)} heads on several corpora",
                fix="name the head" if means else None,
            )
        return next(iter(means.values()))

    def epochs(self, left: str, right: str, **axes: Any) -> str:
        """Table: best dev epoch of ``right``, and epoch in which ``left`` reaches that dev score.

        Raises:
            UnknownNameError: if no two runs were trained with the same options for several epochs.
        """
        ours, theirs = f"{left} reaches it", f"best epoch of {right}"
        lines = []
        for row in self._compare(left, right, "features", axes):
            results = comparable_results(row, self._tallies)
            if not results:
                continue
            passed = [e for a, b in results if (e := passing_epoch(a, b)) is not None]
            lines.append(
                {
                    "task": row.task,
                    "head": row.head,
                    **{k: v for k, v in row.axes.items() if k not in axes},
                    "seeds": row.seeds_text,
                    theirs: mean_sd([b.best_epoch for _, b in results], digits=1),
                    ours: _epochs_text(passed, len(results)),
                }
            )
        if not lines:
            raise UnknownNameError(f"{left} and {right} have no epochs that can be compared")
        return _table(pd.DataFrame(lines), optional={*lines[0]} - {"task", "seeds", ours, theirs})

    def weights(self, **axes: Any) -> str:
        """Table: learned layer weights and scale γ."""
        table = layer_weight_table(self._selection.some(**axes))
        return _table(table, optional=("head", "axes", "features", "placement", "part"))

    def weight(self, task: str, features: str, part: str, layer: int, **axes: Any) -> str:
        """The learned weight of one layer of ``part``: ``0.41 ± 0.02``."""
        groups = [
            mix
            for mix in learned_mixes(self._selection.one_kind(task=task, features=features, **axes))
            if mix.part == part
        ]
        if len(groups) != 1 or not 0 <= layer < len(groups[0].mixes[0]["s"]):
            raise UnknownNameError(f"no single weight of layer {layer} of {part} on {task}")
        return mean_sd([mix["s"][layer] for mix in groups[0].mixes])

    def probe(self, task: str, features: str, **axes: Any) -> ProbeRow:
        """What judges one probe, as numbers: ``.selectivity``, ``.compression``, ``.majority``, …

        Raises:
            UnknownNameError: unless one probe with control labels or an online code matches.
        """
        rows = self._rows_of(probe_rows(self._records), task=task, features=features, **axes)
        if len(rows) != 1:
            raise UnknownNameError(
                f"{len(rows)} judged probes of {features} on {task}",
                fix="name the values of head and further axes" if rows else None,
            )
        return rows[0]

    def probes(self, **axes: Any) -> str:
        """Table: the score of each probe of the kit, and what judges it.

        Raises:
            UnknownNameError: if no probe has control labels or an online code.
        """
        rows = self._rows_of(probe_rows(self._records), **axes)
        if not rows:
            raise UnknownNameError("no probe has control labels or an online code")
        return _table(probe_table(rows), optional=("task", "head", "axes"))

    def mixes(self, **axes: Any) -> str:
        """Table: what each learned mix reads, layer by layer.

        Raises:
            UnknownNameError: if no mix has norms, or runs without a layer.
        """
        rows = self._rows_of(mixed_layers(self._records), **axes)
        if not rows:
            raise UnknownNameError("no learned mix has norms, or runs without a layer")
        return _table(mix_table(rows), optional=("task", "head", "axes", "features"))

    def _rows_of(self, rows: Iterable[_Row], **axes: Any) -> list[_Row]:
        """The rows with these values of task, head, features and further axes."""
        self._selection.some(**axes)  # Unknown values are errors.
        wanted = as_text(axes)
        values = [
            ({"task": r.task, "head": r.head, "features": r.features, **r.axes}, r) for r in rows
        ]
        return [
            row
            for own, row in values
            if all(str(own.get(name, "")) in kept for name, kept in wanted.items())
        ]

    def claims(self) -> str:
        """Table: the published findings that these records test, and the outcomes."""
        rows = []
        for result in self._all_claims():
            if result.evidence:
                rows.append(
                    {
                        "finding": result.claim.statement,
                        "source": result.claim.source,
                        "outcome": result.outcome,
                        "comparisons": result.counts,
                    }
                )
        return "\n".join(markdown_table(pd.DataFrame(rows)))

    def claim(self, name: str) -> ClaimResult:
        """One published finding tested on these records.

        A template can use ``.outcome``; ``.counts``, which prints as ``3 supported, 1 undecided``
        and has the fields ``supported``, ``contradicted``, ``undecided`` and ``total``; and
        ``.places("supported")``.

        Raises:
            UnknownNameError: if there is no such finding, or these records do not test it.
        """
        tested = {result.claim.id: result for result in self._all_claims() if result.evidence}
        if name not in tested:
            raise UnknownNameError(
                f"no finding {name!r} is tested by these records", fix=did_you_mean(name, tested)
            )
        return tested[name]

    def _all_claims(self) -> list[ClaimResult]:
        if self._claim_results is None:
            self._claim_results = claim_results(self._tallies)
        return self._claim_results

    def draw_scores(self, name: str, features: Sequence[str] = (), **axes: Any) -> str:
        """Image of the scores on every task; the file ``name`` is written next to the text."""
        order = list(features) or self.features
        records = self._selection.some(features=order, **axes)
        return self._drawn(name, *score_drawing(records, order))

    def draw_weights(self, name: str, part: str, **axes: Any) -> str:
        """Image of the layer weights of ``part`` on every task; written as ``name``."""
        mixes = [mix for mix in learned_mixes(self._selection.some(**axes)) if mix.part == part]
        if not mixes:
            raise UnknownNameError(f"no task has learned layer weights of {part!r}")
        return self._drawn(name, *weight_drawing(mixes, part))

    def _drawn(self, name: str, drawing: str, description: str) -> str:
        self._drawings[name] = drawing
        return f"![{description}]({name})"

    def _compare(self, left: str, right: str, by: str, axes: dict[str, Any]) -> list[Difference]:
        where = as_text(axes)
        key = (left, right, by, str(sorted(where.items())))
        if key not in self._compared:
            self._compared[key] = compare(self._tallies, left, right, by=by, where=where)
        return self._compared[key]


def _epochs_text(epochs: Sequence[int], seeds: int) -> str:
    """Format the epochs of the seeds that reached a score, of ``seeds`` in all."""
    if not epochs:
        return "never"
    mean = mean_sd(epochs, digits=1)
    return mean if len(epochs) == seeds else f"{mean} ({len(epochs)} of {seeds} seeds)"


def _table(frame: pd.DataFrame, optional: Iterable[str]) -> str:
    """A frame in Markdown, without those ``optional`` columns that are the same in all rows."""
    same = [
        name
        for name in optional
        if name in frame and len(frame) > 1 and frame[name].astype(str).nunique() == 1
    ]
    return "\n".join(markdown_table(frame.drop(columns=same)))
