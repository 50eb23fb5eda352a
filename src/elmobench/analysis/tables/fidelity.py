"""How our heads differ from the published ones: a comparison of every row, with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from elmobench.bench.experiment.options import apply_options
from elmobench.bench.experiment.schema import load_experiment
from elmobench.reference.compare_heads import HEADS as PUBLISHED_MODULES
from elmobench.tasks.head import HeadPreset
from elmobench.tasks.published_values import Check, PublishedRow, PublishedValues
from elmobench.tasks.registries import HEADS

BLOCKS = ("options", "training", "mix")
"""The blocks of options of a preset."""


@dataclass(frozen=True)
class FidelityLine:
    """One property of a head, published and ours.

    Attributes:
        heading: the heading of its row.
        what: the property.
        published, ours: the two values as text; equal texts if they are the same.
        same: whether they are the same.
        reason: why they differ; None if they are the same.
        source: key of the source of the published value.
        place: where it is in the source; empty if that is not stated.
    """

    heading: str
    what: str
    published: str
    ours: str
    same: bool
    reason: str | None
    source: str
    place: str


@dataclass(frozen=True)
class Fidelity:
    """A published head, compared with our preset.

    Attributes:
        head: what was published.
        lines: every row, with ELMo.
        baseline: the rows in which the published baseline or ours has another value than with
            ELMo, without ELMo.
    """

    head: PublishedValues
    lines: list[FidelityLine]
    baseline: list[FidelityLine]

    @property
    def differences(self) -> list[FidelityLine]:
        """The lines with ELMo that differ."""
        return [line for line in self.lines if not line.same]


def fidelity_of(head: PublishedValues) -> Fidelity:
    """Compare a published head with our preset, whose values are read now."""
    preset = HEADS.get(head.head)
    values = option_values(preset)
    without_elmo = values if head.baseline is None else _baseline_values(head, preset)
    lines, baseline = [], []
    for heading, rows in head.rows.items():
        for row in rows:
            lines.append(_line(heading, row, values))
            if head.baseline is not None and _baseline_has_its_own(row, values, without_elmo):
                baseline.append(_baseline_line(head, heading, row, without_elmo))
    return Fidelity(head, lines, baseline)


def checks_of(head: PublishedValues) -> list[Check]:
    """How the computation of a head is held against other implementations.

    These are the comparisons of ``elmobench reference heads``, then those that its file lists.
    """
    compared = [
        Check(
            against=f"{other.published} of allennlp-models, weight for weight",
            command=f"elmobench reference heads {name}",
        )
        for name, other in PUBLISHED_MODULES.items()
        if other.preset in (head.head, *head.also)
    ]
    return [*compared, *head.checks]


def option_values(preset: HeadPreset) -> dict[str, Any]:
    """The value of every option of a preset by its path, as JSON has it.

    The patience and the steps of a learning rate that never changes are left out, since they have
    no effect; so is float32, in which everybody computes, and the online code, which is a measure
    beside the head and not a part of it, and the training of a model that is not frozen.
    """
    values = {
        f"{block}.{name}": value
        for block in BLOCKS
        for name, value in getattr(preset, block).model_dump(mode="json").items()
    }
    if values["training.plateau_factor"] is None:
        del values["training.plateau_patience"]
    if values["training.decay"] is None:
        del values["training.decay_steps"]
    if values["training.arithmetic"] == "float32":
        del values["training.arithmetic"]
    for name in ("online_code", "model_lr", "model_warmup"):
        del values[f"training.{name}"]
    return values


def problems(head: PublishedValues) -> list[str]:
    """Return what is wrong with the rows of a published head, one sentence each.

    Every option must have exactly one row, and a reason must be given exactly where the published
    value and ours differ, with ELMo and without.
    """
    preset = HEADS.get(head.head)
    values = option_values(preset)
    unused = [option for group in head.unused for option in group.options]
    named = Counter([*(row.option for row in head.all_rows if row.option), *unused])
    wrong = [f"{option}: no row" for option in values if option not in named]
    wrong += [f"{option}: {count} rows" for option, count in named.items() if count > 1]
    unknown = [option for option in named if option not in values]
    wrong += [f"{option}: not an option of {head.head}" for option in unknown]
    if unknown:
        return wrong
    for line in fidelity_of(head).lines:
        wrong += _wrong_reason(line)
    for name in head.also:
        other = HEADS.get(name)
        if option_values(other) != values or other.head is not preset.head:
            wrong.append(f"also: {name} is not the same head with the same options")
    if head.baseline is not None:
        if head.baseline.features not in load_experiment(head.baseline.experiment).features:
            where = head.baseline.experiment
            wrong.append(f"baseline: {where} does not have the features {head.baseline.features}")
        without_elmo = _baseline_values(head, preset)
        for row in head.all_rows:
            line = _baseline_line(head, "", row, without_elmo)
            if _baseline_has_its_own(row, values, without_elmo):
                wrong += [f"without ELMo: {text}" for text in _wrong_reason(line)]
            elif row.baseline_reason is not None:
                wrong.append(f"without ELMo: {row.what}: a reason, though it is as with ELMo")
    return wrong


def _wrong_reason(line: FidelityLine) -> list[str]:
    """The problem with a line's reason, if there is one."""
    if line.same and line.reason is not None:
        return [f"{line.what}: a reason, though both are {line.ours}"]
    if not line.same and line.reason is None:
        return [f"{line.what}: no reason why ours is {line.ours}, published {line.published}"]
    return []


def _baseline_values(head: PublishedValues, preset: HeadPreset) -> dict[str, Any]:
    """The values of our baseline's options: the preset's, with the experiment's overrides."""
    assert head.baseline is not None
    pipeline, name = head.head.split("/")
    cell = {
        "task": "",
        "pipeline": pipeline,
        "features": head.baseline.features,
        "head": name,
    }
    changes: dict[str, Any] = {}
    for override in load_experiment(head.baseline.experiment).overrides:
        if override.matches(cell):
            changes.update(override.set)
    blocks = apply_options(
        {path: value for path, value in changes.items() if path.split(".")[0] in BLOCKS},
        preset.options,
        preset.training,
        preset.mix,
    )
    return {
        f"{block}.{name}": value
        for block, options in zip(BLOCKS, blocks, strict=True)
        for name, value in options.model_dump(mode="json").items()
    }


def _baseline_has_its_own(
    row: PublishedRow, values: dict[str, Any], without_elmo: dict[str, Any]
) -> bool:
    """Whether the published baseline or ours has another value than with ELMo."""
    if row.has_baseline:
        return True
    return row.option is not None and values[row.option] != without_elmo[row.option]


def _line(heading: str, row: PublishedRow, values: dict[str, Any]) -> FidelityLine:
    """A row with ELMo."""
    same, ours = _compared(row.published, row.ours, row.option, values)
    return FidelityLine(
        heading, row.what, shown(row.published), ours, same, row.reason, row.source_key, row.place
    )


def _baseline_line(
    head: PublishedValues, heading: str, row: PublishedRow, values: dict[str, Any]
) -> FidelityLine:
    """A row without ELMo."""
    assert head.baseline is not None
    published = row.baseline if row.has_baseline else row.published
    same, ours = _compared(published, row.baseline_ours, row.option, values)
    key = head.baseline.source
    return FidelityLine(
        heading, row.what, shown(published), ours, same, row.baseline_reason, key, ""
    )


def _compared(
    published: Any, ours: str | None, option: str | None, values: dict[str, Any]
) -> tuple[bool, str]:
    """Whether the published value is ours, and ours as text."""
    if option is not None:
        return _equal(published, values[option]), shown(values[option])
    return ours is None, shown(published) if ours is None else ours


def _equal(published: Any, ours: Any) -> bool:
    """Equality of JSON values; unlike Python's, true is not 1."""
    if isinstance(published, list) and isinstance(ours, list):
        return len(published) == len(ours) and all(map(_equal, published, ours))
    if isinstance(published, dict) and isinstance(ours, dict):
        return published.keys() == ours.keys() and all(
            _equal(published[key], ours[key]) for key in published
        )
    return bool(published == ours) and isinstance(published, bool) == isinstance(ours, bool)


def shown(value: Any) -> str:
    """A JSON value as text.

    >>> shown([1200, 0.5]), shown({"rho": 0.95}), shown(None), shown(True)
    ('1200, 0.5', 'rho 0.95', 'none', 'yes')
    """
    if value is None or value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {shown(inner)}" for key, inner in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(shown(inner) for inner in value)
    return str(value)
