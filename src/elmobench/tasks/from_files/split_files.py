"""Which files are train, dev and test, by their names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from elmobench.core.compressed import plain_name
from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean
from elmobench.data.cards.card import SPLITS
from elmobench.tasks.from_files.decisions import Decision

_NAMES = {
    "train": ("train", "training", "trn"),
    "dev": ("dev", "devel", "development", "valid", "validation", "val", "testa", "trial"),
    "test": ("test", "testing", "tst", "testb"),
}
_DATA = (
    *(".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".pq"),
    *(".conll", ".conllu", ".iob", ".iob2", ".bio", ".bioes", ".annotated", ".jsonlines"),
)
"""Ends of the names of data files."""

_DEPTH = 3
_MOST_FILES = 1000

_NO_DATA = (".md", ".py", ".yaml", ".yml", ".sh", ".pdf", ".html", ".zip", ".tar", ".tgz", ".stats")


def find_files(given: Sequence[str]) -> tuple[dict[str, list[Path]], Decision]:
    """The files of each split, and why they are.

    Args:
        given: files and folders; ``dev=FILE`` says which split a file is.

    Raises:
        ConfigError: a file is missing, there are none, or it cannot be said which split one is.
    """
    found: dict[str, list[Path]] = {}
    unnamed: list[Path] = []
    why: list[str] = []
    for text in given:
        stated, _, rest = text.partition("=")
        if stated in SPLITS and rest and not os.path.exists(text):
            found.setdefault(stated, []).append(_existing(rest))
            why.append(f"{stated} is stated")
            continue
        path = _existing(text)
        for file in _files_below(path) if os.path.isdir(path) else [path]:
            split = split_of_name(file, path)
            if split is None:
                unnamed.append(file)
            else:
                found.setdefault(split, []).append(file)
    if not found and not unnamed:
        raise ConfigError(
            "has no files of a known format",
            where=", ".join(map(str, given)),
            fix="give the files by name, or write a card whose path is a pattern, such as "
            "train/**/*_conll",
        )
    if not unnamed and "train" not in found and sum(map(len, found.values())) == 1:
        (unnamed,) = found.values()
        found = {}
    if len(unnamed) == 1 and "train" not in found:
        found["train"] = unnamed
        why.append("the only file is train" if len(found) == 1 else "the other file is train")
    elif unnamed and not (found and any(os.path.isdir(text) for text in given)):
        raise ConfigError(
            f"cannot say which split this is: {', '.join(map(str, unnamed[:5]))}",
            fix="write train=FILE, dev=FILE or test=FILE; for a file for each label, "
            "'elmobench new task NAME --pipeline sentiment --reader lines' writes a card whose "
            "sources state 'options: {label: ...}'",
        )
    if "train" not in found:
        raise ConfigError(
            f"found {' and '.join(found)}, but no file of train",
            fix="write train=FILE; sets for evaluation only, such as XNLI and MLQA, need the "
            "training files of another set",
        )
    ordered = {split: sorted(found[split]) for split in SPLITS if split in found}
    value = "; ".join(
        f"{split}: {', '.join(path.name for path in paths)}" for split, paths in ordered.items()
    )
    reason = ", ".join(why) or "by the names of the files"
    chosen = {path for paths in found.values() for path in paths}
    folders = [Path(text) for text in given if os.path.isdir(text)]
    others = [path for folder in folders for path in _data_files(folder, chosen)]
    if others:
        names = ", ".join(path.name for path in others[:10])
        reason += f"; not used: {names}{', …' * (len(others) > 10)}"
    return ordered, Decision("splits", value, reason)


def all_files_of_splits(given: Sequence[str]) -> dict[str, list[Path]]:
    """All files of a folder whose names, or those of their folders, name a split."""
    found: dict[str, list[Path]] = {}
    if len(given) == 1 and os.path.isdir(given[0]):
        for file in _walk(Path(given[0])):
            split = split_of_name(file, Path(given[0]))
            if split is not None and not _is_description(file):
                found.setdefault(split, []).append(file)
    return {split: found[split] for split in SPLITS if split in found}


def split_of_name(file: Path, below: Path | None = None) -> str | None:
    """The split that the name of a file, or else of its folder, names; None for none, or several.

    >>> split_of_name(Path("train-00000-of-00001.parquet")), split_of_name(Path("reviews.csv"))
    ('train', None)
    """
    folders = [file.parent.name] if below is not None and file.parent != below.parent else []
    for name in (plain_name(file.name), *folders):
        parts = re.split(r"[^a-z0-9]+", name.lower())
        splits = {split for split, words in _NAMES.items() if not set(parts).isdisjoint(words)}
        if not splits:  # wnut17train.conll
            splits = {split for split in SPLITS if split in name.lower()}
        if len(splits) == 1:
            return splits.pop()
    return None


def split_of_word(word: str) -> str | None:
    """The split that a word such as ``TRAIN`` or ``validation`` names; None for others.

    >>> split_of_word("TRIAL"), split_of_word("oos_train")
    ('dev', None)
    """
    return next((split for split, words in _NAMES.items() if word.lower() in words), None)


def _existing(text: str) -> Path:
    path = Path(text)
    if not os.path.exists(path):
        folder = path.parent
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        fix = did_you_mean(path.name, names) if names else f"there is no folder {folder}"
        raise ConfigError("no such file or folder", where=text, fix=fix)
    return path


def _files_below(folder: Path) -> list[Path]:
    """The data files of a folder; of several formats of one split, the one that most splits have.

    A file with the name of a split may have any suffix, such as ``test.annotated``.
    """
    files = [path for path in _walk(folder) if not _is_description(path)]
    named = [path for path in files if split_of_name(path, folder / "x") is not None]
    if not named:
        return [path for path in files if _suffix(path) in _DATA] or files
    usual = Counter(map(_suffix, named)).most_common(1)[0][0]
    splits = {split_of_name(path, folder / "x") for path in named if _suffix(path) == usual}
    return [
        path
        for path in named
        if _suffix(path) == usual or split_of_name(path, folder / "x") not in splits
    ]


def _data_files(folder: Path, chosen: set[Path]) -> list[Path]:
    """The files of a folder that look like data, or as the chosen ones, and are not among these."""
    suffixes = {*_DATA, *map(_suffix, chosen)}
    return [
        path
        for path in _walk(folder)
        if path not in chosen and _suffix(path) in suffixes and not _is_description(path)
    ]


def _walk(folder: Path) -> list[Path]:
    """The files of a folder and of its folders down to a depth, sorted; hidden ones left out.

    Raises:
        ConfigError: there are too many, as in a folder that holds more than a data set.
    """
    found: list[Path] = []
    for name, inner, files in os.walk(folder):
        below = Path(name).relative_to(folder)
        inner[:] = [one for one in inner if not one.startswith(".") and len(below.parts) < _DEPTH]
        found += [Path(name) / one for one in files if not one.startswith(".")]
        if len(found) > _MOST_FILES:
            raise ConfigError(
                f"holds more than {_MOST_FILES:,} files", where=str(folder), fix="give the files"
            )
    return sorted(path for path in found if os.path.isfile(path))


def _is_description(path: Path) -> bool:
    """Whether a file describes data, by its name, rather than holding them."""
    stem = path.name.lower()
    return _suffix(path) in _NO_DATA or stem.startswith(
        ("readme", "license", "licence", "changelog", "citation", "copying")
    )


def _suffix(path: Path) -> str:
    return Path(plain_name(path.name)).suffix.lower()
