"""allennlp-models' ``SemanticRoleLabeler``, as in AllenNLP's configuration without ELMo."""

from __future__ import annotations

from typing import Any

from elmobench.reference.published.srl import arrays_with


def arrays(seed: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; see the package."""
    return arrays_with(seed, input_bias=True)
