"""The inventory's first sense: the baseline that publications call WordNet first sense."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from elmobench.data.examples import SenseSentence
from elmobench.tasks.base import HeadOptions
from elmobench.tasks.head import Batch, Mixed, OnePassHead
from elmobench.tasks.wsd.base import Pairs, SenseHead


class FirstSenseOptions(HeadOptions):
    """The first-sense head has no options."""


class FirstSense(OnePassHead[SenseSentence], SenseHead):
    """The first sense that the card's inventory has for a lemma and part of speech.

    Neither the training set nor the vectors are read, so nothing is learned. With WordNet 3.0's
    ``index.sense`` as inventory this is the published baseline; other inventories have other first
    senses. A lemma that the inventory lacks gets no answer.
    """

    def fit(self, batches: Iterable[tuple[Batch[SenseSentence], Mixed]]) -> None:
        """Do nothing: the inventory is part of the data."""

    def scores(self, batch: Batch[SenseSentence], mixed: Mixed, pairs: Pairs) -> Tensor:
        """(P,) scores of -inf: no sense of the training set is chosen, so the inventory decides."""
        return torch.full((len(pairs.sense),), -torch.inf, device=pairs.sense.device)
