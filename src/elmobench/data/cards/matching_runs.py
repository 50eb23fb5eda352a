"""The runs that repeat a published system, as a published score describes them."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from elmobench.core.strict_model import StrictModel


class MatchingRuns(StrictModel):
    """The cells that repeat a published system, on the same data.

    Attributes:
        features: features specs; any of them matches, and each is compared separately. A part
            with ``@place=input`` is the same as one without where features enter at the input.
            Empty for a head that reads no vectors: runs with any features then match, and one of
            them is compared.
        head: head preset, with the preset's own options, except those in ``set``.
        axes: values of further axes that differ from their defaults.
        set: options that the published system has instead of the preset's, by path
            (``options.hidden``, ``training.batch_size``), as in an experiment's overrides.
        reader: options of the card's reader that the published data were read with, for those on
            which the scores depend, such as the format of a sense inventory.
    """

    features: tuple[str, ...] = ()
    head: str
    axes: dict[str, Any] = Field(default_factory=dict)
    set: dict[str, Any] = Field(default_factory=dict)
    reader: dict[str, Any] = Field(default_factory=dict)
