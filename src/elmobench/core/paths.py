"""Folders and files that the package uses. Every location can be set by an environment variable."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from elmobench.core.errors import ConfigError

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


def expanded(text: str, where: str) -> Path:
    """A path in which ``~`` and ``~user`` stand for that user's folder.

    Args:
        text: the path as a person wrote it.
        where: the variable or option that holds it, for the error.

    Raises:
        ConfigError: there is no such user.

    >>> expanded("models/elmo", "ELMOBENCH_MODELS").as_posix()
    'models/elmo'
    """
    try:
        return Path(text).expanduser()
    except RuntimeError as error:
        raise ConfigError(
            f"{text!r} names a user who does not exist here", where=where, fix="write the path out"
        ) from error


def home() -> Path:
    """Root of all caches: ``ELMOBENCH_HOME``, else the user's cache folder."""
    value = os.environ.get(HOME_VARIABLE)
    if value:
        return expanded(value, HOME_VARIABLE)
    return Path(platformdirs.user_cache_dir("elmobench"))


def data_cache() -> Path:
    """Folder of downloaded files, named by their digests."""
    return home() / "data"


def lock_file() -> Path:
    """File of the digests pinned on first use (``--trust-first``)."""
    return home() / "trusted.json"


def feature_store() -> Path:
    """Folder of stored features: ``ELMOBENCH_STORE``, else ``<home>/features``."""
    value = os.environ.get(STORE_VARIABLE)
    return expanded(value, STORE_VARIABLE) if value else home() / "features"


def reference() -> Path:
    """Folder of AllenNLP environments: ``ELMOBENCH_REFERENCE``, else ``<home>/reference``."""
    value = os.environ.get(REFERENCE_VARIABLE)
    return expanded(value, REFERENCE_VARIABLE) if value else home() / "reference"


def mirror() -> Path | None:
    """Folder that holds public files under ``HOST/PATH``: ``ELMOBENCH_MIRROR``, if set."""
    value = os.environ.get(MIRROR_VARIABLE)
    return expanded(value, MIRROR_VARIABLE) if value else None


def _folders(variable: str) -> list[Path]:
    value = os.environ.get(variable, "")
    return [expanded(part, variable) for part in value.split(os.pathsep) if part]


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
