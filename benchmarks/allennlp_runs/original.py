"""The original-size ELMo over the published number of epochs, extrapolated from few epochs.

AllenNLP trains one epoch on a small part of the data, ours two on all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchmarks.allennlp_peer import write_random_model
from benchmarks.allennlp_runs.comparisons import Comparison
from benchmarks.allennlp_runs.records import Run
from benchmarks.elmo_speed import shape
from elmobench.bench.experiment.schema import Experiment, parse_experiment
from elmobench.data.cards.catalog import CardCatalog

NAME = "original"
EPOCHS = 75
"""The published maximum number of epochs of the tagger."""
PART = Comparison(
    NAME,
    "biLSTM-CRF",
    {"train": 256, "dev": 64, "test": 64},
    output="tags",
    validation="+f1-measure-overall",
)
WHOLE = replace(PART, sizes=dict.fromkeys(PART.sizes, 10**6))
"""For ours."""
_MODEL = "elmo-original-random"


def original_experiment(work: Path, epochs: int) -> Experiment:
    """The published tagger on an ELMo of the original size with random weights.

    Args:
        work: gets the model's files, 370 MB.
        epochs: to train.
    """
    folder = work / _MODEL
    files = {"options": folder / "options.json", "weights": folder / "weights.hdf5"}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        write_random_model(folder, shape("original"))
    model: dict[str, Any] = {
        "provider": "elmo",
        "description": "the original size, with random weights",
        "files": {role: {"path": str(file)} for role, file in files.items()},
    }
    return parse_experiment(
        {
            "name": f"allennlp-{NAME}",
            "tasks": ["ner/wnut17"],
            "features": [_MODEL],
            "heads": ["paper"],
            "models": {_MODEL: model},
            "overrides": [{"set": {"training.epochs": epochs}}],
        }
    )


@dataclass(frozen=True)
class Extrapolated:
    """Seconds on the whole data set, by the number of tokens.

    Attributes:
        tokens: split -> tokens of the whole set.
        their_epoch, our_epoch: one epoch on train, with its score on dev.
        our_encoding: train, dev and test, once.
    """

    tokens: dict[str, int]
    their_epoch: float
    our_epoch: float
    our_encoding: float

    @property
    def their_run(self) -> float:
        """All epochs."""
        return EPOCHS * self.their_epoch

    @property
    def our_run(self) -> float:
        """Encoding and all epochs."""
        return self.our_encoding + EPOCHS * self.our_epoch

    @property
    def ratio(self) -> float:
        """How many times as long theirs takes."""
        return self.their_run / self.our_run


def extrapolated(ours: Run, theirs: Run, clock: Literal["wall", "cpu"]) -> Extrapolated:
    """What the measured parts say about the whole set."""
    counts = CardCatalog().get(ours.task.removesuffix("-part")).counts
    whole = {str(split): int(sizes.tokens or 0) for split, sizes in counts.items()}
    scored = ("train", "dev")

    def scale(run: Run, splits: Sequence[str]) -> float:
        return sum(whole[s] for s in splits) / sum(run.tokens[s] for s in splits)

    our, their = getattr(ours, clock), getattr(theirs, clock)
    return Extrapolated(
        whole,
        scale(theirs, scored) * their.epoch,
        scale(ours, scored) * our.epoch,
        scale(ours, list(whole)) * our.encoding,
    )
