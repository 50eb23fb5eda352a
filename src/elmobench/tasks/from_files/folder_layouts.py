"""Layouts in which several files make one example or one label a folder."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from elmobench.core.parsing import read_bytes
from elmobench.data.cards.card import SPLITS
from elmobench.data.encodings import as_utf8
from elmobench.data.readers.base import SourceText
from elmobench.data.tag_schemes import detected_scheme
from elmobench.tasks.from_files.decisions import Decision, Proposal, split_decision
from elmobench.tasks.from_files.fields import tagging_pipeline
from elmobench.tasks.from_files.split_files import split_of_name
from elmobench.tasks.from_files.tokenized import TOKENIZED, is_tokenized

_SAMPLE = 2_000
"""Files of a folder that are looked at for the encoding."""

_ROLES = {
    "text": ("text", "texts", "in", "sentences", "input", "source"),
    "label": ("label", "labels", "intent", "intents"),
    "tags": ("out", "tags", "slots", "ner", "pos"),
    "pairs": ("data",),
    "gold": ("gold",),
}


_WIC = re.compile(rb"[^\t]+\t[NV]\t[0-9]+-[0-9]+\t")


@dataclass
class Layout:
    """Sources of a card, where a file alone does not hold examples.

    Attributes:
        reader: registered name.
        sources: those of each split; ``path`` and the paths ``beside`` are not relative yet.
        samples: a file for each source of train, in its order.
        why: how that is known.
        left_out: what is not read.
    """

    reader: str
    sources: dict[str, list[dict[str, Any]]]
    samples: list[Path]
    why: str
    left_out: list[str] = field(default_factory=list)


def label_folders(given: Sequence[str]) -> Layout | None:
    """A folder for each label, with one text per file, below folders of splits if there are some.

    aclImdb/train/pos/0_9.txt is one text with the label ``pos`` of train.
    """
    if len(given) != 1 or not os.path.isdir(given[0]):
        return None
    base = Path(given[0])
    named = {split_of_name(inner): inner for inner in _folders(base)}
    splits = {split: named[split] for split in SPLITS if split in named}
    if "train" not in splits:
        splits = {"train": base}
    labels = {split: {f.name: f for f in _folders(folder)} for split, folder in splits.items()}
    common = sorted(set.intersection(*(set(found) for found in labels.values())))
    if len(common) < 2 or not all(
        _has_texts(found[name]) for found in labels.values() for name in common
    ):
        return None
    sources: dict[str, list[dict[str, Any]]] = {}
    for split, found in labels.items():
        sources[split] = []
        for name in common:
            end = "*.txt" if any(found[name].glob("*.txt")) else "*"
            path = Path(glob.escape(str(found[name].resolve()))) / end
            sources[split].append({"path": path, "options": {"label": name}})
    others = sorted({name for found in labels.values() for name in found} - set(common))
    samples = [file for name in common for file in _files(labels["train"][name])[:_SAMPLE]]
    why = f"one text per file, in a folder for each label: {', '.join(common[:6])}"
    return Layout("text-file", sources, samples, why, others)


def equal_files(files: Mapping[str, Sequence[Path]], pipeline: str | None) -> Layout | None:
    """A file of texts, and one of labels or tags with as many lines, for each split."""
    roles = {split: {_role(file, split): file for file in paths} for split, paths in files.items()}
    if "train" not in roles:
        return None
    if all({"pairs", "gold"} <= set(found) for found in roles.values()):
        return _marked_pairs(roles)
    if not all("text" in found for found in roles.values()):
        return None
    wanted = ("tags",) if pipeline in ("ner", "chunking", "pos") else ("label", "tags")
    other = next((role for role in wanted if all(role in found for found in roles.values())), None)
    if other is None:
        return None
    for found in roles.values():
        numbers = {read_bytes(found[role]).count(b"\n") for role in ("text", other)}
        if len(numbers) > 1:
            return None
    sources = {
        split: [{"path": found["text"].resolve(), "beside": {other: found[other].resolve()}}]
        for split, found in roles.items()
    }
    train = roles["train"]
    why = f"{train['text'].name} and {train[other].name} have as many lines"
    left = sorted({str(file.name) for role, file in train.items() if role not in ("text", other)})
    reader = "label-lines" if other == "label" else "tag-lines"
    return Layout(reader, sources, [train["text"], train[other]], why, left)


def _marked_pairs(roles: Mapping[str, Mapping[str | None, Path]]) -> Layout | None:
    """The files of WiC: a word, its positions and two sentences, with the labels beside them."""
    train = roles["train"]
    with train["pairs"].open("rb") as lines:
        if _WIC.match(lines.readline()) is None:
            return None
    sources = {
        split: [{"path": found["pairs"].resolve(), "beside": {"gold": found["gold"].resolve()}}]
        for split, found in roles.items()
    }
    why = "a word, N or V, its positions and two sentences, as in WiC"
    return Layout("wic", sources, [train["pairs"], train["gold"]], why)


def of_layout(layout: Layout, pipeline: str | None, encoding: tuple[str | None, str]) -> Proposal:
    """The proposal of a layout.

    Args:
        layout: which files are what.
        pipeline: the one that the user states; None to find it.
        encoding: of the files, None for UTF-8, and why.

    Raises:
        DataError: the files have no text, or tags that are not in the files of tags.
    """
    found = Proposal(None, layout.reader, {}, {}, encoding=encoding[0], sources=layout.sources)
    found.decisions += [
        Decision("splits", ", ".join(layout.sources), "by the names of folders and files"),
        Decision("format", layout.reader, layout.why),
    ]
    if layout.left_out:
        why = "not every split has it, or it is of another kind"
        found.decisions.append(Decision("left out", ", ".join(layout.left_out), why))
    if encoding[0] is not None:
        found.decisions.append(Decision("encoding", encoding[0], encoding[1]))
    if layout.reader == "wic":
        found.pipeline = "wic"
    elif layout.reader == "tag-lines":
        lines = _lines(layout.samples[1], encoding[0])
        tags = [line.split() for line in lines]
        kind, why = tagging_pipeline(None, tags)
        found.pipeline = pipeline or kind
        found.options["scheme"] = detected_scheme(tags) or "none"
        found.decisions.append(Decision("scheme", found.options["scheme"], why))
    else:
        found.pipeline = pipeline or "sentiment"
        is_file = layout.reader == "text-file"
        texts = [
            line
            for file in (layout.samples[:100] if is_file else layout.samples[:1])
            for line in _lines(file, encoding[0])
        ]
        tokenized = is_tokenized(texts)
        found.options["tokenizer"] = "blanks" if tokenized else "words"
        why = TOKENIZED[tokenized]
        found.decisions.append(Decision("tokenizer", found.options["tokenizer"], why))
    why = "stated" if pipeline is not None else "texts or sentences with labels or tags"
    found.decisions.append(Decision("pipeline", found.pipeline, why))
    made = [split for split in ("dev", "test") if split not in layout.sources]
    if made:
        found.split = {**dict.fromkeys(made, 0.1), "from": "train", "by": "hash"}
        found.decisions.append(split_decision(found.split))
    return found


def _lines(file: Path, encoding: str | None) -> list[str]:
    data = read_bytes(file)
    text = SourceText(data if encoding is None else as_utf8(data, encoding, str(file)), str(file))
    return [line for _, line in text.rows()]


def _role(file: Path, split: str) -> str | None:
    parts = [part for part in re.split(r"[^a-z]+", file.name.lower()) if part]
    found = {role for role, words in _ROLES.items() if not set(parts).isdisjoint(words)}
    return found.pop() if len(found) == 1 else None


def _folders(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))


def _files(folder: Path) -> list[Path]:
    return sorted(one for one in folder.iterdir() if one.is_file() and one.name[:1] != ".")


def _has_texts(folder: Path) -> bool:
    """Whether a folder holds texts only, several of them, which are no tables of a known suffix."""
    files = _files(folder)
    return (
        len(files) > 1
        and not _folders(folder)
        and all(file.suffix in ("", ".txt") or file.suffix[1:].isdecimal() for file in files)
    )
