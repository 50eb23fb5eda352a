"""One vector per text from a transformer and its published pooling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from pydantic import Field

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError
from elmobench.core.strict_model import StrictModel
from elmobench.core.surrogates import replace_surrogates
from elmobench.core.validation import validated
from elmobench.data.sentences import as_sentences, as_words
from elmobench.features.arithmetic import strict_float32
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.file_digests import cached_sha256
from elmobench.features.catalog.model_files import find_model_path
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory
from elmobench.features.sentence.recipe import Recipe, read_recipe
from elmobench.features.static.module_list import is_static
from elmobench.features.transformer.checks import library_errors
from elmobench.features.transformer.files import folder_files
from elmobench.features.transformer.loading import LoadedModel, load_model

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress

VERSION: Final = 1
"""Increased by hand when any vector changes by more than 5e-6; tests check this."""

_BATCH_PIECES: Final = 2048


class SentenceProvider(FeatureProvider):
    """The pooled last layer of a frozen transformer, as sentence-transformers computes it.

    A text is its tokens joined by blanks. It is cut into pieces with special tokens, at most
    ``max_length``; what is longer is cut off. The vectors of its pieces, special tokens included,
    are pooled: their mean, their mean with the square root of the length, their maximum, or the
    first one.

    Args:
        name: for messages.
        model: network and tokenizer.
        recipe: pooling, normalisation and length.
        files_digest: identity of the files of both.
        device: of the network.
    """

    per_text = True

    def __init__(
        self, name: str, model: LoadedModel, recipe: Recipe, files_digest: str, device: str = "cpu"
    ) -> None:
        self.name = name
        self.kind = model.kind
        self.device = device
        self._network = model.network
        self._tokenizer = model.tokenizer
        self._pad_id = model.pad_id
        self._recipe = recipe
        self._where = f"features {name!r}"
        self.max_length = min(model.window, recipe.max_length or model.window)
        with library_errors("its tokenizer fails", self._where, "check the tokenizer's files"):
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(self.max_length)
        width = int(self._pooled([[self._pad_id] * 3]).shape[1])
        self.layers = (Layer("text", "token", width),)
        self._fingerprint = digest_of(
            {
                "kind": "sentence",
                "version": VERSION,
                "files": files_digest,
                "device": device.partition(":")[0],
            }
        )

    @classmethod
    def from_folder(
        cls, folder: Path, *, name: str | None = None, device: str = "cpu"
    ) -> SentenceProvider:
        """Load a folder that sentence-transformers saved. Raises ModelError."""
        where = f"features {name or str(folder)!r}"
        recipe = read_recipe(folder, where)
        files = folder_files(recipe.folder, pickles=True)
        model = load_model(files, where, device=device)
        digests = {f: cached_sha256(path) for f, path in {**files, **recipe.files}.items()}
        return cls(name or str(folder), model, recipe, digest_of(digests), device)

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all files, kind of device and code version."""
        return self._fingerprint

    @property
    def parameters(self) -> int:
        """Number of values in the weights, without poolers, heads and decoders."""
        return sum(weight.numel() for weight in self._network.parameters())

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return no arrays: vectors are those of texts."""
        as_words(words)
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Return one (1, D) array for each text; a pure function of each text."""
        pieces = [self._pieces(" ".join(sentence)) for sentence in as_sentences(sentences)]
        out = np.zeros((len(pieces), self.dim), dtype=np.float32)
        order = sorted(range(len(pieces)), key=lambda i: -len(pieces[i]))
        start = 0
        while start < len(order):
            size = max(1, _BATCH_PIECES // max(1, len(pieces[order[start]])))
            rows = order[start : start + size]
            out[rows] = self._pooled([pieces[i] for i in rows])
            start += size
        return [[row[None]] for row in out]

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {
            "model_type": self.kind,
            "pooling": list(self._recipe.poolings),
            "normalize": self._recipe.normalize,
            "max_length": self.max_length,
            "device": self.device.partition(":")[0],
        }

    def _pieces(self, text: str) -> list[int]:
        text = replace_surrogates(self._recipe.prompt + text).strip()
        if self._recipe.lowercase:
            text = text.lower()
        with library_errors("its tokenizer fails", self._where, "check the tokenizer's files"):
            ids: list[int] = self._tokenizer.encode(text).ids
        return ids

    def _pooled(self, pieces: Sequence[Sequence[int]]) -> FloatArray:
        """(B, D) vectors of texts that are cut into pieces; zeros for a text without pieces."""
        longest = max(1, *map(len, pieces))
        ids = torch.full((len(pieces), longest), self._pad_id)
        mask = torch.zeros(len(pieces), longest, dtype=torch.long)
        for b, row in enumerate(pieces):
            ids[b, : len(row)] = torch.tensor(row, dtype=torch.long)
            mask[b, : len(row)] = 1
        kind = self.device.partition(":")[0]
        with (
            library_errors("its network fails", self._where, "use an encoder of text"),
            strict_float32(),
            torch.autocast(kind, enabled=False),
        ):
            hidden: torch.Tensor = self._network(
                input_ids=ids.to(self.device),
                attention_mask=mask.to(self.device),
                return_dict=True,
            ).last_hidden_state.float()
            vectors = torch.cat(
                [pool(hidden, mask.to(self.device), name) for name in self._recipe.poolings], dim=1
            )
            if self._recipe.normalize:
                vectors = torch.nn.functional.normalize(vectors, dim=1)
            # Without special tokens an empty text has no pieces: its vector is zero.
            vectors = torch.where(mask.to(self.device).any(dim=1)[:, None], vectors, 0.0)
        found: FloatArray = vectors.cpu().numpy()
        return found


def pool(hidden: torch.Tensor, mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool (B, n, D) vectors of pieces with a (B, n) mask to (B, D)."""
    if pooling == "cls":
        return hidden[:, 0]
    real = mask[..., None].to(hidden.dtype)
    if pooling == "max":
        return hidden.masked_fill(real == 0, -1e9).amax(dim=1)
    count = real.sum(dim=1).clamp(min=1e-9)
    return (hidden * real).sum(dim=1) / (count.sqrt() if pooling == "mean_sqrt_len" else count)


class _Settings(StrictModel):
    folder: str
    device: str = Field(default="cpu", pattern=r"^(cpu|cuda(:[0-9]+)?)$")


class SentenceFactory(ProviderFactory):
    """Option ``folder``: of sentence-transformers or model2vec; option ``device``."""

    contextual = True
    takes_device = True

    def entry_at(self, path: str, base: Path | None, where: str) -> tuple[ModelEntry, Path | None]:
        """Return the entry of ``sentence:folder``. Raises ModelError if there is no such folder."""
        folder = find_model_path(path, base, where, folder=True)
        entry = ModelEntry(
            provider="sentence",
            options={"folder": str(folder.absolute())},
            description=f"one vector per text, from {path}",
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
        """Return the folder. Raises ConfigError if the entry names files one by one."""
        own = validated(_Settings, entry.options, where)
        if entry.files:
            raise ConfigError(
                "its files are not given one by one",
                where=where,
                fix="give option folder, with all files as the library saved them",
            )
        return {"folder": find_model_path(own.folder, base, where, folder=True)}

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build the provider. Raises ConfigError or ModelError."""
        settings = validated(_Settings, options, f"features {name!r}")
        folder = Path(files["folder"])
        if is_static(folder):
            from elmobench.features.static.pieces import PieceTextProvider

            return PieceTextProvider.from_folder(folder, name=name)
        return SentenceProvider.from_folder(folder, name=name, device=settings.device)


FACTORY = SentenceFactory()
