"""Sentences of CoNLL-U with their whole trees."""

from __future__ import annotations

from typing import ClassVar, Literal

from elmobench.data.examples import TreeText
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.conllu import parsed_sentences


class ConlluTreeOptions(ReaderOptions):
    """Options of the ``conllu-trees`` reader."""

    tags: Literal["universal", "language"] = "universal"
    """The column with the parts of speech that say what punctuation is: ``universal`` for the
    fourth one (UPOS), ``language`` for the fifth one (XPOS).
    """
    punctuation: tuple[str, ...] = ("PUNCT",)
    """Parts of speech of punctuation, which scores leave out. With Penn tags, the published code
    leaves out ``''``, ``,``, ``.``, ``:``, a pair of back quotes, ``-LRB-`` and ``-RRB-``.
    """


class ConlluTreeReader(Reader[ConlluTreeOptions]):
    """Gives one :class:`TreeText` per sentence."""

    name: ClassVar[str] = "conllu-trees"
    version: ClassVar[int] = 1
    options_type = ConlluTreeOptions
    droppable = ("empty-token", "empty-label", "field-count")

    def read(self, text: SourceText, options: ConlluTreeOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        for sentence in parsed_sentences(text, result.dropped):
            tags = sentence.parts if options.tags == "universal" else sentence.tags
            punctuation = tuple(i for i, tag in enumerate(tags) if tag in options.punctuation)
            result.examples.append(
                TreeText(sentence.id, sentence.tokens, sentence.heads, punctuation)
            )
            if sentence.document is not None:
                result.groups[sentence.id] = sentence.document
        return result


READER = ConlluTreeReader()
