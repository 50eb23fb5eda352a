"""The problems of a file: shown together, or left out and counted if the card states their kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable
from typing import Annotated

from pydantic import AfterValidator

from elmobench.core.errors import DataError
from elmobench.core.quoting import shortened
from elmobench.core.registry import did_you_mean

SHOWN = 20
"""Problems of one file that a message lists."""

_LONGEST = 150

KINDS = {
    "empty-token": "a token that is empty or white space; its sentence is left out",
    "empty-label": "a label or tag that is empty; its example is left out",
    "empty-text": "a text, premise or hypothesis without a token",
    "field-count": "a row with more or fewer fields than the first; in columns, its sentence",
    "illegal-tags": "tags that break the rules of the stated scheme; their sentence is left out",
    "overlapping-spans": "a span that shares a token with another span; their sentence is left out",
    "answer-not-found": "an answer that is not at its position; a question without another answer "
    "is left out",
    "blank-at-end-of-answer": "an answer that is at its position only without the blanks at its "
    "ends; a question without another answer is left out",
    "no-answer": "a question without an answer",
}
"""Kinds of problems that ``drop:`` takes, and what is left out."""


def _known(kind: str) -> str:
    """``kind``. Raises ValueError if it is none."""
    if kind not in KINDS:
        raise ValueError(f"{kind[:40]!r} is no kind of problem; {did_you_mean(kind, KINDS)}")
    return kind


ProblemKind = Annotated[str, AfterValidator(_known)]
"""One of :data:`KINDS`."""


NOT_TEXT = "not-utf-8"
"""The kind of lines that are no text; it cannot be dropped."""


class Problems:
    """Collects the problems of one file while a reader goes on behind each of them.

    Args:
        name: the file, for the message.
        drop: kinds whose examples are left out.

    Attributes:
        dropped: how many examples, or answers, problems of the kinds in ``drop`` left out.
        lost: the examples among them.
    """

    def __init__(self, name: str, drop: Collection[str] = ()) -> None:
        self.dropped: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._name = name
        self._drop = frozenset(drop)
        self._left_out: set[Hashable] = set()
        self._shown: dict[str, list[str]] = {}  # what is wrong -> where
        self._fixes: dict[str, None] = {}
        self._kinds: Counter[str] = Counter()
        self._total = 0

    def add(self, error: DataError, example: Hashable = None, lost: bool = True) -> None:
        """Note a problem; the reader then continues behind the example that has it.

        See :meth:`elmobench.data.readers.base.SourceText.problem`.
        """
        kind = error.kind
        if kind is not None and kind in self._drop:
            if example is None or example not in self._left_out:
                self.dropped[kind] += 1
                self.lost[kind] += lost
            if example is not None:
                self._left_out.add(example)
            return
        self._total += 1
        if kind is not None:
            self._kinds[kind] += 1
        if self._total <= SHOWN:
            self._shown.setdefault(error.what, []).append(error.where or self._name)
            if error.fix is not None:
                self._fixes[error.fix] = None

    def has(self, kind: str) -> bool:
        """Whether there were problems of this kind that count."""
        return self._kinds[kind] > 0

    def error(self, kinds: Collection[str] = ()) -> DataError | None:
        """All problems as one error; None if there were none that count.

        Args:
            kinds: what the reader allows in ``drop:``; advice names those that occurred.
        """
        if not self._total:
            return None
        fixes = list(self._fixes)
        droppable = sorted(kind for kind in self._kinds if kind in kinds)
        if droppable:
            fixes.append(
                "or leave such examples out, counted: "
                f"'drop: [{', '.join(droppable)}]' at this source in the card"
            )
        fix = "\n  -> ".join(fixes) or None
        if self._total == 1:
            ((what, (where,)),) = self._shown.items()
            return DataError(what, where=where, fix=fix, kind=next(iter(self._kinds), None))
        counts = ", ".join(f"{number:,} {kind}" for kind, number in self._kinds.most_common())
        lines = [
            f"has {self._total:,} problems"
            + (f" ({counts})" if counts else "")
            + ("" if self._total <= SHOWN else f"; the first {SHOWN}:")
        ]
        for what, places in self._shown.items():
            lines += [f"{place}: {shortened(what, _LONGEST)}" for place in self._places(places)]
        return DataError("\n    ".join(lines), where=self._name, fix=fix)

    def _places(self, places: list[str]) -> list[str]:
        """The places of one problem: all line numbers together, other places one by one."""
        inside = [place.removeprefix(f"{self._name}:").lstrip() for place in places]
        unit = "line"
        for name in ("record", "row"):
            start = f"{self._name}, {name} "
            if all(place.startswith(start) for place in inside):
                inside = [place.removeprefix(start) for place in inside]
                unit = name
        if not all(place.isdecimal() for place in inside):
            if unit != "line":
                return places
            return [f"line {one}" if one[:1].isdecimal() else one for one in inside]
        return [f"{unit}{'s' * (len(inside) > 1)} {', '.join(inside)}"]
