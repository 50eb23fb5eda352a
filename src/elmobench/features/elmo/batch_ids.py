"""Character ids of a batch of sentences, the input of :class:`elmobench.Elmo`.

Source: ``allennlp.modules.elmo.batch_to_ids`` (AllenNLP 2.10.1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from elmobench.data.sentences import as_sentences
from elmobench.features.elmo.characters import character_ids


def batch_to_ids(batch: Sequence[Sequence[str]]) -> Tensor:
    """Return the character ids of tokenised sentences, equal to those of AllenNLP's function.

    A batch without tokens gives (B, 0, 50), which :class:`elmobench.Elmo` reads; AllenNLP's
    function gives (B, 0) or fails.

    >>> from elmobench import batch_to_ids
    >>> batch_to_ids([["The", "river", "bank"], ["Hello"]]).shape
    torch.Size([2, 3, 50])

    Args:
        batch: B tokenised sentences.

    Returns:
        (B, T, 50) int64 ids, all 0 for padding tokens, with T the length of the longest sentence.

    Raises:
        TypeError: if a sentence is a string.
    """
    sentences = as_sentences(batch)
    lengths = np.asarray([len(sentence) for sentence in sentences], dtype=np.int64)
    ids, _ = character_ids([token for sentence in sentences for token in sentence])
    longest = int(lengths.max(initial=0))
    out = np.zeros((len(sentences), longest, ids.shape[1]), dtype=np.int64)
    out[np.arange(longest) < lengths[:, None]] = ids
    return torch.from_numpy(out)
