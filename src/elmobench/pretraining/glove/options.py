"""Options for training GloVe."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from elmobench.core.strict_model import StrictModel
from elmobench.pretraining.option_types import Count, Seed


class GloveOptions(StrictModel):
    """Options of a training, under the names of the published code where it has them."""

    vocab_size: Count = 20_000
    """Largest number of words; the most frequent are kept."""
    min_count: Count = 5
    """Smallest number of occurrences of a word; rarer words are left out."""
    vector_size: Count = 100
    """Number of values per vector, D."""
    window_size: Annotated[int, Field(ge=1, le=1000)] = 10
    """Number of context words on either side."""
    x_max: float = Field(default=10.0, gt=0)
    """Count from which the weighting function ``f(x) = min(1, (x / x_max)^alpha)`` is 1."""
    alpha: float = Field(default=0.75, gt=0)
    """Exponent of the weighting function."""
    eta: float = Field(default=0.05, gt=0)
    """Learning rate of AdaGrad."""
    text_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the sentences, evenly spread, in which words are counted; the vocabulary is that of
    the whole text.
    """
    epochs: Count = 15
    """Passes over all cells of the co-occurrence matrix."""
    batch_size: Count = 8192
    """Cells per update."""
    heldout_share: float = Field(default=0.01, gt=0, lt=0.5)
    """Share of the cells that is held out for evaluation."""
    memory_mb: Count = 1024
    """Memory for counting, in MB."""
    seed: Seed = 1
    """Seed of the initial vectors, the held-out cells and the order."""
