"""Encode sentences with the biLSTM: batching, sentence boundaries and state policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from elmobench.data.examples import Sentence
from elmobench.features.elmo.bilstm import State
from elmobench.features.elmo.characters import BEGIN_SENTENCE, END_SENTENCE
from elmobench.features.elmo.loading import ElmoNetwork
from elmobench.features.elmo.packed_rows import PackedRows, one_sentence_per_row, pack_sentences
from elmobench.features.elmo.warm_up import WARM_UP
from elmobench.features.provider import FloatArray

StatePolicy = Literal["zero", "warm", "carry"]

# Maximum number of values of one layer's output in a batch under `zero` and `warm`: enough for
# large products, with bounded memory. A longer sentence is a batch of its own.
_BATCH_VALUES: Final = 1 << 23


class TokenEncoder:
    """Run the network over sentences under one state policy.

    - ``zero``: every sentence starts from zeros.
    - ``warm``: every sentence starts from the states after reading a fixed text.
    - ``carry``: as in AllenNLP and bilm-tf, each row of a batch continues from the same row of the
      batch before, so that vectors depend on the order of the sentences.
    """

    def __init__(
        self,
        network: ElmoNetwork,
        policy: StatePolicy,
        batch_size: int,
        word_vectors: Callable[[Sequence[str]], Tensor] | None = None,
    ) -> None:
        self._network = network
        self._word_vectors = word_vectors or network.char_cnn
        self._policy = policy
        self._batch_size = batch_size
        # Under `warm` one row, computed at first use; under `carry` one row per row seen so far.
        self._states: list[list[State]] | None = None

    def __call__(self, sentences: Sequence[Sentence]) -> list[list[FloatArray]]:
        """Return one (T, 2P) array per layer for each sentence, in the given order."""
        # By the published rule, a token "<S>" in a sentence gets the boundary's vector.
        words = [BEGIN_SENTENCE, END_SENTENCE]
        words += sorted({token for sentence in sentences for token in sentence} - set(words))
        vectors = self._word_vectors(words)
        index = {word: i for i, word in enumerate(words)}
        results: list[list[FloatArray]] = [[] for _ in sentences]
        for batch in self._batches([len(sentence) + 2 for sentence in sentences]):
            chosen = [sentences[i] for i in batch]
            for i, output in zip(batch, self._run(chosen, index, vectors), strict=True):
                results[i] = output
        return results

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Yield the sentence indices of each batch; lengths include the boundaries."""
        if self._policy == "carry":
            for start in range(0, len(lengths), self._batch_size):
                yield list(range(start, min(start + self._batch_size, len(lengths))))
            return
        most = _BATCH_VALUES // (2 * self._network.bilstm.options.projection_dim)
        batch: list[int] = []
        tokens = 0
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            if batch and tokens + lengths[i] > most:
                yield batch
                batch, tokens = [], 0
            batch.append(i)
            tokens += lengths[i]
        if batch:
            yield batch

    def _run(
        self, sentences: Sequence[Sentence], index: Mapping[str, int], vectors: Tensor
    ) -> list[list[FloatArray]]:
        """Run one batch: one (T, 2P) array per layer for each sentence."""
        lstm = self._network.bilstm
        lengths = [len(sentence) + 2 for sentence in sentences]
        ids = torch.empty(sum(lengths), dtype=torch.int64)
        numbers = ids.numpy()
        end = 0
        for sentence, length in zip(sentences, lengths, strict=True):
            start, end = end, end + length
            numbers[start] = 0
            numbers[start + 1 : end - 1] = [index[token] for token in sentence]
            numbers[end - 1] = 1
        carried = self._policy == "carry"
        packed = one_sentence_per_row(lengths) if carried else pack_sentences(lengths, lstm.rows)
        initial = self._initial(packed)
        ids = ids.to(vectors.device)
        layers, finals = lstm(lambda read: vectors[ids[read]], len(ids), packed, initial)
        if carried:
            self._keep(_select(finals, packed.row_of_sentence))
        ends = np.cumsum(lengths).tolist()
        arrays = [layer.cpu().numpy() for layer in layers]
        return [
            [array[end - length + 1 : end - 1] for array in arrays]
            for length, end in zip(lengths, ends, strict=True)
        ]

    def _initial(self, packed: PackedRows) -> list[list[State]]:
        """Initial states of the next batch's sentences; see :class:`BiLstm`."""
        zeros = self._network.bilstm.zero_states(packed.rows if self._policy == "carry" else 1)
        if self._policy == "zero":
            return zeros
        if self._policy == "warm":
            if self._states is None:
                self._states = self._burn_in()
            return self._states
        if self._states is None:
            return zeros
        known = self._states[0][0][0].shape[0]
        if known < packed.rows:
            self._states = _merge(self._states, zeros)
        sentence_of_row = torch.argsort(packed.row_of_sentence)
        return _select(self._states, sentence_of_row)

    def _keep(self, finals: list[list[State]]) -> None:
        """Store the states of this batch's rows; further rows keep their states."""
        self._states = finals if self._states is None else _merge(finals, self._states)

    def _burn_in(self) -> list[list[State]]:
        """Return the states of one row after reading the fixed text."""
        reader = TokenEncoder(self._network, "carry", batch_size=1)
        reader(WARM_UP)
        assert reader._states is not None
        return reader._states


def _select(states: list[list[State]], rows: Tensor) -> list[list[State]]:
    return [[(h[rows], c[rows]) for h, c in layers] for layers in states]


def _merge(first: list[list[State]], rest: list[list[State]]) -> list[list[State]]:
    """Return ``first``, followed by the rows of ``rest`` beyond those of ``first``."""
    return [
        [
            (torch.cat([a[0], b[0][a[0].shape[0] :]]), torch.cat([a[1], b[1][a[1].shape[0] :]]))
            for a, b in zip(first_layers, rest_layers, strict=True)
        ]
        for first_layers, rest_layers in zip(first, rest, strict=True)
    ]
