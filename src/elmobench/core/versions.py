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
    search_path = tuple(sys.path)
    found = _required(COMPUTING, search_path) | _plugins(search_path)
    return {"python": platform.python_version(), **found}


# Both are kept, since they read a file of each distribution and every record asks for them.


@cache
def _required(names: tuple[str, ...], search_path: tuple[str, ...]) -> dict[str, str]:
    """Versions of the distributions ``names``, found on ``search_path``, which is sys.path."""
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = NOT_INSTALLED
    return versions


@cache
def _plugins(search_path: tuple[str, ...]) -> dict[str, str]:
    """The distributions on ``search_path`` that add providers, heads, metrics or cards."""
    return {
        plugin.name: plugin.version
        for plugin in sorted(distributions(path=[*search_path]), key=lambda plugin: plugin.name)
        if any(point.group.startswith(PLUGIN_GROUPS) for point in plugin.entry_points)
    }
