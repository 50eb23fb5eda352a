"""BIO and BIOUL span tags: conversions and the transitions that BIOUL allows.

B begins a span of several tokens, I continues it, L is its last token, U is a span of one
token, O is outside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.data.tag_schemes import split_tag

_TO_BIO = {"B": "B", "I": "I", "L": "I", "U": "B"}


def bio_to_bioul(tags: Sequence[str]) -> list[str]:
    """The BIOUL form of a sentence's BIO tags.

    Raises:
        DataError: for an I- that continues no span of its type: IOB1 data must be converted by
            its reader, since guessing here would hide damaged files.
    """
    split = [split_tag(tag) for tag in tags]
    result = []
    for i, (prefix, kind) in enumerate(split):
        if prefix == "O":
            result.append("O")
            continue
        if prefix not in ("B", "I"):
            raise DataError(f"{tags[i]!r} is not a BIO tag", where=f"token {i}")
        if prefix == "I" and (i == 0 or split[i - 1][1] != kind):
            raise DataError(
                f"{tags[i]!r} continues no span",
                where=f"token {i}",
                fix="a span begins with B-; let the reader convert IOB1 tags",
            )
        goes_on = i + 1 < len(split) and split[i + 1] == ("I", kind)
        if prefix == "B":
            result.append(f"B-{kind}" if goes_on else f"U-{kind}")
        else:
            result.append(f"I-{kind}" if goes_on else f"L-{kind}")
    return result


def bioul_tag_to_bio(tag: str) -> str:
    """The BIO form of one BIOUL tag; it does not depend on the neighbours."""
    prefix, kind = split_tag(tag)
    return "O" if prefix == "O" else f"{_TO_BIO[prefix]}-{kind}"


def bioul_tags(types: Iterable[str]) -> list[str]:
    """All BIOUL tags over ``types``: O, then B, I, L and U of each type in sorted order."""
    return ["O", *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in "BILU")]


def bioul_constraints(tags: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """What BIOUL allows among K tags.

    Returns:
        (K, K) bool, true where the tag of the row may be followed by that of the column; (K,)
        bool, true for tags that may begin a sentence; (K,) bool, for those that may end one.
    """
    split = [split_tag(tag) for tag in tags]
    opens = [prefix in ("B", "I") for prefix, _ in split]
    continues = [prefix in ("I", "L") for prefix, _ in split]
    allowed = [
        [
            (continues[j] and split[i][1] == split[j][1]) if opens[i] else not continues[j]
            for j in range(len(tags))
        ]
        for i in range(len(tags))
    ]
    return (
        torch.tensor(allowed, dtype=torch.bool).view(len(tags), len(tags)),
        ~torch.tensor(continues, dtype=torch.bool),
        ~torch.tensor(opens, dtype=torch.bool),
    )
