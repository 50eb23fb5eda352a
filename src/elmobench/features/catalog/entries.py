"""Catalog entries: which provider, which files, which licence. The schema of ``models.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from elmobench.core.validation import Options, validated
from elmobench.core.yaml_files import read_yaml

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelFile(_Strict):
    """One file of a model: a local ``path`` or an https ``url``.

    Attributes:
        path: relative ones are looked up beside the defining file, then in ELMOBENCH_MODELS.
        url: public address.
        sha256: digest of the file (hex); checked before the file is used.
        bytes: its size.
    """

    path: str | None = None
    url: str | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _one_place(self) -> ModelFile:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either 'path' or 'url'")
        return self


class Expected(_Strict):
    """What must come out of a model's files; checked at every load, digest or not.

    Attributes:
        parameters: number of values in the weights, as the provider counts them.
        dim: values a vector, D.
        layers: number of layers, L.
    """

    parameters: int | None = Field(default=None, ge=0)
    dim: int | None = Field(default=None, ge=1)
    layers: int | None = Field(default=None, ge=1)


class ModelEntry(_Strict):
    """One name of the catalog.

    Attributes:
        provider: registered provider that loads it.
        files: its files by role.
        options: of the provider.
        expect: shape of the model, where it is known beforehand.
        licence: of the weights; what stands in brackets is left out of tables.
        description: one line.
        trained_on: the text that the weights come from.
        citation: where the model was published.
        homepage: its publisher's page.
        bytes: size of all files, for models whose ``files`` do not say it.
        version: of the model, where its publisher counts.
    """

    provider: str
    files: dict[str, ModelFile] = Field(default_factory=dict)
    options: Options = Field(default_factory=dict)
    expect: Expected = Field(default_factory=Expected)
    licence: str | None = None
    description: str = ""
    trained_on: str | None = None
    citation: str | None = None
    homepage: str | None = Field(default=None, pattern=r"^https?://")
    bytes: int | None = Field(default=None, ge=0)
    version: str | int | None = None


class _ModelsFile(_Strict):
    models: dict[Annotated[str, Field(pattern=_NAME)], ModelEntry]


def parse_entries(models: Mapping[str, Any], where: str) -> dict[str, ModelEntry]:
    """A ``models:`` mapping, checked. Entries that are parsed already are kept as they are.

    Raises:
        ConfigError: naming every unknown or missing field and every name that is not one.
    """
    return validated(_ModelsFile, {"models": models}, where).models


def read_entries(path: Path) -> dict[str, ModelEntry]:
    """The entries of a ``models.yaml``. Raises ConfigError naming file and field."""
    return validated(_ModelsFile, read_yaml(path), str(path)).models
