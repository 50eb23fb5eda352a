"""Folders and files that the package uses. Every location can be set by an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "ELMOBENCH_HOME"
MIRROR_VARIABLE = "ELMOBENCH_MIRROR"
MODELS_VARIABLE = "ELMOBENCH_MODELS"
CORPORA_VARIABLE = "ELMOBENCH_CORPORA"
STORE_VARIABLE = "ELMOBENCH_STORE"
INCLUDE_VARIABLE = "ELMOBENCH_INCLUDE"
REFERENCE_VARIABLE = "ELMOBENCH_REFERENCE"
FOLDER_VARIABLES = (
    HOME_VARIABLE,
    MIRROR_VARIABLE,
    MODELS_VARIABLE,
    CORPORA_VARIABLE,
    STORE_VARIABLE,
    INCLUDE_VARIABLE,
    REFERENCE_VARIABLE,
)

_PACKAGE = Path(__file__).resolve().parents[1]


def home() -> Path:
    """Root of all caches: ``ELMOBENCH_HOME``, else the user's cache folder."""
    value = os.environ.get(HOME_VARIABLE)
    return Path(value).expanduser() if value else Path(platformdirs.user_cache_dir("elmobench"))


def data_cache() -> Path:
    """Folder of downloaded files, named by their digests."""
    return home() / "data"


def lock_file() -> Path:
    """File of the digests pinned on first use (``--trust-first``)."""
    return home() / "trusted.json"


def feature_store() -> Path:
    """Folder of stored features: ``ELMOBENCH_STORE``, else ``<home>/features``."""
    value = os.environ.get(STORE_VARIABLE)
    return Path(value).expanduser() if value else home() / "features"


def reference() -> Path:
    """Folder of AllenNLP environments: ``ELMOBENCH_REFERENCE``, else ``<home>/reference``."""
    value = os.environ.get(REFERENCE_VARIABLE)
    return Path(value).expanduser() if value else home() / "reference"


def mirror() -> Path | None:
    """Folder that holds public files under ``HOST/PATH``: ``ELMOBENCH_MIRROR``, if set."""
    value = os.environ.get(MIRROR_VARIABLE)
    return Path(value).expanduser() if value else None


def _folders(variable: str) -> list[Path]:
    value = os.environ.get(variable, "")
    return [Path(part).expanduser() for part in value.split(os.pathsep) if part]


def model_folders() -> list[Path]:
    """Folders searched for a model's relative path: ``ELMOBENCH_MODELS``."""
    return _folders(MODELS_VARIABLE)


def corpus_folders() -> list[Path]:
    """Folders searched for the text that a pre-training plan names: ``ELMOBENCH_CORPORA``."""
    return _folders(CORPORA_VARIABLE)


def include_folders() -> list[Path]:
    """Folders of the user's own task cards: ``ELMOBENCH_INCLUDE``."""
    return _folders(INCLUDE_VARIABLE)


def builtin(kind: str) -> Path:
    """Folder of the shipped ``tasks`` or ``experiments``: in the wheel, or in the checkout."""
    shipped = _PACKAGE / "builtin" / kind
    return shipped if shipped.is_dir() else _PACKAGE.parents[1] / kind
