"""allennlp-models' ``CoreferenceResolver``, as in Lee et al. (2018): coarse to fine, order two."""

from __future__ import annotations

from typing import Any

from elmobench.reference.published.coref import arrays_with


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    return arrays_with(seed, coarse_to_fine=True, order=2, antecedents=20)
