"""Whether a loaded model has the shape that its entry states."""

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
    """Compare what was loaded with what its entry expects.

    A file can be whole and yet another model's; where no digest is known, this tells.

    Args:
        provider: what was loaded.
        expected: numbers of the entry; those that it leaves out are not looked at.
        files: what it was loaded from, by role, for messages.
        where: the features, for messages.
        thorough: count parameters even where whole files must be read for it.

    Raises:
        ModelError: naming every number that differs, expected and found.
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
        # Of a model of many files their folder says as much.
        places = {path if len(files) < 3 else path.parent: None for path in files.values()}
        read = f" (read from {', '.join(map(str, places))})" if files else ""
        raise ModelError(
            f"not the model of that name: it has {'; '.join(differences)}{read}",
            where=where,
            fix="fetch the files of this model again, or correct the 'expect' of its entry",
        )
