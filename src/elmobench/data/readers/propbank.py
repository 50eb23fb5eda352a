"""PropBank's columns without words, joined with the words of Universal Dependencies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted, shortened
from elmobench.data.blanks import is_blank, split_blanks, strip_blanks
from elmobench.data.examples import Proposition, Sentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.column_rows import RANGE_OR_EMPTY, column_lines, without_blanks
from elmobench.data.readers.role_columns import bio_of_brackets, predicates_of, transposed
from elmobench.data.tag_schemes import PREDICATE_LABELS

ROLE = "propositions"

# Columns of a gold_skel file: document, sentence, token, [WORD], tag, bracket, lemma or
# nominal base, roleset, then one column for each predicate.
_DOCUMENT, _SENTENCE, _TOKEN, _ROLESET, _FIRST = 0, 1, 2, 7, 8

_NEW_DOCUMENT = "# newdoc id = "
_SENT_ID = "# sent_id = "


class PropBankOptions(ReaderOptions):
    """Options of the ``propbank-ud`` reader: none."""


@dataclass
class _Words:
    """One sentence of the treebank."""

    id: str
    tokens: list[str]


@dataclass
class _Annotated:
    """One document's rows, sentence by sentence, with their line numbers."""

    text: SourceText
    sentences: list[tuple[list[int], list[list[str]]]] = field(default_factory=list)


class PropBankReader(Reader[PropBankOptions]):
    """Gives one :class:`Proposition` for each predicate that has an argument.

    The file is a treebank in CoNLL-U whose documents begin with ``# newdoc id = GENRE-NAME``.
    Its companion files, in the role ``propositions``, are PropBank's annotations
    (``GENRE/00/NAME.xml.gold_skel``); a document without one is dropped. The i-th sentence of the
    treebank's document is joined with the i-th of the annotation, and the k-th word with the
    k-th; a sentence with different numbers of words is dropped. The c-th column belongs to the
    token with the c-th roleset, even if the column's V begins elsewhere (hyphenated verbs).
    Propositions whose only arguments are V and C-V are dropped too. All that is dropped is
    counted: documents and their sentences, other sentences and their propositions, propositions.
    """

    name: ClassVar[str] = "propbank-ud"
    version: ClassVar[int] = 1
    options_type = PropBankOptions
    companions: ClassVar[Mapping[str, str]] = {ROLE: "the annotated files of PropBank"}

    def read(self, text: SourceText, options: PropBankOptions) -> ReadResult:
        """See :meth:`Reader.read`. Ids are the sentence's, ``#`` and the column, from 1."""
        result = ReadResult([])
        annotated: dict[str, _Annotated] = {}
        for other in text.companions(ROLE):
            name, document = _annotated(other)
            if name in annotated:
                raise DataError(f"annotates {quoted(name)}, as another file does", where=other.name)
            annotated[name] = document
        documents = _documents(text, result.dropped)
        for name, sentences in documents.items():
            document_rows = annotated.pop(name, None)
            if document_rows is None:
                result.dropped["documents without annotation"] += 1
                result.dropped["sentences of documents without annotation"] += len(sentences)
                continue
            if len(document_rows.sentences) != len(sentences):
                raise DataError(
                    f"{len(document_rows.sentences)} annotated sentences, but the document "
                    f"{quoted(name)} of {text.name} has {len(sentences)}",
                    where=document_rows.text.name,
                )
            for words, (numbers, rows) in zip(sentences, document_rows.sentences, strict=True):
                self._join(words, document_rows.text, numbers, rows, result)
        if annotated:
            name, document = next(iter(annotated.items()))
            raise DataError(
                f"annotates the document {quoted(name)}, which {text.name} does not hold",
                where=document.text.name,
            )
        return result

    def _join(
        self,
        words: _Words,
        text: SourceText,
        numbers: list[int],
        rows: list[list[str]],
        result: ReadResult,
    ) -> None:
        def at(token: int) -> str:
            return text.at(numbers[token])

        columns = transposed(rows, _FIRST, None, at)
        rolesets = [row[_ROLESET] for row in rows]
        predicates = predicates_of(rolesets, len(columns), at)
        if len(words.tokens) != len(rows):
            result.dropped["sentences of another length"] += 1
            result.dropped["propositions in sentences of another length"] += len(columns)
            return
        tokens: Sentence = tuple(words.tokens)
        for c, (cells, predicate) in enumerate(zip(columns, predicates, strict=True), start=1):
            tags = bio_of_brackets(cells, at)
            if all(tag == "O" or tag[2:] in PREDICATE_LABELS for tag in tags):
                result.dropped["propositions without an argument"] += 1
                continue
            result.examples.append(
                Proposition(f"{words.id}#{c}", tokens, predicate, tags, rolesets[predicate])
            )


def _documents(text: SourceText, dropped: Counter[str]) -> dict[str, list[_Words]]:
    """The treebank's sentences by document, in order."""
    documents: dict[str, list[_Words]] = {}
    document, name = "", ""
    tokens: list[str] = []
    number = 0

    def close() -> None:
        if not tokens:
            return
        if not document or not name:
            missing = "newdoc id" if not document else "sent_id"
            raise DataError(
                f"the sentence that ends here has no '# {missing} ='", where=text.at(number)
            )
        documents[document].append(_Words(name, tokens))

    for number, line in column_lines(text):
        if is_blank(line):
            close()
            tokens, name = [], ""
        elif line.startswith(_NEW_DOCUMENT):
            document = strip_blanks(line.removeprefix(_NEW_DOCUMENT))
            if document in documents:
                raise DataError(
                    f"the document {quoted(document)} begins twice", where=text.at(number)
                )
            documents[document] = []
        elif line.startswith(_SENT_ID):
            name = strip_blanks(line.removeprefix(_SENT_ID))
        elif not line.startswith("#"):
            row = line.split("\t")
            if len(row) != 10 or not row[1]:
                raise DataError(
                    f"expected the 10 fields of CoNLL-U, separated by TABs, got {quoted(line)}",
                    where=text.at(number),
                )
            if RANGE_OR_EMPTY.fullmatch(row[0]):
                dropped["ranges and empty nodes"] += 1
            else:
                tokens.append(without_blanks(row[1], "word", text.at(number)))
    close()
    return documents


def _annotated(text: SourceText) -> tuple[str, _Annotated]:
    """The treebank's name of the document that a file annotates, and its sentences."""
    result = _Annotated(text)
    path, sentence = "", ""
    numbers: list[int] = []
    rows: list[list[str]] = []
    for number, line in column_lines(text):
        if is_blank(line):
            continue
        row = split_blanks(line)
        if len(row) < _FIRST:
            raise DataError(
                f"the row has {len(row)} fields, at least {_FIRST} expected", where=text.at(number)
            )
        if path and row[_DOCUMENT] != path:
            raise DataError(
                f"the row belongs to {quoted(row[_DOCUMENT])}, the file to {quoted(path)}",
                where=text.at(number),
            )
        path = row[_DOCUMENT]
        if row[_SENTENCE] != sentence:
            sentence, numbers, rows = row[_SENTENCE], [], []
            result.sentences.append((numbers, rows))
        if row[_TOKEN] != str(len(rows)):
            raise DataError(
                f"token {shortened(row[_TOKEN])} of sentence {shortened(sentence)}, "
                f"expected token {len(rows)}",
                where=text.at(number),
            )
        numbers.append(number)
        rows.append(row)
    parts = path.split("/")
    if len(parts) < 3:
        raise DataError(
            f"expected a document's path such as 'google/ewt/GENRE/00/NAME.xml', "
            f"got {quoted(path)}",
            where=text.name,
        )
    return f"{parts[-3]}-{parts[-1].removesuffix('.xml')}", result


READER = PropBankReader()
