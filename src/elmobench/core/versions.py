"""Versions of the libraries that compute, for the provenance of vectors and results."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, distributions, version

COMPUTING = (
    "elmobench",
    "torch",
    "numpy",
    "scipy",
    "scikit-learn",
    "transformers",
    "tokenizers",
    "nltk",
    "pytorch-crf",
    "seqeval",
    "h5py",
    "safetensors",
)
"""Distributions whose code reads texts or weights, or computes vectors, heads or scores.

A test compares this list with what the sources import, so a new import of such a library must be
added here.
"""

NOT_INSTALLED = "not installed"
"""Recorded instead of a version."""

PLUGIN_GROUPS = "elmobench."
"""Beginning of the names of all entry point groups of this program."""


def library_versions() -> dict[str, str]:
    """Versions of Python, of :data:`COMPUTING`, and of installed plug-ins.

    Every library in the list is required, so :data:`NOT_INSTALLED` means a damaged or unusual
    installation. Plug-ins are distributions with an entry point for this program.

    >>> from elmobench.core.versions import library_versions
    >>> sorted(library_versions())[:3]
    ['elmobench', 'h5py', 'nltk']
    """
    versions = {"python": platform.python_version()}
    for name in COMPUTING:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = NOT_INSTALLED
    return versions | _plugins(tuple(sys.path))


@cache
def _plugins(search_path: tuple[str, ...]) -> dict[str, str]:
    """The distributions on ``search_path`` that add providers, heads, metrics or cards.

    Kept, since it reads a file of every installed distribution and each record asks for it.
    """
    return {
        plugin.name: plugin.version
        for plugin in sorted(distributions(path=[*search_path]), key=lambda plugin: plugin.name)
        if any(point.group.startswith(PLUGIN_GROUPS) for point in plugin.entry_points)
    }
