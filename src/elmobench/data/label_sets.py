"""Labels that differ between the splits of a data set, or that look like one label written twice.

Such data can be used, so these are remarks and no errors: a task warns of them, and they are
written into the records of its runs.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

from elmobench.core.counted import counted

_SHOWN = 8
_FREQUENT = 0.01
_EXPECTED = 10


def label_notes(counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Remarks on the labels of ``train``, ``dev`` and ``test``; usually none.

    A remark is made where

    * another split has labels that ``train`` lacks: no head can predict them;
    * another split lacks a label of at least one per cent of ``train``, and at least ten examples
      (or tokens) of it would be expected there;
    * labels are equal but for case, blanks, or the Unicode form of their characters.

    Args:
        counts: how often each label occurs, by split; ``train`` is one of them.

    >>> label_notes({"train": {"pos": 5, "neg": 5}, "dev": {"pos": 1}, "test": {"Pos": 2}})[0]
    "test has 1 label that train lacks, which no head can predict: 'Pos' (2)"
    """
    train = counts["train"]
    notes = []
    for split, found in counts.items():
        unknown = {label: found[label] for label in sorted(set(found) - set(train))}
        if unknown:
            notes.append(
                f"{split} has {counted(len(unknown), 'label')} that train lacks, which no head can "
                "predict: "
                + _listed(f"{label!r} ({number:,})" for label, number in unknown.items())
            )
        absent = sorted(set(train) - set(found))
        lacking = [label for label in absent if _is_expected(label, train, found)]
        if lacking:
            notes.append(
                f"{split} lacks {counted(len(lacking), 'label')} of those that train has often: "
                + _listed(f"{label!r} ({train[label]:,} in train)" for label in lacking)
            )
    for alike in _alike({label for found in counts.values() for label in found}):
        notes.append(
            f"these labels differ only {_difference(alike)}, and are different classes: "
            + _listed(f"{label!a} in {_splits(label, counts)}" for label in alike)
        )
    return notes


def _is_expected(label: str, train: Mapping[str, int], found: Mapping[str, int]) -> bool:
    share = train[label] / sum(train.values())
    return share >= _FREQUENT and share * sum(found.values()) >= _EXPECTED


def _alike(labels: Iterable[str]) -> list[list[str]]:
    """Groups of labels that are one label but for case, blanks and Unicode forms, sorted."""
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        groups[_without_blanks(unicodedata.normalize("NFC", label).casefold())].append(label)
    return [group for group in groups.values() if len(group) > 1]


def _without_blanks(label: str) -> str:
    """``label`` without white space and invisible characters (Unicode category Cf)."""
    return "".join(c for c in label if not c.isspace() and unicodedata.category(c) != "Cf")


def _difference(alike: list[str]) -> str:
    composed = {unicodedata.normalize("NFC", label) for label in alike}
    if len(composed) == 1:
        return "in the Unicode form of their characters (NFC, NFD)"
    if len({label.casefold() for label in composed}) == 1:
        return "by case"
    if len({_without_blanks(label) for label in composed}) == 1:
        return "by blanks"
    return "by case and blanks"


def _splits(label: str, counts: Mapping[str, Mapping[str, int]]) -> str:
    return ", ".join(split for split, found in counts.items() if label in found)


def _listed(texts: Iterable[str]) -> str:
    shown = list(texts)
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more
