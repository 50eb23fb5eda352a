"""``coref/paper`` and ``coref/paper-2018`` with allennlp-models' ``CoreferenceResolver``'s weights.

The resolver is not the published code (e2e-coref), which is TensorFlow. It has no features of
speaker and genre, which the preset leaves out where the data have none. In three things the head
cannot take its form by options, and does so here:

* The encoder is left out of both: the states are the given vectors. The attention in spans reads
  the vectors, not the states.
* Kept spans may cross.
* The coarse score projects the antecedent instead of the anaphor.

Its gate is one number per span; ours has one per dimension, which get the same weights.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from elmobench.data.examples import CoreferenceDocument, Span
from elmobench.reference.parameters import Arrays, PublishedParameters
from elmobench.tasks.coref.candidates import Candidates
from elmobench.tasks.coref.lee import LeeOptions, LeeRanker, LeeTokens
from elmobench.tasks.coref.pipeline import PIPELINE, SENTENCE, CorefExample
from elmobench.tasks.head import Batch, Mixed, SlotBatch


class _Resolver(LeeRanker):
    """Our head in the form of allennlp-models'; see the module."""

    def encode(self, batch: Batch[CorefExample], mixed: Mixed) -> LeeTokens:
        x = mixed["input"][SENTENCE][batch.slots[SENTENCE].mask]
        return self.tokens(x, x, self.attention(x).squeeze(-1))

    def coarse(self, spans: Tensor) -> Tensor | None:
        scores = super().coarse(spans)
        return None if scores is None else scores.mT

    def _kept(self, candidate_spans: Candidates, scores: Tensor) -> list[NDArray[np.int64]]:
        kept = []
        for number in range(len(candidate_spans.spans) - 1):
            start, end = candidate_spans.spans[number : number + 2].tolist()
            length = int(np.diff(candidate_spans.tokens)[number])
            best = scores[start:end].topk(int(self.options.spans_per_word * length)).indices
            kept.append(best.sort().values.numpy() + start)
        return kept


def outputs(arrays: Arrays) -> dict[str, NDArray[np.generic]]:
    """Return our values of each of the ``output/…`` arrays."""
    vectors = torch.from_numpy(arrays["input/vectors"]).requires_grad_()
    head = _head(arrays, vectors.shape[1])
    documents = _documents(arrays)
    batch, x = _batch(documents, vectors)
    mixed = {"input": {SENTENCE: x}}
    candidates = head._candidates(batch)
    scores, chosen, links = head._document_links(batch, candidates, head.encode(batch, mixed))
    starts: list[dict[Span, int]] = []
    for predicted in head.predict(batch, mixed):
        assert isinstance(predicted, list)
        starts.append({(a, b): cluster[0][0] for cluster in predicted for a, b in cluster})
    losses = [head.loss(*_one(document, batch, x)) for document in range(len(documents))]
    kept = chosen.numpy()
    (gradient,) = torch.autograd.grad(torch.stack(losses).sum() / len(kept), vectors)
    document_of = np.searchsorted(candidates.spans, kept, side="right") - 1
    counts = np.bincount(document_of, minlength=len(documents)).astype(np.float32)
    offset = candidates.tokens[document_of]
    spans = np.stack([candidates.first[kept] - offset, candidates.last[kept] - offset], axis=1)
    pairs, pair_scores = [], []
    for number in range(len(documents)):
        own = np.flatnonzero(document_of == number)
        matrix = np.zeros((2, len(own), len(own)), dtype=np.float32)
        for i, row in enumerate(own.tolist()):
            real = links.mask[row]
            places = links.antecedents[row][real].numpy() - own[0]
            matrix[:, i, places] = 1
            matrix[1, i, places] = links.scores[row, 1:][real].detach().numpy()
        pairs.append(matrix[0].ravel())
        pair_scores.append(matrix[1].ravel())
    return {
        "output/mention scores": scores.detach().numpy(),
        "output/kept spans, which may cross": spans,
        "output/antecedents": np.concatenate(pairs).astype(np.int64),
        "output/scores of antecedents": np.concatenate(pair_scores),
        "output/loss per kept span": torch.stack(losses).detach().numpy() / counts,
        "output/cluster of each kept span": np.array(
            [
                starts[n].get((a, b), -1)
                for n, (a, b) in zip(document_of, spans.tolist(), strict=True)
            ]
        ),
        "output/gradient of vectors, of the loss per kept span": gradient.numpy(),
    }


def _head(arrays: Arrays, width: int) -> LeeRanker:
    max_width, antecedents, order, coarse = np.asarray(arrays["input/options"]).tolist()
    feature = arrays["parameter/_distance_embedding.weight"].shape[1]
    options = LeeOptions(
        hidden=width // 2,
        feedforward=len(arrays["parameter/_mention_scorer._module.weight"][0]),
        feature_dim=feature,
        char_widths=(),
        max_width=max_width,
        antecedents=antecedents,
        iterations=order,
        coarse=bool(coarse),
    )
    codec = PIPELINE.codec([CoreferenceDocument("", (("word",),), ())], None)
    head = _Resolver({"input": width}, codec, options).eval()
    head.encoder = nn.Identity()  # type: ignore[assignment]
    published = PublishedParameters(arrays)
    published.take("_attentive_span_extractor._global_attention._module.bias")  # cancels
    names: dict[str, str | Tensor] = {
        "attention.weight": "_attentive_span_extractor._global_attention._module.weight",
        "width_embedding.weight": "_endpoint_span_extractor._span_width_embedding.weight",
        "distance_embedding.weight": "_distance_embedding.weight",
    }
    # Published spans are [first; last; width; attended], ours [first; last; attended; width].
    order_of_span = [
        *range(2 * width),
        *range(2 * width + feature, 3 * width + feature),
        *range(2 * width, 2 * width + feature),
    ]
    for ours, theirs in (("mention", "_mention"), ("pair", "_antecedent")):
        layers = f"{theirs}_feedforward._module._linear_layers"
        first = published.take(f"{layers}.0.weight")
        names[f"{ours}.first.weight"] = first[:, _columns(order_of_span, first.shape[1])]
        names[f"{ours}.first.bias"] = f"{layers}.0.bias"
        for kind in ("weight", "bias"):
            names[f"{ours}.rest.2.{kind}"] = f"{layers}.1.{kind}"
            names[f"{ours}.rest.5.{kind}"] = f"{theirs}_scorer._module.{kind}"
    if coarse:
        weight = published.take("_coarse2fine_scorer.weight")
        names["source.weight"] = weight[order_of_span][:, order_of_span]
        names["source.bias"] = published.take("_coarse2fine_scorer.bias")[order_of_span]
    if order > 1:
        gate, size = published.take("_span_updating_gated_sum._gate.weight"), len(order_of_span)
        gate = gate[:, _columns(order_of_span, gate.shape[1])]
        names["gate.weight"] = gate.expand(size, -1)
        names["gate.bias"] = published.take("_span_updating_gated_sum._gate.bias").expand(size)
    published.fill(head, names)
    return head


def _columns(order: list[int], width: int) -> list[int]:
    """Columns of inputs that are several spans and then other features, the spans in ``order``."""
    spans = width // len(order)
    moved = [block * len(order) + i for block in range(spans) for i in order]
    return [*moved, *range(len(moved), width)]


def _documents(arrays: Arrays) -> list[CoreferenceDocument]:
    max_width = int(arrays["input/options"][0])
    documents = []
    rows = zip(arrays["input/sentences"], arrays["input/labels"], strict=True)
    for number, (padded, labels) in enumerate(rows):
        lengths = [int(length) for length in padded if length > 0]
        clusters: dict[int, list[Span]] = {}
        spans, start = [], 0
        for length in lengths:
            for first in range(start, start + length):
                last = min(first + max_width, start + length)
                spans += [(first, end) for end in range(first, last)]
            start += length
        for span, label in zip(spans, labels[: len(spans)].tolist(), strict=True):
            if label >= 0:
                clusters.setdefault(label, []).append(span)
        documents.append(
            CoreferenceDocument(
                str(number),
                tuple(("word",) * length for length in lengths),
                tuple(sorted(tuple(sorted(cluster)) for cluster in clusters.values())),
            )
        )
    return documents


def _batch(
    documents: list[CoreferenceDocument], vectors: Tensor
) -> tuple[Batch[CorefExample], Tensor]:
    """The documents as a batch, and the (B, T, D) vectors of their sentences."""
    tokens = [sentence for document in documents for sentence in document.sentences]
    x = nn.utils.rnn.pad_sequence(list(torch.split(vectors, [*map(len, tokens)])), batch_first=True)
    lengths = torch.tensor([len(sentence) for sentence in tokens])
    mask = torch.arange(x.shape[1]) < lengths.unsqueeze(1)
    return Batch(list(documents), {SENTENCE: SlotBatch(tokens, mask, [])}), x


def _one(
    number: int, batch: Batch[CorefExample], x: Tensor
) -> tuple[Batch[CorefExample], dict[str, dict[str, Tensor]]]:
    """One document of a batch, and its vectors."""
    counts = [len(PIPELINE.slots(example)[SENTENCE]) for example in batch.examples]
    start = sum(counts[:number])
    rows = slice(start, start + counts[number])
    slot = batch.slots[SENTENCE]
    own = SlotBatch(slot.tokens[rows], slot.mask[rows], [])
    return Batch([batch.examples[number]], {SENTENCE: own}), {"input": {SENTENCE: x[rows]}}
