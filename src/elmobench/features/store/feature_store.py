"""The feature store: all layers of every distinct sentence, written once, read by memory map.

Each folder contains the features of one provider (by fingerprint) at one precision: ``meta.json``,
and immutable shards ``tokens-*.safetensors`` and ``types-*.safetensors`` with content-addressed
names. The index is part of the shards. Files are never changed in place, so any number of processes
may read while others write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

from elmobench.core import paths
from elmobench.core.errors import StoreError
from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store.jobs import ShardJob, StoredKeys, TokenJob, TypeJob
from elmobench.features.store.maintenance import (
    FolderSize,
    StoreStat,
    folder_sizes,
    prune_store,
    remove_unfinished,
    stat_store,
    verify_store,
)
from elmobench.features.store.meta import check_meta, write_meta
from elmobench.features.store.plan import (
    as_texts,
    distinct_sentences,
    sentence_chunks,
    word_chunks,
)
from elmobench.features.store.precision import Precision, check_precision, row_bytes
from elmobench.features.store.shard import META
from elmobench.features.store.stored_features import StoredFeatures, StoredView
from elmobench.features.store.writer import ShardWriter, WriteStats

__all__ = ["BuildReport", "FeatureStore", "Precision", "StoreStat", "StoredFeatures", "StoredView"]

_SHARD_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Counts and times of one call of :meth:`FeatureStore.build`.

    Attributes:
        sentences: distinct sentences requested.
        encoded_sentences, encoded_tokens: encoded by this call.
        encoded_types: word types encoded by this call.
        seconds: total wall time, including waiting for other processes that build the same.
        cpu_seconds: processor time of this process during the call.
        bytes: written by this call.
    """

    sentences: int
    encoded_sentences: int
    encoded_tokens: int
    encoded_types: int
    seconds: float
    cpu_seconds: float
    bytes: int


class FeatureStore:
    """Stored features of any number of providers at one precision.

    Stored vectors equal the provider's to within 5e-6, as its fingerprint guarantees, but not to
    the bit: the last bits depend on the number of threads and on which sentences were encoded
    together, hence on what was stored before. Stored vectors never change, and
    :attr:`StoredView.digest` identifies those that a reader used. The precision adds its rounding
    error: ``fp16`` 2^-11 of a value, ``int8`` 1/254 of the largest value of a token's vector (of
    a word type's, for layers that depend only on spelling).

    >>> import tempfile
    >>> from elmobench import FeatureStore, load_provider
    >>> store, provider = FeatureStore(tempfile.mkdtemp()), load_provider("glove-mini")
    >>> store.build(provider, [["The", "cat", "sat"], ["The", "dog"]]).encoded_types
    4
    >>> store.open(provider).gather([["The", "dog"]]).shape
    (1, 1, 2, 100)

    Args:
        root: folder of the store; None for ``ELMOBENCH_STORE`` or the user's cache.
        precision: of the stored values: ``fp16``, ``fp32`` or ``int8``, see :data:`Precision`.
        shard_bytes: maximum size of a shard, unless a single sentence is larger. It determines
            which sentences are encoded together.
    """

    def __init__(
        self,
        root: str | PathLike[str] | None = None,
        precision: Precision = "fp16",
        *,
        shard_bytes: int = _SHARD_BYTES,
    ) -> None:
        check_precision(precision)
        self.root = Path(root) if root is not None else paths.feature_store()
        self.precision = precision
        self._shard_bytes = shard_bytes

    def folder(self, provider: FeatureProvider) -> Path:
        """Return the folder of this provider's shards; it need not exist."""
        return self.root / f"{provider.fingerprint}-{self.precision}"

    def open(self, provider: FeatureProvider) -> StoredFeatures:
        """Open the stored features of a provider; a provider without any is not an error.

        Raises:
            StoreError: if the provider is not cacheable.
            DamagedStoreError: if header or index of a shard are damaged, or ``meta.json`` is.
        """
        folder = self._checked_folder(provider)
        return StoredFeatures(
            folder, provider.layers, provider.name, self.precision, per_text=provider.per_text
        )

    def _checked_folder(self, provider: FeatureProvider) -> Path:
        _refuse_uncacheable(provider)
        folder = self.folder(provider)
        check_meta(folder, provider, self.precision)
        return folder

    def build(
        self,
        provider: FeatureProvider,
        sentences: Sequence[Sequence[str]],
        progress: Callable[[int], object] | None = None,
    ) -> BuildReport:
        """Encode and store the sentences that are not stored yet.

        Sentences are sorted and divided into shards independently of what is already stored; a
        shard contains the sentences of its division that no earlier shard contains. Therefore an
        interrupted build continues where it stopped and ends with the same files, whatever the
        order of the sentences, and several processes that build the same sentences share the work.
        If shards of other data contain some of the sentences, those shards are used, and the new
        shards contain less and have other names.

        While a shard is written, the next is encoded. At most the float32 vectors of one shard and
        two shards at the stored precision are in memory.

        Args:
            provider: encodes the sentences.
            sentences: in any order; repetitions are allowed.
            progress: called with the number of distinct sentences finished since the last call;
                the numbers add up to all distinct sentences.

        Raises:
            StoreError: the provider is not cacheable, a value overflows, or the disk is full.
            DamagedStoreError: header or index of a shard that is there already are damaged.
        """
        begin, cpu_begin = time.perf_counter(), time.process_time()
        folder = self._checked_folder(provider)
        known = StoredKeys(folder)
        known.refresh()
        if known.shards and not (folder / META).is_file():
            write_meta(folder, provider, self.precision, lock_held=False)
        distinct = distinct_sentences(as_texts(sentences) if provider.per_text else sentences)
        jobs = [job for job in self._jobs(provider, distinct) if job.missing(known)]
        report = progress or (lambda steps: None)
        report(len(distinct) - sum(job.sentences for job in jobs))
        done: list[WriteStats] = []
        if jobs:
            provider.check_sentences(distinct.values())
            remove_unfinished(folder)
            writer = ShardWriter(
                folder,
                known,
                partial(write_meta, folder, provider, self.precision),
                provider.library_versions(),
            )
            # All words of the build, stored or not: vectors are then a function of the dataset.
            words = sorted({word for sentence in distinct.values() for word in sentence})
            with provider.precompute_words(words), closing(writer.run(jobs)) as finished:
                for job, written in finished:
                    report(job.sentences)
                    done.append(written)
        return BuildReport(
            sentences=len(distinct),
            encoded_sentences=sum(written.sentences for written in done),
            encoded_tokens=sum(written.tokens for written in done),
            encoded_types=sum(written.types for written in done),
            seconds=time.perf_counter() - begin,
            cpu_seconds=time.process_time() - cpu_begin,
            bytes=sum(written.bytes for written in done),
        )

    def _jobs(
        self, provider: FeatureProvider, distinct: Mapping[bytes, Sentence]
    ) -> list[ShardJob[Any]]:
        jobs: list[ShardJob[Any]] = []
        types = [layer for layer in provider.layers if layer.kind == "type"]
        if types:
            for words in word_chunks(distinct.values(), self._rows_per_shard(types)):
                jobs.append(TypeJob(words, types, provider, self.precision))
        tokens = [layer for layer in provider.layers if layer.kind == "token"]
        if tokens:
            for digests in sentence_chunks(distinct, self._rows_per_shard(tokens)):
                jobs.append(TokenJob(digests, tokens, provider, self.precision, distinct))
        return jobs

    def _rows_per_shard(self, layers: Sequence[Layer]) -> int:
        width = sum(row_bytes(layer, self.precision) for layer in layers)
        return max(1, self._shard_bytes // width)

    def stat(self) -> list[StoreStat]:
        """Return the sizes of all features in the store, at every precision."""
        return stat_store(self.root)

    def verify(self, *, delete: bool = False) -> list[str]:
        """Check every byte of the store; return one line per problem.

        Args:
            delete: whether to delete damaged files, so that their content is encoded again when it
                is needed.

        Raises:
            StoreError: if a damaged file cannot be deleted.
        """
        return verify_store(self.root, delete=delete)

    def sizes(self, fingerprints: Sequence[str]) -> list[FolderSize]:
        """Return the sizes of the folders that :meth:`prune` deletes for these ``fingerprints``.

        Unlike :meth:`stat` it reads no shards, so that damaged ones are listed as well.
        """
        return folder_sizes(self.root, fingerprints)

    def prune(
        self,
        *,
        fingerprints: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        older_than: float | None = None,
    ) -> list[Path]:
        """Delete whole folders of providers, and temporary files that killed writers left.

        A folder is deleted if it meets every given condition; without conditions only temporary
        files are deleted.

        Args:
            fingerprints: prefixes of fingerprints to delete; ``[""]`` means all.
            keep: prefixes of fingerprints to keep.
            older_than: minimum time in seconds since a file of the folder was written.

        Returns:
            Paths of the deleted folders and files.
        """
        return prune_store(self.root, fingerprints, keep, older_than)


def _refuse_uncacheable(provider: FeatureProvider) -> None:
    if not provider.cacheable:
        raise StoreError(
            "its vectors depend on what was encoded before, so they cannot be stored",
            where=f"features {provider.name!r}",
            fix="use @state=zero or @state=warm",
        )
