"""Loading and finding task cards: shipped, in included folders, in other packages."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from elmobench.core import paths
from elmobench.core.errors import ConfigError, ElmobenchWarning, UnknownNameError
from elmobench.core.registry import described, did_you_mean
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.card import TaskCard

__all__ = ["TaskCard", "find_cards", "get_card", "load_card"]

ENTRY_POINT_GROUP = "elmobench.cards"


def load_card(path: Path) -> TaskCard:
    """Read one card.

    Raises:
        ConfigError: not YAML, a field unknown, missing or wrong; names the file and the field.
    """
    path = Path(path)
    return validated(TaskCard, read_yaml(path), str(path)).at(path)


def find_cards(include: Sequence[Path] = ()) -> dict[str, TaskCard]:
    """All cards by id, sorted: shipped, in ``include``, in ELMOBENCH_INCLUDE, in other packages.

    An entry point of the group ``elmobench.cards`` names a module or package (``"pkg.cards"``)
    whose folder holds cards; the module is not run.

    Raises:
        ConfigError: a card is wrong, two have the same id, or a folder does not exist.
    """
    cards: dict[str, TaskCard] = {}
    seen: set[Path] = set()
    for folder in (paths.builtin("tasks"), *include, *paths.include_folders(), *_of_packages()):
        for file in _card_files(Path(folder)):
            # The same folder may be named twice, in the environment and on the command line.
            if file in seen:
                continue
            seen.add(file)
            card = load_card(file)
            if card.id in cards:
                raise ConfigError(
                    f"card {card.id!r} stands twice: also in {cards[card.id].file}",
                    where=str(file),
                    fix="give one of them another name",
                )
            cards[card.id] = card
    return dict(sorted(cards.items()))


def get_card(
    name: str, include: Sequence[Path] = (), cards: Mapping[str, TaskCard] | None = None
) -> TaskCard:
    """The card called ``name``: ``"ner/wnut17"``, or ``"wnut17"`` where only one is meant.

    Args:
        name: id or short name.
        include: more folders to search.
        cards: what :func:`find_cards` returned, to spare another search.

    Raises:
        UnknownNameError: no such card, or several; with the closest names.
    """
    known = find_cards(include) if cards is None else cards
    matches = [card for card in known.values() if name in (card.id, card.name)]
    if len(matches) > 1:
        raise UnknownNameError(
            f"task {name!r} could be any of {', '.join(card.id for card in matches)}",
            fix="write it with its pipeline",
        )
    if not matches:
        names = [*known, *(card.name for card in known.values())] if "/" not in name else known
        fix = did_you_mean(name, names)
        # The commonest slip in a card of one's own is in its pipeline.
        for card in known.values():
            if card.name == name.split("/")[-1]:
                fix = f"{card.file} is called {card.id!r}: is its pipeline right?"
        if not include and not paths.include_folders():
            fix += " (cards of your own need --include FOLDER)"
        raise UnknownNameError(f"no task {name!r}", fix=fix)
    card = matches[0]
    if card.superseded_by is not None:
        warnings.warn(
            f"task {card.id} is superseded by {card.superseded_by}", ElmobenchWarning, stacklevel=2
        )
    return card


def _card_files(folder: Path) -> Iterator[Path]:
    if folder.is_file():
        yield folder.resolve()
    elif folder.is_dir():
        yield from sorted(file.resolve() for file in folder.rglob("*.yaml"))
    else:
        raise ConfigError("no such folder of task cards", where=str(folder))


def _of_packages() -> Iterator[Path]:
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
