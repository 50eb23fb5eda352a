"""Static word vectors, one a word type, in every usual form of file."""

from elmobench.features.static.provider import FACTORY, StaticFactory, StaticProvider

__all__ = ["FACTORY", "StaticFactory", "StaticProvider"]
