"""What judges a probe, as a part of the documents of ``report`` and ``compare``."""

from __future__ import annotations

from typing import Any

from elmobench.cli.output.base import Fields


class Probe(Fields):
    """One probe on one task, over its seeds. Scores are test scores in percent."""

    task: str
    """The task."""
    head: str
    """The head preset."""
    features: str
    """The features spec."""
    axes: dict[str, Any]
    """Values of the further axes, without ``labels``."""
    seeds: int
    """Number of runs on the given labels."""
    score: float
    """Mean score on the given labels."""
    sd: float | None
    """Sample standard deviation over seeds; null for one seed."""
    control: float | None
    """Mean score on control labels; null without such runs."""
    selectivity: float | None
    """Mean of score minus control over the seeds that both have."""
    selectivity_low: float | None
    """Lower end of Student's 95 % interval of it; null for fewer than three seeds."""
    selectivity_high: float | None
    """Upper end of that interval."""
    bits_per_label: float | None
    """Mean length of the online code per label of train; null without one."""
    compression: float | None
    """Mean of the uniform code's length divided by that of the online code."""
    majority: float | None
    """Mean score of the baseline without vectors."""
    layer_0: float | None
    """Mean score of the same probe on layer 0 of the same model."""
    best_layer: int | None
    """The single layer with the highest mean dev score, of two or more that were run."""
    best_layer_score: float | None
    """Its mean score."""
    converged: int
    """Number of runs whose best dev epoch was not the last one allowed."""
