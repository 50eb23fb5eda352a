"""Where the files of a card are: public addresses, the Hugging Face hub, paths, generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator

from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import Options
from elmobench.data.cards.hub_files import HubFile
from elmobench.data.encodings import Encoding
from elmobench.data.problems import ProblemKind


def _checked_address(value: str) -> str:
    """Return ``value``. Raises ValueError if it cannot be an address."""
    if not value.isprintable() or " " in value:
        raise ValueError("an address has no blanks and no invisible characters: write %20")
    _ = urlsplit(value).port  # raises ValueError for a host or port that cannot be
    return value


Address = Annotated[str, AfterValidator(_checked_address)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
GitBlob = Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")]


class Component(StrictModel):
    """Something registered by name, with its options: a reader or a generator."""

    name: str
    """The registered name."""
    options: Options = Field(default_factory=dict)
    """Its options; `elmobench show NAME` lists those of a reader."""


class _Source(StrictModel):
    reader: str | None = None
    """The reader of this file, in place of the card's, which then gives it no options either."""
    options: Options = Field(default_factory=dict)
    """Reader options for this file alone."""
    encoding: Encoding | None = None
    """Encoding of the file, such as ``latin-1``; UTF-8 by default."""
    drop: Annotated[list[ProblemKind], Field(min_length=1)] | None = None
    """Kinds of problems whose examples are left out, and counted, instead of being errors."""
    beside: dict[Name, Annotated[list[FileSource], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    """Files that the reader needs as well, by role: gold keys, a sense inventory."""

    @field_validator("beside")
    @classmethod
    def _one_level(cls, value: dict[str, list[FileSource]]) -> dict[str, list[FileSource]]:
        for role, sources in value.items():
            if any(
                source.beside or source.options or source.reader or source.drop
                for source in sources
            ):
                raise ValueError(
                    f"{role}: a file beside another has no 'reader', 'options', 'drop' or 'beside'"
                )
        return value


class _OneFile(_Source):
    member: str | None = None
    """The file inside a zip archive."""
    lines: tuple[int, int] | None = None
    """First and last line to keep, counted from 1."""

    @field_validator("lines")
    @classmethod
    def _ordered(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError("expected [first, last], counted from 1, first not after last")
        return value


class UrlSource(_OneFile):
    """A file at a public address.

    Attributes:
        url: https only.
        sha256: of the file's bytes.
        git_blob_sha1: git's id of the file, where that is what is known.
        bytes: its size.
        member: the file inside a zip archive.
        lines: first and last line to keep, counted from 1.
        reader: for a file that is not in the format of the others: the reader that takes the
            place of the card's, which then gives this file no options either.
        options: reader options for this file alone.
        beside: files that its reader needs as well, by role: gold keys, a sense inventory.
    """

    url: Address
    sha256: Sha256 | None = None
    git_blob_sha1: GitBlob | None = None
    bytes: Annotated[int, Field(ge=0)] | None = None


class HubSource(_OneFile):
    """A file in a repository of the Hugging Face hub, at one commit."""

    hub: HubFile
    """The repository, the commit and the file."""

    @property
    def url(self) -> str:
        """The file's address on huggingface.co."""
        return self.hub.url

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the file's bytes."""
        return self.hub.sha256

    @property
    def git_blob_sha1(self) -> str | None:
        """git's id of the file."""
        return self.hub.git_blob_sha1

    @property
    def bytes(self) -> int | None:
        """The file's size."""
        return self.hub.bytes


class PathSource(_OneFile):
    """A local file; its digest is computed where not given.

    Attributes:
        path: relative to the card's folder. It may lead out of it with ``..`` or be absolute:
            that suits a card for one machine; a card that is passed on keeps its files beside it.
            With ``*``, ``?`` or ``**`` it stands for all files that match, in the order of their
            paths; a ``*`` in a file beside it stands for the same text.
        sha256: of the file's bytes.
    """

    path: str
    sha256: Sha256 | None = None


class ListedSource(_Source):
    """Many files below one public address, each read as a source of its own.

    Attributes:
        base: what the paths begin with, https only.
        files: a table beside the card: path below ``base``, SHA-256, bytes; tabs between.
        options: reader options for these files.
        beside: files that the reader needs as well, for each of them.
    """

    base: Address
    files: str


class GenerateSource(StrictModel):
    """Examples made by a registered generator; the same bytes on every machine."""

    generate: Component
    """The generator and its options."""


def _kind_of_source(value: Any) -> str | None:
    keys = {"url", "hub", "path", "files", "generate"}
    present = keys & set(value) if isinstance(value, Mapping) else set()
    if isinstance(value, UrlSource | HubSource | PathSource | ListedSource | GenerateSource):
        present = keys & set(type(value).model_fields)
    return present.pop() if len(present) == 1 else None


FileSource = Annotated[
    Annotated[UrlSource, Tag("url")]
    | Annotated[HubSource, Tag("hub")]
    | Annotated[PathSource, Tag("path")]
    | Annotated[ListedSource, Tag("files")],
    Discriminator(
        _kind_of_source,
        custom_error_type="source_kind",
        custom_error_message="a file is given by exactly one of 'url', 'hub', 'path' and 'files'",
    ),
]

Source = Annotated[
    Annotated[UrlSource, Tag("url")]
    | Annotated[HubSource, Tag("hub")]
    | Annotated[PathSource, Tag("path")]
    | Annotated[ListedSource, Tag("files")]
    | Annotated[GenerateSource, Tag("generate")],
    Discriminator(
        _kind_of_source,
        custom_error_type="source_kind",
        custom_error_message="a source has exactly one of 'url', 'hub', 'path', 'files' and "
        "'generate'",
    ),
]
