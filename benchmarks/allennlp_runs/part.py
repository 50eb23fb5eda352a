"""A part of a task's data, in files that both systems read, and a card for it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from benchmarks.allennlp_runs.comparisons import Comparison
from benchmarks.allennlp_runs.formats import FORMATS, is_plain, write_examples
from elmobench.core.digests import file_sha256
from elmobench.core.files import write_text
from elmobench.data.cards.card import SPLITS
from elmobench.data.examples import (
    ClassifiedText,
    CoreferenceDocument,
    Proposition,
    SentencePair,
)
from elmobench.data.questions import PassageQuestion
from elmobench.tasks.task import Task

CARDS = "cards"
SUFFIX = "-part"


@dataclass(frozen=True)
class Part:
    """A part that has been written.

    Attributes:
        task: id of its card, ``ner/wnut17-part``.
        cards: folder of the card, to be included.
        files: split -> file, as both systems read it.
        examples: split -> number of examples.
        sha256: split -> digest of the file.
    """

    task: str
    cards: Path
    files: Mapping[str, Path]
    examples: Mapping[str, int]
    sha256: Mapping[str, str]


def write_part(task: Task, comparison: Comparison, folder: Path) -> Part:
    """Choose examples of each split by a hash of their ids, and write them with a card.

    Which examples are chosen depends on nothing else. Those that the formats cannot hold are never
    chosen; see :func:`can_be_written`. Of a split that is not larger than asked for, all are taken.

    Args:
        task: the whole data.
        comparison: has the sizes.
        folder: gets the files and the folder ``cards``.
    """
    pipeline = task.card.pipeline
    layout = FORMATS[pipeline]
    files, counts = {}, {}
    for split, chosen in chosen_examples(task, comparison).items():
        files[split] = folder / layout.file.format(split=split)
        files[split].parent.mkdir(parents=True, exist_ok=True)
        write_text(files[split], write_examples(pipeline, chosen))
        counts[split] = len(chosen)
    _write_card(task, folder, files)
    return Part(
        task=f"{task.id}{SUFFIX}",
        cards=folder / CARDS,
        files={split: _as_read(pipeline, file) for split, file in files.items()},
        examples=counts,
        sha256={split: file_sha256(file) for split, file in files.items()},
    )


def chosen_examples(task: Task, comparison: Comparison) -> dict[str, list[Any]]:
    """split -> the examples of the part; no example is in two splits."""
    sources = {split: split for split in SPLITS} | {"train": comparison.train_from}
    chosen: dict[str, list[Any]] = {}
    for split in ("dev", "test", "train"):
        taken = {
            e.id for other, es in chosen.items() if sources[other] == sources[split] for e in es
        }
        examples = [prepared(e, comparison.document_tokens) for e in task.split(sources[split])]
        longest = comparison.longest or math.inf
        usable = [
            e
            for e in examples
            if e.id not in taken and can_be_written(e) and len(e.tokens) <= longest
        ]
        chosen[split] = choose(usable, comparison.sizes[split])
    return {split: chosen[split] for split in SPLITS}


def choose(examples: Sequence[Any], size: int) -> list[Any]:
    """The ``size`` examples with the smallest hashes of their ids, in the data's order."""
    ranked = sorted(
        range(len(examples)), key=lambda i: hashlib.sha256(examples[i].id.encode()).digest()
    )
    return [examples[i] for i in sorted(ranked[:size])]


def can_be_written(example: Any) -> bool:
    """Whether both systems read the same example from the same file.

    White space inside tokens would be cut by AllenNLP's readers. Its reader of semantic roles takes
    every token of V, and of its continuation, for a predicate: only propositions whose V is
    one token are kept.
    """
    if isinstance(example, SentencePair):
        tokens = [*example.premise, *example.hypothesis]
    elif isinstance(example, PassageQuestion):
        tokens = [*example.question, *example.passage.tokens]
    else:
        tokens = list(example.tokens)
    if isinstance(example, Proposition):
        verbs = [i for i, tag in enumerate(example.tags) if tag.endswith("-V")]
        if verbs != [example.predicate]:
            return False
    if isinstance(example, ClassifiedText):
        inner = [token for token in tokens if token not in ("(", ")")]
        return is_plain(tokens) and not any(set("()") & set(token) for token in inner)
    return is_plain(tokens)


def prepared(example: Any, document_tokens: int) -> Any:
    """A document's beginning, as one sequence and without clusters of one mention.

    AllenNLP's reader hands a document to its embedder as one sequence, whatever its sentences, so
    that ELMo and the head's LSTM run over it as a whole. Other examples are returned unchanged.
    """
    if not isinstance(example, CoreferenceDocument):
        return example
    length = 0
    for sentence in example.sentences:
        length += len(sentence)
        if length >= (document_tokens or math.inf):
            break
    inside = [
        tuple(mention for mention in cluster if mention[1] < length) for cluster in example.clusters
    ]
    return replace(
        example,
        sentences=(example.tokens[:length],),
        clusters=tuple(cluster for cluster in inside if len(cluster) > 1),
    )


def _as_read(pipeline: str, file: Path) -> Path:
    # AllenNLP's reader of semantic roles takes a folder.
    return file.parent if pipeline == "srl" else file


def _write_card(task: Task, folder: Path, files: Mapping[str, Path]) -> None:
    card = task.card
    content = {
        "name": f"{card.name}{SUFFIX}",
        "pipeline": card.pipeline,
        "version": card.version,
        "title": f"a part of {card.title}",
        "description": "Examples chosen by a hash of their ids, to be read by AllenNLP as well.",
        "language": card.language,
        "corpus": card.corpus_name,
        "reader": FORMATS[card.pipeline].reader,
        "splits": {
            split: [{"path": f"../{file.relative_to(folder).as_posix()}"}]
            for split, file in files.items()
        },
        **({} if card.labels is None else {"labels": card.labels}),
        "metric": card.metric,
        "licence": card.licence,
        "redistributable": card.redistributable,
        "citation": card.citation,
        "head": card.head,
    }
    (folder / CARDS).mkdir(parents=True, exist_ok=True)
    write_text(folder / CARDS / f"{card.name}.yaml", yaml.safe_dump(content, sort_keys=False))
