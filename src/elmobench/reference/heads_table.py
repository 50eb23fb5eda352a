"""The comparison of heads as a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import torch

from elmobench.core.files import write_text, writing
from elmobench.features.allennlp.environment import require_environment
from elmobench.reference.compare_heads import HEADS, OutputDifference


def write_heads_table(rows: Sequence[OutputDifference], seed: int, path: Path) -> None:
    """Write one line per output, with the seed and the versions that computed it.

    Args:
        rows: as :func:`~elmobench.reference.compare_heads.compare_heads` returns them.
        seed: of the comparison.
        path: of the CSV file.

    Raises:
        ElmobenchError: if the file cannot be written.
    """
    versions = require_environment("comparison of heads").versions
    frame = pd.DataFrame(
        {
            "head": row.head,
            "preset": HEADS[row.head].preset,
            "published": HEADS[row.head].published,
            **{key: value for key, value in asdict(row).items() if key != "head"},
            "seed": seed,
            "torch": torch.__version__,
            "allennlp_models": versions["allennlp-models"],
            "allennlp_torch": versions["torch"],
        }
        for row in rows
    )
    with writing(path):
        write_text(path, frame.to_csv(index=False))
