"""The card of a proposal: its text, complete with digests, counts and labels."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, DataError, ElmobenchError, ElmobenchWarning
from elmobench.core.parsing import parsing
from elmobench.core.quoting import shortened
from elmobench.core.validation import validated
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.card import SPLITS, TaskCard
from elmobench.tasks.card_files import path_in_card
from elmobench.tasks.data_checks import Remark, check_data
from elmobench.tasks.data_lines import data_lines
from elmobench.tasks.from_files.decisions import Proposal
from elmobench.tasks.from_files.formats import shown
from elmobench.tasks.from_files.languages import UNDETERMINED, guessed_language
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.task import Task

_MOST_LABELS = 500
_TOKENS = 200_000
"""Tokens by which the language is guessed."""


@dataclass
class ProposedCard:
    """A card and what is known of its data.

    Attributes:
        text: of the card.
        first: the first example of train as it is read; None if it cannot be read.
        sizes: examples and tokens of each split; empty if they cannot be read.
        notes: what is worth knowing of the data, one line each.
        missing: line and name of each field that is to be filled in.
        problem: why the data cannot be read; None if they can.
    """

    text: str
    first: str | None = None
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    missing: list[tuple[int, str]] = field(default_factory=list)
    problem: ElmobenchError | None = None


def proposed_card(name: str, proposal: Proposal, path: Path) -> ProposedCard:
    """The card of a proposal, with what its data hold.

    Args:
        name: of the data set.
        proposal: how its files are read.
        path: where the card will be written; paths in it are relative to its folder.
    """
    values = _values(name, proposal, path)
    card = ProposedCard(_text(values))
    if proposal.missing or proposal.pipeline is None:
        lines = card.text.splitlines()
        card.missing = [
            (number, line.partition(":")[0].strip())
            for number, line in enumerate(lines, start=1)
            if re.fullmatch(r" *[a-z_]+: +# to be filled in.*", line)
        ]
        return card
    try:
        task, remarks = _read(values, path, proposal)
    except ElmobenchError as error:
        card.problem = error
        return card
    examples = task.examples()
    counts = task.split_counts
    values["counts"] = {
        split: {"examples": size.examples, "tokens": size.tokens} for split, size in counts.items()
    }
    everything = [one for part in examples.values() for one in part]
    labels = {label for one in everything for label in task.pipeline.labels_of(one)}
    if labels and len(labels) <= _MOST_LABELS:
        values["labels"] = sorted(labels)
    tokens = (token for one in examples["train"] for token in task.pipeline.tokens(one))
    values["language"] = guessed_language(islice(tokens, _TOKENS))
    card.text = _text(values)
    card.sizes = {s: (size.examples or 0, size.tokens or 0) for s, size in counts.items()}
    errors = [remark for remark in remarks if remark.level == "error"]
    if errors:
        card.problem = DataError("; ".join(one.what for one in errors), fix=errors[0].fix)
    warned = [remark.line for remark in remarks if remark.level == "warning"]
    card.notes = [*data_lines(task), *task.loss_notes.values(), *task.label_notes, *warned]
    first = examples["train"][0]
    annotation = task.pipeline.format_annotation(
        task.pipeline.gold(first), task.pipeline.tokens(first)
    )
    text = task.pipeline.text_of(first)
    if task.pipeline.annotation_repeats_text:
        card.first = shown(annotation, 300)
    else:
        card.first = f"{shown(annotation)}: {shown(text, 300)}"
    return card


def _read(values: dict[str, Any], path: Path, proposal: Proposal) -> tuple[Task, list[Remark]]:
    """The task of a card, read, and what is suspicious about its data.

    Few texts, or texts of one document, may leave a split empty: then single texts are divided,
    and larger shares. What is stated then replaces the rule in ``values`` and in ``proposal``.

    Raises:
        ElmobenchError: the data cannot be read.
    """
    rules: list[dict[str, Any] | None] = [proposal.split]
    if proposal.split is not None:
        single = {**proposal.split, "by": "hash"}
        larger = {key: 0.2 if value == 0.1 else value for key, value in single.items()}
        rules += [rule for rule in (single, larger) if rule not in rules]
    for rule in rules:
        values["split"] = rule
        text = _text(values)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ElmobenchWarning)
                task = Task(validated(TaskCard, parse_yaml(text, str(path)), str(path)).at(path))
                task.examples()
                remarks = check_data(task)
        except ConfigError:
            if rule == rules[-1]:
                values["split"] = proposal.split
                raise
            continue
        if rule != proposal.split:
            proposal.replace_split(rule)
        return task, remarks
    raise AssertionError("the last rule raises or returns")


def check_name(name: str) -> None:
    """Raise ConfigError if ``name`` cannot be the name of a task."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{name!r} cannot be the name of a task",
            fix="use lower-case letters, digits, '.', '_' and '-', as in "
            f"'elmobench new task {task_name(name)} --from ...'",
        )


def task_name(text: str) -> str:
    """A name for a task, made from the name of a file or folder.

    >>> task_name("My Reviews (2024)")
    'my-reviews-2024'
    """
    return re.sub(r"[^a-z0-9._]+", "-", text.lower()).strip("-._") or "mine"


def _values(name: str, proposal: Proposal, path: Path) -> dict[str, Any]:
    """The fields of the card, without counts and labels."""
    splits = {}
    for split in SPLITS:
        if split in proposal.sources:
            splits[split] = [
                _stated_source(source, path.parent, proposal) for source in proposal.sources[split]
            ]
        elif split in proposal.files:
            splits[split] = [
                _source(file, path.parent, proposal, split) for file in proposal.files[split]
            ]
    kind = PIPELINES.get(proposal.pipeline) if proposal.pipeline is not None else None
    sources = [source["path"] for group in proposal.sources.values() for source in group]
    files = [file for group in proposal.files.values() for file in group]
    names = ", ".join(f"{file.parent.name}/{file.name}" for file in sources) or ", ".join(
        file.name for file in files
    )
    return {
        "name": name,
        "pipeline": proposal.pipeline,
        "version": 1,
        "title": name,
        "description": f"Read from {shortened(names, 200)}.",
        "language": UNDETERMINED,
        "reader": {"name": proposal.reader, "options": proposal.options},
        "splits": splits,
        "split": proposal.split,
        "metric": kind.metrics[0] if kind is not None and kind.metrics else None,
        "licence": "unknown",
        "redistributable": "unclear",
        "citation": "unknown",
    }


def _source(file: Path, folder: Path, proposal: Proposal, split: str) -> dict[str, Any]:
    options = proposal.of_split.get(split)
    stated = {} if options is None else {"options": options}
    return {**_file(file, folder, proposal), **stated}


def _stated_source(source: Mapping[str, Any], folder: Path, proposal: Proposal) -> dict[str, Any]:
    """A source with its paths relative to the card's folder."""
    beside = {
        role: [_file(file, folder, proposal)] for role, file in source.get("beside", {}).items()
    }
    options = {"options": source["options"]} if "options" in source else {}
    more = {"beside": beside} if beside else {}
    return {**_file(source["path"], folder, proposal), **options, **more}


def _file(file: Path, folder: Path, proposal: Proposal) -> dict[str, Any]:
    """Path, digest and encoding of a file; a pattern for several has no digest."""
    relative = path_in_card(file, folder)
    digest = {}
    if file.is_file():
        with parsing(file):
            digest = {"sha256": file_sha256(file)}
    encoding = {} if proposal.encoding is None else {"encoding": proposal.encoding}
    return {"path": relative, **digest, **encoding}


_COMMENTS = {
    "language": "a guess by frequent words; 'und' is unknown",
    "licence": "to be corrected, if you pass results on",
    "redistributable": "yes, no or unclear",
}


def _text(values: Mapping[str, Any]) -> str:
    """The card as YAML; every value is written as JSON, so that no text is taken for a number."""
    lines = ["# Proposed by `elmobench new task --from`: correct what is wrong."]
    for key, value in values.items():
        comment = f"  # {_COMMENTS[key]}" if key in _COMMENTS else ""
        if key == "reader":
            lines += ["reader:", f"  name: {value['name']}"]
            lines += ["  options:"] if value["options"] else []
            lines += [_line(f"    {name}", one) for name, one in value["options"].items()]
        elif key == "splits":
            lines.append("splits:")
            for split, sources in value.items():
                lines.append(f"  {split}:")
                lines += [f"    - {json_text(source)}" for source in sources]
        elif key == "counts":
            lines.append("counts:")
            lines += [f"  {split}: {json_text(size)}" for split, size in value.items()]
        elif value is None and key == "split":
            continue
        else:
            lines.append(_line(key, value) + comment)
    return "\n".join(lines) + "\n"


def _line(key: str, value: Any) -> str:
    return f"{key}:  # to be filled in" if value is None else f"{key}: {json_text(value)}"


def json_text(value: Any) -> str:
    """A value as JSON in one line, which is YAML too."""
    text = json.dumps(value, ensure_ascii=False)
    # YAML takes some characters that cannot be seen for line ends.
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
