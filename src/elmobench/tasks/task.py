"""A task: a card, its pipeline and its examples, which are read and checked when first used."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError, ElmobenchWarning, UnknownNameError
from elmobench.core.progress import DownloadProgress
from elmobench.core.registry import did_you_mean
from elmobench.core.validation import validated
from elmobench.data.cards.card import SPLITS, FoldSplit, TaskCard
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.cards.counts import differences
from elmobench.data.cards.folds import checked_fold, fold_lists, split_of_files, stem
from elmobench.data.cards.published_data import warn_of_other_size
from elmobench.data.cards.source_kinds import GenerateSource
from elmobench.data.cards.sources import (
    FileSource,
    fetch_source,
    full_name,
    is_local,
    read_source,
    verify_source,
)
from elmobench.data.cards.split_rules import HashSplit, HeldOutSplit
from elmobench.data.controls.base import GENERATORS
from elmobench.data.label_sets import label_notes
from elmobench.data.readers.base import SourceText
from elmobench.data.sampling import Limit
from elmobench.tasks.base import Pipeline
from elmobench.tasks.card_files import (
    companions_of,
    file_identity,
    files_of,
    place_of,
    reader_of,
    source_identity,
    sources_of_split,
)
from elmobench.tasks.dividing import divide, hold_out
from elmobench.tasks.dropped import loss_note
from elmobench.tasks.registries import PIPELINES


class Task:
    """The examples that a card describes.

    Files are fetched when they are first needed and hashed each time they are read.

    >>> task = load_task("ner/control-ner")
    >>> len(task.split("dev")), task.labels[:3]
    (150, ['O', 'B-LOC', 'I-LOC'])

    Args:
        card: what to read.
        trust_first: accept files without a known digest and pin the digest.
        progress: called with the progress of downloads.
        fold: which fold, of a card that is split by folds; None for fold 0.
        limit: keep a sample of each split; None for all examples. Labels are still those of all.

    Attributes:
        fold: the fold; None for a card without folds.

    Raises:
        ConfigError: the card has no such fold.
    """

    def __init__(
        self,
        card: TaskCard,
        trust_first: bool = False,
        progress: DownloadProgress | None = None,
        fold: int | None = None,
        limit: Limit | None = None,
    ) -> None:
        self.card = card
        self.fold = checked_fold(card, fold)
        self.dropped: dict[str, Counter[str]] = {}
        """How much the reader dropped or changed by stated options: split -> reason -> number.

        The splits are those that the card lists: what is taken from train is counted there.
        """
        self.loss_notes: dict[str, str] = {}
        """Remarks on splits that lack more than 1 % of their examples; the task warns of them."""
        self._limit = limit
        self._trust_first = trust_first
        self._progress = progress
        self._splits: dict[str, list[Any]] = {}
        self._documents: dict[str, str] = {}
        self._groups: dict[str, str] = {}
        self._counts: dict[str, SplitCounts] = {}
        self._label_counts: dict[str, Counter[str]] = {}
        self._has_warned = False

    @property
    def id(self) -> str:
        """``"pipeline/name"``."""
        return self.card.id

    @property
    def pipeline(self) -> Pipeline[Any]:
        """The card's pipeline.

        Raises:
            UnknownNameError: no pipeline of that name is registered.
        """
        return PIPELINES.get(self.card.pipeline)

    @property
    def splits(self) -> tuple[str, ...]:
        """``("train", "dev", "test")``."""
        return SPLITS

    def split(self, name: str) -> list[Any]:
        """The examples of one split, in the data's order; read once and kept.

        Raises:
            UnknownNameError: there is no such split.
            DataError: the content, labels or counts differ from the card's.
            DigestError, DownloadError: see :func:`elmobench.data.download.cache.fetch`.
        """
        if name not in SPLITS:
            raise UnknownNameError(
                f"{self.id} has no split {name!r}", fix=did_you_mean(name, SPLITS)
            )
        if name not in self._splits:
            self._load(name)
        return self._splits[name]

    def release(self) -> None:
        """Release the examples: they are read again when they are next used.

        Labels, sizes, notes and resampling units are kept.
        """
        self._splits.clear()

    @property
    def tokens_in_memory(self) -> int:
        """Number of tokens of the splits that are in memory, as counted by the pipeline."""
        return sum(self._counts[name].tokens or 0 for name in self._splits)

    @property
    def tokens_read(self) -> int:
        """Number of tokens of the splits that were read, in memory or released."""
        return sum(self._counts[name].tokens or 0 for name in SPLITS if name in self._counts)

    def examples(self) -> dict[str, list[Any]]:
        """The examples of every split."""
        return {name: self.split(name) for name in SPLITS}

    @property
    def split_counts(self) -> dict[str, SplitCounts]:
        """The sizes of each split, as counted by the pipeline."""
        self._count_all()
        return {name: self._counts[name] for name in SPLITS}

    @property
    def labels(self) -> list[str]:
        """All labels or tags: the card's in its order or, without a list, train's, sorted."""
        if self.card.labels is not None:
            return list(self.card.labels)
        if "train" not in self._label_counts:
            self.split("train")
        return sorted(self._label_counts["train"])

    @property
    def label_notes(self) -> list[str]:
        """Remarks on labels that differ between splits, of which the task warns too."""
        self._count_all()
        return label_notes({name: self._label_counts[name] for name in SPLITS})

    @property
    def data_digest(self) -> str:
        """SHA-256 (hex) of everything that determines the examples.

        That is the files' digests, the reader and its options, and the rule of the split. If the
        card gives all digests, no file is needed.
        """
        splits: dict[str, list[Any]] = {}
        for split in self.card.splits:
            splits[split] = [
                source_identity(self.card, source, self._trust_first)
                for source in sources_of_split(self.card, split)
            ]
        rule = self.card.split
        split_rule: dict[str, Any] | None = None
        if isinstance(rule, FoldSplit):
            lists = [
                file_identity(self.card, source, self._trust_first)
                for source in fold_lists(self.card)
            ]
            split_rule = {"by": rule.by, "folds": lists, "fold": self.fold}
        elif rule is not None:
            split_rule = rule.model_dump(mode="json")
        return digest_of({"splits": splits, "split": split_rule})

    def fetch(
        self, progress: DownloadProgress | None = None, trust_first: bool | None = None
    ) -> list[Path]:
        """Fetch and check every file of the task; return the local paths, without repetition."""
        trust = self._trust_first if trust_first is None else trust_first
        files = [
            fetch_source(self.card, source, trust, progress or self._progress)
            for source in self.files()
        ]
        return list(dict.fromkeys(files))

    def verify(self) -> list[Path]:
        """Hash every file again, then read and count all splits again; download nothing.

        Raises:
            DownloadError: a file is not in the cache.
            DigestError, DataError: a file or its content differs from what the card says.
        """
        files = [verify_source(self.card, source) for source in self.files()]
        self._splits.clear()
        self.examples()
        return list(dict.fromkeys(files))

    @property
    def is_local(self) -> bool:
        """Whether every file is on this machine (they are not hashed)."""
        return all(is_local(self.card, source) for source in self.files())

    def resampling_unit(self, example: Any) -> str:
        """The unit that counts as a whole in significance tests.

        It is the file that the example comes from if the set is split by files, and what the
        pipeline names otherwise.
        """
        return self._documents.get(example.id) or self.pipeline.resampling_unit(example)

    def files(self) -> list[FileSource]:
        """Every file of the card, including the additional ones, each once."""
        return files_of(self.card)

    @property
    def _where(self) -> str:
        return place_of(self.card)

    def _count_all(self) -> None:
        """Read all splits, unless they were read before."""
        if not all(name in self._counts for name in SPLITS):
            self.examples()

    def _load(self, name: str) -> None:
        rule = self.card.split
        if isinstance(rule, FoldSplit):
            loaded = self._folded(self._read("all"))
        elif isinstance(rule, HashSplit):
            loaded = divide(rule, _flat(self._read("all")))
        elif isinstance(rule, HeldOutSplit) and name in (rule.from_, *rule.made):
            examples = _flat(self._read(rule.from_))
            loaded = hold_out(rule, examples, self._tokens, self._group, self._where)
        else:
            loaded = {name: _flat(self._read(name))}
        for split, examples in loaded.items():
            self._counts[split] = self._check(split, examples)
            if self._limit is not None:
                loaded[split] = self._limit.sample(examples)
                self._counts[split] = self.pipeline.count(loaded[split])
        self._splits.update(loaded)
        if len(self._splits) == len(SPLITS) and not self._has_warned:
            self._has_warned = True
            for note in self.label_notes:
                warnings.warn(f"{self.id}: {note}", ElmobenchWarning, stacklevel=2)

    def _read(self, split: str) -> list[tuple[str, list[Any]]]:
        """The name and examples of each source of one split of the card, in order."""
        sources = sources_of_split(self.card, split)
        files: list[tuple[str, list[Any]]] = []
        dropped: Counter[str] = Counter()
        lost: Counter[str] = Counter()
        # An additional file of several sources is read once.
        texts: dict[str, SourceText] = {}
        for i, source in enumerate(sources, start=1):
            if isinstance(source, GenerateSource):
                files.append((source.generate.name, self._generated(source, split)))
                continue
            reader, options = reader_of(self.card, source)
            if self.fold is not None:
                prefix = stem(full_name(source))
            else:
                prefix = split if len(sources) == 1 else f"{split}.{i}"
            beside = {
                role: tuple(self._text(other, prefix, texts) for other in others)
                for role, others in companions_of(self.card, source).items()
            }
            text = replace(self._text(source, prefix), beside=beside)
            result = reader.read_all(text, options, source.drop or ())
            files.append((full_name(source), result.examples))
            dropped += result.dropped
            lost += result.lost
            self._groups.update(result.groups)
        self.dropped[split] = dropped
        note = loss_note(split, lost, sum(len(examples) for _, examples in files))
        if note is not None and self.loss_notes.get(split) != note:
            self.loss_notes[split] = note
            warnings.warn(f"{self.id}: {note}", ElmobenchWarning, stacklevel=2)
        return files

    def _text(
        self, source: FileSource, prefix: str, known: dict[str, SourceText] | None = None
    ) -> SourceText:
        key = repr(source)
        if known is not None and key in known:
            return known[key]
        path = fetch_source(self.card, source, self._trust_first, self._progress)
        text = SourceText(
            read_source(path, source),
            full_name(source),
            prefix,
            source.lines,
            labels=self.pipeline.label_kind,
        )
        if known is not None:
            known[key] = text
        return text

    def _generated(self, source: GenerateSource, split: str) -> list[Any]:
        generator = GENERATORS.get(source.generate.name)
        options = validated(generator.options_type, source.generate.options, self._where)
        generated: Mapping[str, list[Any]] = generator.generate(options)
        return list(generated[split])

    def _tokens(self, example: Any) -> Sequence[str]:
        """The text of an example by which hashed splits divide."""
        tokens = getattr(example, "tokens", None)
        return self.pipeline.tokens(example) if tokens is None else tokens

    def _group(self, example: Any) -> str:
        """What the example belongs to: the reader's group, or what the pipeline resamples."""
        return self._groups.get(example.id) or self.pipeline.resampling_unit(example)

    def _folded(self, files: Sequence[tuple[str, list[Any]]]) -> dict[str, list[Any]]:
        """Train, dev and test of the fold, each in the files' order; also check the whole set."""
        names = [stem(name) for name, _ in files]
        lists = [self._text(source, self.card.id) for source in fold_lists(self.card)]
        split = split_of_files(names, lists, self.fold or 0, self._where)
        result: dict[str, list[Any]] = {name: [] for name in SPLITS}
        for name, (_, examples) in zip(names, files, strict=True):
            result[split[name]] += examples
            self._documents.update((example.id, name) for example in examples)
        self._check("all", _flat(files))
        return result

    def _check(self, split: str, examples: Sequence[Any]) -> SplitCounts:
        where = f"{self.id}, {split}"
        if not examples:
            raise DataError("the split has no examples", where=where, fix="check its files")
        ids = Counter(example.id for example in examples)
        repeated = [key for key, number in ids.items() if number > 1]
        if repeated:
            raise DataError(f"the id {repeated[0]!r} occurs {ids[repeated[0]]} times", where=where)
        try:
            problem = self._problem(examples)
            labels, counts = self._count_labels(examples), self.pipeline.count(examples)
        except AttributeError as error:
            raise DataError(
                f"pipeline {self.card.pipeline} cannot use examples of type "
                f"{type(examples[0]).__name__}: {error}",
                where=where,
                fix="correct the card's pipeline or its reader",
            ) from error
        if problem is not None:
            raise DataError(
                problem[1],
                where=f"{where}, example {problem[0]}",
                fix=f"correct the reader's options in {self._where}",
            )
        if self.card.labels is not None:
            unknown = sorted(set(labels) - set(self.card.labels))
            if unknown:
                raise DataError(
                    f"labels that the card does not list: {', '.join(unknown)}", where=where
                )
        self._label_counts[split] = labels
        # For a set with folds the card states the counts of fold 0's splits and of the whole set.
        stated = self.card.stated(split) if not self.fold or split == "all" else SplitCounts()
        problems = differences(stated, counts)
        if problems:
            raise DataError(
                "; ".join(problems),
                where=where,
                fix="correct the card's counts, or its sources and reader options",
            )
        if split == "test" and self.card.same_as is not None:
            warn_of_other_size(self.id, self.card.same_as, len(examples))
        return counts

    def _problem(self, examples: Sequence[Any]) -> tuple[str, str] | None:
        """The id of the first example that no head can use, and why."""
        found = ((example.id, self.pipeline.problem_of(example)) for example in examples)
        return next(((name, problem) for name, problem in found if problem is not None), None)

    def _count_labels(self, examples: Sequence[Any]) -> Counter[str]:
        return Counter(label for example in examples for label in self.pipeline.labels_of(example))


def _flat(files: Sequence[tuple[str, list[Any]]]) -> list[Any]:
    return [example for _, examples in files for example in examples]


def load_task(
    name: str,
    include: Sequence[Path] = (),
    trust_first: bool = False,
    progress: DownloadProgress | None = None,
    fold: int | None = None,
) -> Task:
    """The task called ``name``. Nothing is read or fetched before its examples are used.

    >>> task = load_task("ner/control-ner")
    >>> len(task.split("dev"))
    150
    >>> task.split("dev")[0].tokens[:2]
    ('The', 'whole')

    Args:
        name: ``"ner/wnut17"``, or ``"wnut17"`` if only one card has that name.
        include: folders with further cards.
        trust_first: accept files without a known digest and pin the digest.
        progress: called with the progress of downloads.
        fold: which fold, of a set that is split by folds; None for fold 0.

    Raises:
        UnknownNameError: there is no such card.
        ConfigError: a card is invalid, or the card has no such fold.
    """
    return Task(CardCatalog(include).get(name), trust_first, progress, fold)
