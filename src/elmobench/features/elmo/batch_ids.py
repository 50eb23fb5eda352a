"""Character ids of a batch of sentences, the input of :class:`elmobench.Elmo`.

Source: ``allennlp.modules.elmo.batch_to_ids`` (AllenNLP 2.10.1).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from elmobench.core.errors import ConfigError
from elmobench.data.sentences import as_sentences
from elmobench.features.elmo.characters import character_ids


def batch_to_ids(batch: Iterable[Iterable[str]], characters: int = 50) -> Tensor:
    """Return the character ids of tokenised sentences, equal to those of AllenNLP's function.

    A batch without tokens gives (B, 0, 50), which :class:`elmobench.Elmo` reads; AllenNLP's
    function gives (B, 0) or fails.

    >>> from elmobench import batch_to_ids
    >>> batch_to_ids([["The", "river", "bank"], ["Hello"]]).shape
    torch.Size([2, 3, 50])

    Args:
        batch: B tokenised sentences.
        characters: ids per token, C, as the model's options give it (max_characters_per_token); 50
            in the published models.

    Returns:
        (B, T, C) int64 ids, all 0 for padding tokens, with T the length of the longest sentence.

    Raises:
        ConfigError: if ``characters`` is not a number of 3 or more.
        TypeError: if a sentence is a string, or anything else that is not tokens.
    """
    if isinstance(characters, bool) or not isinstance(characters, int) or characters < 3:
        raise ConfigError(
            f"characters is {characters!r}", where="batch_to_ids", fix="give an integer from 3"
        )
    sentences = as_sentences(batch)
    lengths = np.asarray([len(sentence) for sentence in sentences], dtype=np.int64)
    ids, _ = character_ids([token for sentence in sentences for token in sentence], characters)
    longest = int(lengths.max(initial=0))
    out = np.zeros((len(sentences), longest, ids.shape[1]), dtype=np.int64)
    out[np.arange(longest) < lengths[:, None]] = ids
    return torch.from_numpy(out)
