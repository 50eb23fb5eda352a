"""Edges in what another reader gives: roles, pairs of mentions, marked words, typed spans, tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar, Literal

from pydantic import Field

from elmobench.core.errors import ConfigError
from elmobench.data.edges import (
    marked_edge,
    mention_edges,
    role_edges,
    tag_edges,
    typed_span_edges,
)
from elmobench.data.examples import (
    CoreferenceDocument,
    EdgeText,
    MarkedPair,
    Proposition,
    TaggedSentence,
)
from elmobench.data.problems import KINDS
from elmobench.data.readers.base import READERS, Reader, ReaderOptions, ReadResult, SourceText


class EdgesOfOptions(ReaderOptions):
    """Options of the ``edges-of`` reader."""

    reader: str
    """The reader of the files, such as ``propbank-ud``, ``conll-coref`` or ``wic``."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Options of that reader."""
    window: int = Field(default=1, ge=1)
    """Of documents with clusters: number of sentences within which mentions are paired."""
    tags: Literal["spans", "tokens"] = "spans"
    """Of tagged sentences: ``spans`` are edges of one span with its type, ``tokens`` are edges of
    one token with its tag.
    """


class EdgesOfReader(Reader[EdgesOfOptions]):
    """Gives :class:`EdgeText` made of the examples of another reader.

    - Propositions: an edge from the predicate to each argument, labelled with its role. All
      propositions of a sentence that follow each other are one text.
    - Documents with clusters: an edge between every two mentions in ``window`` sentences, labelled
      ``same`` or ``different``.
    - Pairs with a marked word: an edge between the marked words.
    - Tagged sentences: an edge of one span with its type, or of one token with its tag.

    Examples without an edge are counted. Companion files and ``drop`` are those of the other
    reader.
    """

    name: ClassVar[str] = "edges-of"
    version: ClassVar[int] = 1
    options_type = EdgesOfOptions
    droppable = tuple(KINDS)

    def uses(self, options: EdgesOfOptions) -> dict[str, int]:
        """See :meth:`Reader.uses`."""
        return {options.reader: READERS.get(options.reader).version}

    def read(self, text: SourceText, options: EdgesOfOptions) -> ReadResult:
        """See :meth:`Reader.read`.

        Raises:
            UnknownNameError: there is no such reader.
            ConfigError: its options are wrong, or it gives examples that have no edges.
        """
        inner = READERS.get(options.reader)
        result: ReadResult = inner.read(text, inner.options(options.options, text.name))
        groups = {example.id: _group(example, result.groups) for example in result.examples}
        examples, result.examples, result.groups = result.examples, [], {}
        for kind, same_kind in groupby(examples, type):
            sources = list(same_kind)
            made, used = _edges(kind, sources, options, text.name)
            if used < len(sources):
                result.dropped["examples without an edge"] += len(sources) - used
            for source, edge_text in made:
                result.examples.append(edge_text)
                group = groups[source]
                if group is not None:
                    result.groups[edge_text.id] = group
        return result


def _group(example: Any, groups: Mapping[str, str]) -> str | None:
    if isinstance(example, CoreferenceDocument):
        return groups.get(example.id, example.id)
    return groups.get(example.id)


def _edges(
    kind: type[Any], examples: Sequence[Any], options: EdgesOfOptions, where: str
) -> tuple[list[tuple[str, EdgeText]], int]:
    """Texts with the ids of the examples that they are of, and how many examples have an edge."""
    if issubclass(kind, Proposition):
        texts = list(role_edges(examples))
        used = sum(any(tag not in _NO_ROLE for tag in example.tags) for example in examples)
        return [(text.id, text) for text in texts], used
    made: list[tuple[str, EdgeText]] = []
    used = 0
    for example in examples:
        own = list(_of_one(kind, example, options, where))
        made += [(example.id, text) for text in own]
        used += bool(own)
    return made, used


_NO_ROLE = frozenset({"O", "B-V", "I-V", "B-C-V", "I-C-V"})


def _of_one(
    kind: type[Any], example: Any, options: EdgesOfOptions, where: str
) -> Iterator[EdgeText]:
    if issubclass(kind, CoreferenceDocument):
        return mention_edges(example, options.window)
    if issubclass(kind, MarkedPair):
        return iter([marked_edge(example)])
    if issubclass(kind, TaggedSentence):
        return iter(typed_span_edges(example) if options.tags == "spans" else tag_edges(example))
    raise ConfigError(
        f"reader {options.reader!r} gives examples of type {kind.__name__}, which have no edges",
        where=where,
        fix="name a reader of roles, coreference, words in context or tags",
    )


READER = EdgesOfReader()
