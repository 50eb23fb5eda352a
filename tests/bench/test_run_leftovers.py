"""A run removes what killed processes left, also of encodings that others finished."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from elmobench.bench.run import run_experiment
from elmobench.core.files import temporary_path
from elmobench.data.cards.catalog import CardCatalog


def test_left_overs_in_the_store_are_removed_though_nothing_is_encoded(
    cards: Path, tiny: dict, tmp_path: Path
) -> None:
    def run(results: str) -> None:
        run_experiment(
            {**tiny, "features": ["random"]},
            results=tmp_path / results,
            cards=CardCatalog([cards]),
            store=tmp_path / "store",
            tracking_uri="none",
            quiet=True,
        )

    run("first")
    (folder,) = (path for path in (tmp_path / "store").iterdir() if path.is_dir())
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    living = temporary_path(folder / "types-b.safetensors")
    of_this_process = f"-{living.name.split('-')[-2]}-"
    left = living.with_name(living.name.replace(of_this_process, f"-{ended.pid}-"))
    assert left != living
    left.touch()
    living.touch()
    run("second")
    assert not left.exists()
    assert living.exists()
