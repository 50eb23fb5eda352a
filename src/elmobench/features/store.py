"""The feature store: all layers of every distinct sentence, written once, read by memory map.

One folder holds one provider (by fingerprint) at one precision: ``meta.json``, and immutable
shards ``tokens-*.safetensors`` and ``types-*.safetensors`` named after what they hold. The
index is in the shards. Nothing is ever changed in place, so any number of processes may read
while others write.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from elmobench import paths
from elmobench.data.examples import Sentence
from elmobench.errors import StoreError
from elmobench.features.provider import FeatureProvider, FloatArray, Layer
from elmobench.features.store_plan import (
    distinct_sentences,
    sentence_chunks,
    sentences_name,
    word_chunks,
    words_name,
)
from elmobench.features.store_shard import (
    LOCKS,
    META,
    SUFFIX,
    folder_lock,
    write_error,
    write_shard,
)
from elmobench.features.store_upkeep import StoreStat, prune_store, stat_store, verify_store
from elmobench.features.stored import StoredFeatures, StoredView, pack_words
from elmobench.files import write_text

__all__ = ["BuildReport", "FeatureStore", "Precision", "StoreStat", "StoredFeatures", "StoredView"]

Precision = Literal["fp16", "fp32"]

FORMAT: Final = 1
_DTYPES: Final = {"fp16": np.float16, "fp32": np.float32}
_SHARD_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What one call of :meth:`FeatureStore.build` found and did.

    Attributes:
        sentences: distinct sentences asked for.
        encoded_sentences, encoded_tokens: those that this call encoded.
        encoded_types: word types that this call encoded.
        seconds: in all.
        bytes: written.
    """

    sentences: int
    encoded_sentences: int
    encoded_tokens: int
    encoded_types: int
    seconds: float
    bytes: int


@dataclass(frozen=True)
class _Job:
    """One shard to be written: its name, what is in it, and how to make it."""

    name: str
    sentences: int
    tokens: int
    types: int
    encode: Callable[[], dict[str, NDArray[Any]]]


class FeatureStore:
    """Stored features of any number of providers at one precision.

    Vectors are those of the provider to within its fingerprint's 5e-6, not to the bit: the last
    bits depend on which sentences were encoded together, so on what was stored before, and on
    the number of threads at encoding. What is stored never changes, and
    :attr:`StoredView.digest` tells which stored vectors a reader had.

    Args:
        root: folder of the store; None for ``ELMOBENCH_STORE`` or the user's cache.
        precision: of the stored values, ``fp16`` or ``fp32``.
        shard_bytes: size that shards keep below, as far as one sentence allows. It decides
            which sentences are encoded together.
    """

    def __init__(
        self,
        root: Path | None = None,
        precision: Precision = "fp16",
        *,
        shard_bytes: int = _SHARD_BYTES,
    ) -> None:
        if precision not in _DTYPES:
            raise StoreError(f"unknown precision {precision!r}", fix="use 'fp16' or 'fp32'")
        self.root = Path(root) if root is not None else paths.feature_store()
        self.precision = precision
        self._dtype = np.dtype(_DTYPES[precision])
        self._shard_bytes = shard_bytes

    def folder(self, provider: FeatureProvider) -> Path:
        """Where this provider's shards are, or would be."""
        return self.root / f"{provider.fingerprint}-{self.precision}"

    def open(self, provider: FeatureProvider) -> StoredFeatures:
        """What is stored now; nothing at all is no error (see ``missing``).

        Raises:
            StoreError: if the provider is not cacheable, or its folder is damaged.
        """
        _refuse_uncacheable(provider)
        folder = self.folder(provider)
        if (folder / META).is_file():
            self._check_meta(folder, provider)
        return StoredFeatures(folder, provider.layers, provider.name)

    def build(
        self,
        provider: FeatureProvider,
        sentences: Sequence[Sequence[str]],
        progress: Callable[[int], object] | None = None,
    ) -> BuildReport:
        """Encode and write what is missing of ``sentences``.

        Sentences are sorted and cut into shards independently of what is there already; a
        shard holds those of its part that no earlier shard has. So an interrupted build goes
        on where it stopped and ends with the same files, and several processes that build the
        same sentences share the work.

        Args:
            provider: encodes them.
            sentences: in any order, with repeats.
            progress: called with a number of distinct sentences whenever that many more are
                done; the calls add up to all of them.

        Raises:
            StoreError: the provider is not cacheable, a value overflows, or the disk is full.
        """
        begin = time.perf_counter()
        stored = self.open(provider)
        distinct = distinct_sentences(sentences)
        jobs = [*self._type_jobs(provider, stored, distinct)]
        jobs += self._token_jobs(provider, stored, distinct)
        report = progress or (lambda steps: None)
        report(len(distinct) - sum(job.sentences for job in jobs))
        written = 0
        encoded: list[_Job] = []
        if jobs:
            folder = self.folder(provider)

            def write_meta() -> None:
                self._write_meta(folder, provider)

            words = sorted({word for sentence in distinct.values() for word in sentence})
            with provider.sharing(words):
                for job, size in _run_jobs(folder, jobs, write_meta):
                    report(job.sentences)
                    if size:
                        encoded.append(job)
                        written += size
        return BuildReport(
            sentences=len(distinct),
            encoded_sentences=sum(job.sentences for job in encoded),
            encoded_tokens=sum(job.tokens for job in encoded),
            encoded_types=sum(job.types for job in encoded),
            seconds=time.perf_counter() - begin,
            bytes=written,
        )

    def _type_jobs(
        self,
        provider: FeatureProvider,
        stored: StoredFeatures,
        distinct: Mapping[bytes, Sentence],
    ) -> Iterator[_Job]:
        layers = [layer for layer in provider.layers if layer.kind == "type"]
        if not layers:
            return
        for chunk in word_chunks(distinct.values(), self._rows_per_shard(layers)):
            words = [word for word in chunk if word not in stored.words.row]
            if words:

                def encode(words: list[str] = words) -> dict[str, NDArray[Any]]:
                    text, offsets = pack_words(words)
                    arrays: dict[str, NDArray[Any]] = {"words": text, "word_offsets": offsets}
                    vectors = provider.encode_types(words)
                    for layer, array in zip(layers, vectors, strict=True):
                        arrays[f"type_{layer.name}"] = self._narrowed(array, layer, provider)
                    return arrays

                yield _Job(words_name(words), 0, 0, len(words), encode)

    def _token_jobs(
        self,
        provider: FeatureProvider,
        stored: StoredFeatures,
        distinct: Mapping[bytes, Sentence],
    ) -> Iterator[_Job]:
        layers = [layer for layer in provider.layers if layer.kind == "token"]
        if not layers:
            return
        for chunk in sentence_chunks(distinct, self._rows_per_shard(layers)):
            digests = [digest for digest in chunk if digest not in stored.sentences.row]
            if digests:
                lengths = [len(distinct[digest]) for digest in digests]

                def encode(
                    digests: list[bytes] = digests, lengths: list[int] = lengths
                ) -> dict[str, NDArray[Any]]:
                    raw = np.frombuffer(b"".join(digests), dtype=np.uint8)
                    arrays: dict[str, NDArray[Any]] = {
                        "digests": raw.reshape(len(digests), -1),
                        "offsets": np.cumsum([0, *lengths], dtype=np.int64),
                    }
                    vectors = provider.encode_tokens([distinct[digest] for digest in digests])
                    for j, layer in enumerate(layers):
                        flat = np.concatenate([sentence[j] for sentence in vectors])
                        arrays[f"token_{layer.name}"] = self._narrowed(flat, layer, provider)
                    return arrays

                yield _Job(sentences_name(digests), len(digests), sum(lengths), 0, encode)

    def _rows_per_shard(self, layers: Sequence[Layer]) -> int:
        width = sum(layer.dim for layer in layers) * self._dtype.itemsize
        return max(1, self._shard_bytes // width)

    def _narrowed(
        self, vectors: FloatArray, layer: Layer, provider: FeatureProvider
    ) -> NDArray[Any]:
        """``vectors`` at the stored precision. Raises StoreError if a value does not fit."""
        with np.errstate(over="ignore"):
            narrow = vectors.astype(self._dtype)
        if not np.isfinite(narrow).all():
            where = f"features {provider.name!r}, layer {layer.name!r}"
            if not np.isfinite(vectors).all():
                raise StoreError(
                    "the provider gave values that are not finite",
                    where=where,
                    fix="check the model's weights",
                )
            raise StoreError(
                f"a value of {np.abs(vectors).max():.6g} is beyond {self.precision}",
                where=where,
                fix="store these features with precision fp32",
            )
        return narrow

    def _meta(self, provider: FeatureProvider) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "fingerprint": provider.fingerprint,
            "precision": self.precision,
            "layers": [asdict(layer) for layer in provider.layers],
        }

    def _write_meta(self, folder: Path, provider: FeatureProvider) -> None:
        if (folder / META).is_file() and (folder / LOCKS).is_dir():
            return
        content = {**self._meta(provider), "provider": provider.describe()}
        try:
            write_text(folder / META, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            (folder / LOCKS).mkdir(exist_ok=True)
        except OSError as error:
            raise write_error(error, folder, 1 << 12) from error

    def _check_meta(self, folder: Path, provider: FeatureProvider) -> None:
        try:
            found = json.loads((folder / META).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(
                f"cannot be read ({error})",
                where=str(folder / META),
                fix="delete the folder and build the features again",
            ) from error
        for key, value in self._meta(provider).items():
            if found.get(key) != value:
                raise StoreError(
                    f"{key} is {found.get(key)!r}, expected {value!r}",
                    where=str(folder / META),
                    fix="delete the folder, or bump the provider's version if its layers changed",
                )

    def stat(self) -> list[StoreStat]:
        """Sizes of everything in the store, whatever its precision."""
        return stat_store(self.root)

    def verify(self) -> list[str]:
        """Everything that is wrong with any file of the store, one line each."""
        return verify_store(self.root)

    def prune(
        self,
        *,
        fingerprints: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        older_than: float | None = None,
    ) -> list[Path]:
        """Delete whole providers' folders, and what killed writers left behind.

        A folder goes if it meets every condition that is given; without any condition only
        left-over temporary files go.

        Args:
            fingerprints: prefixes of fingerprints to delete; ``[""]`` means all.
            keep: prefixes of fingerprints to keep.
            older_than: seconds since anything was written in the folder.

        Returns:
            What was deleted.
        """
        return prune_store(self.root, fingerprints, keep, older_than)


def _refuse_uncacheable(provider: FeatureProvider) -> None:
    if not provider.cacheable:
        raise StoreError(
            "its vectors depend on what was encoded before, so they cannot be stored",
            where=f"features {provider.name!r}",
            fix="use @state=zero or @state=warm",
        )


def _run_jobs(
    folder: Path, jobs: Sequence[_Job], write_meta: Callable[[], None]
) -> Iterator[tuple[_Job, int]]:
    """Write each shard that is not there yet; yields each job and the bytes written for it.

    Shards that another process is writing are left for the end, when it will have finished.
    """
    later = []
    for job in jobs:
        size = _run_job(folder, job, write_meta, wait=False)
        if size is None:
            later.append(job)
        else:
            yield job, size
    for job in later:
        yield job, _run_job(folder, job, write_meta, wait=True) or 0


def _run_job(folder: Path, job: _Job, write_meta: Callable[[], None], *, wait: bool) -> int | None:
    """Bytes written; 0 if the shard is there already, None if another process holds it.

    The folder may be pruned at any time, and the lock of the shard with it: so whatever is
    written, is written under the folder's lock and with a meta.json beside it.
    """
    path = folder / f"{job.name}{SUFFIX}"
    try:
        with folder_lock(folder):
            write_meta()
        with FileLock(folder / LOCKS / f"{job.name}.lock", timeout=-1 if wait else 0):
            if path.is_file():
                return 0
            # Under the lock, a temporary of this shard can only be a killed writer's.
            for leftover in folder.glob(f".{path.name}.*.part"):
                leftover.unlink(missing_ok=True)
            arrays = job.encode()
            with folder_lock(folder):
                if path.is_file():
                    return 0
                write_meta()
                return write_shard(path, arrays)
    except Timeout:
        return None
    except OSError as error:
        raise write_error(error, folder, 0) from error
