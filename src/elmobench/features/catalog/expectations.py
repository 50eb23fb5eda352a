"""Check that a loaded model has the shape that its entry expects."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from elmobench.core.errors import ModelError
from elmobench.features.catalog.entries import Expected
from elmobench.features.provider import FeatureProvider


def check_expectations(
    provider: FeatureProvider,
    expected: Expected,
    files: Mapping[str, Path],
    where: str,
    *,
    thorough: bool = False,
) -> None:
    """Compare a loaded model with what its entry expects.

    An undamaged file can belong to another model. This check detects it even without a digest.

    Args:
        provider: the loaded model.
        expected: numbers from the entry; None is not checked.
        files: by role, the files of the model, for messages.
        where: the features, for messages.
        thorough: count parameters even if whole files must be read.

    Raises:
        ModelError: names every number that differs, with the expected value.
    """
    differences = []
    if expected.layers is not None and provider.num_layers != expected.layers:
        differences.append(f"{provider.num_layers} layers, expected {expected.layers}")
    if expected.dim is not None and provider.dim != expected.dim:
        differences.append(f"vectors of {provider.dim} values, expected {expected.dim}")
    counted = expected.parameters is not None and (thorough or provider.parameter_count_is_cheap)
    if counted and provider.parameters != expected.parameters:
        differences.append(f"{provider.parameters:,} parameters, expected {expected.parameters:,}")
    if differences:
        # For a model of many files the message names only their folder.
        places = {path if len(files) < 3 else path.parent: None for path in files.values()}
        read = f" (read from {', '.join(map(str, places))})" if files else ""
        raise ModelError(
            f"not the model of that name: it has {'; '.join(differences)}{read}",
            where=where,
            fix="fetch the files of this model again, or correct the 'expect' of its entry",
        )
