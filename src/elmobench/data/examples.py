"""Examples: one frozen structure for each kind of annotation. Text is already tokenised."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Sentence: TypeAlias = tuple[str, ...]
"""A tokenised sentence. Interfaces accept any ``Sequence[str]``; examples hold tuples."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """A labelled part of a sentence: tokens ``[start, end)``."""

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class ClassifiedText:
    """One text with one label, and labelled phrases inside it where the data has them.

    ``phrases`` holds every sub-tree of a treebank sentence, the whole sentence included.
    """

    id: str
    tokens: Sentence
    label: str
    phrases: tuple[Phrase, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class TaggedSentence:
    """One sentence with one tag per token (BIO for spans, plain tags for POS)."""

    id: str
    tokens: Sentence
    tags: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            raise ValueError(f"{self.id}: {len(self.tokens)} tokens but {len(self.tags)} tags")


@dataclass(frozen=True, slots=True)
class SentencePair:
    """A premise, a hypothesis, and the relation between them as the label."""

    id: str
    premise: Sentence
    hypothesis: Sentence
    label: str

    @property
    def tokens(self) -> Sentence:
        """Both sentences, the premise first; for counting and for hashed splits."""
        return self.premise + self.hypothesis


@dataclass(frozen=True, slots=True)
class LabelledText:
    """One text with any number of distinct labels, in the order of the file."""

    id: str
    tokens: Sentence
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RatedText:
    """One text with one number, such as a rating."""

    id: str
    tokens: Sentence
    value: float


@dataclass(frozen=True, slots=True)
class RatedPair:
    """Two texts with one number, such as their similarity in meaning."""

    id: str
    first: Sentence
    second: Sentence
    value: float

    @property
    def tokens(self) -> Sentence:
        """Both texts, the first one first; for counting and for hashed splits."""
        return self.first + self.second


@dataclass(frozen=True, slots=True)
class Proposition:
    """One predicate of a sentence and its arguments.

    Attributes:
        tokens: the sentence; propositions of one sentence hold equal tokens.
        predicate: index of the predicate's token.
        tags: one BIO tag per token over role labels. The predicate itself is tagged V; ``C-X``
            labels continue an argument X to their left, ``R-X`` refer to one.
        roleset: the predicate's sense (``get.01``), where known.
    """

    id: str
    tokens: Sentence
    predicate: int
    tags: tuple[str, ...]
    roleset: str | None = None

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.tags):
            raise ValueError(f"{self.id}: {len(self.tokens)} tokens but {len(self.tags)} tags")
        if not 0 <= self.predicate < len(self.tokens):
            raise ValueError(
                f"{self.id}: the predicate is at index {self.predicate}, outside its "
                f"{len(self.tokens)} tokens"
            )


@dataclass(frozen=True, slots=True)
class SenseInstance:
    """A word or multiword unit, tokens ``[start, end)`` of its sentence, with its senses.

    ``lemma`` is lower-case, with ``_`` between words; ``pos`` is n, v, a or r. ``senses`` are the
    gold sense keys, any of which is right; ``candidates`` those of the lemma in the order of the
    inventory, which may lack a gold one or be empty.
    """

    id: str
    start: int
    end: int
    lemma: str
    pos: str
    senses: tuple[str, ...]
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SenseSentence:
    """One sentence and its sense-annotated instances; ``dataset`` names its part of a split."""

    id: str
    tokens: Sentence
    instances: tuple[SenseInstance, ...]
    dataset: str = ""

    def __post_init__(self) -> None:
        for instance in self.instances:
            if not 0 <= instance.start < instance.end <= len(self.tokens):
                raise ValueError(
                    f"{instance.id}: tokens {instance.start} to {instance.end} of "
                    f"{len(self.tokens)}"
                )


Span: TypeAlias = tuple[int, int]
"""First and last token, both inclusive, counted over a whole document from 0."""


@dataclass(frozen=True, slots=True)
class MarkedPair:
    """Two sentences with a marked word each, and whether the words mean the same.

    Attributes:
        id: of the example.
        first: a sentence.
        second: another one.
        marks: the spans of the marked words in the first and in the second sentence.
        label: what the data call it, such as ``T`` and ``F``.
    """

    id: str
    first: Sentence
    second: Sentence
    marks: tuple[Span, Span]
    label: str

    def __post_init__(self) -> None:
        for tokens, (first, last) in zip((self.first, self.second), self.marks, strict=True):
            if not 0 <= first <= last < len(tokens):
                raise ValueError(f"{self.id}: mark {first}-{last} of {len(tokens)} tokens")

    @property
    def tokens(self) -> Sentence:
        """Both sentences, the first one first; for counting and for hashed splits."""
        return self.first + self.second


@dataclass(frozen=True, slots=True)
class CoreferenceDocument:
    """A document with its coreference clusters.

    Attributes:
        id: of the document, or of its part.
        sentences: in the order of the text; tokens are counted across them.
        clusters: each a tuple of mentions, sorted; the clusters sorted too. A cluster of one
            mention is a singleton. No mention is in two clusters.
        speakers: the speaker of each token, over the whole document; None where the data have none.
        genre: the document's genre (``nw``); None where the data have none.
    """

    id: str
    sentences: tuple[Sentence, ...]
    clusters: tuple[tuple[Span, ...], ...]
    speakers: tuple[str, ...] | None = None
    genre: str | None = None

    def __post_init__(self) -> None:
        length = sum(map(len, self.sentences))
        if self.speakers is not None and len(self.speakers) != length:
            raise ValueError(f"{self.id}: {len(self.speakers)} speakers of {length} tokens")
        seen: set[Span] = set()
        for cluster in self.clusters:
            for first, last in cluster:
                if not 0 <= first <= last < length:
                    raise ValueError(f"{self.id}: mention {first}-{last} of {length} tokens")
            if not cluster or seen.intersection(cluster) or len(set(cluster)) < len(cluster):
                raise ValueError(f"{self.id}: an empty cluster, or a mention in two clusters")
            seen.update(cluster)

    @property
    def tokens(self) -> Sentence:
        """All tokens."""
        return tuple(token for sentence in self.sentences for token in sentence)


@dataclass(frozen=True, slots=True)
class AmbiguousPronoun:
    """A pronoun in a text and two names; it may refer to one of them.

    Attributes:
        id: of the example.
        tokens: the text, as one sequence.
        pronoun: its span.
        names: the spans of A and B, anywhere in the text.
        label: ``A``, ``B`` or ``neither``.
        gender: of the pronoun: ``masculine`` or ``feminine``.
    """

    id: str
    tokens: Sentence
    pronoun: Span
    names: tuple[Span, Span]
    label: str
    gender: str

    def __post_init__(self) -> None:
        for first, last in (self.pronoun, *self.names):
            if not 0 <= first <= last < len(self.tokens):
                raise ValueError(f"{self.id}: span {first}-{last} of {len(self.tokens)} tokens")
        if self.label not in ("A", "B", "neither") or self.gender not in ("masculine", "feminine"):
            raise ValueError(f"{self.id}: label {self.label!r}, gender {self.gender!r}")


@dataclass(frozen=True, slots=True)
class Edge:
    """One span or two spans of a text, and the labels that they have, alone or together.

    Attributes:
        spans: one span, or the first and the second of a pair; their order has a meaning.
        labels: distinct labels in the order of the data; one, several, or none.
    """

    spans: tuple[Span, ...]
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EdgeText:
    """A text and its labelled edges (Tenney et al. 2019).

    Attributes:
        id: of the text.
        sentences: in the order of the text. Each is encoded by itself, once for all edges; tokens
            are counted across them.
        edges: at least one, all with one span or all with two.
    """

    id: str
    sentences: tuple[Sentence, ...]
    edges: tuple[Edge, ...]

    def __post_init__(self) -> None:
        length = sum(map(len, self.sentences))
        if not self.edges or {len(edge.spans) for edge in self.edges} not in ({1}, {2}):
            raise ValueError(f"{self.id}: expected edges that all have one span, or all have two")
        for edge in self.edges:
            for first, last in edge.spans:
                if not 0 <= first <= last < length:
                    raise ValueError(f"{self.id}: span {first}-{last} of {length} tokens")
            if len(set(edge.labels)) < len(edge.labels):
                raise ValueError(f"{self.id}: a label appears twice in {edge.labels}")

    @property
    def tokens(self) -> Sentence:
        """All tokens; for counting and for hashed splits."""
        return tuple(token for sentence in self.sentences for token in sentence)


@dataclass(frozen=True, slots=True)
class TreeText:
    """A sentence with its dependency tree.

    Attributes:
        id: of the sentence.
        tokens: its words.
        heads: the number of each word's head, from 0; -1 for the root, of which there is one. Empty
            where the tree is not known, as in a text of a user's own.
        punctuation: the numbers of the words that are punctuation, ascending; scores leave them
            out.
    """

    id: str
    tokens: Sentence
    heads: tuple[int, ...]
    punctuation: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        length = len(self.tokens)
        if self.heads and len(self.heads) != length:
            raise ValueError(f"{self.id}: {length} tokens but {len(self.heads)} heads")
        if self.heads.count(-1) != bool(self.heads) or any(
            not -1 <= head < length for head in self.heads
        ):
            raise ValueError(f"{self.id}: the heads {self.heads} are no tree of {length} words")
        if any(not 0 <= word < length for word in self.punctuation):
            raise ValueError(f"{self.id}: punctuation {self.punctuation} of {length} tokens")
