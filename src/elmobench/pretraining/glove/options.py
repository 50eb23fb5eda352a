"""Options for training GloVe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from elmobench.core.strict_model import StrictModel

_Positive = Annotated[int, Field(ge=1)]


class GloveOptions(StrictModel):
    """Options of a training, under the names of the published code where it has them.

    Attributes:
        vocab_size: largest number of words; the most frequent are kept.
        min_count: rarer words are left out.
        vector_size: D, values per vector.
        window_size: words on either side.
        x_max, alpha: parameters of the weighting function ``f(x) = min(1, (x / x_max)^alpha)``.
        eta: learning rate of AdaGrad.
        text_share: share of the sentences, evenly spread, in which words are counted; the
            vocabulary is that of the whole text.
        epochs: passes over all cells.
        batch_size: cells per update.
        heldout_share: share of the cells that is held out to measure on.
        memory_mb: memory for counting, in MB.
        seed: seed of the initial vectors, the held-out cells and the order.
    """

    vocab_size: _Positive = 20_000
    min_count: _Positive = 5
    vector_size: _Positive = 100
    window_size: _Positive = 10
    x_max: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=0.75, gt=0)
    eta: float = Field(default=0.05, gt=0)
    text_share: float = Field(default=1.0, gt=0, le=1)
    epochs: _Positive = 15
    batch_size: _Positive = 8192
    heldout_share: float = Field(default=0.01, gt=0, lt=0.5)
    memory_mb: _Positive = 1024
    seed: int = Field(default=1, ge=0)
