"""A file in a repository of the Hugging Face hub, named by repository, commit and path."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from elmobench.core.strict_model import StrictModel
from elmobench.data.download.hub import file_address

_REPO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


class HubFile(StrictModel):
    """A file at a commit of a repository; no script of the repository is run.

    Gated repositories need the variable HF_TOKEN; HF_ENDPOINT names another server than
    huggingface.co.
    """

    repo: str
    """The repository, such as ``stanfordnlp/sst2``."""
    revision: str
    """The commit, 40 hexadecimal digits. A branch or a tag can move, so it is refused."""
    file: str
    """Path of the file in the repository."""
    type: Literal["dataset", "model"] = "dataset"
    """Kind of the repository."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """SHA-256 of the file's bytes; the hub shows it for large files."""
    git_blob_sha1: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None = None
    """git's id of the file, where that is what is known."""
    bytes: Annotated[int, Field(ge=0)] | None = None
    """The file's size."""

    @field_validator("repo")
    @classmethod
    def _is_repository(cls, value: str) -> str:
        if not _REPO.fullmatch(value) or ".." in value:
            raise ValueError("expected OWNER/NAME, as in the address of the repository")
        return value

    @field_validator("revision")
    @classmethod
    def _is_commit(cls, value: str) -> str:
        if not _COMMIT.fullmatch(value):
            raise ValueError(
                "is not a commit; a branch or tag can move: give the commit's 40 hexadecimal "
                "digits, which the repository's page shows under 'Files', 'History'"
            )
        return value

    @field_validator("file")
    @classmethod
    def _is_inside(cls, value: str) -> str:
        parts = value.split("/")
        if (
            not value.isprintable()
            or "\\" in value
            or any(part in ("", ".", "..") for part in parts)
        ):
            raise ValueError("expected a path inside of the repository, such as data/train.parquet")
        return value

    @property
    def url(self) -> str:
        """The file's address on huggingface.co."""
        return file_address(self.repo, self.revision, self.file, self.type)
