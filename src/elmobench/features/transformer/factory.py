"""Create transformer providers from a folder, a hub name or a catalog entry."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.model_files import find_model_path
from elmobench.features.provider import FeatureProvider, ProviderFactory, Seed
from elmobench.features.transformer.files import PICKLES, PUBLISHED, folder_files, matches
from elmobench.features.transformer.hub import HUB_NAME, hub_files

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress

_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Settings(StrictModel):
    folder: str | None = None
    repo: str | None = None
    revision: str | None = None
    sha256: dict[str, _Digest] = Field(default_factory=dict)
    pieces: Literal["mean", "first", "last"] = "mean"
    arithmetic: Literal["fp32", "bf16"] = "fp32"
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:[0-9]+)?)$")
    window: int | None = Field(default=None, ge=1)
    stride: int | None = Field(default=None, ge=1)
    untrained: Seed | None = None


class TransformerFactory(ProviderFactory):
    """Files by name, option ``folder``, or options ``repo``, ``revision`` and ``sha256``.

    Further options: ``pieces``, ``arithmetic``, ``device``, ``window``, ``stride`` and
    ``untrained``, the number of a draw of random weights, see
    :mod:`elmobench.features.transformer.untrained`.
    """

    contextual = True
    takes_device = True

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``bert:folder``; without a folder, of ``bert:name`` on the hub."""
        try:
            folder = find_model_path(path, base, where, folder=True)
        except ModelError:
            if not HUB_NAME.fullmatch(path):
                raise
            entry = ModelEntry(
                provider="transformer",
                options={"repo": path},
                description=f"{path} of the Hugging Face hub",
            )
            return entry, base
        entry = ModelEntry(
            provider="transformer",
            options={"folder": str(folder.absolute())},
            description=f"a transformer from {path}",
        )
        return entry, base

    def local_files(
        self,
        entry: ModelEntry,
        chosen: Mapping[str, str],
        base: Path | None,
        where: str,
        trust_first: bool = False,
        progress: DownloadProgress | None = None,
    ) -> dict[str, Path]:
        """Return the model's files by name: as given, from the folder, or from the hub."""
        own = validated(_Settings, entry.options, where)
        sources = {"files": entry.files, "folder": own.folder, "repo": own.repo}
        given = [source for source, value in sources.items() if value]
        if len(given) != 1:
            raise ConfigError(
                f"its files are given by {' and by '.join(given) or 'nothing'}",
                where=where,
                fix="give one of: files (by name), option folder, option repo with revision",
            )
        if own.repo is not None:
            revision = chosen.get("revision", own.revision)
            # The digests in the entry are valid only for its own commit.
            known = own.sha256 if revision == own.revision else {}
            return hub_files(own.repo, revision, known, where, trust_first)
        if "revision" in chosen:
            raise ConfigError(
                "local files have no revision",
                where=where,
                fix="leave @revision out, or name a hub model that is not a local folder",
            )
        if own.folder is not None:
            folder = find_model_path(own.folder, base, where, folder=True)
            return folder_files(folder, pickles=True)
        for name in entry.files:
            if not matches(name, (*PUBLISHED, *PICKLES)):
                raise ConfigError(
                    f"{name!r} is not a file of a transformer",
                    where=where,
                    fix="give files under their own names, e.g. config.json, model.safetensors, "
                    "tokenizer.json, tokenizer_config.json",
                )
        return super().local_files(entry, chosen, base, where, trust_first, progress)

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        from elmobench.features.transformer.provider import TransformerProvider

        settings = validated(_Settings, options, f"features {name!r}")
        return TransformerProvider.from_files(
            {role: Path(path) for role, path in files.items()},
            name=name,
            pieces=settings.pieces,
            arithmetic=settings.arithmetic,
            device=settings.device,
            window=settings.window,
            stride=settings.stride,
            untrained=settings.untrained,
        )


FACTORY = TransformerFactory()
