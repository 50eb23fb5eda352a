"""Does the fuzzer see it when the product loses a check? Each check is switched off in turn."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.checks import CHECKS
from tests.fuzz.kind import Kind, all_kinds
from tests.fuzz.switches import Switch, switched_off
from tests.fuzz.worker import Outcome, run_kind

INPUTS = 200
"""Inputs for each check and unit of a kind's weight: about as many as a kind gets of 20,000."""


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

    An input that is a fault of the whole product as well shows nothing, and is passed over.

    Args:
        folder: for the inputs.
        seed: the fuzzer's seed.
        inputs: the most inputs of a kind of weight 1; of others in proportion.
        checks: which ones.

    Raises:
        LookupError: if a check is not in the product any more, or was written in another way.
    """
    kinds = {kind.name: kind for kind in all_kinds()}
    for check in checks:
        kind = kinds[check.kind]
        started = time.monotonic()
        number, mutation = None, ""
        place = folder / kind.name
        first = 0
        while number is None and first < inputs * kind.weight:
            with switched_off(check):
                found = _first_fault(kind, range(first, inputs * kind.weight), seed, place, check)
            if found is None:
                break
            (whole,) = run_kind(kind, range(found.number, found.number + 1), seed, place)
            if whole.fault is None:
                number, mutation = found.number, found.mutation
            first = found.number + 1
        yield Seen(check, number, mutation, time.monotonic() - started)


def _first_fault(
    kind: Kind, numbers: range, seed: int, folder: Path, check: Switch
) -> Outcome | None:
    for outcome in run_kind(kind, numbers, seed, folder):
        if outcome.fault in check.faults:
            return outcome
    return None
