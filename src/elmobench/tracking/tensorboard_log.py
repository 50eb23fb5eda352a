"""The tracker for TensorBoard: one folder of event files for each cell.

``tensorboard --logdir results/NAME/tensorboard`` shows the curves of training, the layer weights
over epochs, the scores, and a table of the parameters of all cells.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.files import temporary_path
from elmobench.core.parsing import read_text
from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore
from elmobench.tracking.record_values import metrics, parameters
from elmobench.tracking.tracker import Tracker, TrackingError, TrackingUriError, version

if TYPE_CHECKING:
    from torch.utils.tensorboard.writer import SummaryWriter

_MARK = "elmobench.json"
"""Names the cell and its version; written last, so that a folder without it is unfinished."""
_REPORT = "report"


class TensorBoardTracker(Tracker):
    """Writes records as event files; see :class:`~elmobench.tracking.tracker.Tracker`.

    A cell's folder is written under a temporary name and renamed, so a killed run leaves no half of
    one.

    Args:
        uri: a folder; None for ``tensorboard`` in the results folder.
        records: the results folder.
        experiment: name of the experiment.

    Raises:
        ConfigError: if TensorBoard is not installed.
        TrackingUriError: if the address is no folder but the URL of a server.
    """

    title = "TensorBoard"
    name = "tensorboard"

    def __init__(self, uri: str | None, records: RecordStore, experiment: str) -> None:
        super().__init__(uri, records, experiment)
        if importlib.util.find_spec("tensorboard") is None:
            raise ConfigError(
                "TensorBoard is not installed", fix="pip install 'elmobench[tensorboard]'"
            )
        if uri is not None and "://" in uri:
            raise TrackingUriError(
                "TensorBoard reads a folder", where=uri, fix="give the path of a folder"
            )
        self._folder = records.folder / "tensorboard" if uri is None else Path(uri)
        self.uri = str(self._folder)

    def prepare(self) -> None:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        with _failures(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def known(self) -> set[tuple[str, str]]:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        with _failures(self._folder):
            marks = [_mark(path) for path in sorted(self._folder.glob(f"*/*/{_MARK}"))]
        return {(str(mark.get("cell")), str(mark.get("version"))) for mark in marks}

    def write(self, record: RunRecord) -> None:
        """See :class:`~elmobench.tracking.tracker.Tracker`."""
        final = self._folder / _plain(record.task) / _folder_name(record)
        mark = {"cell": record.cell, "version": version(record)}
        if _mark(final / _MARK) == mark:
            return
        with _failures(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            scratch = temporary_path(final)
            try:
                scratch.mkdir()
                _write_events(scratch, record)
                write_sealed_json(scratch / _MARK, mark)
                shutil.rmtree(final, ignore_errors=True)
                scratch.rename(final)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

    def write_report(self, paths: Iterable[Path]) -> None:
        """Show ``report.md`` under TensorBoard's tab for texts; see the base class."""
        texts = [path for path in paths if path.suffix == ".md"]
        final = self._folder / _REPORT
        with _failures(final):
            shutil.rmtree(final, ignore_errors=True)
            with _writer(final) as writer:
                for path in texts:
                    writer.add_text(self._study, read_text(path, DataError))


def _write_events(folder: Path, record: RunRecord) -> None:
    """Write the metrics, parameters and remarks of one record."""
    from torch.utils.tensorboard.summary import hparams

    scores: dict[str, float] = {}
    with _writer(folder) as writer:
        for words, value, step in metrics(record):
            tag = "/".join((words[0], ".".join(words[1:]))) if words[1:] else words[0]
            writer.add_scalar(tag, value, step)
            if words[0] == "test":
                scores[tag] = value
        for text in [*record.caveats, *record.remarks, *([record.error] if record.error else [])]:
            writer.add_text("remarks", text)
        # The writer's own `add_hparams` would make a run of its own for them.
        for summary in hparams(dict(parameters(record)), scores):  # type: ignore[no-untyped-call]
            writer._get_file_writer().add_summary(summary)  # type: ignore[no-untyped-call]


@contextmanager
def _writer(folder: Path) -> Iterator[SummaryWriter]:
    from torch.utils.tensorboard.writer import SummaryWriter

    writer = SummaryWriter(str(folder))
    try:
        yield writer
        writer.flush()
    finally:
        writer.close()


@contextmanager
def _failures(where: Path) -> Iterator[None]:
    """Turn what the operating system refuses into a TrackingError."""
    try:
        yield
    except OSError as error:
        raise TrackingError(
            f"cannot be written: {error.strerror or error}",
            where=str(where),
            fix="free the disk or make the folder writable; with --tracker none nothing is logged",
        ) from error


def _mark(path: Path) -> dict[str, Any]:
    """The content of a mark; empty if it is missing or damaged: the cell is then written again."""
    try:
        return dict(read_sealed_json(path, DataError))
    except (DataError, OSError):
        return {}


def _folder_name(record: RunRecord) -> str:
    axes = [f"{name}={value}" for name, value in record.axes.items()]
    words = [record.features, record.head, *axes, f"seed {record.seed}"]
    return _plain(" ".join(words)) + f"-{record.cell[:8]}"


def _plain(name: str) -> str:
    """A folder's name: what is not a letter, digit or one of ``. + = -`` becomes ``_``."""
    plain = re.sub(r"[^\w.+=-]+", "_", name, flags=re.ASCII).strip("._") or "_"
    return plain if len(plain) <= 100 else f"{plain[:90]}-{digest_of(name)[:8]}"
