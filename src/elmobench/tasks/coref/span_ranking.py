"""Span ranking: the base class of the coreference heads."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.core.errors import DataError
from elmobench.data.examples import (
    AmbiguousPronoun,
    CoreferenceDocument,
)
from elmobench.nn.spans import rows_of
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.coref.candidates import Candidates, candidates, clusters_of, keep_best
from elmobench.tasks.coref.document_cuts import cut_batch
from elmobench.tasks.coref.metadata import span_genres, token_speakers
from elmobench.tasks.coref.pipeline import PRONOUNS, CorefExample
from elmobench.tasks.head import Batch, Head, Mixed
from elmobench.tasks.padding import pad_rows

T = TypeVar("T")


class SpanRankingOptions(HeadOptions):
    """Options of every coreference head."""

    max_width: int = Field(default=30, ge=1)
    """Maximum number of tokens of a candidate mention."""
    spans_per_word: float = Field(default=0.4, gt=0)
    """Number of candidates that are kept, by score, per token of the document."""
    antecedents: int = Field(default=50, ge=1)
    """Number of candidate antecedents of each kept span."""
    mention_loss: float = Field(default=0.0, ge=0)
    """Weight of a second loss, which distinguishes mentions from other spans and so allows
    singletons to be found. Without effect if the training set annotates no singletons: a mention
    without an antecedent is in no cluster then.
    """
    iterations: int = Field(default=1, ge=1)
    """How often pairs are scored; more than once in heads that refine spans."""
    training_sentences: int | None = Field(default=None, ge=1)
    """In training, longer documents are cut to so many sentences, from a random one on; None for
    whole documents.
    """


@dataclass(frozen=True)
class Links:
    """The R spans to be resolved, each with A candidate antecedents.

    Attributes:
        rows: (R,) numbers of the spans among the K kept ones.
        antecedents: (R, A) numbers of their candidate antecedents.
        mask: (R, A) bool, false at padding.
        scores: (R, A + 1) scores: 0 for no antecedent, then those of the antecedents.
    """

    rows: Tensor
    antecedents: Tensor
    mask: Tensor
    scores: Tensor


@dataclass(frozen=True)
class Pairs:
    """The pairs of R spans with A candidate antecedents each that are to be scored.

    Attributes:
        rows: (R,) numbers of the spans to be resolved, among the K kept ones.
        antecedents: (R, A) numbers of their antecedents.
        tokens: (R, A) distance of their first tokens.
        spans: (R, A) distance in spans: how many kept spans the anaphor is further on.
        same_speaker: (R, A) bool, whether both have the same speaker; true without speakers.
        genre: (R,) number of the document's genre, from 1; 0 for one that the training set lacks.
    """

    rows: Tensor
    antecedents: Tensor
    tokens: Tensor
    spans: Tensor
    same_speaker: Tensor
    genre: Tensor


class SpanRanker(Head[CorefExample], Generic[T]):
    """Base class of the heads, which rank the antecedents of each span (Lee et al. 2017).

    **Documents.** Candidates are all S spans of a sentence up to a width. The K best by mention
    score are kept, no two of which cross. For each kept span i, the best antecedents before it are
    chosen by mention scores and a coarse pair score, and

        s(i, j) = s_m(i) + s_m(j) + s_coarse(i, j) + s_fine(i, j),    s(i, none) = 0.

    The loss is the negative marginal log-likelihood of all gold antecedents among the chosen ones,
    summed over spans. Every span links to its best antecedent, and linked spans form clusters. This
    loss cannot learn singletons. If the training set annotates them, ``mention_loss`` adds the
    binary cross-entropy of s_m over all candidates, and a span without a link and with s_m > 0
    becomes a cluster of its own.

    **Pronouns with two names** (GAP). The three mentions are given. None is pruned, and only the
    pronoun is resolved, with the same scores; the name may follow it. The loss is the negative
    log-likelihood of A, B or none.

    A document's scores do not depend on the other documents of the batch. ``T`` is the type in
    which a subclass keeps what it has computed of the tokens.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: SpanRankingOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        self.cuts: torch.Generator | None = None
        if options.training_sentences is not None:
            # The first number that is drawn here, so that the cuts do not depend on the features.
            self.cuts = torch.Generator().manual_seed(int(torch.randint(2**62, ())))
        self.options = options
        self.iterations = options.iterations
        # Heads that were saved by earlier versions have no list of genres.
        self.genres = {name: i for i, name in enumerate(codec.extra.get("genres", ()), start=1)}
        self.mention_loss = options.mention_loss if codec.extra["singletons"] else 0.0

    @abstractmethod
    def encode(self, batch: Batch[CorefExample], mixed: Mixed) -> T:
        """Encode the N tokens of the batch, one sentence after another."""

    @abstractmethod
    def mention_scores(self, tokens: T, first: Tensor, last: Tensor) -> Tensor:
        """(S,) mention scores s_m of all candidates, of which there are many."""

    @abstractmethod
    def represent(self, tokens: T, first: Tensor, last: Tensor) -> Tensor:
        """(K, G) vectors of the kept spans, of which there are few."""

    @abstractmethod
    def represented_scores(self, spans: Tensor, first: Tensor, last: Tensor) -> Tensor:
        """(K,) mention scores s_m from the vectors, equal to those of :meth:`mention_scores`."""

    @abstractmethod
    def coarse(self, spans: Tensor) -> Tensor | None:
        """(B, K, K) cheap scores of all pairs from (B, K, G) vectors; rows are the anaphors.

        None to choose the nearest antecedents instead.
        """

    @abstractmethod
    def fine(self, spans: Tensor, pairs: Pairs) -> Tensor:
        """(R, A) scores of the chosen pairs from the (K, G) vectors of the kept spans."""

    def refine(self, spans: Tensor, links: Links) -> Tensor:
        """(K, G) vectors of the spans, updated with their antecedents, to be scored again."""
        raise NotImplementedError(f"{type(self).__name__} scores pairs once")

    def loss(self, batch: Batch[CorefExample], mixed: Mixed) -> Tensor:
        """Mean over the examples; a document's loss is the sum over its spans."""
        if self.training and self.cuts is not None and not self._given(batch):
            limit = self.options.training_sentences
            assert limit is not None
            batch, mixed = cut_batch(batch, mixed, limit, self.cuts)
        tokens = self.encode(batch, mixed)
        if self._given(batch):
            links = self._given_links(batch, tokens)
            targets = batch.once("given labels", lambda: _given_labels(batch))
            return nn.functional.cross_entropy(links.scores, targets)
        candidate_spans = self._candidates(batch)
        scores, kept, links = self._document_links(batch, candidate_spans, tokens)
        cluster = torch.from_numpy(candidate_spans.cluster).to(scores.device)
        total = _marginal_loss(links, cluster[kept])
        if self.mention_loss:
            real = (cluster > 0).to(scores.dtype)
            entropy = nn.functional.binary_cross_entropy_with_logits(scores, real, reduction="sum")
            total = total + self.mention_loss * entropy
        return total / len(batch.examples)

    @torch.no_grad()
    def predict(self, batch: Batch[CorefExample], mixed: Mixed) -> list[object]:
        """Documents: a list of clusters, each a list of [first, last]. Pronouns: ``{"label": …}``.

        Raises:
            DataError: the examples are documents, but the head was trained on pronouns.
        """
        if self._given(batch):
            best = self._given_links(batch, self.encode(batch, mixed)).scores.argmax(dim=1)
            return [{"label": ("neither", "A", "B")[i]} for i in best.tolist()]
        if self.codec.extra["kind"] == PRONOUNS:
            raise DataError(
                "this head links given pronouns to given names and cannot find mentions",
                where=f"example {batch.examples[0].id}",
                fix="use a head that was trained on documents, for instance of coref/litbank",
            )
        candidate_spans = self._candidates(batch)
        tokens = self.encode(batch, mixed)
        scores, kept, links = self._document_links(batch, candidate_spans, tokens)
        best = links.scores.argmax(dim=1)
        chosen = links.antecedents.gather(1, (best - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        numbers = kept.cpu().numpy()
        document = np.searchsorted(candidate_spans.spans, numbers, side="right") - 1
        offset = candidate_spans.tokens[document]
        spans = list(
            zip(
                (candidate_spans.first[numbers] - offset).tolist(),
                (candidate_spans.last[numbers] - offset).tolist(),
                strict=True,
            )
        )
        edges: list[list[tuple[int, int]]] = [[] for _ in batch.examples]
        alone: list[list[int]] = [[] for _ in batch.examples]
        single = (scores[kept] > 0).tolist() if self.mention_loss else [False] * len(spans)
        linked, targets = (best > 0).tolist(), chosen.tolist()
        for i, place in enumerate(document.tolist()):
            if linked[i]:
                edges[place].append((i, targets[i]))
            elif single[i]:
                alone[place].append(i)
        return [
            clusters_of(
                [(spans[i], spans[j]) for i, j in edges[place]], [spans[i] for i in alone[place]]
            )
            for place in range(len(batch.examples))
        ]

    def _given(self, batch: Batch[CorefExample]) -> bool:
        return isinstance(batch.examples[0], AmbiguousPronoun)

    def _candidates(self, batch: Batch[CorefExample]) -> Candidates:
        width = self.options.max_width
        return batch.once(("candidates", width), lambda: candidates(_documents(batch), width))

    def _document_links(
        self, batch: Batch[CorefExample], candidate_spans: Candidates, tokens: T
    ) -> tuple[Tensor, Tensor, Links]:
        """(S,) scores of all candidates, (K,) numbers of the kept ones, and their links."""
        first = torch.from_numpy(candidate_spans.first).to(batch.device)
        last = torch.from_numpy(candidate_spans.last).to(batch.device)
        scores = self.mention_scores(tokens, first, last)
        kept = self._kept(candidate_spans, scores)
        numbers = np.concatenate(kept)
        chosen = torch.from_numpy(numbers).to(scores.device)
        spans = self.represent(tokens, first[chosen], last[chosen])
        mentions = scores[chosen]
        index, mask, rough = self._choose(spans, mentions, [len(own) for own in kept])
        pairs = self._document_pairs(batch, candidate_spans, numbers, index)
        return scores, chosen, self._scored(spans, mentions, pairs, mask, rough)

    def _document_pairs(
        self,
        batch: Batch[CorefExample],
        candidate_spans: Candidates,
        chosen: np.ndarray,
        antecedents: Tensor,
    ) -> Pairs:
        """All kept spans, ``chosen`` among the candidates, with their (K, A) antecedents."""
        documents = _documents(batch)
        starts = candidate_spans.first[chosen]
        device = antecedents.device
        rows = torch.arange(len(chosen), device=device)
        first = torch.from_numpy(starts).to(device)
        speakers = batch.once("speakers", lambda: token_speakers(documents))
        speaker = torch.from_numpy(speakers[starts]).to(device)
        genre = span_genres(documents, candidate_spans, chosen, self.genres)
        return Pairs(
            rows,
            antecedents,
            tokens=first.unsqueeze(1) - first[antecedents],
            spans=rows.unsqueeze(1) - antecedents,
            same_speaker=speaker.unsqueeze(1) == speaker[antecedents],
            genre=torch.from_numpy(genre).to(device),
        )

    def _kept(self, candidate_spans: Candidates, scores: Tensor) -> list[np.ndarray]:
        values = scores.detach().float().cpu().numpy()
        kept = []
        for i, (first, last) in enumerate(candidate_spans.ends):
            a, b = int(candidate_spans.spans[i]), int(candidate_spans.spans[i + 1])
            length = int(candidate_spans.tokens[i + 1] - candidate_spans.tokens[i])
            limit = max(1, int(self.options.spans_per_word * length))
            best = keep_best(values[a:b], first, last, limit)
            kept.append(best + a)
        return kept

    def _choose(
        self, spans: Tensor, mentions: Tensor, counts: list[int]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(K, A) antecedents of the kept spans, the mask of real ones, and their coarse scores.

        Padding in the first tensor is the span's own number.
        """
        # Numbers of the spans of each document, padded: (documents, maximum number of spans).
        ends = np.cumsum(counts)
        blocks = pad_rows([np.arange(end - n, end) for n, end in zip(counts, ends, strict=True)])
        real = torch.arange(blocks.shape[1]) < torch.tensor(counts).unsqueeze(1)
        blocks, real = blocks.to(spans.device), real.to(spans.device)
        places = torch.arange(blocks.shape[1], device=spans.device)
        width = min(self.options.antecedents, blocks.shape[1])
        rough = self.coarse(rows_of(spans, blocks))
        if rough is None:
            which = places.unsqueeze(1) - 1 - torch.arange(width, device=spans.device)
            mask = (which >= 0).expand(len(counts), -1, -1)
            which = which.clamp(min=0).expand(len(counts), -1, -1)
            chosen = spans.new_zeros(which.shape)
        else:
            total = rough.detach() + mentions.detach()[blocks].unsqueeze(1)
            later = places.unsqueeze(0) >= places.unsqueeze(1)
            which = total.masked_fill(later, torch.finfo(total.dtype).min).topk(width, dim=2)[1]
            mask = which < places.unsqueeze(1)
            chosen = rough.gather(2, which)
        numbers = blocks.gather(1, which.flatten(1)).view_as(which)
        numbers = torch.where(mask, numbers, blocks.unsqueeze(2))
        return numbers[real], mask[real], chosen[real]

    def _scored(
        self,
        spans: Tensor,
        mentions: Tensor,
        pairs: Pairs,
        mask: Tensor,
        rough: Tensor,
    ) -> Links:
        base = mentions[pairs.rows].unsqueeze(1) + mentions[pairs.antecedents] + rough

        def links(spans: Tensor) -> Links:
            scores = base + self.fine(spans, pairs)
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
            return Links(pairs.rows, pairs.antecedents, mask, nn.functional.pad(scores, (1, 0)))

        scored = links(spans)
        for _ in range(self.iterations - 1):
            spans = self.refine(spans, scored)
            scored = links(spans)
        return scored

    def _given_links(self, batch: Batch[CorefExample], tokens: T) -> Links:
        """The two links of each example's pronoun, with mentions in the order A, B, pronoun."""
        first, last, pairs = batch.once("given links", lambda: _given_pairs(batch))
        vectors = self.represent(tokens, first, last)
        mentions = self.represented_scores(vectors, first, last)
        coarse = self.coarse(vectors.view(len(pairs.rows), 3, -1))
        rough = mentions.new_zeros(len(pairs.rows), 2) if coarse is None else coarse[:, 2, :2]
        return self._scored(vectors, mentions, pairs, pairs.same_speaker, rough)


def _given_labels(batch: Batch[CorefExample]) -> Tensor:
    """(B,) 0 for neither name, 1 for A, 2 for B."""
    index = {"neither": 0, "A": 1, "B": 2}
    gold = [index[cast(AmbiguousPronoun, example).label] for example in batch.examples]
    return torch.tensor(gold, device=batch.device)


def _given_pairs(batch: Batch[CorefExample]) -> tuple[Tensor, Tensor, Pairs]:
    """First and last tokens of the mentions A, B, pronoun of each example, and the pairs."""
    spans, offset = [], 0
    for example in batch.examples:
        pronoun = cast(AmbiguousPronoun, example)
        spans += [(a + offset, b + offset) for a, b in (*pronoun.names, pronoun.pronoun)]
        offset += len(pronoun.tokens)
    first, last = torch.tensor(spans, device=batch.device).unbind(1)
    rows = torch.arange(2, len(spans), 3)
    antecedents = torch.stack([rows - 2, rows - 1], dim=1)
    # The place of each of the three mentions in the text; the name may follow the pronoun.
    place = first.view(-1, 3).argsort(dim=1, stable=True).argsort(dim=1).flatten()
    pairs = Pairs(
        rows,
        antecedents,
        tokens=(first[rows].unsqueeze(1) - first[antecedents]).abs(),
        spans=(place[rows].unsqueeze(1) - place[antecedents]).abs(),
        same_speaker=torch.ones_like(antecedents, dtype=torch.bool),
        genre=torch.zeros_like(rows),
    )
    return first, last, pairs


def _documents(batch: Batch[CorefExample]) -> list[CoreferenceDocument]:
    return [cast(CoreferenceDocument, example) for example in batch.examples]


def mixed_with_antecedents(gate: nn.Linear, spans: Tensor, links: Links) -> Tensor:
    """(K, G) spans, each mixed with its expected antecedent through a gate.

    With a the mean of the antecedents' vectors, weighted by their probabilities (a span without an
    antecedent counts as its own), the new vector is f g + (1 - f) a, f = σ(W [g; a] + b).

    Source: Lee et al. (2018), section 3. The published code has f and 1 - f exchanged, which is the
    same with the opposite sign of W and b.
    """
    own = spans[links.rows]
    probabilities = links.scores.softmax(dim=1)
    expected = probabilities[:, :1] * own
    expected = expected + (probabilities[:, 1:].unsqueeze(1) @ spans[links.antecedents]).squeeze(1)
    share = torch.sigmoid(gate(torch.cat([own, expected], dim=1)))
    return spans.index_copy(0, links.rows, share * own + (1 - share) * expected)


def _marginal_loss(links: Links, cluster: Tensor) -> Tensor:
    """Sum over rows of -log P(any gold antecedent).

    For a row without a gold antecedent it is -log P(no antecedent).
    """
    own = cluster[links.rows].unsqueeze(1)
    right = (cluster[links.antecedents] == own) & (own > 0) & links.mask
    right = torch.cat([~right.any(dim=1, keepdim=True), right], dim=1)
    low = torch.finfo(links.scores.dtype).min
    gold = links.scores.masked_fill(~right, low).logsumexp(dim=1)
    return (links.scores.logsumexp(dim=1) - gold).sum()
