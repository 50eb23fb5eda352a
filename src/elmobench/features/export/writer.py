"""What writes the vectors of sentences to a file, one sentence after another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import Sentence
from elmobench.features.export.layer_selection import LayerSelection
from elmobench.features.export.token_lines import LineCounts


@dataclass(frozen=True)
class WriterPlan:
    """What is known of a file before its first sentence is written.

    Attributes:
        counts: of the sentences that will be written.
        selection: the K arrays of a sentence and their width W.
        dtype: of the written values.
        metadata: the JSON object ``elmobench`` of the file.
    """

    counts: LineCounts
    selection: LayerSelection
    dtype: np.dtype[Any]
    metadata: dict[str, Any]


class VectorWriter(Protocol):
    """A file that is being written. Every method raises OSError if the disk is full."""

    def write(self, index: int, sentence: Sentence, arrays: NDArray[Any]) -> None:
        """Append one sentence.

        Args:
            index: its number, from 0.
            sentence: its tokens.
            arrays: (K, T, W) vectors, or (K, 1, W) with one vector per sentence.
        """

    def finish(self) -> None:
        """Write the end of the file."""

    def close(self) -> None:
        """Close the file, whether or not it is finished."""
