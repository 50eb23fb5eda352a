"""Loading and finding task cards: shipped, in included folders, in other packages."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from elmobench.core import paths
from elmobench.core.errors import (
    ConfigError,
    ElmobenchWarning,
    UnfinishedError,
    UnknownNameError,
)
from elmobench.core.parsing import parsing, read_text
from elmobench.core.registry import described, did_you_mean
from elmobench.core.shell import shell_path
from elmobench.core.validation import validated
from elmobench.core.yaml_files import lines_of_fields, read_yaml
from elmobench.data.cards.card import TaskCard

ENTRY_POINT_GROUP = "elmobench.cards"


def load_card(path: Path) -> TaskCard:
    """Read one card.

    Raises:
        ConfigError: the file is not YAML, or a field is unknown, missing or wrong; the error
            names file and field.
    """
    path = Path(path)
    return _card(read_yaml(path), path)


def _card(values: Any, path: Path) -> TaskCard:
    if _is_experiment(values):
        raise ConfigError(
            "is an experiment, not a task card",
            where=str(path),
            fix=f"run it with `elmobench run {shell_path(path)}`",
        )
    try:
        card = validated(TaskCard, values, str(path)).at(path)
    except UnfinishedError as error:
        raise _unfinished(path, error.what, error.fields, error.fix) from error
    # Readers check their options later, when fields that are empty count as not stated.
    options = {} if card.reader is None else card.reader.options
    empty = tuple(f"reader.options.{name}" for name, value in options.items() if value is None)
    if empty:
        raise _unfinished(path, f"nothing is filled in at {', '.join(empty)}", empty)
    return card


@lru_cache(maxsize=256)
def _shipped_card(file: Path, size: int, changed_ns: int) -> TaskCard:
    """A shipped card, which is read once in a process as long as its file does not change."""
    return load_card(file)


def _unfinished(
    path: Path, what: str, fields: tuple[str, ...], fix: str | None = None
) -> UnfinishedError:
    """The error of a card with empty ``fields``, which names their lines."""
    return UnfinishedError(
        what,
        where=_lines_to_fill_in(path, fields),
        fix=fix or "fill in these fields; other cards can be used meanwhile",
        fields=fields,
    )


def _lines_to_fill_in(path: Path, fields: tuple[str, ...]) -> str:
    """The file, with the lines of ``fields``."""
    text = read_text(path, ConfigError)
    with parsing(path, ConfigError):
        lines = lines_of_fields(text)
    numbers = sorted({lines[field] for field in fields if field in lines})
    if not numbers:
        return str(path)
    return f"{path}, line{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


class CardCatalog:
    """Task cards by id: shipped, in given folders, in ELMOBENCH_INCLUDE, and in other packages.

    Cards are read when the first one is needed, once. Another package lists its cards with an
    entry point of the group ``elmobench.cards``, which names a module or package (``"pkg.cards"``)
    whose folder holds them; the module is not run.

    A pickled catalog holds its folders as absolute paths and reads the cards again where it is
    unpickled, because other packages and the environment may differ there.

    Args:
        include_folders: further folders (or files) of cards.

    Raises:
        TypeError: ``include_folders`` is one folder, not a list of folders.
    """

    def __init__(self, include_folders: Iterable[str | Path] = ()) -> None:
        if isinstance(include_folders, str | bytes | Path):
            raise TypeError(
                f"include is one folder; give a list of folders: [{str(include_folders)!r}]"
            )
        self._include_folders = tuple(Path(folder) for folder in include_folders)

    @property
    def include_folders(self) -> tuple[Path, ...]:
        """The further folders, and those of ELMOBENCH_INCLUDE."""
        return (*self._include_folders, *paths.include_folders())

    def __reduce__(self) -> tuple[type[CardCatalog], tuple[tuple[Path, ...]]]:
        return CardCatalog, (tuple(folder.resolve() for folder in self._include_folders),)

    @property
    def by_id(self) -> Mapping[str, TaskCard]:
        """All cards by id, sorted.

        Raises:
            ConfigError: a card is wrong, two have the same id, or a folder does not exist.
        """
        return self._read[0]

    @property
    def unfinished(self) -> Mapping[str, UnfinishedError]:
        """Cards with fields that are still to be filled in, by id or, without one, by file name."""
        return self._read[1]

    @cached_property
    def _read(self) -> tuple[dict[str, TaskCard], dict[str, UnfinishedError]]:
        cards: dict[str, TaskCard] = {}
        unfinished: dict[str, UnfinishedError] = {}
        read_files: set[Path] = set()
        shipped = paths.builtin("tasks")
        for folder in (
            shipped,
            *self._include_folders,
            *paths.include_folders(),
            *_folders_of_packages(),
        ):
            for file in _card_files(folder):
                # A folder may be given both in the environment and on the command line.
                if file in read_files:
                    continue
                read_files.add(file)
                if folder is shipped:
                    state = file.stat()
                    card = _shipped_card(file, state.st_size, state.st_mtime_ns)
                else:
                    values = read_yaml(file)
                    # People keep experiments beside their cards; one that is named is an error.
                    if _is_experiment(values) and os.path.isdir(folder):
                        continue
                    try:
                        card = _card(values, file)
                    except UnfinishedError as error:
                        # Other cards can be used; an error is shown to who asks for this one.
                        unfinished[_unfinished_id(values, file)] = error
                        continue
                if card.id in cards:
                    raise ConfigError(
                        f"two cards have the id {card.id!r}; the other is {cards[card.id].file}",
                        where=str(file),
                        fix="give one of them another name",
                    )
                cards[card.id] = card
        return dict(sorted(cards.items())), dict(sorted(unfinished.items()))

    def names(self) -> list[str]:
        """All ids, sorted.

        Raises:
            ConfigError: see :attr:`by_id`.
        """
        return list(self.by_id)

    def get(self, name: str) -> TaskCard:
        """The card called ``name``: an id (``"ner/wnut17"``) or an unambiguous short name.

        Warns if the card is superseded.

        Raises:
            TypeError: the name is not a string.
            UnknownNameError: no card has this name, or several have; suggests the closest.
            UnfinishedError: the card has fields that are still to be filled in.
            ConfigError: see :attr:`by_id`.
        """
        if not isinstance(name, str):
            raise TypeError(f"tasks are named by a string such as 'ner/wnut17', not by {name!r}")
        matches = [card for card in self.by_id.values() if name in (card.id, card.name)]
        if len(matches) > 1:
            raise UnknownNameError(
                f"task {name!r} could be any of {', '.join(card.id for card in matches)}",
                fix="write it with its pipeline",
            )
        if not matches:
            for unfinished, error in self.unfinished.items():
                if name in (unfinished, unfinished.split("/")[-1]):
                    raise error
            raise UnknownNameError(f"no task {name!r}", fix=self._suggestion(name))
        card = matches[0]
        if card.superseded_by is not None:
            warnings.warn(
                f"task {card.id} is superseded by {card.superseded_by}",
                ElmobenchWarning,
                stacklevel=2,
            )
        return card

    def _suggestion(self, name: str) -> str:
        """What to do about the unknown name ``name``."""
        names = self.names()
        if "/" not in name:
            names += [card.name for card in self.by_id.values()]
        fix = did_you_mean(name, names)
        # The most frequent mistake in a user's own card is a wrong pipeline.
        for card in self.by_id.values():
            if card.name == name.split("/")[-1]:
                fix = f"{card.file} is called {card.id!r}: is its pipeline right?"
        if not self._include_folders and not paths.include_folders():
            fix += " (cards of your own need --include FOLDER)"
        return fix


def _unfinished_id(values: object, file: Path) -> str:
    """The id of an unfinished card, or its file's name if it has none."""
    fields = values if isinstance(values, Mapping) else {}
    names = [fields.get("pipeline"), fields.get("name")]
    return "/".join(map(str, names)) if all(isinstance(one, str) for one in names) else file.stem


def _is_experiment(values: object) -> bool:
    """Whether a YAML file holds an experiment, which people keep beside their cards."""
    return (
        isinstance(values, Mapping)
        and {"tasks", "features"} <= set(values)
        and not {"pipeline", "splits"} & set(values)
    )


def _card_files(folder: Path) -> Iterator[Path]:
    if os.path.isfile(folder):
        yield Path(os.path.realpath(folder))
    elif os.path.isdir(folder):
        # Not Path.resolve(), which raises RuntimeError for links that lead in a circle; a link
        # that leads nowhere is left to the reader, which says so.
        files = sorted(
            os.path.realpath(file) if os.path.exists(file) else os.path.abspath(file)
            for file in folder.rglob("*.yaml")
        )
        yield from (Path(file) for file in files if not os.path.isdir(file))
    else:
        raise ConfigError("no such folder of task cards", where=str(folder))


def _folders_of_packages() -> Iterator[Path]:
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            spec = find_spec(point.value)
        except (ImportError, ValueError):
            spec = None
        if spec is None or spec.origin is None:
            raise ConfigError(
                f"{described(point)} names no module: {point.value}",
                fix="correct or uninstall that distribution",
            )
        yield Path(spec.origin).parent
