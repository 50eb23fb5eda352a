"""How a part's layers become one vector: the modes of the layer mix, as text and as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from elmobench.core.errors import ConfigError

MixKind = Literal["learned", "uniform", "layer", "first", "last", "concat"]

_PLAIN = ("learned", "uniform", "last", "concat")
_FIX = "use learned, uniform, last, concat, layer=K (from 0) or first=K (from 1)"


@dataclass(frozen=True, slots=True)
class MixMode:
    """One mode of the layer mix.

    Attributes:
        kind: ``learned`` (softmax weights over all layers), ``uniform`` (their mean), ``layer``
            (layer ``k`` alone), ``first`` (learned over the first ``k``), ``last`` (the top
            layer alone) or ``concat`` (all layers side by side).
        k: the number in ``layer=K`` and ``first=K``; None for the other kinds.
    """

    kind: MixKind
    k: int | None = None

    @classmethod
    def parse(cls, text: str | MixMode) -> MixMode:
        """The mode written as ``text``, for example ``"learned"`` or ``"layer=1"``.

        Raises:
            ConfigError: if it is none of the six forms.
        """
        if isinstance(text, MixMode):
            return text
        kind, equals, number = text.strip().partition("=")
        if not equals and kind in _PLAIN:
            return cls(cast(MixKind, kind))
        # isdecimal alone also admits the digits of other scripts.
        if kind in ("layer", "first") and number.isascii() and number.isdecimal():
            return cls(cast(MixKind, kind), int(number))
        raise ConfigError(f"unknown layer mix {text!r}", fix=_FIX)

    def __str__(self) -> str:
        return self.kind if self.k is None else f"{self.kind}={self.k}"

    def layers(self, num_layers: int) -> tuple[int, ...]:
        """The layers that this mode reads from a part of ``num_layers``, ascending from 0.

        Raises:
            ConfigError: if the part has no such layers.
        """
        if self.kind == "last":
            return (num_layers - 1,)
        if self.kind == "layer":
            assert self.k is not None
            if self.k >= num_layers:
                raise ConfigError(
                    f"there is no layer {self.k}: the part has {num_layers}",
                    where=f"layer mix {self}",
                    fix=f"layers count from 0, so layer={num_layers - 1} is the highest",
                )
            return (self.k,)
        if self.kind == "first":
            assert self.k is not None
            if not 1 <= self.k <= num_layers:
                raise ConfigError(
                    f"cannot take the first {self.k} of {num_layers} layers",
                    where=f"layer mix {self}",
                    fix=f"use first=1 to first={num_layers}",
                )
            return tuple(range(self.k))
        return tuple(range(num_layers))
