"""The runs that repeat a published system, as a published score describes them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from elmobench.core.strict_model import StrictModel


class MatchingRuns(StrictModel):
    """The cells that repeat a published system, on the same data.

    Attributes:
        features: features specs; any of them matches, and each is compared separately. A part
            with ``@place=input`` is the same as one without where features enter at the input.
        head: head preset, with the preset's own options, except those in ``set``.
        axes: values of further axes that differ from their defaults.
        set: options that the published system has instead of the preset's, by path
            (``options.hidden``, ``training.batch_size``), as in an experiment's overrides.
    """

    features: Annotated[tuple[str, ...], Field(min_length=1)]
    head: str
    axes: dict[str, Any] = Field(default_factory=dict)
    set: dict[str, Any] = Field(default_factory=dict)
