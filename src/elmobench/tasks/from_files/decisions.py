"""What was decided about files and their columns, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Decision:
    """One decision about a set of files.

    Attributes:
        what: what was decided: ``reader``, ``splits``, ``text``.
        value: the decision, as people read it.
        why: the reason.
    """

    what: str
    value: str
    why: str


@dataclass
class Fields:
    """What the columns of a file hold.

    Attributes:
        kind: of examples, one of :data:`~elmobench.data.readers.record_options.RECORD_KINDS`; None
            if it cannot be decided.
        columns: the column of each role, such as ``text``; None for one that is to be filled in.
        decisions: what was decided.
        options: further options of a reader of records, such as the fields of spans.
    """

    kind: str | None = None
    columns: dict[str, str | int | None] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    options: dict[str, Any] = field(default_factory=dict)

    def choose(self, role: str, column: str | int | None, why: str) -> None:
        """Note the column of a role."""
        self.columns[role] = column
        value = "to be filled in" if column is None else str(column)
        self.decisions.append(Decision(role, value, why))


def reason_for(role: str, stated: Mapping[str, str | int], why: str = "by its name") -> str:
    """Why a column has a role: it was stated, or ``why``."""
    return "stated" if role in stated else why


@dataclass
class Proposal:
    """What a card should state.

    Attributes:
        pipeline: of the task; None if it cannot be decided.
        reader: registered name.
        options: of the reader; None for those that are to be filled in.
        files: the files of each split.
        split: the rule that makes missing splits; None if there are all.
        encoding: of the files; None for UTF-8.
        of_split: options of the reader for each split, where one file holds several.
        sources: those of each split as the card states them, but with whole paths, where files
            alone do not hold examples; empty otherwise.
        decisions: what was decided, in its order.
    """

    pipeline: str | None
    reader: str
    options: dict[str, Any]
    files: dict[str, list[Path]]
    split: dict[str, Any] | None = None
    encoding: str | None = None
    of_split: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """The options that the user has to fill in."""
        return [name for name, value in self.options.items() if value is None]

    def replace_split(self, rule: dict[str, Any] | None) -> None:
        """State another rule by which missing splits are made."""
        self.split = rule
        if rule is not None:
            kept = [decision for decision in self.decisions if decision.what != "split"]
            self.decisions = [*kept, split_decision(rule)]


def split_decision(rule: Mapping[str, Any]) -> Decision:
    """The decision on how dev and test are made from train."""
    made = [split for split in ("dev", "test") if split in rule]
    shares = " and ".join(f"{100 * rule[split]:.0f} % ({split})" for split in made)
    unit = "whole documents" if rule["by"] == "group" else "texts"
    why = f"the files have no {' and no '.join(made)}; a hash of {unit} decides"
    return Decision("split", f"{shares} of train", why)
