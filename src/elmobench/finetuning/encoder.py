"""What a model that is trained with a task's head has in common with others."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor, nn

from elmobench.data.examples import Sentence


class TrainableEncoder(nn.Module, ABC):
    """A model as a module: from tokens to the vectors of all layers, with gradients.

    In evaluation mode, and before any training, its vectors are those of its frozen provider to
    2e-5; the two add in different orders. In training mode it has the dropout that the model was
    trained with.
    """

    @abstractmethod
    def forward(self, sentences: Sequence[Sentence]) -> Tensor:
        """(B, L, T, D) vectors of B sentences, zero at padding; T is the longest one's length."""
