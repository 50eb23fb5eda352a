"""SemCor: running text with WordNet senses, in the SGML of the semantic concordances."""

from __future__ import annotations

import re

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import split_blanks
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.data.readers.base import ReadResult, SourceText
from elmobench.data.readers.sense_inventory import SENSE_TYPES, SenseInventory

_WORD = re.compile(r"<wf ([^<>]*)>([^<>]+)</wf>")
_PUNCTUATION = re.compile(r"<punc>([^<>]+)</punc>")
_TAG = re.compile(r"<(/?)(contextfile|context|p|s)((?: [^<>]*)?)>")


def read_semcor(text: SourceText, inventory: SenseInventory, dataset: str = "") -> ReadResult:
    """One :class:`SenseSentence` for each ``<s>`` that has a sense.

    A word's gold keys are ``lemma%lexsn``, one for each part of ``lexsn`` between semicolons; its
    part of speech is theirs, not the tagger's. Words whose sense is missing from WordNet
    (``wnsn=0``) have no sense; they are counted, as are sentences without any. Multiword units
    are split at ``_``. Ids are those of the file and the sentence: ``br-a01.s1``.

    Raises:
        DataError: for a line that is not of SemCor's format; names file and line.
    """
    result = ReadResult([])
    document = ""
    sentence: _Sentence | None = None
    number = 0
    for number, line in text.rows():
        where = text.at(number)
        tag = _TAG.fullmatch(line)
        if tag is not None:
            closing, kind, attributes = tag.groups()
            if kind == "context" and not closing:
                document = _attributes(attributes, where).get("filename", "")
            if kind == "s" and not closing:
                name = _attributes(attributes, where).get("snum", "")
                if sentence is not None or not document or not name:
                    raise DataError(
                        "<s> inside another, before <context filename=…>, or without snum",
                        where=where,
                    )
                sentence = _Sentence(f"{document}.s{name}", inventory, dataset, result)
            elif sentence is not None:
                if not (closing and kind == "s"):
                    raise DataError(f"{line} inside a sentence", where=where)
                sentence.close(where)
                sentence = None
        elif line.strip():
            if sentence is None:
                raise DataError(f"{quoted(line)} outside a sentence", where=where)
            sentence.add(line, where)
    if sentence is not None:
        raise DataError("the last sentence is not closed", where=text.at(number))
    return result


class _Sentence:
    """A sentence that is being read."""

    def __init__(
        self, name: str, inventory: SenseInventory, dataset: str, result: ReadResult
    ) -> None:
        self.name = f"{dataset}.{name}" if dataset else name
        self.dataset = dataset
        self.inventory = inventory
        self.result = result
        self.tokens: list[str] = []
        self.instances: list[SenseInstance] = []

    def add(self, line: str, where: str) -> None:
        punctuation = _PUNCTUATION.fullmatch(line)
        if punctuation is not None:
            self.tokens.append(punctuation[1])
            return
        match = _WORD.fullmatch(line)
        if match is None:
            raise DataError(f"not a line in SemCor's format: {quoted(line)}", where=where)
        words = [word for word in match[2].split("_") if word]
        if not words:
            raise DataError(f"no word in {match[2]!r}", where=where)
        if len(words) <= match[2].count("_"):
            self.result.dropped["stray underscores"] += 1
        start = len(self.tokens)
        self.tokens += words
        attributes = _attributes(match[1], where)
        if "lexsn" not in attributes:
            return
        missing = [name for name in ("lemma", "wnsn") if not attributes.get(name)]
        if missing:
            raise DataError(f"a sense without {' and '.join(missing)}", where=where)
        if attributes["wnsn"] == "0":
            self.result.dropped["words whose sense is not in WordNet"] += 1
            return
        lemma, numbers = attributes["lemma"], attributes["lexsn"].split(";")
        kinds = {SENSE_TYPES.get(number[:2].removesuffix(":"), "") for number in numbers}
        if len(kinds) != 1 or "" in kinds:
            raise DataError(
                f"lexsn {attributes['lexsn']!r} names no sense, or senses of two parts of speech",
                where=where,
            )
        pos = kinds.pop()
        self.instances.append(
            SenseInstance(
                id=f"{self.name}.t{len(self.instances):03d}",
                start=start,
                end=len(self.tokens),
                lemma=lemma.lower(),
                pos=pos,
                senses=tuple(f"{lemma}%{number}" for number in numbers),
                candidates=self.inventory.candidates(lemma.lower(), pos),
            )
        )

    def close(self, where: str) -> None:
        if not self.tokens:
            raise DataError("an empty sentence", where=where)
        if self.instances:
            self.result.examples.append(
                SenseSentence(self.name, tuple(self.tokens), tuple(self.instances), self.dataset)
            )
        else:
            self.result.dropped["sentences without a sense"] += 1


def _attributes(text: str, where: str) -> dict[str, str]:
    attributes = {}
    for piece in split_blanks(text):
        name, equals, value = piece.partition("=")
        if not equals:
            raise DataError(f"attribute {piece!r} has no value", where=where)
        attributes[name] = value
    return attributes
