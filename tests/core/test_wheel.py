"""The wheel contains the cards, the experiments, the catalog and the texts of options."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_an_installed_wheel_finds_its_cards_and_experiments(tmp_path: Path) -> None:
    subprocess.run(
        [*(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"), *("-w", tmp_path, ROOT)],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    code = (
        "import elmobench; from elmobench.data.cards.catalog import CardCatalog;"
        "from elmobench.bench.experiment.schema import known_experiments;"
        "from elmobench.features.catalog.catalog import ModelCatalog;"
        "from elmobench.core.option_help import description_of;"
        "from elmobench.data.readers.columns import ColumnOptions;"
        "print('Description:', description_of(ColumnOptions, 'tag'));"
        "print(elmobench.__file__, *CardCatalog().names(), *known_experiments(),"
        "*ModelCatalog().names())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "HOME": str(tmp_path)},
        check=True,
    ).stdout
    assert str(tmp_path / "site") in out
    assert "Description: Column of the tag." in out
    for name in ("ner/wnut17", "sentiment/sst5", "demo", "senses", "elmo-random"):
        assert name in out.split()
