"""Templates of task cards, for ``elmobench new task``."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator

from elmobench.core.errors import ConfigError
from elmobench.core.option_help import comments, default_of
from elmobench.data.readers.base import READERS
from elmobench.tasks.registries import PIPELINES


def card_text(name: str, pipeline: str, reader: str | None = None) -> str:
    """A card for a data set called ``name``, to be filled in.

    The text is valid YAML. Loading it is an error until the empty fields are filled in.

    Args:
        name: the data set's name; its card's id is ``pipeline/name``.
        pipeline: a registered pipeline.
        reader: a registered reader; None for the pipeline's usual one.

    Raises:
        UnknownNameError: there is no such pipeline or reader.
        ConfigError: ``name`` is not a valid name.
    """
    kind = PIPELINES.get(pipeline)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{name!r} cannot be the name of a task",
            fix="use lower-case letters, digits, '.', '_' and '-'; the pipeline is not part of it",
        )
    usual = list(kind.readers)
    chosen = reader or (usual[0] if usual else None)
    metric = kind.metrics[0] if kind.metrics else ""
    others = [other for other in usual if other != chosen]
    lines = [
        f"# A task card for the pipeline {pipeline}: {PIPELINES.summary(pipeline)}.",
        "# Fill in the empty fields. Then, with FOLDER the folder of this file, run",
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
        *_reader_options(chosen, dict(kind.readers.get(chosen or "", {}))),
        *textwrap.dedent(f"""\
            # A path is relative to this card. A file can also be {{url: "https://…", sha256: …,
            # bytes: …}}. A file may also have member: (its name in a zip archive), lines: [first,
            # last], options: (of the reader, for this file), beside: (more files for the reader).
            splits:
              train: [{{path: }}]
              dev: [{{path: }}]
              test: [{{path: }}]
            # Without a published split, split by a hash of the texts, instead of the lines above:
            # splits: {{all: [{{path: }}]}}
            # split: {{by: hash, salt: {name}-1, dev: 0.1, test: 0.1}}
            # Counts are checked at every load; `elmobench data verify` counts the examples.
            # counts: {{train: {{examples: 0}}, dev: {{examples: 0}}, test: {{examples: 0}}}}
            # All labels or tags that may occur; by default those of train.
            # labels: []""").splitlines(),
        _commented(f"metric: {metric}", "others: ", kind.metrics[1:]),
        "licence:",
        "redistributable:  # yes, no or unclear",
        "citation:",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _reader(chosen: str | None, others: list[str]) -> list[str]:
    if chosen is None:
        return [
            "  # `elmobench list readers` lists them, `elmobench show` describes their options.",
            "  name:",
        ]
    lines = [f"  # `elmobench show {chosen}` describes its options."]
    if others:
        lines.append(f"  # Also for this pipeline: {', '.join(others)} (--reader).")
    return [*lines, f"  name: {chosen}"]


def _reader_options(reader: str | None, start: dict[str, object]) -> Iterator[str]:
    """Yield the lines of the card's block ``options``.

    Required options and those in ``start`` are written out; all others are comments.
    """
    if reader is None:
        return
    model = READERS.get(reader).options_type
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    stated = {name: start.get(name) for name in model.model_fields if name in {*start, *required}}
    yield "  options:" if stated else "  options: {}"
    for name in model.model_fields:
        yield from (f"    {line}" for line in comments(model, name))
        if name in stated:
            value = stated[name]
            yield f"    {name}:" + ("" if value is None else f" {json.dumps(value)}")
        else:
            default = json.dumps(default_of(model, name), ensure_ascii=False)
            yield f"    # {name}: {default}"


def _commented(line: str, heading: str, values: tuple[str, ...]) -> str:
    return f"{line}  # {heading}{', '.join(values)}" if values else line
