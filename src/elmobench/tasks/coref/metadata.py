"""Speakers and genres of candidate mentions, as numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from elmobench.data.examples import CoreferenceDocument
from elmobench.tasks.coref.candidates import Candidates, IntArray


def token_speakers(documents: Sequence[CoreferenceDocument]) -> IntArray:
    """(N,) number of each token's speaker, unique in its document.

    All tokens of a document without speakers have the same one, as in the parts of CoNLL-2012 that
    annotate none.
    """
    numbers: list[IntArray] = []
    for document in documents:
        length = sum(map(len, document.sentences))
        speakers = document.speakers or ("",) * length
        known = {speaker: i for i, speaker in enumerate(dict.fromkeys(speakers))}
        numbers.append(np.array([known[speaker] for speaker in speakers], dtype=np.int64))
    return np.concatenate([*numbers, np.zeros(0, np.int64)])


def span_genres(
    documents: Sequence[CoreferenceDocument],
    candidates: Candidates,
    spans: IntArray,
    genres: Mapping[str, int],
) -> IntArray:
    """The number of the genre of the document of each of the chosen candidates ``spans``.

    It is 0 for a genre that is not in ``genres``, and for a document without one.
    """
    numbers = np.array([genres.get(d.genre or "", 0) for d in documents], dtype=np.int64)
    chosen: IntArray = numbers[np.searchsorted(candidates.spans, spans, side="right") - 1]
    return chosen
