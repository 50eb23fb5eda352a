"""Catalog entries (provider, files, licence): the schema of ``models.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import Options, validated
from elmobench.core.yaml_files import parse_yaml
from elmobench.features.catalog.sealed_text import read_sealed_text

_MOST = 2**53
"""The greatest number of values or bytes that an entry may state; it is exact as a float."""
# Names of providers in features specs that differ from their registered names.
_SYNONYMS = {"bert": "transformer"}
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


def provider_name(name: str) -> str:
    """The registered name of a provider, which may differ from its name in a features spec.

    >>> provider_name("bert"), provider_name("elmo")
    ('transformer', 'elmo')
    """
    return _SYNONYMS.get(name, name)


class ModelFile(StrictModel):
    """One file of a model: a local ``path`` or an https ``url``.

    Attributes:
        path: a relative path is searched in the folder of the defining file, then in
            ELMOBENCH_MODELS.
        url: public address.
        sha256: digest of the file (hex); checked before the file is used.
        bytes: its size.
    """

    path: str | None = None
    url: str | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    bytes: int | None = Field(default=None, ge=0, le=_MOST)

    @model_validator(mode="after")
    def _one_place(self) -> ModelFile:
        if (self.path is None) == (self.url is None):
            raise ValueError("give either 'path' or 'url'")
        return self


class Expected(StrictModel):
    """Expected shape of a model; checked at every load, whether or not a digest is known.

    Attributes:
        parameters: number of values in the weights, as the provider counts them.
        dim: values per vector, D.
        layers: number of layers, L.
    """

    parameters: int | None = Field(default=None, ge=0, le=_MOST)
    dim: int | None = Field(default=None, ge=1, le=_MOST)
    layers: int | None = Field(default=None, ge=1, le=_MOST)


class ModelEntry(StrictModel):
    """One model of the catalog.

    Attributes:
        provider: registered provider that loads it, by its name in a features spec (``bert``) or
            its own (``transformer``).
        folder: folder of the model, as after the colon in a features spec (``bert:folder``), for
            a model that is given by a folder and not by ``files``; a relative path is searched as
            those of files are. For ``static`` it is the file of vectors.
        files: its files by role.
        options: of the provider.
        expect: shape of the model, if known in advance.
        licence: of the weights; tables leave out text in brackets.
        description: one line.
        trained_on: the text that the model was trained on.
        citation: publication of the model.
        homepage: web page of the publisher.
        bytes: size of all files, for models whose ``files`` do not give it.
        version: of the model, if its publisher numbers versions.
    """

    provider: Annotated[str, AfterValidator(provider_name)]
    folder: str | None = None
    files: dict[str, ModelFile] = Field(default_factory=dict)
    options: Options = Field(default_factory=dict)
    expect: Expected = Field(default_factory=Expected)
    licence: str | None = None
    description: str = ""
    trained_on: str | None = None
    citation: str | None = None
    homepage: str | None = Field(default=None, pattern=r"^https?://")
    bytes: int | None = Field(default=None, ge=0, le=_MOST)
    version: str | int | None = None

    @model_validator(mode="after")
    def _folder_or_files(self) -> ModelEntry:
        if self.folder is not None and (self.files or self.options.get("repo") is not None):
            raise ValueError("give either 'folder', 'files' or the option 'repo'")
        return self

    @model_validator(mode="after")
    def _hub_options(self) -> ModelEntry:
        """Check the options that are used before a provider checks its own."""
        for key in ("repo", "revision"):
            if not isinstance(self.options.get(key), str | None):
                raise ValueError(f"option {key!r} is not a text: put it into quotes")
        digests = self.options.get("sha256")
        if digests is not None and not (
            isinstance(digests, dict)
            and all(isinstance(text, str) for pair in digests.items() for text in pair)
        ):
            raise ValueError("option 'sha256' does not map names of files to digests")
        return self


def _of_text(value: Any) -> Any:
    """The fields of an entry that is a text, ``bert:path/to/folder``; others as they are."""
    if not isinstance(value, str):
        return value
    kind, colon, path = value.partition(":")
    if not colon or not path:
        raise ValueError(
            "a model that is written as a text names provider and folder: bert:path/to/folder"
        )
    return {"provider": kind, "folder": path}


class ModelsFile(StrictModel):
    """Models by name: a ``models.yaml`` in a folder of ELMOBENCH_MODELS."""

    models: dict[
        Annotated[str, Field(pattern=_NAME)], Annotated[ModelEntry, BeforeValidator(_of_text)]
    ]
    """Name -> model; in an experiment also one line of text in place of an entry."""


def parse_entries(models: Mapping[str, Any], where: str) -> dict[str, ModelEntry]:
    """Parse and check a ``models:`` mapping. Entries that are already parsed are kept.

    Raises:
        ConfigError: names every unknown or missing field and every malformed name.
    """
    return validated(ModelsFile, {"models": models}, where).models


def read_entries(path: Path) -> dict[str, ModelEntry]:
    """Read the entries of a ``models.yaml``.

    Raises:
        ConfigError: names file and field; also if the file does not have the digest that it states.
    """
    content = parse_yaml(read_sealed_text(path), str(path))
    return validated(ModelsFile, content, str(path)).models
