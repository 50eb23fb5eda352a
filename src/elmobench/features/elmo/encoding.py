"""Sentences to biLSTM vectors: batching, sentence boundaries and the state policies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor

from elmobench.data.examples import Sentence
from elmobench.features.elmo.bilstm import State
from elmobench.features.elmo.characters import BEGIN_SENTENCE, END_SENTENCE
from elmobench.features.elmo.loading import ElmoNetwork
from elmobench.features.elmo.packing import pack
from elmobench.features.elmo.warm_up import WARM_UP
from elmobench.features.provider import FloatArray

StatePolicy = Literal["zero", "warm", "carry"]

# One batch under `zero` and `warm`: enough rows for large products, bounded memory.
_BATCH_TOKENS: Final = 8192
_BATCH_ROWS: Final = 512


class TokenEncoder:
    """Runs the network over sentences under one state policy.

    - ``zero``: every sentence starts from zeros.
    - ``warm``: every sentence starts from the states that a fixed text leaves behind.
    - ``carry``: as AllenNLP and bilm-tf, each row of a batch goes on from the same row of the
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
        # Under `warm` one row, made when first needed; under `carry` a row for each row seen.
        self._states: list[list[State]] | None = None

    def __call__(self, sentences: Sequence[Sentence]) -> list[list[FloatArray]]:
        """One (T, 2P) array a layer for each sentence, in the given order."""
        # A sentence's own "<S>" is the boundary's vector, by the published rule.
        words = [BEGIN_SENTENCE, END_SENTENCE]
        words += sorted({token for sentence in sentences for token in sentence} - set(words))
        vectors = self._word_vectors(words)
        index = {word: i for i, word in enumerate(words)}
        ids = [
            np.fromiter((0, *(index[token] for token in sentence), 1), dtype=np.int64)
            for sentence in sentences
        ]
        results: list[list[FloatArray]] = [[] for _ in sentences]
        for batch in self._batches([len(row) for row in ids]):
            initial = self._initial(len(batch))
            outputs, finals = self._run([ids[i] for i in batch], vectors, initial)
            for i, output in zip(batch, outputs, strict=True):
                results[i] = output
            if self._policy == "carry":
                self._keep(finals)
        return results

    def _batches(self, lengths: Sequence[int]) -> Iterator[list[int]]:
        """Indices of sentences for each batch; lengths count the boundaries."""
        if self._policy == "carry":
            for start in range(0, len(lengths), self._batch_size):
                yield list(range(start, min(start + self._batch_size, len(lengths))))
            return
        batch: list[int] = []
        tokens = 0
        for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
            if batch and (tokens + lengths[i] > _BATCH_TOKENS or len(batch) == _BATCH_ROWS):
                yield batch
                batch, tokens = [], 0
            batch.append(i)
            tokens += lengths[i]
        if batch:
            yield batch

    def _run(
        self,
        ids: Sequence[np.ndarray[tuple[int], np.dtype[np.int64]]],
        vectors: Tensor,
        initial: list[list[State]],
    ) -> tuple[list[list[FloatArray]], list[list[State]]]:
        """One batch: rows of word ids with boundaries, and their initial states.

        Returns:
            Outputs without boundaries and final states, both in the order of ``ids``.
        """
        descending = np.argsort([-len(row) for row in ids], kind="stable")
        restore = torch.from_numpy(np.argsort(descending, kind="stable"))
        packing = pack([len(ids[i]) for i in descending])
        flat = torch.from_numpy(np.concatenate([ids[i] for i in descending]))
        x = vectors[flat[packing.order]]
        rows = torch.from_numpy(descending)
        layers, finals = self._network.bilstm(x, packing, _select(initial, rows))
        outputs: list[list[FloatArray]] = [[] for _ in ids]
        for layer in layers:
            straight = layer[packing.inverse].numpy()  # (N, 2P), row after row
            end = 0
            for i in descending:
                start, end = end, end + len(ids[i])
                outputs[i].append(straight[start + 1 : end - 1])
        return outputs, _select(finals, restore)

    def _initial(self, rows: int) -> list[list[State]]:
        """Initial states for the next batch of ``rows`` rows."""
        zeros = self._network.bilstm.zero_states(rows)
        if self._policy == "zero":
            return zeros
        if self._policy == "warm":
            if self._states is None:
                self._states = self._burn_in()
            return _select(self._states, torch.zeros(rows, dtype=torch.int64))
        if self._states is None:
            return zeros
        known = self._states[0][0][0].shape[0]
        if known < rows:
            self._states = _merge(self._states, zeros)
        return _select(self._states, torch.arange(rows))

    def _keep(self, finals: list[list[State]]) -> None:
        """Rows of this batch replace their own; rows beyond it keep what they had."""
        self._states = finals if self._states is None else _merge(finals, self._states)

    def _burn_in(self) -> list[list[State]]:
        """The states that one row carries away from the fixed text."""
        reader = TokenEncoder(self._network, "carry", batch_size=1)
        reader(WARM_UP)
        assert reader._states is not None
        return reader._states


def _select(states: list[list[State]], rows: Tensor) -> list[list[State]]:
    return [[(h[rows], c[rows]) for h, c in layers] for layers in states]


def _merge(first: list[list[State]], rest: list[list[State]]) -> list[list[State]]:
    """``first``, followed by the rows of ``rest`` that ``first`` does not have."""
    return [
        [
            (torch.cat([a[0], b[0][a[0].shape[0] :]]), torch.cat([a[1], b[1][a[1].shape[0] :]]))
            for a, b in zip(mine, theirs, strict=True)
        ]
        for mine, theirs in zip(first, rest, strict=True)
    ]
