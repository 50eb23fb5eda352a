"""Documents cut to a number of sentences for training."""

from __future__ import annotations

from dataclasses import replace

import torch

from elmobench.data.examples import CoreferenceDocument
from elmobench.tasks.coref.pipeline import SENTENCE, CorefExample
from elmobench.tasks.head import Batch, Mixed, SlotBatch


def cut_document(document: CoreferenceDocument, start: int, count: int) -> CoreferenceDocument:
    """``count`` sentences of ``document`` from number ``start`` on, with the mentions in them.

    A mention that crosses the first or the last of them is dropped, and so is a cluster without
    mentions.
    """
    lengths = [len(sentence) for sentence in document.sentences]
    begin = sum(lengths[:start])
    end = begin + sum(lengths[start : start + count])
    clusters = [
        tuple((a - begin, b - begin) for a, b in cluster if begin <= a and b < end)
        for cluster in document.clusters
    ]
    return replace(
        document,
        sentences=document.sentences[start : start + count],
        clusters=tuple(sorted(cluster for cluster in clusters if cluster)),
        speakers=None if document.speakers is None else document.speakers[begin:end],
    )


def cut_batch(
    batch: Batch[CorefExample], mixed: Mixed, limit: int, generator: torch.Generator
) -> tuple[Batch[CorefExample], Mixed]:
    """Cut every document with more than ``limit`` sentences to a random run of ``limit`` of them.

    Source: e2e-coref, ``truncate_example``.

    Args:
        batch: documents. A batch that is cut has no ``parts``, which are mixed already.
        mixed: the mixed vectors of their sentences.
        limit: number of sentences.
        generator: gives the first sentence of each document that is cut.
    """
    documents: list[CorefExample] = []
    rows: list[int] = []
    row = 0
    for document in batch.examples:
        assert isinstance(document, CoreferenceDocument)
        total = len(document.sentences)
        start, count = 0, total
        if total > limit:
            start = int(torch.randint(total - limit + 1, (), generator=generator))
            count = limit
            document = cut_document(document, start, count)
        documents.append(document)
        rows += range(row + start, row + start + count)
        row += total
    if len(rows) == row:
        return batch, mixed
    slot = batch.slots[SENTENCE]
    index = torch.tensor(rows, device=batch.device)
    kept = SlotBatch([slot.tokens[i] for i in rows], slot.mask[index], [])
    kept_vectors = {
        name: {SENTENCE: vectors[SENTENCE][index]} if SENTENCE in vectors else vectors
        for name, vectors in mixed.items()
    }
    return Batch(documents, {SENTENCE: kept}), kept_vectors
