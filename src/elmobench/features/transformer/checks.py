"""Checks of a transformer's files that its libraries do not make."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from torch import nn

from elmobench.core.errors import ElmobenchError, ModelError
from elmobench.core.parsing import read_json_object
from elmobench.features.arithmetic import LARGEST_WEIGHT

# Sizes of which memory or time is needed before the weights are compared with them. Each limit is
# far beyond any published model. The first pattern that matches a key counts.
_LIMITS: Final = (
    (re.compile(r"(^|_)n?_?layers?$"), 1_000),
    (re.compile(r"^n_|^num_|(^|_)(heads?|experts|depths?)$"), 100_000),
    (re.compile(r"position|length"), 10_000_000),
    (re.compile(r"(^|_)(size|dim|width)$|^d_"), 100_000_000),
)
_FETCH_AGAIN: Final = "fetch or save the model again"


@contextmanager
def library_errors(what: str, where: str, fix: str) -> Iterator[None]:
    """Turn whatever transformers, tokenizers and torch raise into a ModelError.

    For damaged files they raise every kind of error: ``Exception`` itself, AssertionError,
    ZeroDivisionError, and a PanicException of Rust, which is not an Exception.

    Args:
        what: what could not be done, in words; the first line of the error follows.
        where: the features, for messages.
        fix: what the user can do.
    """
    try:
        yield
    except (ElmobenchError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:  # for the reasons above
        raise ModelError(f"{what}: {first_line(error)}", where=where, fix=fix) from error


def first_line(error: BaseException) -> str:
    """Name and first line of a library's error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def check_json_files(files: Mapping[str, Path], where: str) -> None:
    """Raise ModelError for JSON files that are not JSON objects, and for sizes beyond all models.

    A size in ``config.json`` is used before the weights are compared with it: a model of a billion
    layers would be built layer by layer.
    """
    for name, path in files.items():
        if name.endswith(".json"):
            values = read_json_object(path, ModelError, fix=_FETCH_AGAIN)
            if name == "config.json":
                _check_sizes(values, f"{where}: {path}")


def check_network(network: nn.Module, where: str) -> None:
    """Raise ModelError if a weight is not finite, or larger than any trained one."""
    for name, weight in network.named_parameters():
        largest = float(weight.detach().abs().max()) if weight.numel() else 0.0
        if not largest <= LARGEST_WEIGHT:  # true for NaN as well
            raise ModelError(
                f"its weight {name} has the value {largest:.3g}, as no trained model does",
                where=where,
                fix=_FETCH_AGAIN,
            )


def _check_sizes(values: Mapping[str, Any], where: str) -> None:
    for key, value in values.items():
        inner = value if isinstance(value, list) else [value]
        for item in inner:
            if isinstance(item, dict):
                _check_sizes(item, where)
            elif isinstance(item, int | float) and not isinstance(item, bool):
                limit = next((most for name, most in _LIMITS if name.search(key)), None)
                if limit is not None and not -limit <= item <= limit:
                    raise ModelError(
                        f"{key} is {str(item)[:40]}; the largest that is read is {limit:,}",
                        where=where,
                        fix=_FETCH_AGAIN,
                    )
