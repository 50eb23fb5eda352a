"""Output of ``elmobench inspect``: a word's vectors as tables at 80 columns, and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from elmobench.analysis.inspect.neighbours import Neighbour
from elmobench.analysis.inspect.occurrences import LayerView, Occurrence
from elmobench.data.examples import Sentence

_MAX_IN_COLUMNS: Final = 3
"""Up to this number of occurrences, every pair has a column of its own."""


@dataclass(frozen=True)
class InspectedLayer:
    """One layer of one provider, and the neighbours of each occurrence if they were requested."""

    view: LayerView
    neighbours: list[list[Neighbour]] | None = None


@dataclass(frozen=True)
class Inspection:
    """The occurrences of one word and their vectors.

    Attributes:
        word: the requested word.
        occurrences: its occurrences in the given sentences.
        features: the layers of each representation, by name.
        searched: description of the searched sentences; empty without a search.
    """

    word: str
    occurrences: list[Occurrence]
    features: dict[str, list[InspectedLayer]] = field(default_factory=dict)
    searched: str = ""


def to_json(inspection: Inspection) -> dict[str, Any]:
    """The inspection as JSON values; a cosine with a zero vector is None."""
    return {
        "word": inspection.word,
        "occurrences": [
            {"sentence": o.number, "position": o.position, "tokens": list(o.sentence)}
            for o in inspection.occurrences
        ],
        "features": [
            {"name": name, "layers": [_layer_json(layer) for layer in layers]}
            for name, layers in inspection.features.items()
        ],
    }


def _layer_json(layer: InspectedLayer) -> dict[str, Any]:
    view = layer.view
    content: dict[str, Any] = {
        "layer": view.number,
        "name": view.name,
        "by_spelling": view.by_spelling,
        "cosines": [[None if np.isnan(c) else c for c in row] for row in view.cosines.tolist()],
        "norms": view.norms.tolist(),
    }
    if layer.neighbours is not None:
        content["nearest"] = [[_neighbour_json(n) for n in near] for near in layer.neighbours]
    return content


def _neighbour_json(near: Neighbour) -> dict[str, Any]:
    return {
        "cosine": near.cosine,
        "token": near.sentence[near.position],
        "position": near.position,
        "tokens": list(near.sentence),
        "count": near.count,
    }


def print_inspection(inspection: Inspection, console: Console) -> None:
    """Print the occurrences, the table of cosines and norms, notes, and the neighbours."""
    for i, occurrence in enumerate(inspection.occurrences, start=1):
        context = in_context(occurrence.sentence, occurrence.position, console.width - 5)
        console.print(Text(f"{i:3}  ") + context)
    console.print()
    console.print(_table(inspection))
    if len(inspection.occurrences) > _MAX_IN_COLUMNS and _one_layer_each(inspection):
        for name, (layer,) in inspection.features.items():
            console.print(Text(f"\n{name}, layer {layer.view.number}: every pair"))
            console.print(_matrix(layer.view))
    for note in notes(inspection):
        console.print(Text(note, style="dim"))
    for name, layers in inspection.features.items():
        for layer in layers:
            if layer.neighbours is not None:
                _print_neighbours(name, layer, inspection, console)


def _table(inspection: Inspection) -> Table:
    number = len(inspection.occurrences)
    table = Table(box=None, pad_edge=False)
    table.add_column("features", overflow="fold")
    table.add_column("layer", no_wrap=True)
    if 1 < number <= _MAX_IN_COLUMNS:
        pairs = [f"{i + 1}·{j + 1}" for i, j in combinations(range(number), 2)]
        headings = [f"cosine {pairs[0]}", *pairs[1:]]
    else:
        headings = ["cosine mean", "min", "max"] if number > 1 else []
    headings += (
        ["norm 1", *map(str, range(2, number + 1))] if number <= _MAX_IN_COLUMNS else ["norms"]
    )
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, layers in inspection.features.items():
        for i, layer in enumerate(layers):
            view = layer.view
            cells = [name if i == 0 else "", f"{view.number} {view.name}"]
            if number > 1:
                cells += _cosine_cells(view)
            table.add_row(*map(Text, cells + _norm_cells(view)))
    return table


def _cosine_cells(view: LayerView) -> list[str]:
    number = len(view.norms)
    pairs = [view.cosines[i, j] for i, j in combinations(range(number), 2)]
    if number <= _MAX_IN_COLUMNS:
        return [_cosine(pair) for pair in pairs]
    known = [pair for pair in pairs if not np.isnan(pair)]
    if not known:
        return ["-"] * 3
    return [_cosine(float(np.mean(known))), _cosine(min(known)), _cosine(max(known))]


def _norm_cells(view: LayerView) -> list[str]:
    if len(view.norms) <= _MAX_IN_COLUMNS:
        return [f"{norm:.2f}" for norm in view.norms]
    return [f"{view.norms.min():.2f}–{view.norms.max():.2f}"]


def _cosine(value: float) -> str:
    # Adding 0 turns a rounded -0.00 into 0.00.
    return "-" if np.isnan(value) else f"{round(value, 2) + 0.0:.2f}"


def _one_layer_each(inspection: Inspection) -> bool:
    return all(len(layers) == 1 for layers in inspection.features.values())


def _matrix(view: LayerView) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    for i in range(len(view.norms)):
        table.add_column(str(i + 1), justify="right", no_wrap=True)
    for i, row in enumerate(view.cosines):
        table.add_row(str(i + 1), *map(_cosine, row))
    return table


def notes(inspection: Inspection) -> list[str]:
    """Notes that explain the table."""
    lines = []
    spellings = list(dict.fromkeys(o.token for o in inspection.occurrences))
    if any(spelling != inspection.word for spelling in spellings):
        others = ", ".join(repr(s) for s in spellings if s != inspection.word)
        lines.append(f"{inspection.word!r} is spelt differently in some sentences: {others}.")
    views = [layer.view for layers in inspection.features.values() for layer in layers]
    numbered = {view.name: view.number for view in views if view.by_spelling}
    if numbered and len(inspection.occurrences) > 1:
        layers = ", ".join(f"{number} {name}" for name, number in numbered.items())
        cosine = "its cosine with itself is 1.00"
        consequence = cosine if len(spellings) == 1 else "each form has its own"
        lines.append(
            f"{layers}: looks at the spelling alone, so a word has one vector in every "
            f"sentence and {consequence}."
        )
    if any((view.norms == 0).any() for view in views):
        lines.append("-: no cosine, as a word that the model does not know has a vector of zeros.")
    return lines


def _print_neighbours(
    name: str, layer: InspectedLayer, inspection: Inspection, console: Console
) -> None:
    assert layer.neighbours is not None
    view = layer.view
    kind = "words (with their counts)" if view.by_spelling else "occurrences"
    console.print(
        Text(f"\n{name}, layer {view.number} {view.name}: nearest {kind} in {inspection.searched}")
    )
    # In a layer that depends only on spelling, one word form has one list.
    shown: set[str] = set()
    for i, (occurrence, near) in enumerate(
        zip(inspection.occurrences, layer.neighbours, strict=True), start=1
    ):
        if view.by_spelling and occurrence.token in shown:
            continue
        shown.add(occurrence.token)
        label = occurrence.token if view.by_spelling else f"{i}"
        console.print(Text(f"  to {label}:" + ("" if near else " none")))
        for neighbour in near:
            token = neighbour.sentence[neighbour.position]
            prefix = f"    {_cosine(neighbour.cosine):>5}  "
            if view.by_spelling:
                console.print(Text(prefix) + Text(token, style="bold") + f" ×{neighbour.count}")
            else:
                width = console.width - len(prefix)
                console.print(
                    Text(prefix) + in_context(neighbour.sentence, neighbour.position, width)
                )


def in_context(sentence: Sentence, position: int, width: int) -> Text:
    """The word in brackets, with as many words around it as fit into ``width`` columns."""
    core = f"[{sentence[position]}]"
    before, after = list(sentence[:position]), list(sentence[position + 1 :])
    left: list[str] = []
    right: list[str] = []
    free = width - Text(core).cell_len - 4  # two "… "
    while before or after:
        take_left = bool(before) and (len(left) <= len(right) or not after)
        word = before[-1] if take_left else after[0]
        free -= Text(word).cell_len + 1
        if free < 0:
            break
        if take_left:
            left.insert(0, before.pop())
        else:
            right.append(after.pop(0))
    text = Text(" ".join([*(["…"] if before else []), *left, ""]))
    text.append(core, style="bold")
    text.append(" ".join(["", *right, *(["…"] if after else [])]))
    return text


def default_features(names: Sequence[str]) -> list[str]:
    """Representations to compare by default: shipped models, else the baselines."""
    shipped = [name for name in ("glove-mini", "elmo-mini", "bert-mini") if name in names]
    return shipped or [name for name in ("random", "elmo-random") if name in names]
