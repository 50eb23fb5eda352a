"""A kind of input that the project reads, and the list of all kinds."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz import kinds


@dataclass(frozen=True)
class Kind:
    """One kind of input.

    To add kinds, write a module in ``tests/fuzz/kinds`` that has a list ``KINDS``.

    Attributes:
        name: its name in the summary, such as ``saved head``.
        write: writes a valid input into an empty folder: one or more small files, the same ones
            every time (no times, no random names in what is compared).
        read: reads the folder by the project's own functions as a user's command would, and returns
            what was read as plain values that ``==`` compares (text, numbers, bytes, lists). For
            bad input it lets the project's error through. It must not write outside the folder.
        written_by_us: whether the project wrote the files, so that every damaged byte must be
            noticed: by an error, or by an ``ElmobenchWarning`` that goes with another way on.
            False for what people write: there a changed byte is another valid input.
        files: the files to mutate, as a pattern below the folder.
        words: parts of the format that are worth inserting, besides those of every format.
        weight: how many inputs it gets, relative to others.
        limits: whether all of its files are read within the limits of ``docs/reliability.md``;
            False where another library reads some of them.
    """

    name: str
    write: Callable[[Path], None]
    read: Callable[[Path], Any]
    written_by_us: bool = False
    files: str = "**/*"
    words: tuple[bytes, ...] = ()
    weight: int = 1
    limits: bool = True


def all_kinds() -> list[Kind]:
    """Kinds of all modules in ``tests/fuzz/kinds``, by module and then in their order."""
    found: list[Kind] = []
    for module in sorted(info.name for info in pkgutil.iter_modules(kinds.__path__)):
        found += importlib.import_module(f"{kinds.__name__}.{module}").KINDS
    names = [kind.name for kind in found]
    if len(names) != len(set(names)):
        raise ValueError(f"two kinds have one name: {sorted(names)}")
    return found
