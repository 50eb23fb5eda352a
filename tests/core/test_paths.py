"""Folders that environment variables name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from elmobench.core import paths
from elmobench.core.errors import ConfigError

FOLDERS: dict[str, Callable[[], Any]] = {
    paths.HOME_VARIABLE: paths.home,
    paths.STORE_VARIABLE: paths.feature_store,
    paths.REFERENCE_VARIABLE: paths.reference,
    paths.MIRROR_VARIABLE: paths.mirror,
    paths.MODELS_VARIABLE: paths.model_folders,
    paths.CORPORA_VARIABLE: paths.corpus_folders,
    paths.INCLUDE_VARIABLE: paths.include_folders,
}


def test_all_variables_are_here() -> None:
    assert set(FOLDERS) == set(paths.FOLDER_VARIABLES)


@pytest.mark.parametrize("variable", FOLDERS)
def test_a_user_who_does_not_exist(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "~no-such-user/x")
    with pytest.raises(ConfigError, match=f"{variable}: '~no-such-user/x' names a user"):
        FOLDERS[variable]()


@pytest.mark.parametrize("variable", FOLDERS)
def test_a_tilde_is_the_home_folder(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    monkeypatch.setenv(variable, "~/x")
    assert FOLDERS[variable]() in (Path("/somewhere/x"), [Path("/somewhere/x")])
