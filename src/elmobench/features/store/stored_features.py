"""Reading stored features: what the store holds of one provider."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from elmobench.core.digests import sentence_digest
from elmobench.core.errors import StoreError
from elmobench.data.examples import Sentence, as_sentence
from elmobench.features.provider import FloatArray, Layer
from elmobench.features.store.index import SentenceIndex, WordIndex
from elmobench.features.store.precision import Precision
from elmobench.features.store.view import StoredView


class StoredFeatures:
    """What the store holds of one provider at one precision, as of when it was opened.

    Args:
        folder: of the provider; it need not exist.
        layers: of the provider.
        name: of the provider, for messages.
        precision: of the stored values.

    Raises:
        StoreError: if a shard's header is damaged.
    """

    def __init__(
        self, folder: Path, layers: Sequence[Layer], name: str, precision: Precision
    ) -> None:
        self.layers = tuple(layers)
        self.name = name
        self.precision = precision
        self.dim = layers[0].dim * layers[0].repeat
        self.has_tokens = any(layer.kind == "token" for layer in layers)
        self.has_types = any(layer.kind == "type" for layer in layers)
        self.sentences = SentenceIndex(folder)
        self.words = WordIndex(folder)

    @property
    def nbytes_per_token(self) -> float:
        """Bytes on disk, word types included, a stored token (or type, without token layers)."""
        rows = self.sentences.tokens if self.has_tokens else len(self.words.row)
        return (self.sentences.group.nbytes + self.words.group.nbytes) / rows if rows else 0.0

    def missing(self, sentences: Sequence[Sequence[str]]) -> list[Sentence]:
        """The distinct sentences, in the given order, that are not wholly stored."""
        distinct = dict.fromkeys(map(as_sentence, sentences))
        return [sentence for sentence in distinct if not self._holds(sentence)]

    def _holds(self, sentence: Sentence) -> bool:
        if self.has_types and not all(word in self.words.row for word in sentence):
            return False
        return not self.has_tokens or sentence_digest(sentence) in self.sentences.row

    def view(self, sentences: Sequence[Sequence[str]]) -> StoredView:
        """``sentences`` looked up once, to gather batches of them by number.

        Raises:
            StoreError: if some are not stored; says how many and shows one.
        """
        distinct = [as_sentence(sentence) for sentence in sentences]
        absent = self.missing(distinct)
        if absent:
            raise StoreError(
                f"{len(absent)} sentences have no stored vectors, for example "
                f"{' '.join(absent[0])[:60]!r}",
                where=f"features {self.name!r}",
                fix="run the experiment again, or build them with `elmobench features build`",
            )
        return StoredView(self, distinct)

    def gather(
        self,
        sentences: Sequence[Sequence[str]],
        layers: Sequence[int] | None = None,
        max_length: int | None = None,
    ) -> FloatArray:
        """Vectors of a few sentences; training loops use :meth:`view`.

        See :meth:`StoredView.gather` for arguments and result.
        """
        view = self.view(sentences)
        return view.gather(np.arange(len(sentences)), layers, max_length)
