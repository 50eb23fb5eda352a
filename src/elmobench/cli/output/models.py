"""Documents of ``models``, ``encode``, ``pretrain`` and ``reference``."""

from __future__ import annotations

from typing import Any, ClassVar

from elmobench.cli.output.base import Fields, Output


class ListedModel(Fields):
    """One model of the catalog."""

    name: str
    """As written in a features spec."""
    provider: str
    """What loads it."""
    description: str
    """One line."""
    state: str
    """Whether it can be used now, and if not, what is needed."""
    parameters: int | None
    """Number of values in the weights, if its entry states it."""
    dim: int | None
    """Values per vector."""
    layers: int | None
    """Number of layers."""
    bytes: int | None
    """Size of its files."""
    version: str | int | None
    """Version of the model."""
    trained_on: str | None
    """The text it was trained on."""
    licence: str | None
    """Licence of the weights."""
    citation: str | None
    """Publication."""
    homepage: str | None
    """Web page of the publisher."""
    options: dict[str, Any]
    """Options of the provider."""
    files: dict[str, dict[str, Any]]
    """Role -> place, size, digest, and where the file is on this machine."""


class ModelsListOutput(Output):
    """The models of the catalog."""

    NAME: ClassVar[str] = "elmobench/models-list"
    COMMANDS: ClassVar[tuple[str, ...]] = ("models list",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("name", "provider", "parameters", "bytes", "state", "licence"),
    )
    ROWS_OF: ClassVar[str] = "models"

    models: list[ListedModel]
    """The models."""


class ModelShowOutput(Output):
    """One model of the catalog."""

    NAME: ClassVar[str] = "elmobench/models-show"
    COMMANDS: ClassVar[tuple[str, ...]] = ("models show",)

    model: str
    """Its name."""
    content: dict[str, Any]
    """What is known about it, and how to write it."""


class FetchedModel(Fields):
    """One model that was fetched and loaded, or needed no download."""

    model: str
    """Its name."""
    fetched: bool
    """False if there was nothing to fetch."""
    state: str
    """Its state now."""
    bytes: int | None
    """Size of its files."""
    parameters: int | None
    """Number of values in its weights; null if it was not loaded."""
    layers: int | None
    """Number of layers; null if it was not loaded."""
    dim: int | None
    """Values per vector; null if it was not loaded."""
    files: dict[str, str | None]
    """Role -> file on this machine."""
    pinned_now: list[str]
    """Roles of files whose digest was pinned now."""


class ModelsFetchOutput(Output):
    """Models that were fetched."""

    NAME: ClassVar[str] = "elmobench/models-fetch"
    COMMANDS: ClassVar[tuple[str, ...]] = ("models fetch",)

    models: list[FetchedModel]
    """The models."""


class EncodeOutput(Output):
    """What was encoded."""

    NAME: ClassVar[str] = "elmobench/encode"
    COMMANDS: ClassVar[tuple[str, ...]] = ("encode",)

    features: str
    """The features spec."""
    file: str
    """The file with the vectors."""
    bytes: int
    """Its size."""
    sentences: int
    """Number of sentences."""
    tokens: int
    """Number of tokens."""
    layers: str
    """Names of what was written."""
    values: str
    """Values per vector, and their precision."""


class PackedModel(Fields):
    """A small copy of a model."""

    model: str
    """Its name."""
    folder: str
    """Its folder."""
    bytes: int
    """Size of its files."""


class PretrainPackOutput(Output):
    """Small copies of finished models."""

    NAME: ClassVar[str] = "elmobench/pretrain-pack"
    COMMANDS: ClassVar[tuple[str, ...]] = ("pretrain pack",)

    models: list[PackedModel]
    """The copies."""


class OverlapRow(Fields):
    """How much of one evaluation set occurs in a corpus."""

    task: str
    """The task."""
    split: str
    """``dev`` or ``test``."""
    runs: int
    """Number of distinct sequences of words in the set."""
    runs_found: int
    """How many of them occur in the corpus."""
    sentences: int
    """Number of distinct sentences with a sequence."""
    sentences_found: int
    """How many of them share one with the corpus."""


class OverlapOutput(Output):
    """How much of the dev and test sets occurs in a corpus."""

    NAME: ClassVar[str] = "elmobench/pretrain-overlap"
    COMMANDS: ClassVar[tuple[str, ...]] = ("pretrain overlap",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("task", "split", "runs", "runs_found", "sentences", "sentences_found"),
    )
    ROWS_OF: ClassVar[str] = "sets"

    words: int
    """Words per sequence."""
    sets: list[OverlapRow]
    """The evaluation sets."""
    not_checked: dict[str, str]
    """Task -> why it was not checked."""


class ReferenceOutput(Output):
    """The environment for AllenNLP."""

    NAME: ClassVar[str] = "elmobench/reference"
    COMMANDS: ClassVar[tuple[str, ...]] = ("reference setup", "reference show")

    built: bool
    """Whether it has been built."""
    folder: str
    """Its folder."""
    bytes: int | None
    """Its size; null if it has not been built."""
    versions: dict[str, str]
    """Package -> version."""


class HeadOutputRow(Fields):
    """One output of a head, compared with the published head's."""

    head: str
    """The published head."""
    output: str
    """The output."""
    values: int
    """Number of values compared."""
    measure: str
    """What the difference is."""
    difference: float | None
    """The difference."""
    equal: bool
    """Whether it is small enough to count as none."""


class ReferenceHeadsOutput(Output):
    """Our heads compared with the published ones, weight for weight."""

    NAME: ClassVar[str] = "elmobench/reference-heads"
    COMMANDS: ClassVar[tuple[str, ...]] = ("reference heads",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("head", "output", "values", "measure", "difference", "equal"),
    )
    ROWS_OF: ClassVar[str] = "outputs"

    seed: int
    """Seed of the parameters and the inputs."""
    outputs: list[HeadOutputRow]
    """One row per output."""
