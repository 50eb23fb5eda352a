"""Templates of task cards, for ``elmobench new task``."""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.option_help import comments, default_of
from elmobench.core.parsing import read_bytes
from elmobench.core.registry import did_you_mean
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.cards.published_data import PUBLISHED_DATASETS
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.column_detection import span_column_options
from elmobench.tasks.base import Pipeline
from elmobench.tasks.registries import PIPELINES


@dataclass(frozen=True)
class TrainFile:
    """A training file for a new card.

    Attributes:
        file: where it is.
        path: how the card names it, relative to the card's folder.
    """

    file: Path
    path: str


def card_text(
    name: str,
    pipeline: str,
    reader: str | None = None,
    same_as: str | None = None,
    train: TrainFile | None = None,
) -> str:
    """A card for a data set called ``name``, to be filled in.

    The text is valid YAML. Loading it is an error until the empty fields are filled in.

    Args:
        name: the data set's name; its card's id is ``pipeline/name``.
        pipeline: a registered pipeline.
        reader: a registered reader; None for the pipeline's usual one.
        same_as: id of the published data set that the data are; None if they are none.
        train: the training file, which fills in its path and, for columns with span tags, the
            reader's options; None to leave them to the user.

    Raises:
        UnknownNameError: there is no such pipeline, reader or published data set.
        ConfigError: ``name`` is not a valid name, or the published data set is of another pipeline.
        DataError: ``train`` cannot be read, or has no span tags, although pipeline and reader need
            them.
    """
    kind = PIPELINES.get(pipeline)
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name):
        raise ConfigError(
            f"{name!r} cannot be the name of a task",
            fix="use lower-case letters, digits, '.', '_' and '-'; the pipeline is not part of it",
        )
    usual = list(kind.readers)
    chosen = reader or (usual[0] if usual else None)
    metric = _metric(pipeline, same_as) or (kind.metrics[0] if kind.metrics else "")
    others = [other for other in usual if other != chosen]
    start = _first_options(kind, chosen, same_as, train)
    path = "" if train is None else json.dumps(train.path, ensure_ascii=False)
    lines = [
        f"# A task card for the pipeline {pipeline}: {PIPELINES.summary(pipeline)}.",
        "# Fill in the empty fields. Then, with FOLDER the folder of this file, run",
        f"#   elmobench data verify {pipeline}/{name} --include FOLDER",
        f"#   elmobench run mine.yaml --include FOLDER    (with `tasks: [{pipeline}/{name}]`)",
        # A name that YAML takes for a number is quoted.
        f"name: {name if isinstance(parse_yaml(name, name), str) else json.dumps(name)}",
        f"pipeline: {pipeline}",
        "version: 1",
        "title:",
        "description:",
        "language:  # en, de, …",
        *_data_origin(name, pipeline, same_as),
        "reader:",
        *_reader(chosen, others),
        *_reader_options(chosen, start),
        *_splits(name, path, chosen),
        _commented(
            f"metric: {metric}",
            "others: ",
            tuple(other for other in kind.metrics if other != metric and same_as is None),
        ),
        "licence:",
        "redistributable:  # yes, no or unclear",
        "citation:",
    ]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _first_options(
    kind: Pipeline[Any], reader: str | None, same_as: str | None, train: TrainFile | None
) -> dict[str, Any]:
    """Reader options to begin with: the training file's, the published data's, the pipeline's."""
    start = dict(kind.readers.get(reader or "", {}))
    if same_as is not None and reader == next(iter(kind.readers), None):
        start |= PUBLISHED_DATASETS[same_as].reader_options
    if train is not None and reader == "conll-columns" and start.get("scheme", "none") != "none":
        kept = {name: value for name, value in start.items() if name not in ("scheme", "convert")}
        start = kept | span_column_options(SourceText(read_bytes(train.file), str(train.file)))
    return start


def _metric(pipeline: str, same_as: str | None) -> str | None:
    """The metric of the published scores on ``same_as``, which must be of ``pipeline``."""
    if same_as is None:
        return None
    dataset = PUBLISHED_DATASETS.get(same_as)
    if dataset is None:
        raise UnknownNameError(
            f"no published data set {same_as!r}", fix=did_you_mean(same_as, PUBLISHED_DATASETS)
        )
    if dataset.pipeline != pipeline:
        raise ConfigError(
            f"the published data set {same_as} is of the pipeline {dataset.pipeline}, "
            f"not of {pipeline}",
            fix=f"--pipeline {dataset.pipeline}",
        )
    return dataset.metric


def _data_origin(name: str, pipeline: str, same_as: str | None) -> Iterator[str]:
    """Yield the lines of the card's fields ``corpus`` and ``same_as``."""
    ids = [key for key, dataset in PUBLISHED_DATASETS.items() if dataset.pipeline == pipeline]
    yield "# The published data set that these data are: the same texts, annotation and splits, no"
    yield "# part of it. The report then compares scores with published ones."
    yield f"# One of: {', '.join(ids)}." if ids else "# None is known for this pipeline."
    yield f"same_as: {same_as}" if same_as is not None else "# same_as:"
    if same_as is None:
        yield "# The corpus of the texts. Tasks on one corpus share one weight in averages."
        yield f"# corpus: {pipeline}/{name}"


def _splits(name: str, path: str, reader: str | None) -> Iterator[str]:
    """Yield the lines of the card's files, splits, counts and labels."""
    companions = READERS.get(reader).companions if reader is not None else {}
    beside = ", ".join(f"{role}: [{{path: }}]" for role in companions)
    more = f", beside: {{{beside}}}" if companions else ""
    # Comments of the template, in the indentation that is taken off below.
    about = "".join(f"\n        # {role}: {what}." for role, what in companions.items())
    yield from textwrap.dedent(f"""\
        # A path is relative to this card. A file can also be {{url: "https://…", sha256: …,
        # bytes: …}}. A file may also have member: (its name in a zip archive), lines: [first,
        # last], options: (of the reader, for this file), beside: (more files for the reader),
        # encoding: (such as latin-1), drop: [kinds of problems whose examples are left out].
        # A path may be a pattern for several files, such as "*/train.txt".{about}
        splits:
          train: [{{path: {path}{more}}}]
          dev: [{{path: {more}}}]
          test: [{{path: {more}}}]
        # Without a dev file, leave out its line and take a part of train (by: group keeps
        # documents together); test can be taken in the same way:
        # split: {{dev: 0.1, from: train, by: hash}}
        # For one file without splits, instead of the lines above:
        # splits: {{all: [{{path: }}]}}
        # split: {{by: hash, salt: {name}-1, dev: 0.1, test: 0.1}}
        # Counts are checked at every load; `elmobench data verify` counts the examples.
        # counts: {{train: {{examples: 0}}, dev: {{examples: 0}}, test: {{examples: 0}}}}
        # All labels or tags that may occur; by default those of train.
        # labels: []""").splitlines()


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
    yield "  options:" if stated else "  options: {}  # to set one of these, delete the {} here"
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
