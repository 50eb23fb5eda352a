"""What :func:`export` needs to write stored vectors: a list of sentences and their provider."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from elmobench.data.examples import Sentence
from elmobench.data.sentences import as_sentences
from elmobench.features.coverage import CoverageCount
from elmobench.features.export.token_lines import LineCounts
from elmobench.features.provider import FeatureProvider, FloatArray
from elmobench.features.store.stored_features import StoredFeatures


class ListedSentences:
    """Sentences in memory, in place of the lines of a file.

    Args:
        sentences: in the order in which they are written.
        name: of the list, for messages.
    """

    def __init__(self, sentences: Sequence[Sentence], name: str) -> None:
        self.name = name
        self._sentences = sentences
        self.counts = self.count()

    def sentences(self) -> Iterator[Sentence]:
        """Yield the sentences."""
        yield from self._sentences

    def count(self) -> LineCounts:
        """Their counts; the digest is that of one JSON array per line."""
        state = hashlib.sha256()
        tokens = size = 0
        for sentence in self._sentences:
            state.update(f"{json.dumps(sentence)}\n".encode())
            tokens += len(sentence)
            size += sum(len(token.encode("utf-8", "surrogatepass")) for token in sentence)
        return LineCounts(len(self._sentences), tokens, size, state.hexdigest())

    def at(self, index: int) -> str:
        """Name the sentence with this index, from 0; for errors."""
        return f"{self.name}, sentence {index}"


class StoredProvider(FeatureProvider):
    """A provider whose vectors are read from the feature store, and not computed again.

    Args:
        provider: whose vectors are stored.
        stored: its stored features, with all sentences that are asked for.
    """

    def __init__(self, provider: FeatureProvider, stored: StoredFeatures) -> None:
        self.name = provider.name
        self.layers = provider.layers
        self.per_text = provider.per_text
        self._provider = provider
        self._stored = stored

    @property
    def fingerprint(self) -> str:
        """That of the provider."""
        return self._provider.fingerprint

    @property
    def contextual(self) -> bool:
        """Whether the provider is contextual."""
        return self._provider.contextual

    @property
    def parameters(self) -> int:
        """Those of the provider."""
        return self._provider.parameters

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Raise TypeError: words are stored with the sentences that have them."""
        raise TypeError("stored vectors are read by sentence")

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Raise TypeError: all layers are read together."""
        raise TypeError("stored vectors are read with all layers")

    def encode_counted(
        self, sentences: Iterable[Iterable[str]], count: CoverageCount
    ) -> list[FloatArray]:
        """Return the stored vectors. Raises StoreError if a sentence is not stored."""
        given = as_sentences(sentences)
        view = self._stored.view(given)
        vectors = [view.gather([i])[0] for i in range(len(given))]
        if not self.per_text:
            count.add(given, vectors)
        return vectors

    def describe(self) -> dict[str, Any]:
        """Describe the provider."""
        return self._provider.describe()
