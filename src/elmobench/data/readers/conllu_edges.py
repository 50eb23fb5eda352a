"""Dependencies of CoNLL-U as edges: which relation two words have, or whether they have one."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar, Literal

from elmobench.data.cards.sources import text_fraction
from elmobench.data.examples import Edge, EdgeText
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.conllu import ParsedSentence, parsed_sentences

ARC, NONE = "arc", "none"


class ConlluEdgeOptions(ReaderOptions):
    """Options of the ``conllu-edges`` reader."""

    label: Literal["relation", "universal", "arc"] = "relation"
    """``relation``: the relation of every word to its head (``nsubj:pass``). ``universal``: the
    same without the part after the colon (``nsubj``). ``arc``: whether the second word is the head
    of the first one; every word has an edge to its head (``arc``) and one to another word of the
    sentence (``none``).
    """


class ConlluEdgeReader(Reader[ConlluEdgeOptions]):
    """Gives one :class:`EdgeText` per sentence, with edges from words to their heads.

    The root has no head and so no edge. Which other word an edge ``none`` leads to depends on the
    text of the sentence alone: it is drawn among all words but the first one of the edge and its
    head. Sentences of one word have no edge and are counted; so are words of sentences of two
    words, which have no edge ``none``.

    Source: Tenney et al. 2019, section 2 (relations); Liu et al. 2019, section 2 (arcs).
    """

    name: ClassVar[str] = "conllu-edges"
    version: ClassVar[int] = 1
    options_type = ConlluEdgeOptions
    droppable = ("empty-token", "empty-label", "field-count")

    def read(self, text: SourceText, options: ConlluEdgeOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        for sentence in parsed_sentences(text, result.dropped):
            if options.label == "arc":
                edges = _arcs(sentence, result.dropped)
            else:
                edges = _relations(sentence, options.label == "universal")
            if not edges:
                result.dropped["sentences without an edge"] += 1
                continue
            result.examples.append(EdgeText(sentence.id, (sentence.tokens,), tuple(edges)))
            if sentence.document is not None:
                result.groups[sentence.id] = sentence.document
        return result


def _relations(sentence: ParsedSentence, universal: bool) -> list[Edge]:
    return [
        Edge(((i, i), (head, head)), (relation.partition(":")[0] if universal else relation,))
        for i, (head, relation) in enumerate(zip(sentence.heads, sentence.relations, strict=True))
        if head >= 0
    ]


def _arcs(sentence: ParsedSentence, dropped: Counter[str]) -> list[Edge]:
    edges = []
    words = " ".join(sentence.tokens)
    for i, head in enumerate(sentence.heads):
        if head < 0:
            continue
        edges.append(Edge(((i, i), (head, head)), (ARC,)))
        others = [j for j in range(len(sentence.tokens)) if j not in (i, head)]
        if not others:
            dropped["words without another word that is not their head"] += 1
            continue
        other = others[int(text_fraction(f"elmobench arc {i} ", words) * len(others))]
        edges.append(Edge(((i, i), (other, other)), (NONE,)))
    return edges


READER = ConlluEdgeReader()
