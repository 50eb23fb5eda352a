"""The unified evaluation framework for word sense disambiguation: an XML text and a key file.

Source: Raganato, Camacho-Collados and Navigli, EACL 2017.
"""

from __future__ import annotations

import re
from typing import Any
from xml.parsers import expat

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.parsing import parsing
from elmobench.core.quoting import quoted
from elmobench.data.blanks import split_blanks
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.data.readers.base import ReadResult, SourceText
from elmobench.data.readers.sense_inventory import SenseInventory

_POS = {"NOUN": "n", "VERB": "v", "ADJ": "a", "ADV": "r"}
_BRACKETS = {
    **{"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]"},
    **{"-LCB-": "{", "-RCB-": "}"},
}
_LINE_END = re.compile(r"[\t\r\n]")
_INSIDE = {
    "corpus": "",
    "text": "corpus",
    "sentence": "text",
    "wf": "sentence",
    "instance": "sentence",
}


def read_raganato(
    text: SourceText, inventory: SenseInventory, dataset: str = "", unescape: bool = False
) -> ReadResult:
    """One :class:`SenseSentence` for each sentence that has an instance; the others are counted.

    The file's gold keys are its companion in the role ``keys``. Multiword units are split at
    spaces. With a ``dataset``, ids begin with its name and a dot, as in the file of all sets.

    Raises:
        DataError: for other XML, or keys that do not match; names file and line.
        ConfigError: there are no keys, or the card selects lines.
    """
    if text.lines is not None:
        raise ConfigError(
            "lines of an XML file cannot be selected",
            where=text.name,
            fix="leave 'lines' out of the card",
        )
    keys = _gold_keys(text.companions("keys"))
    handler = _Handler(text, inventory, dataset, unescape, keys)
    handler.parse()
    if keys:
        name, (_, where) = next(iter(keys.items()))
        raise DataError(f"no instance has the id {name!r}", where=where)
    return handler.result


def _gold_keys(texts: tuple[SourceText, ...]) -> dict[str, tuple[tuple[str, ...], str]]:
    """Gold keys and their file and line, by instance."""
    keys: dict[str, tuple[tuple[str, ...], str]] = {}
    for text in texts:
        for number, line in text.rows():
            name, *senses = split_blanks(line) or [""]
            where = text.at(number)
            if not senses or name in keys:
                raise DataError(
                    f"the id {name!r} appears twice"
                    if senses
                    else f"expected an id and sense keys, got {quoted(line)}",
                    where=where,
                )
            keys[name] = tuple(senses), where
    return keys


class _Handler:
    """Collects the sentences of one file from the parser's events."""

    def __init__(
        self,
        text: SourceText,
        inventory: SenseInventory,
        dataset: str,
        unescape: bool,
        keys: dict[str, tuple[tuple[str, ...], str]],
    ) -> None:
        self.text = text
        self.dataset = dataset
        self.unescape = unescape
        self.inventory = inventory
        self.keys = keys
        self.result = ReadResult([])
        self.open: list[str] = []
        self.attributes: dict[str, str] = {}
        self.name = ""
        self.word = ""
        self.tokens: list[str] = []
        self.instances: list[SenseInstance] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.characters
        # Without a document type no entities can be defined, so none can grow without bound.
        self.parser.StartDoctypeDeclHandler = self.doctype

    @property
    def where(self) -> str:
        return self.text.at(self.parser.CurrentLineNumber)

    def parse(self) -> None:
        # Besides errors of its own, expat lets through what Python says of an unknown encoding.
        with parsing(self.text.name, what="is not XML"):
            try:
                self.parser.Parse(self.text.data, True)
            except expat.ExpatError as error:
                raise DataError(
                    f"is not XML: {expat.ErrorString(error.code)}",
                    where=self.text.at(error.lineno),
                ) from error

    def doctype(self, *_: Any) -> None:
        raise DataError("document type declarations are not accepted", where=self.where)

    def start(self, element: str, attributes: dict[str, str]) -> None:
        outer = self.open[-1] if self.open else ""
        if _INSIDE.get(element) != outer:
            raise DataError(f"<{element}> inside <{outer}>", where=self.where)
        self.open.append(element)
        self.attributes = attributes
        self.word = ""
        if element == "sentence":
            self.name = self._attribute(element, "id")
            self.tokens, self.instances = [], []

    def characters(self, data: str) -> None:
        if self.open and self.open[-1] in ("wf", "instance"):
            self.word += data
        elif data.strip():
            raise DataError(f"{quoted(data.strip())} outside a word", where=self.where)

    def end(self, element: str) -> None:
        self.open.pop()
        if element in ("wf", "instance"):
            self._word(element)
        elif element == "sentence":
            self._close()

    def _word(self, element: str) -> None:
        start = len(self.tokens)
        for word in self.word.split(" "):
            if not word.strip() or _LINE_END.search(word):
                problem = "an empty word" if not word.strip() else "a tab or a line end"
                raise DataError(f"{problem} in {quoted(self.word)}", where=self.where)
            if self.unescape and word in _BRACKETS:
                self.result.dropped[f"{word} read as {_BRACKETS[word]}"] += 1
                word = _BRACKETS[word]
            self.tokens.append(word)
        if element == "wf":
            return
        name, lemma = self._attribute(element, "id"), self._attribute(element, "lemma")
        lemma = lemma.lower().replace(" ", "_")
        pos = _POS.get(self._attribute(element, "pos"))
        if pos is None:
            raise DataError(
                f"pos {self.attributes['pos']!r} is not one of {', '.join(_POS)}", where=self.where
            )
        if name not in self.keys:
            raise DataError(
                f"no gold key for {name!r}, or a second instance of it", where=self.where
            )
        senses, _ = self.keys.pop(name)
        self.instances.append(
            SenseInstance(
                id=self._named(name),
                start=start,
                end=len(self.tokens),
                lemma=lemma,
                pos=pos,
                senses=senses,
                candidates=self.inventory.candidates(lemma, pos),
            )
        )

    def _close(self) -> None:
        if not self.tokens:
            raise DataError("an empty sentence", where=self.where)
        if not self.instances:
            self.result.dropped["sentences without an instance"] += 1
            return
        self.result.examples.append(
            SenseSentence(
                self._named(self.name),
                tuple(self.tokens),
                tuple(self.instances),
                self.dataset,
            )
        )

    def _named(self, name: str) -> str:
        return f"{self.dataset}.{name}" if self.dataset else name

    def _attribute(self, element: str, name: str) -> str:
        value = self.attributes.get(name)
        if not value:
            raise DataError(f"<{element}> has no attribute {name!r}", where=self.where)
        return value
