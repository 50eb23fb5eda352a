"""Write one shard while the next is encoded; several processes may write to the same folder."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from numpy.typing import NDArray

from elmobench.features.store.jobs import ShardJob, StoredKeys
from elmobench.features.store.shard import (
    LOCKS,
    SUFFIX,
    content_checksum,
    folder_lock,
    write_error,
    write_shard,
)


@dataclass(frozen=True, slots=True)
class WriteStats:
    """Numbers of sentences, tokens, types and bytes that one job added to the store."""

    sentences: int = 0
    tokens: int = 0
    types: int = 0
    bytes: int = 0


@dataclass
class _Encoded:
    """An encoded shard in memory; its lock is still held."""

    job: ShardJob[Any]
    keys: list[Any]
    arrays: dict[str, NDArray[Any]]
    held: ExitStack


class ShardWriter:
    """Encode jobs in the caller's thread and write their shards in another thread.

    Several processes may work on the same or overlapping jobs: the process that holds a shard's
    lock encodes it, and sentences that another shard has received meanwhile are not stored again.

    Args:
        folder: of the provider.
        known: the keys that the folder contains.
        write_meta: writes ``meta.json`` and creates the folder of locks if they are missing; its
            argument says whether the folder's lock is held.
        versions: of the libraries that encode.
    """

    def __init__(
        self,
        folder: Path,
        known: StoredKeys,
        write_meta: Callable[[bool], None],
        versions: Mapping[str, str],
    ) -> None:
        self._folder = folder
        self._known = known
        self._write_meta = write_meta
        self._versions = versions

    def run(
        self, jobs: Sequence[ShardJob[Any]]
    ) -> Generator[tuple[ShardJob[Any], WriteStats], None, None]:
        """Run all jobs; yield each job with the numbers that were written for it.

        At most one shard is written while the next is encoded. Shards that another process has
        locked are tried again at the end, when that process has probably finished. On any error,
        and on Ctrl-C, the shard that is being written is finished first.

        Raises:
            StoreError: if a value is too large, or a shard could not be written.
        """
        writing: tuple[ShardJob[Any], Future[WriteStats]] | None = None
        ready: _Encoded | None = None
        later: list[ShardJob[Any]] = []
        with ThreadPoolExecutor(1, thread_name_prefix="elmobench-store") as pool:
            try:
                for queue, wait in ((jobs, False), (later, True)):
                    for job in queue:
                        ready = self._encode(job, wait=wait)
                        if ready is None:
                            later.append(job)
                            continue
                        if writing is not None:
                            yield writing[0], writing[1].result()
                            writing = None
                        if ready.keys:
                            writing = job, pool.submit(self._write, ready)
                        else:
                            yield job, WriteStats()
                        ready = None
                if writing is not None:
                    yield writing[0], writing[1].result()
            finally:
                if ready is not None:
                    ready.held.close()

    def _encode(self, job: ShardJob[Any], *, wait: bool) -> _Encoded | None:
        """Encode the missing keys of a job; None if another process is writing them."""
        while True:
            self._known.refresh()
            keys = job.missing(self._known)
            with ExitStack() as held:
                if not keys:
                    return _Encoded(job, [], {}, held.pop_all())
                self._write_meta(False)
                try:
                    held.enter_context(self._shard_lock(job.name(keys), wait=wait))
                except Timeout:
                    return None
                except OSError as error:
                    raise write_error(error, self._folder) from error
                self._known.refresh()
                if job.missing(self._known) != keys:
                    continue  # Another process stored some keys: the shard and lock change.
                return _Encoded(job, keys, job.encode(keys), held.pop_all())

    def _write(self, encoded: _Encoded) -> WriteStats:
        """Write the shard and release its lock.

        The folder, including the shard's lock, may be pruned at any time. Therefore everything is
        written under the folder's lock, and meta.json is written again if it is missing.
        """
        job, keys, arrays = encoded.job, encoded.keys, encoded.arrays
        with encoded.held:
            checksum = content_checksum(arrays)
            try:
                with folder_lock(self._folder):
                    self._known.refresh()
                    missing = job.missing(self._known)
                    if missing != keys:
                        if not missing:
                            return WriteStats()
                        # Meanwhile another shard was written that contains some of these keys.
                        arrays, keys = job.subset(arrays, keys, set(missing)), missing
                        checksum = content_checksum(arrays)
                    self._write_meta(True)
                    path = self._folder / f"{job.name(keys)}{SUFFIX}"
                    size = write_shard(path, arrays, checksum, self._versions)
            except OSError as error:
                raise write_error(error, self._folder) from error
        return WriteStats(*job.count(keys), bytes=size)

    def _shard_lock(self, name: str, *, wait: bool) -> FileLock:
        # One thread acquires it, the other releases it.
        path = self._folder / LOCKS / f"{name}.lock"
        return FileLock(path, timeout=-1 if wait else 0, thread_local=False)
