"""Folds: which files of a card are test, dev and train, for each way of leaving some out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.quoting import quoted
from elmobench.data.cards.card import SPLITS, FoldSplit, TaskCard
from elmobench.data.cards.file_lists import single_files
from elmobench.data.cards.sources import FileSource
from elmobench.data.readers.base import SourceText

_LEAST = 3


def fold_lists(card: TaskCard) -> list[FileSource]:
    """The lists of names of a card, one a fold; none for a card without folds.

    Raises:
        ConfigError: fewer than three folds: nothing would be left for train.
    """
    if not isinstance(card.split, FoldSplit):
        return []
    lists = [file for source in card.split.folds for file in single_files(card, source)]
    if len(lists) < _LEAST:
        raise ConfigError(
            f"split: {len(lists)} folds leave no file for train, give at least {_LEAST}",
            where=str(card.file or f"card {card.id}"),
        )
    return lists


def checked_fold(card: TaskCard, fold: int | None) -> int | None:
    """``fold``, 0 where it is None and the card has folds; None for a card without folds.

    Raises:
        ConfigError: the card has no such fold.
    """
    count = len(fold_lists(card))
    if not count:
        if fold is not None:
            raise ConfigError(f"{card.id} has no folds", fix=f"leave out fold {fold}")
        return None
    if fold is not None and not 0 <= fold < count:
        raise ConfigError(f"{card.id} has no fold {fold}", fix=f"its folds are 0 to {count - 1}")
    return fold or 0


def stem(name: str) -> str:
    """A file's name without folder and suffix: what folds and examples call it."""
    return PurePosixPath(name.rsplit(":", 1)[-1]).stem


def split_of_files(
    names: Sequence[str], lists: Sequence[SourceText], fold: int, where: str
) -> dict[str, str]:
    """The split of each file in ``fold``.

    Args:
        names: stems of the card's files.
        lists: the names of each fold's test files.
        fold: k: its files are test, those of k - 1 dev.
        where: for errors about ``names``.

    Raises:
        DataError: two files have one stem, a list names an unknown file or one that another
            list names, or no list names a file.
    """
    if len(set(names)) < len(names):
        repeated = next(name for name in names if list(names).count(name) > 1)
        raise DataError(f"two files are called {repeated!r}", where=where)
    known = set(names)
    home: dict[str, int] = {}
    for number, text in enumerate(lists):
        for line, row in text.rows():
            if not row.strip():
                continue
            name = stem(row.strip())
            if name not in known:
                raise DataError(
                    f"there is no file {quoted(name)} to be tested on", where=text.at(line)
                )
            if name in home:
                raise DataError(
                    f"{name!r} is test in fold {home[name]} already", where=text.at(line)
                )
            home[name] = number
    left = [name for name in names if name not in home]
    if left:
        raise DataError(f"no fold tests on {left[0]!r}", where=where)
    train, dev, test = SPLITS
    places = {fold: test, (fold - 1) % len(lists): dev}
    return {name: places.get(home[name], train) for name in names}
