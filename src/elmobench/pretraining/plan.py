"""A file that says which models are trained on which text, for comparisons on equal terms."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError
from elmobench.core.validation import validated
from elmobench.core.yaml_files import read_yaml
from elmobench.data.cards.card import Sha256
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.glove.options import GloveOptions

KINDS: dict[str, type[BilmOptions] | type[GloveOptions] | type[BertOptions]] = {
    "bilm": BilmOptions,
    "glove": GloveOptions,
    "bert": BertOptions,
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class PlannedFile(_Strict):
    """A file of the corpus, looked up below the folders of ``ELMOBENCH_CORPORA``."""

    name: str
    sha256: Sha256


class PlannedCorpus(_Strict):
    """The text: see :class:`~elmobench.pretraining.corpus.Corpus`."""

    tokenizer: str | None = None
    files: tuple[PlannedFile, ...] = Field(min_length=1)


class PlannedModel(_Strict):
    """One model.

    Attributes:
        kind: what is trained.
        options: of that kind's training.
        start: for a biLM, the folder of a trained one to go on from, below the folder that the
            models are written to.
    """

    kind: Literal["bilm", "glove", "bert"]
    options: dict[str, Any] = Field(default_factory=dict)
    start: str | None = None

    @model_validator(mode="after")
    def _only_bilms_start(self) -> PlannedModel:
        if self.start is not None and self.kind != "bilm":
            raise ValueError("only a bilm can start from a trained model")
        return self


class PretrainingPlan(_Strict):
    """Models of one text.

    Attributes:
        name: of the plan.
        description: what it is for.
        corpus: the text that all of them are trained on.
        licence: of the weights.
        attribution: whom the text is owed to.
        models: by name.
    """

    name: str
    description: str = ""
    corpus: PlannedCorpus
    licence: str
    attribution: str
    models: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")], PlannedModel]

    def options(self, name: str) -> BilmOptions | GloveOptions | BertOptions:
        """The options of model ``name``, checked. Raises ConfigError."""
        model = self.models[name]
        return validated(KINDS[model.kind], model.options, f"models.{name}.options")


def read_plan(path: Path) -> PretrainingPlan:
    """Read a plan and check all of its models' options. Raises ConfigError."""
    plan = validated(PretrainingPlan, read_yaml(path), str(path))
    for name in plan.models:
        plan.options(name)
    return plan


def open_corpus(plan: PretrainingPlan, base: Path) -> Corpus:
    """The plan's text.

    Args:
        plan: names the files.
        base: looked at before the folders of ``ELMOBENCH_CORPORA``.

    Raises:
        ConfigError: if a file is nowhere.
        DigestError: if a file is another one.
    """
    folders = [base, *paths.corpus_folders()]
    found = []
    for file in plan.corpus.files:
        places = [folder / file.name for folder in folders if (folder / file.name).is_file()]
        if not places:
            raise ConfigError(
                f"no corpus file {file.name}",
                where=", ".join(map(str, folders)),
                fix=f"name the folder that has it in {paths.CORPORA_VARIABLE}",
            )
        found.append(places[0])
    corpus = Corpus.open(found, plan.corpus.tokenizer)
    for wanted, got in zip(plan.corpus.files, corpus.files, strict=True):
        if got.sha256 != wanted.sha256:
            raise DigestError(
                f"has sha256 {got.sha256}, the plan asks for {wanted.sha256}",
                where=str(got.path),
                fix="get the file that the plan means",
            )
    return corpus
