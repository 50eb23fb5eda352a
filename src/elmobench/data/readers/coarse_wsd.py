"""Word senses of your own inventory, one word per file: the layout of CoarseWSD-20.

A folder per word has sentences (``train.data.txt``: the position of the word, a blank or tab, and
the tokens), the number of the sense in the same line of another file (``train.gold.txt``), and the
names of the senses (``classes_map.txt``: ``{"0": "apple_inc.", "1": "apple_apple"}``). A card names
all words at once::

    reader: {name: coarse-wsd}
    splits:
      train:
        - path: "*/train.data.txt"
          beside:
            gold: [{path: "*/train.gold.txt"}]
            senses: [{path: "*/classes_map.txt"}]

Source: Loureiro et al. 2021, *Analysis and Evaluation of Language Models for Word Sense
Disambiguation*, and the README of the data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import ClassVar, Literal

from pydantic import Field

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import parse_json_object
from elmobench.core.quoting import quoted
from elmobench.data.blanks import split_blanks, strip_blanks
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText

GOLD, SENSES = "gold", "senses"


class CoarseWsdOptions(ReaderOptions):
    """Options of the ``coarse-wsd`` reader."""

    lemma: str | None = Field(default=None, min_length=1)
    """The word of the file, which is given in the source's own options; None for the name of the
    file's folder.
    """
    pos: Literal["n", "v", "a", "r"] = "n"
    """Part of speech of the word: noun, verb, adjective or adverb."""


class CoarseWsdReader(Reader[CoarseWsdOptions]):
    """Gives one :class:`SenseSentence` with one instance per line.

    A sense is called by its name in the companion ``senses``, whose order is that of the
    candidates: the first one is what heads answer for a word that the training set lacks.
    """

    name: ClassVar[str] = "coarse-wsd"
    version: ClassVar[int] = 1
    options_type = CoarseWsdOptions
    companions: ClassVar[Mapping[str, str]] = {
        GOLD: "the number of the sense, in the line of its sentence",
        SENSES: "the names of the senses, as JSON: classes_map.txt",
    }

    def read(self, text: SourceText, options: CoarseWsdOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        lemma = options.lemma or PurePosixPath(text.name.partition(":")[0]).parent.name
        if not lemma:
            raise ConfigError(
                "the folder of the file does not say which word it is about",
                where=text.name,
                fix="state the word at this source: 'options: {lemma: apple}'",
            )
        lemma = lemma.lower().replace(" ", "_")
        senses = _senses(_only(text, SENSES))
        gold = _only(text, GOLD)
        numbers = {line: strip_blanks(row) for line, row in gold.rows()}
        lines = dict(text.rows())
        if list(numbers) != list(lines):
            raise DataError(
                f"has {len(numbers)} lines, but {text.name} has {len(lines)}",
                where=gold.name,
                fix="line n of one file must belong to line n of the other",
            )
        result = ReadResult([])
        candidates = tuple(senses.values())
        for number, line in lines.items():
            try:
                tokens, position = _sentence(line, text.at(number))
                sense = senses.get(numbers[number])
                if sense is None:
                    raise DataError(
                        f"{quoted(numbers[number])} is no sense of {lemma!r}: "
                        f"{', '.join(senses)} are",
                        where=gold.at(number),
                    )
            except DataError as error:
                text.problem(error)
                continue
            name = f"{lemma}.{text.id(number)}"
            instance = SenseInstance(
                name, position, position + 1, lemma, options.pos, (sense,), candidates
            )
            result.examples.append(SenseSentence(name, tokens, (instance,)))
        return result


def _only(text: SourceText, role: str) -> SourceText:
    first, *more = text.companions(role)
    if more:
        raise ConfigError(
            f"has {1 + len(more)} companion files {role!r}, expected one", where=text.name
        )
    return first


def _senses(text: SourceText) -> dict[str, str]:
    """The names of the senses by number, in the file's order."""
    values = parse_json_object("\n".join(line for _, line in text.rows()), text.name)
    names = list(values.values())
    if not names or not all(isinstance(one, str) and one.strip() for one in names):
        raise DataError("expected an object of numbers and names of senses", where=text.name)
    if len(set(names)) < len(names):
        raise DataError("two senses have one name", where=text.name)
    return values


def _sentence(line: str, where: str) -> tuple[tuple[str, ...], int]:
    """The tokens of a line, and the position of the word among them."""
    first, *tokens = split_blanks(line) or [""]
    if not (first.isascii() and first.isdecimal() and len(first) < 10):
        raise DataError(
            f"expected the position of the word and the tokens, got {quoted(line)}", where=where
        )
    if int(first) >= len(tokens):
        raise DataError(f"there is no token {first}, counted from 0", where=where)
    return tuple(tokens), int(first)


READER = CoarseWsdReader()
