"""The modes of the layer mix, which say how several layers become one vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from elmobench.core.errors import ConfigError

MixKind = Literal["learned", "uniform", "layer", "first", "without", "last", "concat"]

_PLAIN = ("learned", "uniform", "last", "concat")
_FIX = "use learned, uniform, last, concat, layer=K or without=K (from 0), or first=K (from 1)"


@dataclass(frozen=True, slots=True)
class MixMode:
    """One mode of the layer mix.

    Attributes:
        kind: ``learned`` (softmax weights over all layers), ``uniform`` (their mean), ``layer``
            (only layer ``k``), ``first`` (learned weights over the first ``k`` layers),
            ``without`` (learned weights over all layers but ``k``), ``last``
            (only the top layer) or ``concat`` (all layers concatenated).
        k: the number in ``layer=K``, ``first=K`` and ``without=K``; None for the other kinds.
    """

    kind: MixKind
    k: int | None = None

    @classmethod
    def parse(cls, text: str | MixMode) -> MixMode:
        """Parse a mode, for example ``"learned"`` or ``"layer=1"``.

        Raises:
            ConfigError: if the text has none of the seven forms.
        """
        if isinstance(text, MixMode):
            return text
        kind, equals, number = text.strip().partition("=")
        if not equals and kind in _PLAIN:
            return cls(cast(MixKind, kind))
        # isdecimal alone also accepts the digits of other scripts.
        if kind in ("layer", "first", "without") and number.isascii() and number.isdecimal():
            return cls(cast(MixKind, kind), int(number))
        raise ConfigError(f"unknown layer mix {text!r}", fix=_FIX)

    def __str__(self) -> str:
        return self.kind if self.k is None else f"{self.kind}={self.k}"

    def layers(self, num_layers: int) -> tuple[int, ...]:
        """The layers that this mode reads from a part with ``num_layers`` layers, ascending.

        Raises:
            ConfigError: if the part does not have them.
        """
        if self.kind == "last":
            return (num_layers - 1,)
        if self.kind in ("layer", "without"):
            assert self.k is not None
            if self.k >= num_layers:
                raise ConfigError(
                    f"there is no layer {self.k}: the part has {num_layers}",
                    where=f"layer mix {self}",
                    fix=f"layers count from 0, so {self.kind}={num_layers - 1} is the highest",
                )
            if self.kind == "layer":
                return (self.k,)
            if num_layers == 1:
                raise ConfigError(
                    "no layer is left without the only one",
                    where=f"layer mix {self}",
                    fix="use it for models with several layers",
                )
            return tuple(layer for layer in range(num_layers) if layer != self.k)
        if self.kind == "first":
            assert self.k is not None
            if not 1 <= self.k <= num_layers:
                raise ConfigError(
                    f"cannot use the first {self.k} of {num_layers} layers",
                    where=f"layer mix {self}",
                    fix=f"use first=1 to first={num_layers}",
                )
            return tuple(range(self.k))
        return tuple(range(num_layers))
