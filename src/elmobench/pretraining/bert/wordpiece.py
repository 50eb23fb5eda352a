"""Train a WordPiece vocabulary on a corpus, and cut the corpus into sequences of pieces."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.core.errors import ConfigError, ElmobenchWarning, ModelError
from elmobench.core.sealed import read_sealed_json, write_sealed_json
from elmobench.features.transformer.checks import library_errors
from elmobench.pretraining.encoded import EncodedCorpus, EncodedPart
from elmobench.pretraining.writing import STARTS_AGAIN, writing

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
"""The pieces with ids 0 to 4."""
UNKNOWN = SPECIAL.index("[UNK]")
_FORMAT = 2


def train_wordpiece(corpus: EncodedCorpus, size: int) -> Any:
    """Train a ``tokenizers.Tokenizer`` like that of cased BERT on the training part.

    The library breaks ties between equally frequent pieces at random, so that two trainings may
    differ in a few pieces and in their ids: store the result (:func:`wordpiece_of`).

    Raises:
        ConfigError: if ``size`` is too small for the characters of the text.
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
    # The trainer always includes the whole alphabet, at the start of words and inside words.
    if tokenizer.get_vocab_size() > size:
        raise ConfigError(
            f"vocab_size {size} is too small for the alphabet of the text: it needs "
            f"{tokenizer.get_vocab_size()}",
            fix="use a larger vocab_size",
        )
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def wordpiece_of(
    corpus: EncodedCorpus, size: int, path: Path, stored: Mapping[str, Any] | None = None
) -> Any:
    """The tokenizer of a training: of its checkpoint, else of the file at ``path``, else trained.

    The file is there for trainings that end before their first checkpoint. It is written again if
    it is damaged (with a warning), or belongs to another text or size.

    Args:
        corpus: the text.
        size: number of pieces.
        path: of the file.
        stored: the tokenizer as a checkpoint has it; None if there is no checkpoint.

    Raises:
        ModelError: if ``stored`` is not a tokenizer, or the file cannot be written.
        ConfigError: see :func:`train_wordpiece`.
    """
    use = _use(corpus, size)
    found: Any = None
    if path.exists():
        try:
            content = read_sealed_json(path, ModelError)
            if use.items() <= content.items():
                found = content.get("tokenizer")
        except ModelError as error:
            again = "trained" if stored is None else "written"
            warnings.warn(
                f"{error.where}: {error.what}. The tokenizer is {again} again",
                ElmobenchWarning,
                stacklevel=2,
            )
    known = found if stored is None else stored
    tokenizer = train_wordpiece(corpus, size) if known is None else _parsed(known, path)
    if found is None or found != known:
        write_wordpiece(path, tokenizer, corpus, size)
    return tokenizer


def write_wordpiece(path: Path, tokenizer: Any, corpus: EncodedCorpus, size: int) -> None:
    """Write the file that :func:`wordpiece_of` reads. Raises ModelError if that fails."""
    content = {**_use(corpus, size), "tokenizer": tokenizer_json(tokenizer)}
    with writing(path, fix=STARTS_AGAIN):
        write_sealed_json(path, content)


def _use(corpus: EncodedCorpus, size: int) -> dict[str, Any]:
    """What a tokenizer is for; it is trained again for anything else."""
    return {"format": _FORMAT, "corpus": corpus.digest, "vocab_size": size}


def tokenizer_json(tokenizer: Any) -> dict[str, Any]:
    """The tokenizer as plain JSON, for files and checkpoints."""
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    return content


def _parsed(content: Any, where: Path) -> Any:
    from tokenizers import Tokenizer

    with library_errors("not a tokenizer", str(where), "delete the folder to train from the start"):
        return Tokenizer.from_str(json.dumps(content))


@dataclass(frozen=True)
class Sequences:
    """Text packed into sequences of whole sentences, as many as fit.

    Attributes:
        pieces: (N,) int32, all sentences one after another, without special pieces.
        offsets: (S + 1,) int64; sequence i is ``pieces[offsets[i]:offsets[i + 1]]``.
    """

    pieces: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sequence(self, i: int) -> NDArray[np.int32]:
        """The pieces of sequence ``i``."""
        return self.pieces[self.offsets[i] : self.offsets[i + 1]]


def pieces_of_types(corpus: EncodedCorpus, tokenizer: Any) -> list[NDArray[np.int32]]:
    """The pieces of every word type, by id; they do not depend on the neighbouring words."""
    words = [[word] for word in corpus.types.words]
    encodings = tokenizer.encode_batch(words, is_pretokenized=True, add_special_tokens=False)
    return [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]


def pack(part: EncodedPart, pieces: list[NDArray[np.int32]], limit: int) -> Sequences:
    """Pack a text into sequences of at most ``limit`` pieces, in the order of the text.

    A sentence is appended to the previous sequence if it fits as a whole. A sentence longer than
    ``limit`` is cut into several sequences.

    Args:
        part: the sentences.
        pieces: of each word type, by id.
        limit: largest number of pieces in a sequence.
    """
    sizes = np.array([len(p) for p in pieces], dtype=np.int64)
    counts = sizes[part.tokens]
    flat = np.empty(int(counts.sum()), dtype=np.int32)
    ends = np.cumsum(counts)
    all_pieces = np.concatenate(pieces) if pieces else np.zeros(0, np.int32)
    starts = np.cumsum(sizes) - sizes
    within = np.arange(len(flat)) - np.repeat(ends - counts, counts)
    flat[:] = all_pieces[np.repeat(starts[part.tokens], counts) + within]
    cuts = [0]
    total = np.concatenate([[0], ends])[part.offsets]
    for begin, end in zip(total[:-1].tolist(), total[1:].tolist(), strict=True):
        if end - cuts[-1] <= limit:
            continue
        if begin > cuts[-1]:
            cuts.append(begin)
        while end - cuts[-1] > limit:
            cuts.append(cuts[-1] + limit)
    if cuts[-1] < len(flat):
        cuts.append(len(flat))
    return Sequences(flat, np.array(cuts, dtype=np.int64))
