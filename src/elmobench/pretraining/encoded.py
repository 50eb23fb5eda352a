"""A corpus as integer ids on disk: written once in bounded memory, read by memory map."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError
from elmobench.core.files import write_text
from elmobench.pretraining.corpus import Corpus, Paragraph
from elmobench.pretraining.vocabulary import Vocabulary

FORMAT_VERSION = 1
HELD_OUT = ((10, 100), (1, 20))
"""Pairs (r, n): of every n runs of r paragraphs, the last run is held out. So a hundredth of the
text is held out in runs of ten paragraphs; of a short text, every twentieth paragraph. Of a text
that is too short for all pairs nothing is held out: both parts are the whole text."""

_CHUNK = 1 << 20
_META = "corpus.json"


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

        Args:
            corpus: the text.
            folder: created if necessary.
            heldout: see :data:`HELD_OUT`; the first pair for which the text is long enough is
                used.
            on_bytes: see :meth:`Corpus.paragraphs`.

        Raises:
            DataError: for a corpus without words, and see :meth:`Corpus.paragraphs`. No files are
                left.
        """
        digest = digest_of([FORMAT_VERSION, corpus.digest, heldout])
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):
            _build(corpus, folder, digest, heldout, on_bytes)
        return cls.open(folder)

    @classmethod
    def open(cls, folder: Path) -> EncodedCorpus:
        """Open what :meth:`build` wrote. Raises DataError if it is missing or incomplete."""
        meta = _meta(folder)
        if meta.get("format") != FORMAT_VERSION:
            raise DataError(
                f"the encoded corpus has format {meta.get('format')!r}, but this version reads "
                f"format {FORMAT_VERSION}",
                where=str(folder / _META),
                fix="delete the folder; the corpus is then encoded again",
            )
        try:
            return cls(
                Vocabulary.read(folder / "types.txt"),
                np.load(folder / "counts.npy"),
                _read_part(folder, "train"),
                _read_part(folder, "heldout"),
                meta["digest"],
                meta["corpus"],
                meta.get("heldout_is_train", False),
            )
        except (OSError, KeyError, ValueError) as error:
            raise DataError(
                f"the encoded corpus is incomplete: {error}",
                where=str(folder),
                fix="delete the folder; the corpus is then encoded again",
            ) from error

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


def _build(
    corpus: Corpus,
    folder: Path,
    digest: str,
    heldout: Sequence[tuple[int, int]],
    on_bytes: Callable[[int], object] | None,
) -> None:
    """Do the work of :meth:`EncodedCorpus.build` while holding the folder's lock."""
    if (folder / _META).exists() and _meta(folder).get("digest") == digest:
        return
    (folder / _META).unlink(missing_ok=True)
    meta = {"format": FORMAT_VERSION, "digest": digest, "corpus": corpus.digest}
    for run_and_every in heldout:
        if _encode(corpus, folder, run_and_every, on_bytes):
            break
    else:
        _encode(corpus, folder, None, on_bytes)
        meta["heldout_is_train"] = True
    write_text(folder / _META, json.dumps(meta, indent=1) + "\n")


class _PartWriter:
    """Write one part with ids in order of first occurrence, then renumber them by frequency."""

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._tokens = folder / f"{name}.tokens.npy"
        self._offsets = folder / f"{name}.offsets.npy"
        self._raw = folder / f".{name}.part"
        self._stream: IO[bytes] = self._raw.open("wb")
        self._ids: dict[str, int] = {}
        self._lengths: list[int] = []
        self._pending: list[int] = []
        self.counts: Counter[int] = Counter()

    @property
    def words(self) -> list[str]:
        """The word types of this part, by the ids it wrote."""
        return list(self._ids)

    @property
    def sentences(self) -> int:
        """Number of sentences added."""
        return len(self._lengths)

    def add(self, paragraph: Paragraph) -> None:
        """Append the sentences of ``paragraph``."""
        ids = self._ids
        for sentence in paragraph:
            self._lengths.append(len(sentence))
            self._pending += [ids.setdefault(token, len(ids)) for token in sentence]
        if len(self._pending) > _CHUNK:
            self._flush()

    def _flush(self) -> None:
        block = np.array(self._pending, dtype=np.int32)
        unique, counts = np.unique(block, return_counts=True)
        self.counts.update(dict(zip(unique.tolist(), counts.tolist(), strict=True)))
        self._stream.write(block.tobytes())
        self._pending = []

    def close(self) -> None:
        """Write what is pending and close the file."""
        self._flush()
        self._stream.close()

    def finish(self, types: Vocabulary) -> None:
        """Write the final arrays, with the ids of ``types``."""
        new_ids = np.array([types.ids[word] for word in self._ids], dtype=np.int32)
        offsets = np.zeros(len(self._lengths) + 1, dtype=np.int64)
        np.cumsum(self._lengths, out=offsets[1:])
        raw = np.memmap(self._raw, dtype=np.int32, mode="r") if offsets[-1] else np.zeros(0, "i4")
        out = np.lib.format.open_memmap(
            self._tokens, mode="w+", dtype=np.int32, shape=(int(offsets[-1]),)
        )
        for start in range(0, len(out), _CHUNK):
            out[start : start + _CHUNK] = new_ids[raw[start : start + _CHUNK]]
        out.flush()
        np.save(self._offsets, offsets)
        self._raw.unlink()

    def discard(self) -> None:
        """Delete all files of this part."""
        self._stream.close()
        for path in (self._raw, self._tokens, self._offsets):
            path.unlink(missing_ok=True)


def _encode(
    corpus: Corpus,
    folder: Path,
    run_and_every: tuple[int, int] | None,
    on_bytes: Callable[[int], object] | None,
) -> bool:
    """Write both parts; write nothing and return False if the text is too short to hold out a run.

    Args:
        corpus, folder, on_bytes: see :meth:`EncodedCorpus.build`.
        run_and_every: see :data:`HELD_OUT`; None writes the whole text into both parts.

    Raises:
        DataError: for a corpus without words.
    """
    parts = {name: _PartWriter(folder, name) for name in ("train", "heldout")}
    done = False
    try:
        for index, paragraph in enumerate(corpus.paragraphs(on_bytes)):
            if run_and_every is None:
                for part in parts.values():
                    part.add(paragraph)
                continue
            run, every = run_and_every
            held = (index // run) % every == every - 1
            parts["heldout" if held else "train"].add(paragraph)
        for part in parts.values():
            part.close()
        if not parts["train"].sentences:
            raise DataError("the corpus has no words", where=_names(corpus))
        if parts["heldout"].sentences:
            types = _write_types(folder, parts)
            for part in parts.values():
                part.finish(types)
            done = True
    finally:
        if not done:
            for part in parts.values():
                part.discard()
    return done


def _names(corpus: Corpus) -> str:
    return ", ".join(str(file.path) for file in corpus.files[:3])


def _write_types(folder: Path, parts: dict[str, _PartWriter]) -> Vocabulary:
    """Number all word types by their count in the training part.

    A word of the text that is spelt like a special word is that special word.
    """
    train = parts["train"]
    counts = dict.fromkeys(parts["heldout"].words, 0)
    counts |= {word: train.counts[i] for i, word in enumerate(train.words)}
    types = Vocabulary.build(counts, min_count=0)
    types.write(folder / "types.txt")
    np.save(folder / "counts.npy", np.array([counts.get(w, 0) for w in types.words], np.int64))
    return types


def _meta(folder: Path) -> dict[str, Any]:
    path = folder / _META
    try:
        meta = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"there is no encoded corpus: {error}", where=str(path)) from error
    return meta if isinstance(meta, dict) else {}


def _read_part(folder: Path, name: str) -> EncodedPart:
    tokens = np.load(folder / f"{name}.tokens.npy", mmap_mode="r")
    offsets = np.load(folder / f"{name}.offsets.npy")
    if len(tokens) != offsets[-1]:
        raise ValueError(f"{name}: {len(tokens)} tokens, but sentences end at {offsets[-1]}")
    return EncodedPart(tokens, offsets)
