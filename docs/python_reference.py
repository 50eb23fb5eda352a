"""The page of the Python reference, from signatures and docstrings."""

from __future__ import annotations

import inspect
import re
from functools import cached_property
from importlib import import_module
from typing import Any

from pydantic import BaseModel

import elmobench
from elmobench.core.option_help import description_of

RETURNED = {
    "elmobench.api.results": ("Results",),
    "elmobench.api.comparison": ("Comparison",),
    "elmobench.api.claims": ("Claims",),
    "elmobench.api.names": ("Names",),
}
"""Classes of what the public functions return, by module."""

EXTENSION = {
    "elmobench.data.readers.base": ("Reader", "ReaderOptions", "SourceText", "ReadResult"),
    "elmobench.features.provider": ("FeatureProvider", "Layer", "ProviderFactory"),
    "elmobench.metrics.base": ("Metric", "Scores", "Tally"),
    "elmobench.tasks.base": ("Pipeline", "LabelCodec", "HeadOptions"),
    "elmobench.tasks.head": ("Head", "OnePassHead", "HeadPreset", "TrainingOptions", "Batch"),
    "elmobench.features.elmo.outputs": ("elmo_outputs",),
}
"""Names for people who extend elmobench, by module."""

INTRODUCTION = """# Python

The names of the package `elmobench` are stable. Each is imported when it is first used, so
`import elmobench` is instant.
"""


def python_page() -> str:
    """The reference of the public names and of the classes to extend."""
    parts = [INTRODUCTION]
    for name in sorted(elmobench.__all__, key=str.lower):
        parts.append(section(f"elmobench.{name}", getattr(elmobench, name)))
    parts.append("## What functions return\n\nObjects with tables; a notebook shows them.\n")
    parts += _sections(RETURNED)
    parts.append("## For extensions\n\nClasses to subclass or fill in; see the guides.\n")
    return "\n".join([*parts, *_sections(EXTENSION)])


def _sections(modules: dict[str, tuple[str, ...]]) -> list[str]:
    return [
        section(f"{module}.{name}", getattr(import_module(module), name), 3)
        for module, names in modules.items()
        for name in names
    ]


def section(name: str, thing: Any, level: int = 2) -> str:
    """Heading, signature and docstring of ``thing``; of a class, its public methods too."""
    short = name.rpartition(".")[2]
    parts = [f"{'#' * level} {short}", "", f"`{name}`", ""]
    if not hasattr(thing, "model_fields"):
        parts += ["```python", f"{short}{signature(thing)}", "```", ""]
    parts += [markdown(inspect.getdoc(thing) or ""), ""]
    parts += fields(thing)
    if inspect.isclass(thing):
        for method, function in vars(thing).items():
            is_value = isinstance(function, property | cached_property)
            function = function.fget if isinstance(function, property) else function
            function = function.func if isinstance(function, cached_property) else function
            doc = inspect.getdoc(function)
            if method.startswith("_") or not inspect.isfunction(function) or not doc:
                continue
            arguments = "" if is_value else signature(function)
            parts += [f"**`{method}{arguments}`**", "", markdown(doc), ""]
    return "\n".join(parts)


def fields(thing: Any) -> list[str]:
    """The described fields of a pydantic model as a list; nothing for anything else."""
    if not inspect.isclass(thing) or not issubclass(thing, BaseModel):
        return []
    described = [(name, description_of(thing, name)) for name in thing.model_fields]
    entries = [f"- `{name}`: {description}" for name, description in described if description]
    return ["*Attributes:*", "", *entries, ""] if entries else []


def signature(thing: Any) -> str:
    """The signature without quotes around annotations; empty if there is none."""
    try:
        return str(inspect.signature(thing)).replace("'", "")
    except (TypeError, ValueError):
        return ""


def markdown(doc: str) -> str:
    """A docstring with Google-style sections as Markdown."""
    doc = re.sub(r":(?:class|func|meth|data|attr|mod):`~?([^`]*)`", r"`\1`", doc)
    doc = doc.replace("``", "`")
    lines: list[str] = []
    in_section = False
    for paragraph in doc.split("\n\n"):
        if paragraph.lstrip().startswith(">>>"):
            lines += ["```pycon", inspect.cleandoc(paragraph), "```", ""]
            continue
        heading, _, body = paragraph.partition("\n")
        if heading in ("Args:", "Attributes:", "Returns:", "Raises:", "Yields:"):
            in_section = True
            lines += [f"*{heading}*", "", *items(body), ""]
        elif in_section and paragraph.startswith(" "):
            lines += [*items(paragraph), ""]
        else:
            lines += [paragraph, ""]
    return "\n".join(lines)


def items(body: str) -> list[str]:
    """Entries of a section as a list; a continuation line belongs to the entry before."""
    entries: list[str] = []
    for line in inspect.cleandoc("\n" + body).splitlines():
        if line.startswith(" ") and entries:
            entries[-1] += " " + line.strip()
        else:
            entries.append(line.strip())
    named = [re.sub(r"^([*\w]+):", r"`\1`:", entry) for entry in entries if entry]
    return [f"- {entry}" for entry in named]
