"""A corpus as integer ids on disk: written once in bounded memory, read by memory map."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from elmobench.core.digests import digest_of, file_sha256
from elmobench.core.errors import DataError, ElmobenchWarning
from elmobench.core.files import aside_path, remove_leftovers
from elmobench.core.parsing import parsing
from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encode import COUNTS, PARTS, TYPES, encode, offsets_file, tokens_file
from elmobench.pretraining.vocabulary import Vocabulary
from elmobench.pretraining.writing import STARTS_AGAIN, writing

FORMAT_VERSION = 2
"""Of the files; version 1 had no digests."""
_TEXT_VERSION = 1
"""Of what is encoded; part of :attr:`EncodedCorpus.digest`, which checkpoints contain."""
HELD_OUT = ((10, 100), (1, 20))
"""Pairs (r, n): of every n runs of r paragraphs, the last run is held out. So a hundredth of the
text is held out in runs of ten paragraphs; of a short text, every twentieth paragraph. Of a text
that is too short for all pairs nothing is held out: both parts are the whole text."""

_META = "corpus.json"
_FILES = (TYPES, COUNTS, *(file(part) for part in PARTS for file in (tokens_file, offsets_file)))
_FIX = "delete the folder; the corpus is then encoded again"


@dataclass(frozen=True)
class EncodedPart:
    """The training or the held-out sentences.

    Attributes:
        tokens: (N,) int32 ids of word types, all sentences one after another, without begin and
            end markers.
        offsets: (S + 1,) int64; sentence i is ``tokens[offsets[i]:offsets[i + 1]]``.
    """

    tokens: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sentence(self, i: int) -> NDArray[np.int32]:
        """The word ids of sentence ``i``."""
        return self.tokens[self.offsets[i] : self.offsets[i + 1]]

    def spread(self, share: float) -> EncodedPart:
        """A part with this share of the sentences, evenly spread over all of them."""
        if share >= 1.0:
            return self
        marks = np.floor(np.arange(len(self) + 1) * share)
        kept = np.diff(marks) > 0
        lengths = np.diff(self.offsets)
        return EncodedPart(
            self.tokens[np.repeat(kept, lengths)],
            np.concatenate([[0], np.cumsum(lengths[kept])]).astype(np.int64),
        )


@dataclass(frozen=True)
class EncodedCorpus:
    """The word types of a corpus, and its sentences as word ids.

    Attributes:
        types: all word types, the most frequent in the training part first, or those of a given
            vocabulary (see :meth:`renumbered`). So the V most frequent words are those with
            ``id < V``, and rare words keep their spelling for a model that reads characters.
        counts: (len(types),) int64 number of occurrences in the training part.
        train: the training part.
        heldout: the held-out part.
        digest: digest of the corpus, the format and how text is held out.
        corpus: digest of the :class:`Corpus`.
        heldout_is_train: whether the text is too short to hold anything out, so that the held-out
            part is the training part.
        words_not_in_text: number of types that come from a given vocabulary alone.
    """

    types: Vocabulary
    counts: NDArray[np.int64]
    train: EncodedPart
    heldout: EncodedPart
    digest: str
    corpus: str
    heldout_is_train: bool = False
    words_not_in_text: int = 0

    @property
    def word_types(self) -> int:
        """Number of distinct words of the text, with the three special ones."""
        return len(self.types) - self.words_not_in_text

    @classmethod
    def build(
        cls,
        corpus: Corpus,
        folder: Path,
        *,
        heldout: Sequence[tuple[int, int]] = HELD_OUT,
        on_bytes: Callable[[int], object] | None = None,
    ) -> EncodedCorpus:
        """Encode ``corpus`` into ``folder``, or open the folder if this was done before.

        What is damaged there is put aside with a warning, and the corpus is encoded again.

        Args:
            corpus: the text.
            folder: created if necessary.
            heldout: see :data:`HELD_OUT`; the first pair for which the text is long enough is
                used.
            on_bytes: see :meth:`Corpus.paragraphs`.

        Raises:
            DataError: for a corpus without words, and see :meth:`Corpus.paragraphs`. No files are
                left.
            ModelError: if the folder cannot be written.
        """
        digest = digest_of([_TEXT_VERSION, corpus.digest, heldout])
        with _locked(folder):
            encoded = _usable(folder, digest)
            if encoded is None:
                with writing(folder, fix=STARTS_AGAIN):
                    remove_leftovers(folder)
                    _write(corpus, folder, digest, heldout, on_bytes)
                encoded = cls.open(folder)
            return encoded

    @classmethod
    def open(cls, folder: Path) -> EncodedCorpus:
        """Open what :meth:`build` wrote, after checking the digests of all files.

        Checking reads every file once, at about 1.5 GB per second from memory; the token ids, four
        bytes each, are then read by memory map.

        Raises:
            DataError: if a file is missing or damaged; it names the file.
        """
        meta = _read_meta(folder)
        for name in _FILES:
            with parsing(folder / name, what="the encoded corpus is incomplete", fix=_FIX):
                _check_digest(folder / name, meta["files"][name])
        with parsing(folder / _META, what="the encoded corpus is incomplete", fix=_FIX):
            return cls(
                Vocabulary.read(folder / TYPES),
                np.load(folder / COUNTS),
                _read_part(folder, "train"),
                _read_part(folder, "heldout"),
                meta["digest"],
                meta["corpus"],
                meta["heldout_is_train"],
            )

    def renumbered(self, vocabulary: Vocabulary) -> EncodedCorpus:
        """The same sentences with the words of ``vocabulary`` first, in its order.

        Words that are in the vocabulary only have count 0; words that are in the text only follow
        in their order here. The token ids are in memory then: four bytes per token.
        """
        others = [word for word in self.types.words if word not in vocabulary.ids]
        types = Vocabulary([*vocabulary.words, *others])
        new_ids = np.array([types.ids[word] for word in self.types.words], dtype=np.int32)
        counts = np.zeros(len(types), dtype=np.int64)
        counts[new_ids] = self.counts
        return replace(
            self,
            types=types,
            counts=counts,
            train=EncodedPart(new_ids[self.train.tokens], self.train.offsets),
            heldout=EncodedPart(new_ids[self.heldout.tokens], self.heldout.offsets),
            digest=digest_of([self.digest, "vocabulary", list(vocabulary.words)]),
            words_not_in_text=len(types) - len(self.types),
        )


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of ``folder``, which is created; without it where nothing can be written."""
    lock = FileLock(folder / ".lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError:
        if not (folder / _META).is_file():
            with writing(folder, fix=STARTS_AGAIN):
                raise
        # A shared folder on a disk that is read only or full, where no process can write.
    try:
        yield
    finally:
        lock.release()


def _usable(folder: Path, digest: str) -> EncodedCorpus | None:
    """What is in ``folder`` if it is whole and of this digest; else None."""
    if not (folder / _META).exists():
        return None
    try:
        meta = _read_meta(folder)
        if meta.get("format") != FORMAT_VERSION or meta.get("digest") != digest:
            return None
        return EncodedCorpus.open(folder)
    except DataError as error:
        place = aside_path(folder)
        with writing(folder, fix=f"{error.where} is damaged: delete {folder}, and run again"):
            _put_aside(folder, place)
        warnings.warn(
            f"{error.where}: {error.what}. The encoded corpus is moved to {place}, which can be "
            "deleted, and the text is encoded again",
            ElmobenchWarning,
            stacklevel=2,
        )
        return None


def _put_aside(folder: Path, place: Path) -> None:
    """Move all files of an encoded corpus to ``place``; the lock in its folder stays."""
    place.mkdir()
    # The index first: what has none is encoded again.
    for name in (_META, *_FILES):
        if os.path.lexists(folder / name):
            (folder / name).rename(place / name)


def _write(
    corpus: Corpus,
    folder: Path,
    digest: str,
    heldout: Sequence[tuple[int, int]],
    on_bytes: Callable[[int], object] | None,
) -> None:
    """Write all files, the index with their digests last."""
    (folder / _META).unlink(missing_ok=True)
    is_train = not any(encode(corpus, folder, pair, on_bytes) for pair in heldout)
    if is_train:
        encode(corpus, folder, None, on_bytes)
    files = {
        name: {"bytes": (folder / name).stat().st_size, "sha256": file_sha256(folder / name)}
        for name in _FILES
    }
    meta = {"format": FORMAT_VERSION, "digest": digest, "corpus": corpus.digest}
    write_sealed_json(folder / _META, {**meta, "heldout_is_train": is_train, "files": files})


def _read_meta(folder: Path) -> dict[str, Any]:
    """The index of an encoded corpus. Raises DataError if it is missing or damaged."""
    path = folder / _META
    if not path.is_file():
        raise DataError("there is no encoded corpus", where=str(path))
    meta = read_sealed_json(path, required=lambda value: value.get("format") != 1, fix=_FIX)
    return meta


def _check_digest(path: Path, expected: dict[str, Any]) -> None:
    if path.stat().st_size != expected["bytes"] or file_sha256(path) != expected["sha256"]:
        raise DataError(
            "is damaged: it does not have the digest that it was written with",
            where=str(path),
            fix=_FIX,
        )


def _read_part(folder: Path, name: str) -> EncodedPart:
    tokens = np.load(folder / tokens_file(name), mmap_mode="r")
    return EncodedPart(tokens, np.load(folder / offsets_file(name)))
