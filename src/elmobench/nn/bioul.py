"""BIO and BIOUL span tags: conversions, and the transitions that are legal in BIOUL.

B is the first token of a span of several tokens, L its last token, I a token between them; U is a
span of one token, O a token outside of spans.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from elmobench.core.errors import DataError
from elmobench.data.tag_schemes import split_tag

_TO_BIO = {"B": "B", "I": "I", "L": "I", "U": "B"}


def bio_to_bioul(tags: Sequence[str]) -> list[str]:
    """Convert the BIO tags of a sentence to BIOUL.

    Raises:
        DataError: for an I- that continues no span of its type. IOB1 data must be converted by
            the reader, since guessing here would hide damaged files.
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
                fix="begin spans with B-; IOB1 tags must be converted by the reader",
            )
        goes_on = i + 1 < len(split) and split[i + 1] == ("I", kind)
        if prefix == "B":
            result.append(f"B-{kind}" if goes_on else f"U-{kind}")
        else:
            result.append(f"I-{kind}" if goes_on else f"L-{kind}")
    return result


def bioul_tag_to_bio(tag: str) -> str:
    """Convert one BIOUL tag to BIO, which does not depend on the neighbours."""
    prefix, kind = split_tag(tag)
    return "O" if prefix == "O" else f"{_TO_BIO[prefix]}-{kind}"


def bioul_tags(types: Iterable[str]) -> list[str]:
    """All BIOUL tags over ``types``: O, then B, I, L and U of each type in sorted order."""
    return ["O", *(f"{prefix}-{kind}" for kind in sorted(set(types)) for prefix in "BILU")]


def bioul_constraints(tags: Sequence[str]) -> tuple[Tensor, Tensor, Tensor]:
    """The transitions among K tags that are legal in BIOUL.

    Returns:
        (K, K) bool, true where the tag of the column may follow the tag of the row; (K,) bool,
        true for tags that may begin a sentence; (K,) bool, true for tags that may end one.
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
