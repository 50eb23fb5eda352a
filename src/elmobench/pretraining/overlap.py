"""Look for evaluation sets in a training corpus."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from elmobench.core.errors import DownloadError, ElmobenchError
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.examples import Sentence
from elmobench.pretraining.corpus import Corpus
from elmobench.tasks.task import Task

WORDS = 8
"""Length of the word sequences (runs) that are looked for."""

_WORD = re.compile(r"\w+")


@dataclass(frozen=True)
class Overlap:
    """How much of one evaluation set occurs in a corpus.

    Attributes:
        task: card id.
        split: ``dev`` or ``test``.
        runs: number of distinct runs of :data:`WORDS` words in the set.
        runs_found: how many of them occur in the corpus.
        sentences: number of distinct sentences of the set that have at least one run.
        sentences_found: how many of them share a run with the corpus.
    """

    task: str
    split: str
    runs: int
    runs_found: int
    sentences: int
    sentences_found: int


class OverlapCheck:
    """Look for runs of words from some evaluation sets in a corpus.

    Words are compared as sequences of letters and digits in lower case, so that punctuation and
    most ways to tokenise make no difference. The runs of the sets are kept in memory as hashes;
    the corpus is read as a stream.
    """

    def __init__(self) -> None:
        self._sets: dict[tuple[str, str], list[frozenset[int]]] = {}
        self._runs_of_sets: set[int] = set()
        self._runs_in_corpus: set[int] = set()

    def add(self, task: str, split: str, sentences: Iterable[Sequence[str]]) -> None:
        """Add an evaluation set to look for."""
        distinct = {tuple(sentence) for sentence in sentences}
        rows = [frozenset(_runs(_words(sentence))) for sentence in distinct]
        self._sets[(task, split)] = [row for row in rows if row]
        self._runs_of_sets.update(*rows)

    def read(self, corpus: Corpus, on_bytes: Callable[[int], object] | None = None) -> None:
        """Read ``corpus``; runs may extend over several sentences of a paragraph.

        Raises:
            DataError: see :meth:`Corpus.paragraphs`.
        """
        for paragraph in corpus.paragraphs(on_bytes):
            words = _words([token for sentence in paragraph for token in sentence])
            self._runs_in_corpus.update(run for run in _runs(words) if run in self._runs_of_sets)

    def rows(self) -> list[Overlap]:
        """One row per set, in the order in which they were added."""
        overlaps = []
        for (task, split), rows in self._sets.items():
            runs = frozenset().union(*rows)
            overlaps.append(
                Overlap(
                    task,
                    split,
                    runs=len(runs),
                    runs_found=len(runs & self._runs_in_corpus),
                    sentences=len(rows),
                    sentences_found=sum(not row.isdisjoint(self._runs_in_corpus) for row in rows),
                )
            )
        return overlaps


def check_cards(
    corpus: Corpus,
    tasks: Sequence[str] | None = None,
    cards: CardCatalog | None = None,
    on_bytes: Callable[[int], object] | None = None,
) -> tuple[list[Overlap], dict[str, str]]:
    """The overlap of ``corpus`` with the dev and test sets of task cards.

    Args:
        corpus: the text.
        tasks: card ids; None for all except the generated controls.
        cards: the task cards; None for those found without ``--include``.
        on_bytes: see :meth:`Corpus.paragraphs`.

    Returns:
        One row per set, and the cards that could not be checked, each with the reason: most often
        that its data are not available.

    Raises:
        ElmobenchError: if a card of ``tasks`` cannot be loaded.
    """
    cards = cards or CardCatalog()
    check = OverlapCheck()
    missing: dict[str, str] = {}
    offline = False
    for name in known_real_cards(cards) if tasks is None else tasks:
        try:
            task = Task(cards.get(name))
            if offline and not task.is_local:
                missing[name] = "not on this machine, and there is no network"
                continue
            for split in ("dev", "test"):
                check.add(task.card.id, split, sentences_of(task, split))
        except ElmobenchError as error:
            if tasks is not None:
                raise
            # Without this every card would wait for the network again.
            offline |= isinstance(error, DownloadError)
            missing[name] = error.what
    check.read(corpus, on_bytes)
    return check.rows(), missing


def known_real_cards(cards: CardCatalog) -> list[str]:
    """Ids of the cards whose data are not generated."""
    return [
        card.id
        for card in cards.by_id.values()
        if not any(
            getattr(source, "generate", None) for files in card.splits.values() for source in files
        )
    ]


def sentences_of(task: Task, split: str) -> Iterator[Sentence]:
    """All sentences of the examples of a split."""
    pipeline = task.pipeline
    for example in task.split(split):
        for sentences in pipeline.slots(example).values():
            yield from sentences


def _words(tokens: Sequence[str]) -> list[str]:
    return _WORD.findall(" ".join(tokens).lower())


def _runs(words: Sequence[str]) -> Iterator[int]:
    for start in range(len(words) - WORDS + 1):
        yield hash(tuple(words[start : start + WORDS]))
