"""A proposal of a task card for some files: pipeline, reader, options, splits, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from elmobench.core.compressed import unpacked
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import read_bytes
from elmobench.core.quoting import shortened
from elmobench.core.registry import did_you_mean
from elmobench.data.cards.card import SPLITS
from elmobench.data.encodings import as_utf8
from elmobench.data.readers.base import SourceText
from elmobench.data.readers.record_options import RECORD_KINDS
from elmobench.data.readers.squad import READER as SQUAD
from elmobench.tasks.from_files.column_values import (
    judgement_column,
    split_column,
    with_paths,
)
from elmobench.tasks.from_files.decisions import Decision, Proposal, split_decision
from elmobench.tasks.from_files.edge_targets import READER as EDGES
from elmobench.tasks.from_files.edge_targets import edge_proposal
from elmobench.tasks.from_files.field_options import (
    choose_pipeline,
    choose_tokenizer,
    name_labels,
)
from elmobench.tasks.from_files.fields import fields_of
from elmobench.tasks.from_files.folder_layouts import equal_files, label_folders, of_layout
from elmobench.tasks.from_files.formats import Look, look_at
from elmobench.tasks.from_files.split_files import all_files_of_splits, find_files
from elmobench.tasks.from_files.tag_columns import documents_in, is_conllu, tag_column_options
from elmobench.tasks.from_files.tokenized import TOKENIZED, is_tokenized
from elmobench.tasks.registries import PIPELINES

_GROUPS = ("doc_id", "document_id", "doc", "document", "article_id", "author_id", "user_id")
_ENCODINGS = ("utf-8", "cp1252", "latin-1")
_TAG_NAMES = {
    "pos": ("pos_tags", "upos", "pos", "xpos"),
    "chunking": ("chunk_tags", "chunks"),
    "ner": ("ner_tags", "ner"),
}
_FEW_DOCUMENTS = 10
_MARKED_TABLE = {
    **{"premise": "first", "premise_start": "first_start", "premise_end": "first_end"},
    **{"hypothesis": "second", "hypothesis_start": "second_start", "hypothesis_end": "second_end"},
}
"""Names of the reader ``marked-table`` for options of readers of records."""
_OTHER_COLUMNS = {
    "conll-coref": {"coref": "conll-coref", "srl": "conll-2012-srl"},
    "conll-2009": {"srl": "conll-2009"},
}
"""Formats of columns, the pipelines that read them, the usual one first, and their readers."""
_OF_TREES: dict[str, tuple[str, dict[str, Any]]] = {
    "edges": ("conllu-edges", {"label": "relation"}),
    "tree-distance": ("conllu-trees", {}),
    "tree-depth": ("conllu-trees", {}),
}
"""Pipelines that read the trees of CoNLL-U, where they are stated, with reader and options."""


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
    layout = label_folders(given) or equal_files(all_files_of_splits(given), pipeline)
    if layout is not None:
        return of_layout(layout, pipeline, _encoding(layout.samples))
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
    elif look.reader == EDGES:
        found = edge_proposal(look.rows, pipeline, stated, texts["train"][0].name)
    elif look.reader in _OTHER_COLUMNS:
        found = _of_other_columns(look, pipeline, texts["train"][0].name)
    elif look.reader == "word-tags":
        found = Proposal(pipeline or "pos", look.reader, dict(look.options), {})
        found.decisions.append(Decision("pipeline", found.pipeline or "pos", "words with tags"))
    elif look.reader == "lines":
        found = _of_lines(texts, look, pipeline, stated)
    else:
        found = _of_fields(texts, look, pipeline, stated)
    found.files = {split: files[split] for split in files if split not in _left_out(found)}
    if set(files) == {"train"}:
        _find_splits(found, look)
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
    if pipeline in _OF_TREES:
        return _of_trees(texts["train"][0], pipeline)
    kind, options, decisions = tag_column_options(texts["train"][0], pipeline, stated)
    return Proposal(kind, "conll-columns", options, {}, decisions=decisions)


def _of_trees(text: SourceText, pipeline: str) -> Proposal:
    """Trees of CoNLL-U, for a pipeline that the user states."""
    if not is_conllu(text):
        raise DataError(
            f"is no CoNLL-U, whose trees the pipeline {pipeline} reads in columns",
            where=text.name,
            fix="convert it to the ten columns of CoNLL-U, or state another pipeline",
        )
    reader, options = _OF_TREES[pipeline]
    found = Proposal(pipeline, reader, dict(options), {})
    found.decisions.append(Decision("reader", reader, "CoNLL-U, and the pipeline is stated"))
    return found


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


def _of_other_columns(look: Look, pipeline: str | None, name: str) -> Proposal:
    readers = _OTHER_COLUMNS[look.reader]
    kind = pipeline or next(iter(readers))
    if kind not in readers:
        raise DataError(
            f"the format {look.reader} has no examples of the pipeline {kind} here",
            where=name,
            fix=f"state --pipeline {' or '.join(readers)}, or write the card with the reader "
            "conll-columns",
        )
    options = dict(look.options) if kind == "coref" else {}
    found = Proposal(kind, readers[kind], options, {})
    why = "stated" if pipeline is not None else look.why
    found.decisions.append(Decision("pipeline", kind, why))
    return found


def _of_lines(
    texts: Mapping[str, Sequence[SourceText]],
    look: Look,
    pipeline: str | None,
    stated: Mapping[str, str | int],
) -> Proposal:
    if stated or pipeline not in (None, "sentiment"):
        raise ConfigError(
            "a file with one text and its label per line has no columns, and is of the pipeline "
            "sentiment",
            where=texts["train"][0].name,
        )
    found = Proposal("sentiment", "lines", dict(look.options), {})
    found.decisions.append(Decision("pipeline", "sentiment", "texts with a label"))
    lines = [line for _, line in texts["train"][0].rows()]
    tokenized = is_tokenized(lines)
    found.options["tokenizer"] = "blanks" if tokenized else "words"
    found.decisions.append(Decision("tokenizer", found.options["tokenizer"], TOKENIZED[tokenized]))
    return found


def _find_splits(found: Proposal, look: Look) -> None:
    """Read the splits that one file states for its rows, or in which its records are."""
    found.of_split = dict(look.of_split)
    why = "the file has a list of records for each"
    if not found.of_split:
        column, values = split_column(look.columns)
        found.of_split = {split: {"where": {column: one}} for split, one in values.items()}
        why = f"the column {column} states them"
    if found.of_split:
        (paths,) = found.files.values()
        ordered = [split for split in SPLITS if split in found.of_split]
        found.files = dict.fromkeys(ordered, paths)
        found.decisions.append(Decision("splits", ", ".join(ordered), why))


def _of_fields(
    texts: Mapping[str, Sequence[SourceText]],
    look: Look,
    pipeline: str | None,
    stated: dict[str, str | int],
) -> Proposal:
    group = stated.pop("group", None)
    look = replace(look, columns=with_paths(look.columns, stated.values()))
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
        and (look.reader != "table" or name in ("text", "pair", "marked-pair"))
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
            fix="state them, such as "
            + " ".join(f"--column {role}=NAME" for role in RECORD_KINDS[kinds[0]].fields),
        )
    found = Proposal(pipeline, look.reader, dict(look.options), {}, decisions=fields.decisions)
    found.options |= fields.columns | fields.options
    if group is None:
        group = next((g for g in _GROUPS if g in look.columns and _repeats(look.columns[g])), None)
    if group is not None:
        found.options["group"] = group
    chosen = [column for column in fields.columns.values() if column is not None]
    look = replace(look, columns=with_paths(look.columns, chosen))
    looks = {
        split: [with_paths(look_at(text).columns, chosen) for text in others]
        for split, others in texts.items()
    }
    name_labels(found, fields, looks, look)
    judged = judgement_column(look.columns)
    if judged is not None:
        found.options["where"] = {judged: "accept"}
        why = "records that the annotator rejected or ignored are left out, and counted"
        found.decisions.append(Decision("where", f"{judged}: accept", why))
    choose_tokenizer(found, fields, look)
    choose_pipeline(found, fields, look, stated=pipeline is not None)
    if look.reader == "table" and fields.kind == "pair":
        found.reader = "pair-table"
    elif look.reader == "table" and fields.kind == "marked-pair":
        found.reader = "marked-table"
        found.options = {_MARKED_TABLE.get(name, name): one for name, one in found.options.items()}
    if look.reader == "table" and any(isinstance(c, int) for c in fields.columns.values()):
        found.options["header"] = False
    return found


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
    found.decisions.append(split_decision(found.split))
