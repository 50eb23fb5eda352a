"""The WordPiece vocabulary of a corpus, and the corpus as pieces."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.files import write_text
from elmobench.pretraining.encoded import EncodedCorpus, EncodedPart

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""Pieces 0 to 4."""


def train_wordpiece(corpus: EncodedCorpus, size: int) -> Any:
    """A ``tokenizers.Tokenizer`` as BERT's cased one, trained on the training part.

    The library breaks ties between equally frequent pieces by chance, so that two trainings may
    differ in a few pieces and in their numbers: keep what came (:func:`wordpiece_of`).

    Raises:
        ConfigError: if ``size`` does not hold the characters of the text.
    """
    from tokenizers import BertWordPieceTokenizer
    from tokenizers.processors import BertProcessing

    words = corpus.types.words
    train = corpus.train

    def sentences() -> Iterator[str]:
        for i in range(len(train)):
            yield " ".join(words[k] for k in train.sentence(i))

    wrapper = BertWordPieceTokenizer(lowercase=False, strip_accents=False)
    wrapper.train_from_iterator(
        sentences(),
        vocab_size=size,
        limit_alphabet=size // 2,
        special_tokens=list(SPECIAL),
        show_progress=False,
    )
    tokenizer = wrapper._tokenizer
    # The trainer takes the whole alphabet, alone and inside words, whatever the size.
    if tokenizer.get_vocab_size() > size:
        raise ConfigError(
            f"vocab_size {size} does not hold the alphabet of the text: it needs "
            f"{tokenizer.get_vocab_size()}",
            fix="take a larger vocab_size",
        )
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def wordpiece_of(corpus: EncodedCorpus, size: int, path: Path) -> Any:
    """The tokenizer at ``path``; trained and written there if there is none.

    Raises:
        ModelError: if the file is none.
        ConfigError: see :func:`train_wordpiece`.
    """
    from tokenizers import Tokenizer

    if not path.exists():
        write_text(path, train_wordpiece(corpus, size).to_str() + "\n")
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except Exception as error:  # the library raises no kind of its own
        raise ModelError(
            f"not a tokenizer: {error}", where=str(path), fix="delete it to train anew"
        ) from error
    return tokenizer


@dataclass(frozen=True)
class Sequences:
    """Text packed into sequences: whole sentences as long as they fit.

    Attributes:
        pieces: (N,) int32, sentences one after another, without special pieces.
        offsets: (S + 1,) int64; sequence i is ``pieces[offsets[i]:offsets[i + 1]]``.
    """

    pieces: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sequence(self, i: int) -> NDArray[np.int32]:
        """Sequence ``i``."""
        return self.pieces[self.offsets[i] : self.offsets[i + 1]]


def pieces_of_types(corpus: EncodedCorpus, tokenizer: Any) -> list[NDArray[np.int32]]:
    """The pieces of every word type, by id. A word's pieces do not depend on its neighbours."""
    words = [[word] for word in corpus.types.words]
    found = tokenizer.encode_batch(words, is_pretokenized=True, add_special_tokens=False)
    return [np.array(encoding.ids, dtype=np.int32) for encoding in found]


def pack(part: EncodedPart, pieces: list[NDArray[np.int32]], room: int) -> Sequences:
    """Sequences of at most ``room`` pieces, in the order of the text.

    A sentence goes into the sequence before it if it fits there whole; one that is longer than
    ``room`` is cut into sequences of its own.
    """
    sizes = np.array([len(p) for p in pieces], dtype=np.int64)
    counts = sizes[part.tokens]
    flat = np.empty(int(counts.sum()), dtype=np.int32)
    ends = np.cumsum(counts)
    pool = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    starts = np.cumsum(sizes) - sizes
    within = np.arange(len(flat)) - np.repeat(ends - counts, counts)
    flat[:] = pool[np.repeat(starts[part.tokens], counts) + within]
    cuts = [0]
    total = np.concatenate([[0], ends])[part.offsets]
    for begin, end in zip(total[:-1].tolist(), total[1:].tolist(), strict=True):
        if end - cuts[-1] <= room:
            continue
        if begin > cuts[-1]:
            cuts.append(begin)
        while end - cuts[-1] > room:
            cuts.append(cuts[-1] + room)
    if cuts[-1] < len(flat):
        cuts.append(len(flat))
    return Sequences(flat, np.array(cuts, dtype=np.int64))
