"""Small samples of data sets, for a quick try of an experiment."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, TypeVar

from elmobench.core.errors import ConfigError
from elmobench.data.cards.sources import text_fraction

_SALT = "elmobench limit "
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?) ?%")

E = TypeVar("E", bound=Any)


@dataclass(frozen=True)
class Limit:
    """How many examples of each split are kept: a number, or a share.

    >>> Limit.parse("50").count(1000), Limit.parse("5%").count(1000), Limit.parse("50").count(20)
    (50, 50, 20)
    >>> str(Limit.parse("5.0 %"))
    '5%'

    Attributes:
        number: the largest number of examples; None for a share.
        percent: the share in percent; None for a number.
    """

    number: int | None = None
    percent: float | None = None

    @classmethod
    def parse(cls, text: str | int) -> Limit:
        """The limit that ``"50"``, ``50`` or ``"5%"`` means.

        Raises:
            ConfigError: if it is neither a whole number from 1 nor a percentage up to 100.
        """
        words = str(text).strip()
        match = _PERCENT.fullmatch(words)
        if match and words.isascii() and 0 < float(match[1]) <= 100:
            return cls(percent=float(match[1]))
        if words.isascii() and words.isdigit() and len(words) <= 12 and int(words) > 0:
            return cls(number=int(words))
        raise ConfigError(
            f"not a limit: {words[:40]!r}",
            fix="give a number of examples, such as 50, or a share, such as 5%",
        )

    @classmethod
    def parse_optional(cls, text: str | int | None) -> Limit | None:
        """See :meth:`parse`; None, which means all examples, stays None."""
        return None if text is None else cls.parse(text)

    def __str__(self) -> str:
        if self.percent is None:
            return str(self.number)
        # Not as 1e-05%, which is not a limit.
        return f"{self.percent:.6f}".rstrip("0").rstrip(".") + "%"

    def count(self, examples: int) -> int:
        """How many of ``examples`` are kept; at least one."""
        if self.percent is not None:
            return min(examples, max(1, math.ceil(examples * Fraction(str(self.percent)) / 100)))
        return min(examples, self.number or 1)

    def sample(self, examples: Sequence[E]) -> list[E]:
        """The kept examples, in their order.

        Those with the smallest hashes of their tokens are kept. So a smaller sample is part of a
        larger one, neither depends on the order of the data, and examples that share a text, as the
        questions on a passage do, mostly stay together, which saves encoding.

        Args:
            examples: of one split.
        """
        hashes = [text_fraction(_SALT, " ".join(example.tokens)) for example in examples]
        # The sort is stable: of examples with one text the first ones are kept.
        order = sorted(range(len(examples)), key=hashes.__getitem__)
        return [examples[i] for i in sorted(order[: self.count(len(examples))])]
