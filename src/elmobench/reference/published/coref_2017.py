"""allennlp-models' ``CoreferenceResolver``, as in Lee et al. (2017): the nearest antecedents."""

from __future__ import annotations

from typing import Any

from elmobench.reference.published.coref import arrays_with


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    return arrays_with(seed, coarse_to_fine=False, order=1, antecedents=70)
