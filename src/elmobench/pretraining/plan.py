"""Plans: files that say which models are trained on which text."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.source_kinds import Sha256
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.fasttext.options import FastTextOptions
from elmobench.pretraining.glove.options import GloveOptions

_SEEDS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_SEEDS = 1_000

AnyOptions = BilmOptions | GloveOptions | FastTextOptions | BertOptions
KINDS: dict[str, type[AnyOptions]] = {
    "bilm": BilmOptions,
    "glove": GloveOptions,
    "fasttext": FastTextOptions,
    "bert": BertOptions,
}


class PlannedFile(StrictModel):
    """A file of the corpus, searched for in the folders of ``ELMOBENCH_CORPORA``."""

    name: str
    sha256: Sha256


class PlannedCorpus(StrictModel):
    """The training text; see :class:`~elmobench.pretraining.corpus.Corpus`."""

    tokenizer: str | None = None
    files: tuple[PlannedFile, ...] = Field(min_length=1)


class PlannedModel(StrictModel):
    """One model of a plan.

    Attributes:
        kind: kind of model.
        options: options of the training.
        start: for a biLM, the folder of a trained biLM to start from, relative to the folder that
            the models are written to.
    """

    kind: Literal["bilm", "glove", "fasttext", "bert"]
    options: dict[str, Any] = Field(default_factory=dict)
    start: str | None = None

    @model_validator(mode="after")
    def _only_bilms_start(self) -> PlannedModel:
        if self.start is not None and self.kind != "bilm":
            raise ValueError("only a bilm can start from a trained model")
        return self


class PretrainingPlan(StrictModel):
    """Models that are trained on the same text.

    Attributes:
        name: name of the plan.
        description: its purpose.
        corpus: the text that all models are trained on.
        licence: licence of the weights.
        attribution: attribution for the text.
        models: the models, by name.
    """

    name: str
    description: str = ""
    corpus: PlannedCorpus
    licence: str
    attribution: str
    models: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], PlannedModel]

    def options(self, name: str) -> AnyOptions:
        """The options of model ``name``. Raises ConfigError if they are not valid."""
        model = self.models[name]
        return validated(KINDS[model.kind], model.options, f"models.{name}.options")

    def with_seeds(self, seeds: Sequence[int]) -> PretrainingPlan:
        """The plan with every model once per seed, as ``NAME-seed1``, and nothing else changed.

        A model that starts from another one of the plan starts from the one with the same seed.

        Args:
            seeds: seeds of the trainings: of initial weights, order, masks and dropout.
        """
        models = {
            f"{name}-seed{seed}": model.model_copy(
                update={
                    "options": {**model.options, "seed": seed},
                    "start": f"{model.start}-seed{seed}"
                    if model.start in self.models
                    else model.start,
                }
            )
            for name, model in self.models.items()
            for seed in seeds
        }
        return self.model_copy(update={"models": models})


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds such as ``1-3`` or ``1,2,5``, in the given order.

    >>> parse_seeds("1-3,7")
    (1, 2, 3, 7)

    Raises:
        ConfigError: the text is something else, names a seed twice, or more than 1,000 seeds.
    """
    seeds: list[int] = []
    for part in text.split(","):
        found = _SEEDS.fullmatch(part.strip())
        first = int(found[1]) if found else 1
        last = first if found is None or found[2] is None else int(found[2])
        if found is None or not 0 <= last - first < _MOST_SEEDS:
            raise ConfigError(
                f"{part.strip()!r} is no range of seeds",
                where="--seeds",
                fix="write numbers and ranges, smaller number first: 1-3 or 1,2,5",
            )
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds) or len(seeds) > _MOST_SEEDS:
        raise ConfigError(
            f"{text[:60]!r} names a seed twice, or more than {_MOST_SEEDS:,}",
            where="--seeds",
            fix="name every seed once",
        )
    return tuple(seeds)


def read_plan(path: Path) -> PretrainingPlan:
    """Read a plan and check the options of all its models. Raises ConfigError."""
    plan = validated(PretrainingPlan, read_yaml(path), str(path))
    for name in plan.models:
        plan.options(name)
    return plan


def open_corpus(plan: PretrainingPlan, base: Path) -> Corpus:
    """Open the training text of a plan.

    Args:
        plan: lists the files.
        base: folder to search before those of ``ELMOBENCH_CORPORA``.

    Raises:
        ConfigError: if a file is not found.
        DigestError: if a file has another digest than the plan states.
    """
    folders = [base, *paths.corpus_folders()]
    files = []
    for file in plan.corpus.files:
        candidates = [
            folder / file.name for folder in folders if os.path.isfile(folder / file.name)
        ]
        if not candidates:
            raise ConfigError(
                f"no corpus file {file.name}",
                where=", ".join(map(str, folders)),
                fix=f"add the folder that contains it to {paths.CORPORA_VARIABLE}",
            )
        files.append(candidates[0])
    corpus = Corpus.open(files, plan.corpus.tokenizer)
    for planned, opened in zip(plan.corpus.files, corpus.files, strict=True):
        if opened.sha256 != planned.sha256:
            raise DigestError(
                f"the digest is {opened.sha256}, but the plan states {planned.sha256}",
                where=str(opened.path),
                fix="get the version of the file that the plan states",
            )
    return corpus
