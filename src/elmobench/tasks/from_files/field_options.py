"""Options of readers of fields, by what the fields hold: labels, tokenizer, scheme, pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from elmobench.core.errors import DataError
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.data.tag_schemes import detected_scheme
from elmobench.tasks.from_files.column_values import Columns
from elmobench.tasks.from_files.decisions import Decision, Fields, Proposal
from elmobench.tasks.from_files.fields import tagging_pipeline
from elmobench.tasks.from_files.formats import Look
from elmobench.tasks.from_files.labels import (
    are_decimals,
    are_joined,
    are_label_lists,
    are_scores,
    label_options,
)
from elmobench.tasks.from_files.tokenized import TOKENIZED, is_tokenized

ColumnsOfSplits = Mapping[str, Sequence[Columns]]
"""The columns of the files of each split."""


def name_labels(found: Proposal, fields: Fields, looks: ColumnsOfSplits, look: Look) -> None:
    """Give names to labels that are numbers, and leave out a test set without labels."""
    column = fields.columns.get("label", fields.columns.get("tags"))
    if column is None:
        return
    hidden = [
        split
        for split, files in looks.items()
        if split == "test"
        and all(v in (-1, "-1", None, "") for columns in files for v in columns.get(column, ()))
    ]
    for split in hidden:
        why = "its labels are hidden, as in sets with a leaderboard"
        found.decisions.append(Decision("left out", split, why))
    values = [
        value
        for split, files in looks.items()
        if split not in hidden
        for columns in files
        for value in columns.get(column, ())
    ]
    if "label" in fields.columns:
        _map_labels(found, fields, look, {value for value in values if isinstance(value, str)})
    if "label" in fields.columns and are_label_lists(values):
        if found.pipeline not in (None, "multilabel"):
            raise DataError(
                f"the labels in {column!r} are lists, and {found.pipeline} has one label per text",
                fix="--pipeline multilabel, or another column with --column label=NAME",
            )
        found.pipeline = "multilabel"
        values = [label for labels in values for label in labels or ()]
        found.decisions.append(Decision("labels", "sets", "the labels are lists"))
    elif fields.kind == "text" and found.pipeline is None and are_joined(values):
        found.pipeline = "multilabel"
        found.decisions.append(Decision("labels", "sets", "some are several, joined by commas"))
    elif "label" in fields.columns and found.pipeline is None and are_decimals(values):
        found.pipeline = "regression" if fields.kind == "text" else "pair-regression"
        why = "the labels are numbers with decimals"
        found.decisions.append(Decision("labels", "numbers, not classes", why))
    elif fields.kind == "pair" and found.pipeline is None and are_scores(values, column):
        found.pipeline = "pair-regression"
        why = f"they are numbers, and {column} is no name of classes; --pipeline nli reads classes"
        found.decisions.append(Decision("labels", "numbers, not classes", why))
    if look.reader == "table" or found.pipeline in ("regression", "pair-regression"):
        return
    if "tags" in fields.columns:
        values = [tag for tags in values if isinstance(tags, list) for tag in tags]
        names = look.names.get(str(column))
        if names is None and any(isinstance(value, int) for value in values):
            found.options["names"] = None
            why = f"numbers up to {max(v for v in values if isinstance(v, int))}, which need names"
            found.decisions.append(Decision("names", "to be filled in", why))
            return
    if fields.kind in ("marked-pair", "marked-tokens") and all(
        isinstance(value, bool) for value in values
    ):
        return  # the reader names them
    options, decision = label_options(values, look.names.get(str(column)), column)
    found.options |= options
    if decision is not None:
        found.decisions.append(decision)


def _map_labels(found: Proposal, fields: Fields, look: Look, labels: set[str]) -> None:
    """Leave out pairs whose annotators did not agree, and take quotes off labels."""
    if "-" in labels and (fields.kind == "pair" or look.reader != "table"):
        found.options["no_label"] = "-"
        why = "examples with the label '-' have none, as in SNLI; they are left out and counted"
        found.decisions.append(Decision("no_label", "-", why))
    # Of train alone: another file may look like a table whose fields are quoted.
    column = fields.columns["label"]
    of_train = () if column is None else look.columns[column]
    known = {label for label in of_train if isinstance(label, str)}
    quotes = {label for label in known if len(label) > 2 and label[0] == label[-1] == '"'}
    if quotes and quotes == known:
        found.options["map"] = {label: label[1:-1] for label in sorted(known)}
        why = "the labels stand in quotes, which are no part of them"
        found.decisions.append(Decision("map", ", ".join(found.options["map"].values()), why))


def choose_tokenizer(found: Proposal, fields: Fields, look: Look) -> None:
    """How texts are split: at blanks if they are tokenised already, into words otherwise."""
    if fields.kind not in ("text", "pair"):
        return
    column = fields.columns.get("text", fields.columns.get("premise"))
    values = () if column is None else look.columns[column]
    texts = [value for value in values if isinstance(value, str)]
    if not texts:
        if fields.kind == "pair" or look.reader == "table":
            found.options.setdefault("tokenizer", "words")
        return
    tokenized = is_tokenized(texts)
    found.options["tokenizer"] = "blanks" if tokenized else "words"
    found.decisions.append(Decision("tokenizer", found.options["tokenizer"], TOKENIZED[tokenized]))


def choose_pipeline(found: Proposal, fields: Fields, look: Look, *, stated: bool) -> None:
    """Choose the pipeline and, for tags, their scheme.

    Args:
        found: the proposal so far; labels may have decided its pipeline.
        fields: what its columns hold.
        look: the format and values of the file.
        stated: whether the user states the pipeline.
    """
    assert fields.kind is not None
    kind = RECORD_KINDS[fields.kind]
    why = "stated" if stated else kind.what if found.pipeline is None else "by its labels"
    if fields.kind in ("tags", "roles") and found.options.get("names", ()) is not None:
        tags = _tag_names(found, fields, look)
        pipeline, reason = tagging_pipeline(fields.columns["tags"], tags)
        scheme = detected_scheme(tags)
        plain = scheme is None or found.pipeline == "pos"
        found.options["scheme"] = "none" if plain else scheme
        why_scheme = "plain tags" if plain else "the first scheme in which all tags are legal"
        found.decisions.append(Decision("scheme", found.options["scheme"], why_scheme))
        if fields.kind == "tags" and found.pipeline is None:
            found.pipeline, why = pipeline, reason
    elif fields.kind in ("tags", "roles"):
        found.options["scheme"] = None
    found.pipeline = found.pipeline or kind.pipelines[0]
    found.decisions.append(Decision("pipeline", found.pipeline, why))


def _tag_names(found: Proposal, fields: Fields, look: Look) -> list[list[str]]:
    """The tags of each sentence by their names."""
    column = fields.columns["tags"]
    assert column is not None
    names, given = found.options.get("names"), found.options.get("map", {})
    sentences = []
    for tags in look.columns[column]:
        parts = tags.split() if isinstance(tags, str) else tags or []
        named = [names[t] if names and isinstance(t, int) else str(t) for t in parts]
        sentences.append([given.get(tag, tag) for tag in named])
    return sentences
