"""The feature store: all layers of every distinct sentence, written once, read by memory map.

One folder holds one provider (by fingerprint) at one precision: ``meta.json``, and immutable
shards ``tokens-*.safetensors`` and ``types-*.safetensors`` named after what they hold. The
index is in the shards. Nothing is ever changed in place, so any number of processes may read
while others write.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from elmobench.core import paths
from elmobench.core.errors import StoreError
from elmobench.data.examples import Sentence
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store.jobs import ShardJob, StoredKeys, TokenJob, TypeJob
from elmobench.features.store.maintenance import StoreStat, prune_store, stat_store, verify_store
from elmobench.features.store.meta import check_meta, write_meta
from elmobench.features.store.plan import distinct_sentences, sentence_chunks, word_chunks
from elmobench.features.store.precision import Precision, check_precision, row_bytes
from elmobench.features.store.stored_features import StoredFeatures, StoredView
from elmobench.features.store.writer import ShardWriter, WriteStats

__all__ = ["BuildReport", "FeatureStore", "Precision", "StoreStat", "StoredFeatures", "StoredView"]

_SHARD_BYTES: Final = 1 << 26


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What one call of :meth:`FeatureStore.build` found and did.

    Attributes:
        sentences: distinct sentences asked for.
        encoded_sentences, encoded_tokens: those that this call encoded.
        encoded_types: word types that this call encoded.
        seconds: in all, with waiting for others that build the same.
        cpu_seconds: processor time of this process in them.
        bytes: written.
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

    Vectors are those of the provider to within its fingerprint's 5e-6, not to the bit: the last
    bits depend on which sentences were encoded together, so on what was stored before, and on
    the number of threads at encoding. What is stored never changes, and
    :attr:`StoredView.digest` tells which stored vectors a reader had. To these 5e-6 the precision
    adds its rounding: ``fp16`` 2^-11 of a value, ``int8`` 1/254 of the largest value of a
    token's vector (of a word type's, for layers that depend on spelling alone).

    Args:
        root: folder of the store; None for ``ELMOBENCH_STORE`` or the user's cache.
        precision: of the stored values: ``fp16``, ``fp32`` or ``int8``, see :data:`Precision`.
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
        check_precision(precision)
        self.root = Path(root) if root is not None else paths.feature_store()
        self.precision = precision
        self._shard_bytes = shard_bytes

    def folder(self, provider: FeatureProvider) -> Path:
        """Where this provider's shards are, or would be."""
        return self.root / f"{provider.fingerprint}-{self.precision}"

    def open(self, provider: FeatureProvider) -> StoredFeatures:
        """What is stored now; nothing at all is no error (see ``missing``).

        Raises:
            StoreError: if the provider is not cacheable, or its folder is damaged.
        """
        folder = self._checked_folder(provider)
        return StoredFeatures(folder, provider.layers, provider.name, self.precision)

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
        """Encode and write what is missing of ``sentences``.

        Sentences are sorted and cut into shards independently of what is there already; a
        shard holds those of its part that no earlier shard has. So an interrupted build goes
        on where it stopped and ends with the same files, whatever the order of the sentences,
        and several processes that build the same sentences share the work. Where other data
        was built before, or is being built, its shards are used and are not written twice, so
        these files hold less and are others.

        While a shard is written, the next is encoded. In memory are at most the float32 vectors
        of one shard, and two shards as stored.

        Args:
            provider: encodes them.
            sentences: in any order, with repeats.
            progress: called with a number of distinct sentences whenever that many more are
                done; the calls add up to all of them.

        Raises:
            StoreError: the provider is not cacheable, a value overflows, or the disk is full.
        """
        begin, cpu_begin = time.perf_counter(), time.process_time()
        folder = self._checked_folder(provider)
        known = StoredKeys(folder)
        known.refresh()
        distinct = distinct_sentences(sentences)
        jobs = [job for job in self._jobs(provider, distinct) if job.missing(known)]
        report = progress or (lambda steps: None)
        report(len(distinct) - sum(job.sentences for job in jobs))
        done: list[WriteStats] = []
        if jobs:
            writer = ShardWriter(
                folder, known, partial(write_meta, folder, provider, self.precision)
            )
            # Of the whole build, finished or not: the vectors are a function of all words.
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
