"""Does the fuzzer see it when the product loses a check? Each check is switched off in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.checks import CHECKS
from tests.fuzz.kind import all_kinds
from tests.fuzz.switches import Switch, switched_off
from tests.fuzz.worker import run_kind

INPUTS = 250
"""Inputs for each check: a little less than a kind gets of 20,000."""


@dataclass(frozen=True)
class Seen:
    """What the fuzzer reported while a check was switched off.

    Attributes:
        check: the check.
        number: the first input that showed it; None if none of them did.
        mutation: of that input.
        seconds: how long it took.
    """

    check: Switch
    number: int | None
    mutation: str
    seconds: float


def self_check(
    folder: Path, *, seed: int = 0, inputs: int = INPUTS, checks: Iterable[Switch] = CHECKS
) -> Iterator[Seen]:
    """Switch off each of ``checks`` and read inputs of its kind until one shows it.

    Args:
        folder: for the inputs.
        seed: the fuzzer's seed.
        inputs: the most inputs of each kind.
        checks: which ones.

    Raises:
        LookupError: if a check is not in the product any more, or was written in another way.
    """
    kinds = {kind.name: kind for kind in all_kinds()}
    for check in checks:
        kind = kinds[check.kind]
        started = time.monotonic()
        number, mutation = None, ""
        with switched_off(check):
            for outcome in run_kind(kind, range(inputs), seed, folder / kind.name):
                if outcome.fault in check.faults:
                    number, mutation = outcome.number, outcome.mutation
                    break
        yield Seen(check, number, mutation, time.monotonic() - started)
