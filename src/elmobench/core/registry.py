"""One typed registry for everything that is looked up by name.

Entries may be given lazily as ``"package.module:attribute"``, so that listing names
imports no heavy modules, and may come from other packages' entry points.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar, cast

from elmobench.core.errors import ConfigError, ElmobenchError, UnknownNameError

T = TypeVar("T")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Advice for an unknown name: the closest known ones, or else all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(str(name), names, n=3, cutoff=0.6)
    if close:
        return f"did you mean {' or '.join(repr(c) for c in close)}?"
    return f"known: {', '.join(names)}" if names else "none are registered"


def described(point: EntryPoint) -> str:
    """Describe another package's entry point in messages, with its distribution."""
    owner = point.dist.name if point.dist is not None else "?"
    return f"entry point {point.name!r} ({point.group}) of distribution {owner!r}"


# Errors that another package's module may raise while it is imported.
_IMPORT_ERRORS = (
    ElmobenchError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


class Registry(Generic[T]):
    """Names to objects of one kind, with duplicate detection and "did you mean".

    An entry point that cannot be used is listed among the names, and :meth:`get` raises an error
    that says what is wrong with it. Other entries are not affected.

    Args:
        kind: what an entry is called in messages, for example ``"reader"``.
        entry_point_group: other packages add entries under this group.
    """

    def __init__(self, kind: str, entry_point_group: str | None = None) -> None:
        self.kind = kind
        self._group = entry_point_group
        self._entries: dict[str, T | str] = {}
        self._summaries: dict[str, str] = {}
        self._points: dict[str, EntryPoint] = {}
        self._broken: dict[str, tuple[EntryPoint, str]] = {}
        self._entry_points_read = False

    def add(self, name: str, entry: T, summary: str = "") -> T:
        """Register ``entry``. Raises ConfigError if the name is taken."""
        self._claim(name)
        self._entries[name] = entry
        self._summaries[name] = summary
        return entry

    def add_lazy(self, name: str, target: str, summary: str = "") -> None:
        """Register ``"package.module:attribute"``, imported on first use."""
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
        """The entry called ``name``.

        Raises:
            UnknownNameError: no such name; suggests the closest.
            ConfigError: another package's entry point of that name is broken, or has
                the name of another entry.
        """
        self._read_entry_points()
        if name in self._broken:
            raise self._unusable(*self._broken[name])
        if name not in self._entries:
            raise UnknownNameError(
                f"unknown {self.kind} {name!r}", fix=did_you_mean(name, self.names())
            )
        entry = self._entries[name]
        if isinstance(entry, str):
            entry = self._load(name, entry)
            self._entries[name] = entry
        return entry

    def names(self) -> list[str]:
        """All names, sorted."""
        self._read_entry_points()
        return sorted({*self._entries, *self._broken})

    def summary(self, name: str) -> str:
        """The one-line description given at registration; for a broken entry, what is wrong."""
        self._read_entry_points()
        if name in self._broken:
            point, problem = self._broken[name]
            return f"unusable: {described(point)} {problem}"
        return self._summaries.get(name, "")

    def __contains__(self, name: object) -> bool:
        self._read_entry_points()
        return name in self._entries or name in self._broken

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def _load(self, name: str, target: str) -> T:
        module, _, attribute = target.partition(":")
        point = self._points.get(name)
        if point is None:
            return cast(T, getattr(import_module(module), attribute))
        try:
            return cast(T, point.load())
        except _IMPORT_ERRORS as error:
            raise self._unusable(
                point, f"cannot be loaded from {target!r}: {type(error).__name__}: {error}"
            ) from error

    def _unusable(self, point: EntryPoint, problem: str) -> ConfigError:
        return ConfigError(
            f"{self.kind} {point.name!r}: {described(point)} {problem}",
            fix="correct or uninstall that distribution",
        )

    def _claim(self, name: str) -> None:
        if name in self._entries or name in self._broken:
            raise ConfigError(
                f"{self.kind} {name!r} is registered twice",
                fix="give the second one another name",
            )

    def _read_entry_points(self) -> None:
        if self._entry_points_read or self._group is None:
            return
        self._entry_points_read = True
        for point in entry_points(group=self._group):
            first = self._points.get(point.name)
            if point.name in self._entries:
                other = "one of this program" if first is None else described(first)
                self._broken.setdefault(point.name, (point, f"has the same name as {other}"))
            elif not all(point.value.partition(":")):
                problem = f"is {point.value!r}, not of the form 'package.module:attribute'"
                self._broken.setdefault(point.name, (point, problem))
            else:
                self._points[point.name] = point
                self._entries[point.name] = point.value
                owner = point.dist.name if point.dist is not None else "?"
                self._summaries[point.name] = f"from {owner}"
