"""The results folder that a command's argument names."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.api.results_folder import results_folder
from elmobench.core.errors import DataError


def _with_record(folder: Path) -> Path:
    (folder / "records").mkdir(parents=True)
    (folder / "records" / "0123abcd.json").write_text("{}", encoding="utf-8")
    return folder


def test_a_folder_of_several_experiments_is_an_error_that_names_them(tmp_path: Path) -> None:
    inner = _with_record(tmp_path / "linear")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="several experiments") as caught:
        results_folder(str(tmp_path))
    assert str(inner) in str(caught.value)
    assert "empty" not in str(caught.value)
    assert results_folder(str(inner)) == inner


def test_a_folder_with_records_of_its_own_may_have_others_in_it(tmp_path: Path) -> None:
    _with_record(tmp_path)
    _with_record(tmp_path / "older")
    assert results_folder(str(tmp_path)) == tmp_path


def test_a_folder_without_any_records_is_returned(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    assert results_folder(str(tmp_path)) == tmp_path


def test_data_in_a_folder_with_the_name_of_the_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "films").mkdir()
    _with_record(tmp_path / "results" / "films")
    assert results_folder("films") == Path("results/films")
    _with_record(tmp_path / "films")
    assert results_folder("films") == Path("films")
