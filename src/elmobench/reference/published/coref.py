"""allennlp-models' ``CoreferenceResolver``, without an encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from allennlp.data import Vocabulary
from allennlp.modules import FeedForward
from allennlp.modules.seq2seq_encoders import PassThroughEncoder
from allennlp_models.coref.models import CoreferenceResolver
from torch import Tensor, nn

from elmobench.reference.published.common import (
    GivenVectors,
    draw_parameters,
    padded,
    parameters_of,
    text_of,
)

SENTENCES = ((7, 4, 9), (3,), (12, 30, 25, 31, 20, 28, 24, 30))
"""Lengths of each document's sentences; the last document has 80 kept spans, for all distances."""
WIDTH, HIDDEN, FEATURE, MAX_WIDTH, RATIO = 6, 7, 4, 3, 0.4
CLUSTERS = 8


def arrays_with(seed: int, coarse_to_fine: bool, order: int, antecedents: int) -> dict[str, Any]:
    """Parameters, inputs and outputs; the documents are read one by one.

    Args:
        seed: of parameters, vectors and clusters.
        coarse_to_fine, order, antecedents: options of the published head.
    """
    torch.manual_seed(seed)
    span = 3 * WIDTH + FEATURE
    resolver = CoreferenceResolver(
        Vocabulary(),
        GivenVectors(WIDTH),
        PassThroughEncoder(WIDTH),
        FeedForward(span, 2, HIDDEN, nn.ReLU(), 0.2),
        FeedForward(3 * span + FEATURE, 2, HIDDEN, nn.ReLU(), 0.2),
        feature_size=FEATURE,
        max_span_width=MAX_WIDTH,
        spans_per_word=RATIO,
        max_antecedents=antecedents,
        coarse_to_fine=coarse_to_fine,
        inference_order=order,
        lexical_dropout=0.5,
    ).eval()
    # Sums of many numbers: small parameters, so that float32 is exact to the allowed difference.
    draw_parameters(resolver, scale=0.2 if coarse_to_fine else 0.3)
    results, loss = [], torch.zeros(())
    vectors = torch.randn(sum(map(sum, SENTENCES)), WIDTH, requires_grad=True)
    spans = [_spans(lengths) for lengths in SENTENCES]
    # Some spans are in a cluster; -1 is none.
    labels = [torch.randint(-CLUSTERS, CLUSTERS, (len(own),)).clamp(min=-1) for own in spans]
    parts = torch.split(vectors, [sum(lengths) for lengths in SENTENCES])
    documents = list(zip(parts, spans, labels))  # noqa: B905  (Python 3.8)
    for _ in range(3):
        _balance(resolver, documents)
    for part, own, gold in documents:
        result = _resolved(resolver, part, own, gold)
        loss = loss + result["loss"]
        results.append(result)
    (gradient,) = torch.autograd.grad(loss / sum(len(r["kept"]) for r in results), vectors)
    return {
        **parameters_of(resolver),
        "input/vectors": vectors.detach().numpy(),
        "input/sentences": padded(SENTENCES),
        "input/labels": padded([gold.tolist() for gold in labels]),
        "input/options": np.array([MAX_WIDTH, antecedents, order, coarse_to_fine]),
        "output/mention scores": np.concatenate([r["mentions"] for r in results]),
        "output/kept spans, which may cross": np.concatenate([r["kept"] for r in results]),
        "output/antecedents": np.concatenate([r["antecedents"].ravel() for r in results]),
        "output/scores of antecedents": np.concatenate([r["scores"].ravel() for r in results]),
        "output/loss per kept span": np.array(
            [float(r["loss"]) / len(r["kept"]) for r in results], dtype=np.float32
        ),
        "output/cluster of each kept span": np.concatenate([r["clusters"] for r in results]),
        "output/gradient of vectors, of the loss per kept span": gradient.numpy(),
    }


def _spans(lengths: Sequence[int]) -> Tensor:
    """(S, 2) first and last tokens of all spans in the sentences."""
    spans, start = [], 0
    for length in lengths:
        for first in range(start, start + length):
            spans += [
                (first, last) for last in range(first, min(first + MAX_WIDTH, start + length))
            ]
        start += length
    return torch.tensor(spans)


@torch.no_grad()
def _balance(
    resolver: CoreferenceResolver, documents: Sequence[tuple[Tensor, Tensor, Tensor]]
) -> None:
    """Shift the scores of pairs, so that about half of the spans link to an antecedent."""
    best: list[float] = []
    for vectors, spans, labels in documents:
        result = _resolved(resolver, vectors, spans, labels)
        rows = zip(result["scores"], result["antecedents"])  # noqa: B905
        best += [scores[real > 0].max() for scores, real in rows if real.any()]
    resolver._antecedent_scorer._module.bias -= float(np.quantile(best, 0.47))


def _resolved(
    resolver: CoreferenceResolver, vectors: Tensor, spans: Tensor, labels: Tensor
) -> dict[str, Any]:
    """The head's results for one document, and what it computes on the way."""
    seen: dict[str, Tensor] = {}
    hook = resolver._mention_scorer.register_forward_hook(
        lambda _, inputs, out: seen.update(mentions=out[0, :, 0])
    )
    compute = resolver._compute_coreference_scores

    def computed(*arguments: Tensor) -> Tensor:
        scores: Tensor = compute(*arguments)
        seen.update(scores=scores[0, :, 1:], mask=arguments[3][0])
        return scores

    resolver._compute_coreference_scores = computed
    mask = torch.ones(1, len(vectors), dtype=torch.bool)
    metadata = [{"original_text": ["word"] * len(vectors), "clusters": []}]
    text = text_of(vectors.unsqueeze(0), mask)
    try:
        result = resolver(text, spans.unsqueeze(0), labels.unsqueeze(0), metadata)
    finally:
        hook.remove()
        del resolver._compute_coreference_scores
    clusters = resolver.make_output_human_readable(result)["clusters"][0]
    kept = result["top_spans"][0].numpy()
    antecedents = np.zeros((len(kept), len(kept)), dtype=np.int64)
    scores = np.zeros(antecedents.shape, dtype=np.float32)
    index = result["antecedent_indices"][0].numpy()
    for i, (real, row) in enumerate(zip(seen["mask"].numpy(), seen["scores"].detach().numpy())):  # noqa: B905
        antecedents[i, index[i][real]] = 1
        scores[i, index[i][real]] = row[real]
    # The first token of each kept span's cluster; -1 for none.
    start = {span: min(cluster)[0] for cluster in clusters for span in cluster}
    return {
        "loss": result["loss"],
        "mentions": seen["mentions"].detach().numpy(),
        "kept": kept,
        "antecedents": antecedents,
        "scores": scores,
        "clusters": np.array([start.get((a, b), -1) for a, b in kept.tolist()]),
    }
