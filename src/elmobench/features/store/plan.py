"""Assign sentences and words to shards, as a function of the dataset only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from elmobench.core.digests import sentence_digest
from elmobench.data.examples import Sentence
from elmobench.data.sentences import each_sentence


def distinct_sentences(sentences: Iterable[Sequence[str]]) -> dict[bytes, Sentence]:
    """Return the distinct sentences by digest, sorted by length and then by digest."""
    by_digest = {}
    for sentence in dict.fromkeys(each_sentence(sentences)):
        by_digest[sentence_digest(sentence)] = sentence
    return dict(sorted(by_digest.items(), key=lambda item: (len(item[1]), item[0])))


def as_texts(sentences: Iterable[Sequence[str]]) -> list[Sentence]:
    """Return each sentence as one token, its tokens joined by blanks: one vector per text.

    >>> as_texts([("a", "b"), ("a b",), ()])
    [('a b',), ('a b',), ('',)]
    """
    return [(" ".join(sentence),) for sentence in each_sentence(sentences)]


def sentence_chunks(sentences: Mapping[bytes, Sentence], tokens: int) -> Iterator[list[bytes]]:
    """Split digests into chunks of at most ``tokens`` tokens; a longer sentence is one chunk."""
    chunk: list[bytes] = []
    size = 0
    for digest, sentence in sentences.items():
        if chunk and size + len(sentence) > tokens:
            yield chunk
            chunk, size = [], 0
        chunk.append(digest)
        size += len(sentence)
    if chunk:
        yield chunk


def word_chunks(sentences: Iterable[Sentence], words: int) -> Iterator[list[str]]:
    """Split the sorted distinct words into chunks of at most ``words``."""
    vocabulary = sorted({word for sentence in sentences for word in sentence})
    for start in range(0, len(vocabulary), words):
        yield vocabulary[start : start + words]


def sentences_name(digests: Sequence[bytes]) -> str:
    """Return the name of the shard of these sentences."""
    return f"tokens-{hashlib.blake2b(b''.join(digests), digest_size=16).hexdigest()}"


def words_name(words: Sequence[str]) -> str:
    """Return the name of the shard of these words."""
    return f"types-{sentence_digest(words).hex()}"
