"""Static word vectors, one per word type, from all common file formats."""

from elmobench.features.static.provider import FACTORY, StaticFactory, StaticProvider

__all__ = ["FACTORY", "StaticFactory", "StaticProvider"]
