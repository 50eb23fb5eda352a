"""Page section on what judges a probe."""

from __future__ import annotations

from collections.abc import Sequence

from elmobench.analysis.report.page.parts import Section, Table
from elmobench.analysis.tables.probe_table import PROBES, PROBES_EXPLAINED, ProbeRow, probe_table

_TEXTS = ("task", "head", "axes", "features")


def probes_section(rows: Sequence[ProbeRow]) -> Section:
    """The table of the probes with control labels or an online code; empty without any."""
    frame = probe_table(rows)
    numbers = [str(name) for name in frame.columns if name not in _TEXTS]
    tables = [] if frame.empty else [Table.of(frame, numbers)]
    return Section("probes", PROBES, PROBES_EXPLAINED, tables)
