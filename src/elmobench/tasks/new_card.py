"""A task card to fill in, as text: for ``elmobench new task``."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator

from elmobench.core.errors import ConfigError
from elmobench.core.option_help import comments, default_of, meanings
from elmobench.data.readers.base import READERS
from elmobench.tasks.registries import PIPELINES


def card_text(name: str, pipeline: str, reader: str | None = None) -> str:
    """A card for a set called ``name``: valid YAML, refused until what is empty is filled in.

    Args:
        name: of the set; its card's id is ``pipeline/name``.
        pipeline: a registered pipeline.
        reader: a registered reader; None for the pipeline's usual one.

    Raises:
        UnknownNameError: no such pipeline or reader.
        ConfigError: ``name`` cannot be a name.
    """
    found = PIPELINES.get(pipeline)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{name!r} cannot be the name of a task",
            fix="use small letters, digits, '.', '_' and '-'; the pipeline is not part of it",
        )
    usual = list(found.readers)
    chosen = reader or (usual[0] if usual else None)
    metric = found.metrics[0] if found.metrics else ""
    others = [other for other in usual if other != chosen]
    lines = [
        f"# A task card for the pipeline {pipeline}: {PIPELINES.summary(pipeline)}.",
        "# Fill in what is empty. Then, with FOLDER the folder of this file:",
        f"#   elmobench data verify {pipeline}/{name} --include FOLDER",
        f"#   elmobench run mine.yaml --include FOLDER    (with `tasks: [{pipeline}/{name}]`)",
        f"name: {name}",
        f"pipeline: {pipeline}",
        "version: 1",
        "title:",
        "description:",
        "language:  # en, de, …",
        "reader:",
        *_reader(chosen, others),
        *_reader_options(chosen, dict(found.readers.get(chosen or "", {}))),
        *textwrap.dedent(f"""\
            # Files stand beside this card; or at {{url: "https://…", sha256: …, bytes: …}}. A file
            # may also have member: (its name in a zip archive), lines: [first, last], options:
            # (of the reader, for it alone) and beside: (files that its reader needs as well).
            splits:
              train: [{{path: }}]
              dev: [{{path: }}]
              test: [{{path: }}]
            # A set without a split gets one by a hash of its texts, in place of the lines above:
            # splits: {{all: [{{path: }}]}}
            # split: {{by: hash, salt: {name}-1, dev: 0.1, test: 0.1}}
            # What is stated here is checked at every load; `elmobench data verify` counts.
            # counts: {{train: {{examples: 0}}, dev: {{examples: 0}}, test: {{examples: 0}}}}
            # All labels or tags that may occur; not stated: those of train.
            # labels: []""").splitlines(),
        _commented(f"metric: {metric}", "others: ", found.metrics[1:]),
        "licence:",
        "redistributable:  # yes, no or unclear",
        "citation:",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _reader(chosen: str | None, others: list[str]) -> list[str]:
    if chosen is None:
        return [
            "  # `elmobench list readers` lists them, `elmobench show` tells their options.",
            "  name:",
        ]
    lines = [f"  # `elmobench show {chosen}` tells more of its options."]
    if others:
        lines.append(f"  # Also for this pipeline: {', '.join(others)} (--reader).")
    return [*lines, f"  name: {chosen}"]


def _reader_options(reader: str | None, start: dict[str, object]) -> Iterator[str]:
    """The block ``options``: what must be stated or usually is, and the rest as comments."""
    if reader is None:
        return
    model = READERS.get(reader).options_type
    known = meanings(model)
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    stated = {name: start.get(name) for name in model.model_fields if name in {*start, *required}}
    yield "  options:" if stated else "  options: {}"
    for name in model.model_fields:
        yield from (f"    {line}" for line in comments(model, name, known))
        if name in stated:
            value = stated[name]
            yield f"    {name}:" + ("" if value is None else f" {json.dumps(value)}")
        else:
            default = json.dumps(default_of(model, name), ensure_ascii=False)
            yield f"    # {name}: {default}"


def _commented(line: str, what: str, values: tuple[str, ...]) -> str:
    return f"{line}  # {what}{', '.join(values)}" if values else line
