"""What each resampling unit of the test set contributes to the scores of stored runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError, ElmobenchError
from elmobench.metrics.base import get_metric
from elmobench.metrics.influence import Influence, stack_influences
from elmobench.tracking.prediction_files import DamagedPredictionsError
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore

if TYPE_CHECKING:
    from elmobench.analysis.stats.difference_row import Difference


@dataclass(frozen=True)
class RunTally:
    """The influence of the units of its test set on one run.

    Attributes:
        examples: digest of ids and gold annotations.
        influence: of each resampling unit.
    """

    examples: str
    influence: Influence


class TallyCache:
    """The tallies of the runs in a results folder; predictions of a run are read once.

    Attributes:
        store: the results folder.
        differences: comparisons computed so far, by their arguments; tables, claims and templates
            ask for the same ones.
    """

    def __init__(self, store: RecordStore) -> None:
        self.store = store
        self.differences: dict[Any, Difference] = {}
        self._left_out: frozenset[str] = frozenset()
        self._tallies: dict[str, RunTally] = {}

    @cached_property
    def all_records(self) -> list[RunRecord]:
        """The records of the present grid."""
        return self.store.planned()

    @property
    def records(self) -> list[RunRecord]:
        """The same records, without those that :meth:`leave_out_damaged` left out."""
        return [record for record in self.all_records if record.cell not in self._left_out]

    def leave_out_damaged(self) -> list[tuple[RunRecord, DamagedPredictionsError]]:
        """Leave the cells out whose predictions are damaged; returns them with their errors.

        Comparisons then go on with the other cells. This reads the predictions of all cells.
        """
        damaged: dict[str, tuple[RunRecord, DamagedPredictionsError]] = {}
        for record in self.all_records:
            if record.result is None or record.cell in damaged:
                continue
            try:
                self.tally(record)
            except DamagedPredictionsError as error:
                damaged[record.cell] = (record, error)
            except ElmobenchError:
                continue  # predictions that were not kept, or a metric that is not here
        self._left_out = frozenset(damaged)
        return list(damaged.values())

    @cached_property
    def by_cell(self) -> dict[str, RunRecord]:
        """The same records by the names of their cells, which comparisons refer to."""
        return {record.cell: record for record in self.all_records}

    def tally(self, record: RunRecord) -> RunTally:
        """The tally of one run.

        Raises:
            DataError: if its predictions are missing or damaged.
        """
        if record.cell not in self._tallies:
            assert record.result is not None
            rows = self.store.read_predictions(record.cell)
            answers = [row["predicted"] for row in rows]
            influence = get_metric(record.result.metric).influence(
                [row["gold"] for row in rows], [answers], units_of(rows)
            )
            self._tallies[record.cell] = RunTally(
                digest_of([[row["id"], row["gold"]] for row in rows]), influence
            )
        return self._tallies[record.cell]

    def add(self, record: RunRecord, tally: RunTally) -> None:
        """Use a tally of a record that another folder has."""
        self._tallies[record.cell] = tally

    def stack(self, records: Sequence[RunRecord]) -> Influence:
        """The influence of each unit on runs on the same examples, in their order.

        Raises:
            DataError: if predictions are missing, damaged or of different examples.
        """
        self.check_same_examples(records)
        return stack_influences([self.tally(record).influence for record in records])

    def check_same_examples(self, records: Sequence[RunRecord]) -> None:
        """Raise DataError if predictions are missing, damaged or of different examples."""
        tallies = [self.tally(record) for record in records]
        for record, tally in zip(records, tallies, strict=True):
            if tally.examples != tallies[0].examples:
                raise _other_examples(self.store, record)


def shared_predictions(
    store: RecordStore, records: Sequence[RunRecord]
) -> tuple[list[dict[str, Any]], list[list[Any]]]:
    """The test rows (``id``, ``unit``, ``gold``) that ``records`` share, and each run's answers.

    Raises:
        DataError: if the records' predictions are of different examples.
    """
    first: list[dict[str, Any]] | None = None
    answers = []
    for record in records:
        rows = store.read_predictions(record.cell)
        if first is None:
            first = rows
        elif [(row["id"], row["gold"]) for row in rows] != [(r["id"], r["gold"]) for r in first]:
            raise _other_examples(store, record)
        answers.append([row["predicted"] for row in rows])
    return first or [], answers


def units_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The resampling unit of each test row: its ``unit`` if it has one, else its own id."""
    return [str(row.get("unit", row["id"])) for row in rows]


def _other_examples(store: RecordStore, record: RunRecord) -> DataError:
    return DataError(
        "predictions are of other examples than those they are compared with",
        where=f"{store.folder}: cell {record.cell}",
        fix="run both again on the same data",
    )
