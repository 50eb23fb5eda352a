"""Switching off one check of the product at a time.

A switch names a function and a piece of its source, and says what replaces it. A function that is
renamed, or a check that is written in another way, is an error here and not an untested check.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import Any

from elmobench.core.errors import DataError
from elmobench.core.parsing import read_json_object

NOTICED = ("damage unnoticed", "not refused")


@dataclass(frozen=True)
class Switch:
    """One check, and how to switch it off.

    Attributes:
        what: the check, in words.
        kind: the kind of input that shows that it is missing.
        where: the function, as ``package.module:function`` or ``package.module:Class.method``,
            without ``elmobench.`` in front.
        instead: pieces of the function's source, each of which it has exactly once, with what
            replaces them.
        faults: which faults show that the check is missing.
        is_slow: whether its inputs take seconds each.
    """

    what: str
    kind: str
    where: str
    instead: Mapping[str, str]
    faults: tuple[str, ...] = NOTICED
    is_slow: bool = False


@contextmanager
def switched_off(switch: Switch) -> Iterator[None]:
    """The product without the check, in this process and in those that it forks.

    Raises:
        LookupError: if there is no such function, or not exactly one such piece of source.
    """
    function = _function(switch.where)
    before = function.__code__
    function.__code__ = _rewritten(function, switch)
    try:
        yield
    finally:
        function.__code__ = before


def _function(where: str) -> FunctionType:
    module, _, path = where.partition(":")
    found: Any = importlib.import_module(f"elmobench.{module}")
    for name in path.split("."):
        if not hasattr(found, name):
            raise LookupError(f"{where}: there is no {name}; correct the list of switches")
        found = inspect.getattr_static(found, name)
        found = getattr(found, "__func__", found)
    found = inspect.unwrap(found)
    assert isinstance(found, FunctionType), where
    return found


def _rewritten(function: FunctionType, switch: Switch) -> CodeType:
    source = textwrap.dedent(inspect.getsource(function))
    for old, new in switch.instead.items():
        if source.count(old) != 1:
            raise LookupError(
                f"{switch.where} has {old!r} {source.count(old)} times, expected once: the check "
                f"({switch.what}) is gone or written in another way; correct the list of switches"
            )
        source = source.replace(old, new)
    # Around it, a function that has the same names to share, such as the class of super().
    names = "".join(f"    {name} = None\n" for name in function.__code__.co_freevars)
    source = f"def _around():\n{names}{textwrap.indent(source, '    ')}"
    # Annotations are evaluated where the function is defined, which needs names of its module.
    source = f"from __future__ import annotations\n{source}"
    code = compile(source, inspect.getsourcefile(function) or "", "exec", dont_inherit=True)
    return _inner(code, function.__name__)


def _inner(code: CodeType, name: str) -> CodeType:
    (around,) = (inner for inner in code.co_consts if isinstance(inner, CodeType))
    for constant in around.co_consts:
        if isinstance(constant, CodeType) and constant.co_name == name:
            return constant
    raise LookupError(f"no function {name} in its own source")


def read_unchecked(path: Any, error: Any = DataError, **_: Any) -> dict[str, Any]:
    """What :func:`elmobench.core.sealed.read_sealed_json` reads, whatever the digest is."""
    return without_seal(read_json_object(path, error))


def without_seal(value: Mapping[str, Any], *_: Any, **__: Any) -> dict[str, Any]:
    """What :func:`elmobench.core.sealed.check_seal` returns, whatever the digest is."""
    return {key: inner for key, inner in value.items() if key != "sha256"}
