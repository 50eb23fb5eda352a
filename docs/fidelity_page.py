"""The page that compares the published heads with ours, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from elmobench.analysis.tables.fidelity import (
    Fidelity,
    FidelityLine,
    checks_of,
    fidelity_of,
)
from elmobench.analysis.tables.published import published_numbers
from elmobench.reference.compare_heads import LARGEST_DIFFERENCE, UNEQUAL_VALUES
from elmobench.tasks.published_values import PublishedBaseline, PublishedValues, published_values

_INTRODUCTION = """\
# How faithful the published heads are

The presets called `paper`, and a few others, follow a publication. This page lists every layer and
hyper-parameter of each of them with the published value. Our values are read from the presets when
the page is built; a test requires a row for every option and a reason for every difference.
`elmobench show ner/paper --fidelity` prints the table of one head.

The computation itself is compared as well, by the commands in the table: another implementation and
ours get the same parameters and the same inputs. Whole trainings in AllenNLP and here are compared
[run for run](allennlp.md).
"""

_WEIGHT_FOR_WEIGHT = """\

## Weight for weight

`elmobench reference heads` gave allennlp-models' heads and ours the same random parameters and the
same random inputs, in float32. The outputs are log-likelihoods, scores, decoded sequences and
gradients of the loss. Equal means: no value differs by more than 1e-5, and no decoded element
differs at all. Every output is in [heads.csv](heads.csv).
"""


def fidelity_page(heads: Path) -> str:
    """A summary of all heads, their comparison weight for weight, then a section for each.

    Args:
        heads: table that ``elmobench reference heads --out`` wrote.
    """
    compared = [fidelity_of(head) for head in published_values().values()]
    summary = _table(
        ("head", "published scores", "as published", "different", "held against", "by"),
        (_summary(fidelity) for fidelity in compared),
    )
    sections = (line for fidelity in compared for line in _section(fidelity))
    weights = [_WEIGHT_FOR_WEIGHT, *_weight_for_weight(heads)]
    return "\n".join([_INTRODUCTION, *summary, *weights, *sections, ""])


def _weight_for_weight(path: Path) -> list[str]:
    """A table with a row for each head: the largest difference, and how much was compared."""
    frame = pd.read_csv(path)
    rows = []
    for head, own in frame.groupby("head", sort=False):
        floats = own[own.measure == LARGEST_DIFFERENCE]
        integers = own[own.measure == UNEQUAL_VALUES]
        preset, published = own.preset.iloc[0], own.published.iloc[0]
        rows.append(
            [
                str(head),
                f"[{preset}](#{_anchor(preset)})",
                f"`{published}`",
                f"{floats['values'].sum():,}",
                f"{floats.difference.max():.1e}",
                f"{integers['values'].sum():,}",
                f"{integers.difference.sum():.0f}",
            ]
        )
    heading = (
        "head",
        "ours",
        "allennlp-models",
        "float values",
        "largest difference",
        "integers",
        "unequal",
    )
    return _table(heading, rows)


def _summary(fidelity: Fidelity) -> list[str]:
    head, differences = fidelity.head, len(fidelity.differences)
    return [
        f"[{head.head}](#{_anchor(head.head)})",
        _published_scores(head.head),
        f"{len(fidelity.lines) - differences} rows",
        f"{differences} rows",
        "; ".join(dict.fromkeys(check.against for check in checks_of(head))),
        "; ".join(dict.fromkeys(f"`{check.command}`" for check in checks_of(head))),
    ]


def _published_scores(name: str) -> str:
    """The test scores that the head's runs repeat, of the first table that has some."""
    pipeline, preset = name.split("/")
    numbers = [
        number
        for number in published_numbers()
        if number.pipeline == pipeline
        and number.split == "test"
        and number.like is not None
        and number.like.head == preset
    ]
    if not numbers:
        return "–"
    place = numbers[0].place
    scores = ", ".join(str(number.score) for number in numbers if number.place == place)
    return f"{scores} ({place})"


def _section(fidelity: Fidelity) -> list[str]:
    head = fidelity.head
    lines = ["", f"## {head.head}", "", head.follows, ""]
    same = "is the same head with the same options."
    lines += [f"- `{name}` {same} {why}" for name, why in head.also.items()]
    if fidelity.differences:
        lines += ["", "**Different, and why**", "", *_differences(head, fidelity.differences)]
    lines += ["", "**As published**", ""]
    lines += _table(
        ("", "what", "value", "source"),
        _grouped(head, [line for line in fidelity.lines if line.same]),
    )
    for group in head.unused:
        names = ", ".join(f"`{option}`" for option in group.options)
        lines += ["", f"Without effect: {names}. {group.why}"]
    if head.baseline is not None:
        lines += ["", "**Without ELMo**", "", _baseline(fidelity, head.baseline)]
        lines += ["", *_differences(head, fidelity.baseline)] if fidelity.baseline else []
    lines += ["", "**Sources**", ""]
    for number, source in enumerate(head.sources.values(), start=1):
        title = source.title if source.address is None else f"[{source.title}]({source.address})"
        unseen = "" if source.seen else " (could not be read; its values are second-hand)"
        lines.append(f"{number}. {title}{unseen}")
    return lines


def _baseline(fidelity: Fidelity, baseline: PublishedBaseline) -> str:
    """What the baseline is, in sentences."""
    title = fidelity.head.sources[baseline.source].title
    ours = f"`{baseline.features}` in the experiment `{baseline.experiment}`"
    same = "" if fidelity.baseline else "All options are those with ELMo, in both."
    return " ".join(filter(None, [f"Published: {title}.", f"Ours: {ours}.", same, baseline.notes]))


def _differences(head: PublishedValues, lines: Sequence[FidelityLine]) -> list[str]:
    """A table of lines that differ, or that differ from those with ELMo."""
    rows = (
        [line.what, line.published, line.ours, line.reason or "the same", _source(head, line)]
        for line in lines
    )
    return _table(("what", "published", "ours", "why", "source"), rows)


def _grouped(head: PublishedValues, lines: Sequence[FidelityLine]) -> Iterable[list[str]]:
    """Rows in which a heading appears once, at the first of its lines."""
    last = ""
    for line in lines:
        heading = "" if line.heading == last else line.heading
        yield [heading, line.what, line.ours, _source(head, line)]
        last = line.heading


def _source(head: PublishedValues, line: FidelityLine) -> str:
    """The number of a line's source, whether it was read, and the place in it."""
    number = list(head.sources).index(line.source) + 1
    unseen = "" if head.sources[line.source].seen else " (not seen)"
    return f"{number}{unseen}: {line.place}".removesuffix(": ")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        "|" + " --- |" * len(head),
        *(f"| {' | '.join(map(_cell, row))} |" for row in rows),
    ]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _anchor(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalnum() or char in "-_")
