"""Control for edges: which role an argument has, which only the voice of the clause decides.

The sentences are those of the control for SRL. Each has two edges, from the predicate to the words
before and after it, labelled ARG0 (agent) or ARG1 (patient). Twins have the same edges with
opposite labels; in the other sentences the words decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.data.controls.base import Generator, GeneratorOptions
from elmobench.data.controls.ceilings import edge_ceiling
from elmobench.data.controls.srl import GENERATOR as ROLES
from elmobench.data.controls.srl import SrlOptions
from elmobench.data.edges import role_edges
from elmobench.data.examples import EdgeText


class EdgeOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`; ``ambiguous`` predicates take persons only."""


class EdgeControl(Generator[EdgeOptions]):
    """Makes :class:`EdgeText` with two edges of two single words each."""

    name: ClassVar[str] = "control-edges"
    version: ClassVar[int] = 1
    options_type = EdgeOptions

    def generate(self, options: EdgeOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`."""
        made = ROLES.generate(SrlOptions(**options.model_dump()))
        return {split: list(role_edges(examples)) for split, examples in made.items()}

    def context_free_ceiling(self, examples: Sequence[EdgeText]) -> float:
        """Accuracy in percent, exact; see :func:`ceilings.edge_ceiling`."""
        return edge_ceiling(examples)


GENERATOR = EdgeControl()
