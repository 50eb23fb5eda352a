"""What a cell of the paper's table costs: examples per second of each ``paper`` preset in training.

Each preset is trained for one epoch on two parts of open data, one twice as large, at the published
batch size, on random vectors of ELMo's width (1,024). The difference of the two is the head's own
work, without encoding, dev and test. From that follow the hours of one core for an epoch over the
published training set, and for the preset's largest number of epochs. It is processor time of one
thread, so that other work on the machine has little effect.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import elmobench
from elmobench.core.errors import DownloadError
from elmobench.tasks.registries import get_head


class Preset(NamedTuple):
    """A preset, open data to time it on, and the published training set.

    Attributes:
        head: pipeline and preset.
        task: card of the open data.
        fraction: part of its training set that is used.
        published: name of the published training set.
        examples: number of training examples in that; for sentiment all sub-trees of SST.
    """

    head: str
    task: str
    fraction: float
    published: str
    examples: int


PRESETS = (
    Preset("ner/paper", "ner/wnut17", 0.2, "CoNLL-2003", 14_041),
    Preset("sentiment/paper", "sentiment/sst5", 0.02, "SST-5 with sub-trees", 155_019),
    Preset("nli/paper", "nli/cad-snli", 0.2, "SNLI", 549_367),
    Preset("srl/paper", "srl/propbank-ewt", 0.01, "CoNLL-2012", 253_070),
    Preset("qa/paper", "qa/squad-small", 0.05, "SQuAD", 87_599),
    Preset("coref/paper", "coref/litbank", 0.2, "CoNLL-2012", 2_802),
)


def main() -> None:
    print(f"{'preset':<18}{'examples/s':>12}  hours of one core on the published training set")
    for preset in PRESETS:
        try:
            whole, half = (_one_epoch(preset, part) for part in (1.0, 0.5))
        except DownloadError as error:
            print(f"{preset.head:<18}skipped, no data: {error}")
            continue
        rate = (whole[0] - half[0]) / (whole[1] - half[1])
        hours = preset.examples / rate / 3600
        epochs = get_head(*preset.head.split("/")).training.epochs
        print(
            f"{preset.head:<18}{rate:>12,.1f}  {preset.published}: {hours:,.2f} an epoch, "
            f"{hours * epochs:,.0f} for at most {epochs} epochs"
        )


def _one_epoch(preset: Preset, part: float) -> tuple[int, float]:
    """Number of training examples, and processor seconds of the whole cell."""
    experiment: dict[str, Any] = {
        "name": "paper-presets",
        "tasks": [preset.task],
        "features": ["random-1024"],
        "heads": [preset.head.split("/")[1]],
        "axes": {"train_fraction": [preset.fraction * part]},
        "overrides": [{"set": {"training.epochs": 1}}],
        "settings": {"threads": 1},
        "models": {
            "random-1024": {
                "provider": "random",
                "description": "random vectors of ELMo's width",
                "options": {"dim": 1024},
            }
        },
    }
    with tempfile.TemporaryDirectory() as folder:
        results = elmobench.run(
            experiment,
            results=Path(folder) / "results",
            store=Path(folder) / "store",
            tracking_uri="none",
            quiet=True,
        )
    (record,) = results.summary.records
    assert record.result is not None
    assert record.run is not None
    return record.result.counts["train"], record.run.seconds["cpu"]
