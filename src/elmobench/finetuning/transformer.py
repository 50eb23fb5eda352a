"""A transformer that is trained with a task's head."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from elmobench.data.examples import Sentence
from elmobench.features.transformer.encoding import PaddedWindows, Pooling
from elmobench.features.transformer.loading import load_model
from elmobench.features.transformer.provider import TransformerProvider
from elmobench.finetuning.encoder import TrainableEncoder


class TrainableTransformer(TrainableEncoder):
    """The network of a provider, with windows and pooling as the provider has them.

    Args:
        provider: of a model from files.
        where: the features, for errors.
    """

    def __init__(self, provider: TransformerProvider, where: str) -> None:
        super().__init__()
        self._windows = provider.encoder
        self._pooling = provider.pieces
        self._shape = (provider.num_layers, provider.dim)
        # Without the products of the frozen network, through which no gradient goes.
        self.network = load_model(provider.files, where, packed=False).network

    def forward(self, sentences: Sequence[Sentence]) -> Tensor:
        """See :meth:`TrainableEncoder.forward`."""
        layers, dim = self._shape
        longest = max(map(len, sentences), default=0)
        rows = self._windows.rows(sentences)
        weight = next(self.network.parameters())
        device = weight.device
        out = weight.new_zeros(layers, len(sentences) * longest, dim)
        if rows:
            batch = self._windows.padded(rows)
            hidden = self.network(
                input_ids=torch.from_numpy(batch.ids).to(device),
                attention_mask=torch.from_numpy(batch.mask).to(device),
                output_hidden_states=True,
                return_dict=True,
            ).hidden_states
            flat = torch.stack(hidden).flatten(1, 2)  # (L, N, D)
            places = np.concatenate([row.words + row.sentence * longest for row in rows])
            pooled = pooled_words(flat, batch, self._pooling)
            out = out.index_copy(1, torch.from_numpy(places).to(device), pooled)
        return out.view(layers, len(sentences), longest, dim).transpose(0, 1)


def pooled_words(flat: Tensor, batch: PaddedWindows, pooling: Pooling) -> Tensor:
    """(L, W, D) vectors of words from the (L, N, D) vectors of pieces, with gradients.

    The same sums, in the same order, as :func:`~elmobench.features.transformer.encoding.pool`.
    """
    begins, counts = (torch.from_numpy(x).to(flat.device) for x in (batch.begins, batch.counts))
    total = flat[:, begins + counts - 1 if pooling == "last" else begins]
    if pooling != "mean":
        return total
    for i in range(1, int(batch.counts.max(initial=0))):
        longer = (counts > i).nonzero().squeeze(1)
        total = total.index_add(1, longer, flat[:, begins[longer] + i])
    return total / counts[:, None]
