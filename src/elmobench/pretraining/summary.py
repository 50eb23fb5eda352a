"""What a finished training reports to the model card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ModelSummary:
    """Facts of a trained model; most of them are fields of its card.

    Attributes:
        provider: the feature provider that reads its files.
        files: role to file name in the model's folder.
        dim: values per vector and layer.
        layers: number of layers.
        description: one line.
        tokens_seen: tokens that training read, all epochs together.
        updates: times that the weights were changed.
        parameters: numbers of weights, of the model in use and of what only training needs.
        heldout: measurements on held-out data, by name.
        seconds: training time.
    """

    provider: str
    files: dict[str, str]
    dim: int
    layers: int
    description: str
    tokens_seen: int
    updates: int
    parameters: dict[str, int]
    heldout: dict[str, float]
    seconds: float
