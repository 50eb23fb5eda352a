"""Checks of data that can be read, but are probably not what their card means.

Each check is an error where no usable set looks so, and a warning where one might.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from elmobench.core.errors import DataError
from elmobench.core.quoting import quoted
from elmobench.data.blanks import is_blank
from elmobench.data.cards.card import SPLITS
from elmobench.data.cards.source_kinds import GenerateSource
from elmobench.data.cards.sources import fetch_source, full_name, read_source
from elmobench.data.examples import MarkedPair, RatedPair, RatedText, Sentence, TaggedSentence
from elmobench.data.languages import language_problem
from elmobench.data.readers.base import SourceText
from elmobench.tasks.card_files import place_of, reader_of, sources_of_split
from elmobench.tasks.task import Task

OVERLAP_WITH_TRAIN = 0.1
"""The share of the distinct texts of dev or test that train may hold without a warning."""

OVERLAP_OF_DEV_AND_TEST = 0.2
"""The same of test in dev; ``ALL`` of the WSD framework holds its dev set, 11 % of it."""

MOVED = 0.1
"""The same of spans, marks or answers that begin or end inside of a token."""

LONG_SENTENCE = 250
"""Tokens of a sentence that is the only one of its split, as without empty lines in a file."""

_ENOUGH = 20
_COLUMN_READERS = ("conll-columns", "nested-columns", "conll-2005", "conll-2012-srl", "conll-2009")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?")
_SPAN_TAG = re.compile(r"O|[BIESLU]-\S+")


@dataclass(frozen=True)
class Remark:
    """What a check found.

    Attributes:
        level: ``error`` if the data cannot be meant so.
        what: what is the case, with an example.
        fix: what to do.
    """

    level: Literal["error", "warning"]
    what: str
    fix: str

    @property
    def line(self) -> str:
        """The remark in one line."""
        return f"{self.level}: {self.what} -> {self.fix}"


def check_data(task: Task) -> list[Remark]:
    """What is suspicious about the data of ``task``, which are read if they have not been."""
    sets = {name: task.split(name) for name in SPLITS}
    found: list[Remark] = []
    checks: list[Callable[[Task, dict[str, list[Any]]], Iterator[Remark]]] = [
        _language,
        _equal_splits,
        _labels,
        _numbers,
        _tokens,
        _one_sentence,
        _cut_sentences,
        _moved,
    ]
    for check in checks:
        found += check(task, sets)
    return found


def raise_errors(task: Task, remarks: Sequence[Remark]) -> None:
    """Raise DataError with all remarks that are errors, if there are any."""
    errors = [remark for remark in remarks if remark.level == "error"]
    if errors:
        raise DataError(
            "; ".join(remark.what for remark in errors),
            where=f"{task.id} ({place_of(task.card)})",
            fix="\n  -> ".join(dict.fromkeys(remark.fix for remark in errors)),
        )


def _language(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    problem = language_problem(task.card.language)
    if problem is not None:
        yield Remark(
            "warning", f"language: {problem}", "write a code of ISO 639, such as en, de or deu"
        )


def _equal_splits(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    texts = {name: [task.pipeline.tokens(example) for example in sets[name]] for name in SPLITS}
    distinct = {name: set(found) for name, found in texts.items()}
    for name, other in (("dev", "train"), ("test", "train"), ("test", "dev")):
        smaller, larger = distinct[name], distinct[other]
        shared: set[Sentence] = smaller & larger
        share = len(shared) / len(smaller)
        shortest = min(shared, key=lambda text: (len(text), text)) if shared else ()
        example = quoted(" ".join(shortest))
        if smaller == larger and len(smaller) >= _ENOUGH:
            yield Remark(
                "error",
                f"{name} and {other} hold the same {len(smaller):,} texts, such as {example}",
                f"correct the files of {name} and {other} in the card; a set without dev takes it "
                "from train ('split: {dev: 0.1, from: train, by: hash}')",
            )
            continue
        limit = OVERLAP_OF_DEV_AND_TEST if other == "dev" else OVERLAP_WITH_TRAIN
        if share > limit and len(smaller) >= _ENOUGH:
            yield Remark(
                "warning",
                f"{100 * share:.0f} % of the texts of {name} ({len(shared):,} of "
                f"{len(smaller):,}) are in {other} too, such as {example}",
                "scores then measure memory as well: remove them from one of the splits",
            )


def _labels(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    """Columns of texts and labels that are swapped, and numbers given as classes."""
    if task.card.labels is not None:
        return
    train = [example for example in sets["train"] if isinstance(_label_of(example), str)]
    if len(train) < _ENOUGH:
        return
    labels = Counter(_label_of(example) for example in train)
    example = quoted(next(iter(labels)))
    if all(_NUMBER.fullmatch(label) for label in labels):
        whole = all(float(label.replace(",", ".")).is_integer() for label in labels)
        if not whole or len(labels) > max(10, math.isqrt(len(train))):
            yield Remark(
                "warning",
                f"the {len(labels):,} labels are all numbers, such as {example}; they are read as "
                "classes without an order",
                "state 'labels' in the card if they are classes; the pipelines regression (texts) "
                "and pair-regression (pairs) predict numbers",
            )
        return
    if len(labels) <= len(train) / 2:
        return
    label_length = sum(map(len, (_label_of(one) for one in train))) / len(train)
    texts = [" ".join(task.pipeline.tokens(one)) for one in train]
    text_length = sum(map(len, texts)) / len(train)
    if label_length > text_length:
        yield Remark(
            "error",
            f"{len(labels):,} different labels in {len(train):,} examples, longer than the texts: "
            f"the label {example} of the text {quoted(texts[0])}",
            "the columns of text and label seem to be swapped: correct the reader's options",
        )
    else:
        yield Remark(
            "warning",
            f"{len(labels):,} different labels in {len(train):,} examples, such as {example}",
            "check the column of the label in the reader's options",
        )


def _numbers(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    """Numbers to predict that are all equal, so that no correlation with them is defined."""
    for name, examples in sets.items():
        values = {one.value for one in examples if isinstance(one, RatedText | RatedPair)}
        if len(values) == 1:
            yield Remark(
                "error",
                f"all numbers of {name} are equal ({values.pop():g}): nothing correlates with them",
                "check the column of the label in the reader's options, and whether the numbers "
                f"of {name} are hidden",
            )


def _label_of(example: Any) -> Any:
    return getattr(example, "label", None)


def _tokens(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    """A token column that holds numbers or tags, and a tag column that holds numbers."""
    sentences = [one for one in sets["train"] if isinstance(one, TaggedSentence)]
    tokens = [token for sentence in sentences for token in sentence.tokens]
    if len(tokens) < _ENOUGH:
        return
    fix = "check the columns 'token' and 'tag' in the reader's options (they count from 0)"
    shown = quoted(" ".join(tokens[:8]))
    if all(token.isdecimal() for token in tokens):
        yield Remark("error", f"all tokens are numbers: {shown}", fix)
    elif sum(bool(_SPAN_TAG.fullmatch(token)) for token in tokens) > 0.9 * len(tokens):
        yield Remark("error", f"the tokens are tags: {shown}", fix)
    tags = Counter(tag for sentence in sentences for tag in sentence.tags)
    words = Counter(tokens)
    if all(tag.isdecimal() for tag in tags) and len(tags) > 20:
        yield Remark(
            "warning",
            f"the {len(tags)} tags are all numbers, such as {next(iter(tags))!r}",
            fix,
        )
    elif len(words) < len(tags) and len(tags) > 100 and len(tokens) > 10 * len(words):
        yield Remark(
            "error",
            f"there are more different tags ({len(tags):,}) than different tokens "
            f"({len(words):,}), such as {shown}",
            fix,
        )


def _one_sentence(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    for name, examples in sets.items():
        if len(examples) == 1 and isinstance(examples[0], TaggedSentence):
            length = len(examples[0].tokens)
            if length > LONG_SENTENCE:
                yield Remark(
                    "warning",
                    f"{name} is one sentence of {length:,} tokens",
                    "put an empty line between sentences",
                )


def _cut_sentences(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    """Ends of ``lines`` in the middle of a sentence of a column file."""
    for split in task.card.splits:
        for source in sources_of_split(task.card, split):
            if isinstance(source, GenerateSource) or source.lines is None:
                continue
            if reader_of(task.card, source)[0].name not in _COLUMN_READERS:
                continue
            data = read_source(fetch_source(task.card, source), source)
            lines = [line for _, line in SourceText(data, full_name(source)).rows()]
            first, last = source.lines
            for before in (first - 1, last):
                # Lines ``before`` and ``before`` + 1, counted from 1, are on both sides.
                if not 0 < before < len(lines):
                    continue
                if is_blank(lines[before - 1]) or is_blank(lines[before]):
                    continue
                if lines[before].startswith("-DOCSTART-"):
                    continue
                yield Remark(
                    "warning",
                    f"{split}: 'lines: [{first}, {last}]' cuts a sentence of {full_name(source)} "
                    f"between the lines {before} and {before + 1} "
                    f"({quoted(lines[before - 1])}, {quoted(lines[before])})",
                    "let the lines begin and end at an empty line",
                )


def _moved(task: Task, sets: dict[str, list[Any]]) -> Iterator[Remark]:
    """Positions that seldom are those of tokens, as where something else was counted."""
    for name, examples in sets.items():
        counts = task.dropped.get(name, Counter())
        moved = sum(n for reason, n in counts.items() if reason.endswith("moved to token borders"))
        if all(isinstance(one, TaggedSentence) for one in examples):
            total = sum(tag.startswith("B-") for one in examples for tag in one.tags)
        elif all(isinstance(one, MarkedPair) for one in examples):
            total = 2 * len(examples)
        else:
            total = len(examples)
        if moved > MOVED * total:
            yield Remark(
                "warning",
                f"{name}: {moved:,} of {total:,} positions begin or end inside of a token",
                "look at some examples: positions count characters from 0, not bytes or the "
                "16-bit units of JavaScript, and the end is not part of a span",
            )
