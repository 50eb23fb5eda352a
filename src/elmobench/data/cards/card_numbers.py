"""Numbers in task cards: sizes of splits, published scores, ceilings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from elmobench.core.strict_model import StrictModel
from elmobench.data.cards.matching_runs import MatchingRuns


class SplitCounts(StrictModel):
    """Sizes of one split. In a card, those that are given are checked when it is loaded.

    Attributes:
        examples: number of examples (sentences).
        tokens: over all examples.
        spans: annotated spans, of tagged sentences in a span scheme; arguments of propositions;
            sense-annotated instances; edges of texts, which are one span or two.
        phrases: labelled phrases, of treebank sentences.
        mentions, clusters, singletons: of coreference documents; a singleton is a cluster too.
        labels: examples by label, or tokens by tag where tags do not mark spans.
        types: spans by type, instances by part of speech.
        passages: distinct passages that questions are asked on.
    """

    examples: int | None = None
    tokens: int | None = None
    spans: int | None = None
    phrases: int | None = None
    mentions: int | None = None
    clusters: int | None = None
    singletons: int | None = None
    labels: dict[str, int] | None = None
    types: dict[str, int] | None = None
    passages: int | None = None


class Published(StrictModel):
    """A published number. ``score`` and ``sd`` are in percent.

    ``like`` says which cells repeat it, so that the report can give a verdict. If none can,
    ``not_comparable`` says why.
    """

    metric: str
    """Name of the score."""
    score: float
    """The score, in percent."""
    sd: float | None = None
    """Standard deviation over runs, in percentage points."""
    model: str
    """The system that has the score."""
    source: str
    """Where it was published."""
    split: str = "test"
    """The split that was scored."""
    seeds: int | None = None
    """Number of runs."""
    note: str | None = None
    """What a reader of the number should know."""
    like: MatchingRuns | None = None
    """The cells that repeat the system."""
    not_comparable: str | None = None
    """Why no cell repeats it."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Published:
        if self.like is not None and self.not_comparable is not None:
            raise ValueError("'like' and 'not_comparable' contradict each other")
        return self


class Ceiling(StrictModel):
    """The best score of a model without context on test, in percent, and why."""

    context_free: Annotated[float, Field(ge=0, le=100)]
    """The score, in percent."""
    why: str
    """How it follows from the data."""
