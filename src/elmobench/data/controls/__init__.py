"""Controls: small generated tasks whose best score without context is known in advance."""

from elmobench.data.controls.base import GENERATORS, Generator, GeneratorOptions

__all__ = ["GENERATORS", "Generator", "GeneratorOptions"]
