"""A proposal of a task card for some files: pipeline, reader, options, splits, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmobench.core.compressed import unpacked
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import read_bytes
from elmobench.core.quoting import shortened
from elmobench.core.registry import did_you_mean
from elmobench.data.encodings import as_utf8
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.data.readers.squad import READER as SQUAD
from elmobench.data.tag_schemes import detected_scheme
from elmobench.tasks.from_files.decisions import Decision
from elmobench.tasks.from_files.fields import Fields, fields_of, tagging_pipeline
from elmobench.tasks.from_files.formats import Look, look_at
from elmobench.tasks.from_files.labels import are_decimals, are_label_lists, label_options
from elmobench.tasks.from_files.split_files import find_files
from elmobench.tasks.from_files.tag_columns import documents_in, tag_column_options
from elmobench.tasks.from_files.tokenized import is_tokenized
from elmobench.tasks.registries import PIPELINES

_GROUPS = ("doc_id", "document_id", "doc", "document", "article_id", "author_id", "user_id")
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_TAG_NAMES = {
    "pos": ("pos_tags", "upos", "pos", "xpos"),
    "chunking": ("chunk_tags", "chunks"),
    "ner": ("ner_tags", "ner"),
}
_FEW_DOCUMENTS = 10


@dataclass
class Proposal:
    """What a card should state.

    Attributes:
        pipeline: of the task; None if it cannot be decided.
        reader: registered name.
        options: of the reader; None for those that are to be filled in.
        files: the files of each split.
        split: the rule that makes missing splits; None if there are all.
        encoding: of the files; None for UTF-8.
        decisions: what was decided, in its order.
    """

    pipeline: str | None
    reader: str
    options: dict[str, Any]
    files: dict[str, list[Path]]
    split: dict[str, Any] | None = None
    encoding: str | None = None
    decisions: list[Decision] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """The options that the user has to fill in."""
        return [name for name, value in self.options.items() if value is None]

    def replace_split(self, rule: dict[str, Any] | None) -> None:
        """State another rule by which missing splits are made."""
        self.split = rule
        if rule is not None:
            kept = [decision for decision in self.decisions if decision.what != "split"]
            self.decisions = [*kept, _split_decision(rule)]


def propose(
    given: Sequence[str], pipeline: str | None = None, columns: Sequence[str] = ()
) -> Proposal:
    """Look at files and propose how to read them.

    Args:
        given: files and folders; ``dev=FILE`` says which split a file is.
        pipeline: a registered pipeline; None to find it.
        columns: columns that the user states, as ``ROLE=COLUMN``.

    Raises:
        ConfigError: a file is missing or of no split; ``columns`` has another form.
        DataError: a file is in no format that is recognised, or holds no such column.
        UnknownNameError: there is no such pipeline.
    """
    if pipeline is not None:
        PIPELINES.get(pipeline)
    stated = _stated(columns)
    files, splits = find_files(given)
    encoding, why = _encoding([path for paths in files.values() for path in paths])
    texts = {split: [_text(path, encoding) for path in paths] for split, paths in files.items()}
    look = look_at(texts["train"][0])
    decisions = [splits, Decision("format", look.reader, look.why)]
    if encoding is not None:
        decisions.append(Decision("encoding", encoding, why))
    if look.reader == "conll-columns":
        found = _of_columns(texts, pipeline, stated)
    elif look.reader == "squad":
        found = _of_squad(texts)
    else:
        found = _of_fields(texts, look, pipeline, stated)
    found.files = {split: files[split] for split in files if split not in _left_out(found)}
    found.encoding = encoding
    found.decisions = [*decisions, *found.decisions]
    _divide(found, texts)
    return found


def _stated(columns: Sequence[str]) -> dict[str, str | int]:
    stated: dict[str, str | int] = {}
    roles = {name for kind in RECORD_KINDS.values() for name in (*kind.fields, *kind.more)}
    for text in columns:
        role, equals, column = text.partition("=")
        if not equals or not column or role not in {*roles, "token", "tag", "group"}:
            raise ConfigError(
                f"--column {text}: expected ROLE=COLUMN",
                fix=f"roles: {', '.join(sorted({*roles, 'token', 'tag', 'group'}))}"
                if role not in roles
                else None,
            )
        stated[role] = int(column) if column.isdecimal() else column
    return stated


def _encoding(paths: Sequence[Path]) -> tuple[str | None, str]:
    """The encoding of files that are not UTF-8, and why; None for UTF-8 and binary formats."""
    for path in paths:
        data = unpacked(read_bytes(path), str(path))
        if data[:4] == b"PAR1":
            continue
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16", "it begins with the byte-order mark of UTF-16"
        for encoding in _ENCODINGS:
            try:
                data.decode(encoding)
            except UnicodeDecodeError:
                continue
            if encoding != "utf-8":
                return encoding, f"{path.name} is not UTF-8; look whether its letters are right"
            break
    return None, ""


def _text(path: Path, encoding: str | None) -> SourceText:
    data = unpacked(read_bytes(path), str(path))
    if encoding is not None:
        data = as_utf8(data, encoding, str(path))
    return SourceText(data, str(path))


def _of_columns(
    texts: Mapping[str, Sequence[SourceText]], pipeline: str | None, stated: Mapping[str, str | int]
) -> Proposal:
    wrong = [role for role in stated if role not in ("token", "tag")]
    if wrong or any(isinstance(column, str) for column in stated.values()):
        raise ConfigError(
            "a file in columns has the roles token and tag, by number from 0",
            fix="--column token=0 --column tag=3",
        )
    kind, options, decisions = tag_column_options(texts["train"][0], pipeline, stated)
    return Proposal(kind, "conll-columns", options, {}, decisions=decisions)


def _of_squad(texts: Mapping[str, Sequence[SourceText]]) -> Proposal:
    found = Proposal("qa", "squad", {"tokenizer": "clitics"}, {})
    found.decisions.append(Decision("pipeline", "qa", "questions with answers in passages"))
    options = SQUAD.options({"unanswerable": "drop"}, "card")
    dropped = [SQUAD.read_all(text, options).dropped for text in (*texts["train"],)]
    number = sum(counts["unanswerable questions"] for counts in dropped)
    if number:
        found.options["unanswerable"] = "drop"
        why = f"train has {number:,} questions without an answer, and heads answer every question"
        found.decisions.append(Decision("unanswerable", "drop", why))
    return found


def _of_fields(
    texts: Mapping[str, Sequence[SourceText]],
    look: Look,
    pipeline: str | None,
    stated: dict[str, str | int],
) -> Proposal:
    group = stated.pop("group", None)
    for column in (*stated.values(), *(() if group is None else (group,))):
        if column not in look.columns:
            raise DataError(
                f"has no column {column!r}",
                where=texts["train"][0].name,
                fix=did_you_mean(str(column), map(str, look.columns)),
            )
    kinds = [
        name
        for name, kind in RECORD_KINDS.items()
        if (pipeline is None or pipeline in kind.pipelines)
        and (look.reader != "table" or name in ("text", "pair"))
    ]
    if not kinds:
        raise DataError(
            f"the format {look.reader} has no examples of the pipeline {pipeline}",
            where=texts["train"][0].name,
            fix="state another pipeline, or write the card with --reader",
        )
    fields = fields_of(look.columns, stated, kinds, _TAG_NAMES.get(pipeline or "", ()))
    if fields.kind is None:
        names = shortened(", ".join(map(str, look.columns)), 300)
        raise DataError(
            f"cannot say what the columns hold: {names}",
            where=texts["train"][0].name,
            fix="state them, such as --column text=NAME --column label=NAME",
        )
    found = Proposal(pipeline, look.reader, dict(look.options), {}, decisions=fields.decisions)
    found.options |= fields.columns | fields.options
    if group is None:
        group = next((g for g in _GROUPS if g in look.columns and _repeats(look.columns[g])), None)
    if group is not None:
        found.options["group"] = group
    looks = {
        split: [look_at(text).columns for text in others]
        for split, others in texts.items()
        if split != "train"
    } | {"train": [look.columns, *(look_at(text).columns for text in texts["train"][1:])]}
    _name_labels(found, fields, looks, look)
    _choose_tokenizer(found, fields, look)
    _choose_pipeline(found, fields, look)
    if look.reader == "table" and fields.kind == "pair":
        found.reader = "pair-table"
    if look.reader == "table" and any(isinstance(c, int) for c in fields.columns.values()):
        found.options["header"] = False
    return found


_Looks = Mapping[str, Sequence[Mapping[str | int, Sequence[Any]]]]


def _name_labels(found: Proposal, fields: Fields, looks: _Looks, look: Look) -> None:
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
    if "label" in fields.columns and are_label_lists(values):
        if found.pipeline not in (None, "multilabel"):
            raise DataError(
                f"the labels in {column!r} are lists, and {found.pipeline} has one label per text",
                fix="--pipeline multilabel, or another column with --column label=NAME",
            )
        found.pipeline = "multilabel"
        values = [label for labels in values for label in labels or ()]
        found.decisions.append(Decision("labels", "sets", "the labels are lists"))
    elif "label" in fields.columns and found.pipeline is None and are_decimals(values):
        found.pipeline = "regression" if fields.kind == "text" else "pair-regression"
        why = "the labels are numbers with decimals"
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
    options, decision = label_options(values, look.names.get(str(column)), column)
    found.options |= options
    if decision is not None:
        found.decisions.append(decision)


def _choose_tokenizer(found: Proposal, fields: Fields, look: Look) -> None:
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
    why = (
        "blanks stand before punctuation: the texts are tokenised"
        if tokenized
        else "punctuation is joined to words"
    )
    found.decisions.append(Decision("tokenizer", found.options["tokenizer"], why))


def _choose_pipeline(found: Proposal, fields: Fields, look: Look) -> None:
    assert fields.kind is not None
    kind = RECORD_KINDS[fields.kind]
    why = "stated" if found.pipeline is not None else kind.what
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


def _repeats(values: Sequence[Any]) -> bool:
    known = [value for value in values if isinstance(value, str | int)]
    return len(known) == len(values) and _FEW_DOCUMENTS <= len(set(known)) < len(known) / 1.5


def _left_out(found: Proposal) -> set[str]:
    return {decision.value for decision in found.decisions if decision.what == "left out"}


def _divide(found: Proposal, texts: Mapping[str, Sequence[SourceText]]) -> None:
    """State how dev and test are made from train, if the files lack them."""
    made = [split for split in ("dev", "test") if split not in found.files]
    if not made:
        found.options.pop("group", None)
        return
    by = "hash"
    documents = 0
    if found.reader == "conll-columns":
        documents = sum(map(documents_in, texts["train"]))
    if "group" in found.options or documents >= _FEW_DOCUMENTS or found.reader == "squad":
        by = "group"
    found.split = {**dict.fromkeys(made, 0.1), "from": "train", "by": by}
    found.decisions.append(_split_decision(found.split))


def _split_decision(rule: Mapping[str, Any]) -> Decision:
    made = [split for split in ("dev", "test") if split in rule]
    shares = " and ".join(f"{100 * rule[split]:.0f} % ({split})" for split in made)
    unit = "whole documents" if rule["by"] == "group" else "texts"
    why = f"the files have no {' and no '.join(made)}; a hash of {unit} decides"
    return Decision("split", f"{shares} of train", why)
