"""Options for training fastText vectors."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from elmobench.core.strict_model import StrictModel
from elmobench.pretraining.option_types import Count, Passes, Seed


class FastTextOptions(StrictModel):
    """Options of a training, under the names of the published code where it has them."""

    vocab_size: Count = 20_000
    """Largest number of words; the most frequent are kept."""
    min_count: Count = 5
    """Smallest number of occurrences of a word; rarer words are left out."""
    dim: Count = 100
    """Number of values per vector, D."""
    ws: Annotated[int, Field(ge=1, le=1000)] = 5
    """Largest number of context words on either side; it is drawn anew for each word."""
    neg: Annotated[int, Field(ge=1, le=1000)] = 5
    """Number of negatives per pair."""
    minn: Annotated[int, Field(ge=1, le=100)] = 3
    """Smallest length of an n-gram, in characters."""
    maxn: Annotated[int, Field(ge=1, le=100)] = 6
    """Largest length of an n-gram, in characters."""
    bucket: Count = 200_000
    """Number of rows for n-grams; n-grams with equal hashes share a row."""
    t: float = Field(default=1e-4, gt=0, le=1)
    """Share of a word in the text from which its occurrences are left out at random."""
    eta: float = Field(default=0.1, gt=0)
    """Learning rate of AdaGrad at the start; it falls linearly to 0."""
    batch_tokens: Count = 2_000
    """Tokens of text per update, in whole sentences."""
    epochs: Passes = 3
    """Passes over the text."""
    seed: Seed = 1
    """Seed of the initial vectors, the order, the pairs and the negatives."""

    @model_validator(mode="after")
    def _lengths_are_a_range(self) -> FastTextOptions:
        if self.minn > self.maxn:
            raise ValueError(f"minn is {self.minn}, larger than maxn, which is {self.maxn}")
        return self
