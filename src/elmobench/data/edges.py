"""Edges in what other kinds of examples hold: roles of arguments, pairs of mentions, marked words.

The texts are those of the other examples, so that stored vectors serve both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

from elmobench.data.examples import (
    CoreferenceDocument,
    Edge,
    EdgeText,
    MarkedPair,
    Proposition,
    Sentence,
    Span,
    TaggedSentence,
)
from elmobench.data.tag_schemes import spans

SAME, DIFFERENT = "same", "different"
"""The labels of a pair of mentions: of one cluster, or of two."""

_PREDICATE = "V"


def role_edges(propositions: Iterable[Proposition]) -> Iterator[EdgeText]:
    """Roles given spans: an edge from a predicate to each of its arguments, labelled with its role.

    Consecutive propositions of one sentence are one text, with the id of the first of them, so that
    its vectors are read once. An argument in several pieces gives an edge for each piece, by its
    tag (``C-ARG1``). A sentence whose propositions have no argument is left out.

    Source: Tenney et al. 2019, *What do you learn from context?*, section 2.
    """
    tokens: Sentence = ()
    name = ""
    edges: list[Edge] = []
    for proposition in propositions:
        if edges and proposition.tokens != tokens:
            yield EdgeText(name, (tokens,), tuple(edges))
            edges = []
        if not edges:
            tokens, name = proposition.tokens, proposition.id
        predicate = (proposition.predicate, proposition.predicate)
        edges += [
            Edge((predicate, (start, end - 1)), (label,))
            for start, end, label in spans(proposition.tags)
            if label.removeprefix("C-") != _PREDICATE
        ]
    if edges:
        yield EdgeText(name, (tokens,), tuple(edges))


def marked_edge(pair: MarkedPair) -> EdgeText:
    """Words in context: one edge between the marked words of two sentences, with the pair's label.

    >>> marked_edge(MarkedPair("w", ("a", "bank"), ("banks",), ((1, 1), (0, 0)), "T")).edges
    (Edge(spans=((1, 1), (2, 2)), labels=('T',)),)
    """
    one, (first, last) = pair.marks
    offset = len(pair.first)
    edge = Edge((one, (offset + first, offset + last)), (pair.label,))
    return EdgeText(pair.id, (pair.first, pair.second), (edge,))


def typed_span_edges(sentence: TaggedSentence) -> list[EdgeText]:
    """The types of given spans: an edge of one span for each span of the tags, with its type.

    One text, or none for a sentence without a span.
    """
    edges = [Edge(((start, end - 1),), (kind,)) for start, end, kind in spans(sentence.tags)]
    return [EdgeText(sentence.id, (sentence.tokens,), tuple(edges))] if edges else []


def tag_edges(sentence: TaggedSentence) -> list[EdgeText]:
    """One text with an edge of one token for each token, with its tag; none without tokens."""
    edges = [Edge(((i, i),), (tag,)) for i, tag in enumerate(sentence.tags)]
    return [EdgeText(sentence.id, (sentence.tokens,), tuple(edges))] if edges else []


def mention_edges(document: CoreferenceDocument, window: int) -> Iterator[EdgeText]:
    """Coreference of given mentions: an edge between every two mentions that are near each other.

    The document is cut into pieces of ``window`` sentences, each of which is a text; mentions are
    paired within a piece. The first span is that of the later mention, the anaphor; mentions that
    begin together are ordered by their ends. Pieces without a pair are left out.

    Args:
        document: with its clusters. Singletons take part where they are annotated.
        window: number of sentences of a piece, from 1.

    Yields:
        Texts with the labels :data:`SAME` and :data:`DIFFERENT`; their ids are the document's, a
        dot, and the number of the first sentence, from 1.
    """
    mentions = sorted(
        (first, last, number)
        for number, cluster in enumerate(document.clusters)
        for first, last in cluster
    )
    start = position = 0
    for sentence in range(0, len(document.sentences), window):
        piece = document.sentences[sentence : sentence + window]
        end = start + sum(map(len, piece))
        inside: list[tuple[Span, int]] = []
        while position < len(mentions) and mentions[position][0] < end:
            first, last, cluster_number = mentions[position]
            position += 1
            if last < end:
                inside.append(((first - start, last - start), cluster_number))
        edges = tuple(
            Edge((later, earlier), (SAME if one == other else DIFFERENT,))
            for (earlier, one), (later, other) in combinations(inside, 2)
        )
        if edges:
            yield EdgeText(f"{document.id}.{sentence + 1}", piece, edges)
        start = end
