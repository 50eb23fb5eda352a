"""One typed registry for everything that is looked up by name.

Entries may be given lazily as ``"package.module:attribute"``, so that listing names
imports nothing heavy, and may come from other packages' entry points.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import entry_points
from typing import Generic, TypeVar, cast

from elmobench.errors import ConfigError, UnknownNameError

T = TypeVar("T")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Advice for an unknown name: the closest known ones, or else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return f"known: {', '.join(names)}" if names else "none are registered"


class Registry(Generic[T]):
    """Names to objects of one kind, with duplicate detection and "did you mean".

    Args:
        kind: what an entry is called in messages, for example ``"reader"``.
        entry_point_group: other packages add entries under this group.
    """

    def __init__(self, kind: str, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._group = entry_point_group
        self._entries: dict[str, T | str] = {}
        self._summaries: dict[str, str] = {}
        self._entry_points_read = False

    def add(self, name: str, entry: T, summary: str = "") -> T:
        """Register ``entry``. Raises ConfigError if the name is taken."""
        self._claim(name)
        self._entries[name] = entry
        self._summaries[name] = summary
        return entry

    def add_lazy(self, name: str, target: str, summary: str = "") -> None:
        """Register ``"package.module:attribute"``, imported when first asked for."""
        module, _, attribute = target.partition(":")
        if not module or not attribute:
            raise ConfigError(
                f"{self.kind} {name!r}: {target!r} is not of the form 'package.module:attribute'"
            )
        self._claim(name)
        self._entries[name] = target
        self._summaries[name] = summary

    def register(self, name: str, summary: str = "") -> Callable[[T], T]:
        """Decorator form of :meth:`add`."""

        def decorate(entry: T) -> T:
            return self.add(name, entry, summary)

        return decorate

    def get(self, name: str) -> T:
        """The entry called ``name``. Raises UnknownNameError with the closest names."""
        self._read_entry_points()
        if name not in self._entries:
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}", fix=did_you_mean(name, self._entries)
            )
        entry = self._entries[name]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = cast(T, getattr(import_module(module), attribute))
            self._entries[name] = entry
        return entry

    def names(self) -> list[str]:
        """All names, sorted."""
        self._read_entry_points()
        return sorted(self._entries)

    def summary(self, name: str) -> str:
        """The one-line description given at registration."""
        self._read_entry_points()
        return self._summaries.get(name, "")

    def __contains__(self, name: object) -> bool:
        self._read_entry_points()
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _claim(self, name: str) -> None:
        if name in self._entries:
            raise ConfigError(
                f"{self.kind} {name!r} is registered twice",
                fix="give the second one another name",
            )

    def _read_entry_points(self) -> None:
        if self._entry_points_read or self._group is None:
            return
        self._entry_points_read = True
        for point in entry_points(group=self._group):
            self.add_lazy(point.name, point.value, f"from {point.dist.name if point.dist else '?'}")
