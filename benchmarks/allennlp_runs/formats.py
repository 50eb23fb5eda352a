"""Files that a dataset reader of AllenNLP and one of ours both read, one writer per pipeline.

Every token is written as it is, with the separator of the format around it. Tokens that the formats
cannot hold are found by :func:`is_plain`, and their examples are left out beforehand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from elmobench.data.examples import (
    ClassifiedText,
    CoreferenceDocument,
    Proposition,
    SentencePair,
    TaggedSentence,
)
from elmobench.data.questions import PassageQuestion

_BRACKETS = {"(": "-LRB-", ")": "-RRB-"}


@dataclass(frozen=True)
class Format:
    """How one pipeline's examples are written.

    Attributes:
        file: name of the file of a split, with ``{split}``.
        reader: our reader of the file with its options, as in a task card.
    """

    file: str
    reader: dict[str, Any]


FORMATS = {
    "ner": Format(
        "{split}.conll",
        {
            "name": "conll-columns",
            "options": {"separator": "whitespace", "tag": 3, "scheme": "bio"},
        },
    ),
    "sentiment": Format("{split}.trees", {"name": "sst"}),
    "nli": Format("{split}.jsonl", {"name": "pair-jsonl", "options": {"tokenizer": "spaces"}}),
    "srl": Format("{split}/part.gold_conll", {"name": "conll-2012-srl"}),
    "qa": Format("{split}.json", {"name": "squad", "options": {"tokenizer": "whitespace"}}),
    "coref": Format("{split}.gold_conll", {"name": "conll-coref"}),
}


def is_plain(tokens: Iterable[str]) -> bool:
    """Whether no token is empty or holds white space of any kind, or is a word of a format."""
    return all(len(token.split()) == 1 and token.strip() == token for token in tokens) and not (
        {"-DOCSTART-", "XX", "/.", "/?"} & set(tokens)
    )


def write_examples(pipeline: str, examples: Sequence[Any]) -> str:
    """The content of a file with ``examples``, in the format of ``pipeline``."""
    return _WRITERS[pipeline](examples)


def tagged(examples: Sequence[TaggedSentence]) -> str:
    """The four columns of CoNLL-2003: word, part of speech, chunk and entity tag."""
    sentences = [
        "".join(f"{token} O O {tag}\n" for token, tag in zip(e.tokens, e.tags, strict=True))
        for e in examples
    ]
    return "\n".join(sentences)


def trees(examples: Sequence[ClassifiedText]) -> str:
    """Trees of the Stanford treebank, whose words all hang on the root: ``(3 (2 good) (2 !))``.

    Round brackets are written as the treebank does, and are tokens ``-LRB-`` and ``-RRB-`` to both
    readers.
    """
    lines = []
    for example in examples:
        words = [_BRACKETS.get(token, token) for token in example.tokens]
        leaves = " ".join(f"(2 {word})" for word in words)
        lines.append(f"({example.label} {leaves if len(words) > 1 else words[0]})\n")
    return "".join(lines)


def pairs(examples: Sequence[SentencePair]) -> str:
    """JSON lines with SNLI's fields; tokens are separated by spaces."""
    rows = [
        {
            "pairID": example.id,
            "gold_label": example.label,
            "sentence1": " ".join(example.premise),
            "sentence2": " ".join(example.hypothesis),
        }
        for example in examples
    ]
    return "".join(json.dumps(row) + "\n" for row in rows)


def propositions(examples: Sequence[Proposition]) -> str:
    """The columns of CoNLL-2012, with one column per predicate and no other annotation."""
    lines = ["#begin document (part); part 000\n"]
    for _, group in groupby(examples, key=_sentence_id):
        sentence = sorted(group, key=lambda example: example.predicate)
        predicates = {example.predicate for example in sentence}
        columns = [_brackets(example.tags) for example in sentence]
        for i, token in enumerate(sentence[0].tokens):
            sense = ("word", "01") if i in predicates else ("-", "-")
            fields = ["part", "0", str(i), token, "XX", "*", *sense, "-", "-", "*"]
            lines.append(" ".join([*fields, *(column[i] for column in columns), "-"]) + "\n")
        lines.append("\n")
    return "".join([*lines, "#end document\n"])


def questions(examples: Sequence[PassageQuestion]) -> str:
    """The JSON of SQuAD, with the tokens of questions and passages separated by spaces.

    Answers are whole tokens.
    """
    articles: dict[str, dict[str, Any]] = {}
    for example in examples:
        tokens = example.passage.tokens
        starts = [0]
        for token in tokens:
            starts.append(starts[-1] + len(token) + 1)
        answers = [
            {"text": " ".join(tokens[a.first : a.last + 1]), "answer_start": starts[a.first]}
            for a in example.answers
        ]
        context = " ".join(tokens)
        article = articles.setdefault(example.article, {"title": example.article, "paragraphs": {}})
        paragraph = article["paragraphs"].setdefault(context, {"context": context, "qas": []})
        paragraph["qas"].append(
            {"id": example.id, "question": " ".join(example.question), "answers": answers}
        )
    data = [{**a, "paragraphs": list(a["paragraphs"].values())} for a in articles.values()]
    return json.dumps({"version": "1.1", "data": data})


def documents(examples: Sequence[CoreferenceDocument]) -> str:
    """The columns of CoNLL-2012 with coreference in the last one."""
    lines = []
    for example in examples:
        name = example.id.rpartition(".")[0].replace(" ", "_") or example.id
        lines.append(f"#begin document ({name}); part 000\n")
        marks = _mentions(example)
        position = 0
        for sentence in example.sentences:
            for i, token in enumerate(sentence):
                mark = "|".join(marks[position]) or "-"
                fields = [name, "0", str(i), token, "XX", "*", "-", "-", "-", "-", "*", mark]
                lines.append(" ".join(fields) + "\n")
                position += 1
            lines.append("\n")
        lines.append("#end document\n")
    return "".join(lines)


def _sentence_id(proposition: Proposition) -> str:
    return proposition.id.rpartition("#")[0] or proposition.id


def _brackets(tags: Sequence[str]) -> list[str]:
    """BIO tags as the cells of a column: ``(A0*``, ``*``, ``*)``."""
    cells = []
    for i, tag in enumerate(tags):
        opens = f"({tag[2:]}*" if tag.startswith("B-") else "*"
        goes_on = i + 1 < len(tags) and tags[i + 1].startswith("I-")
        cells.append(opens + ("" if tag == "O" or goes_on else ")"))
    return cells


def _mentions(document: CoreferenceDocument) -> dict[int, list[str]]:
    """The marks at each token: first those that close, inner mentions first, then the others."""
    closing: dict[int, list[tuple[int, str]]] = defaultdict(list)
    opening: dict[int, list[tuple[int, str]]] = defaultdict(list)
    alone: dict[int, list[str]] = defaultdict(list)
    for number, cluster in enumerate(document.clusters):
        for first, last in cluster:
            if first == last:
                alone[first].append(f"({number})")
            else:
                opening[first].append((-last, f"({number}"))
                closing[last].append((-first, f"{number})"))
    return defaultdict(
        list,
        {
            i: [mark for _, mark in sorted(opening[i])]
            + alone[i]
            + [mark for _, mark in sorted(closing[i])]
            for i in {*opening, *closing, *alone}
        },
    )


_WRITERS: dict[str, Callable[[Any], str]] = {
    "ner": tagged,
    "sentiment": trees,
    "nli": pairs,
    "srl": propositions,
    "qa": questions,
    "coref": documents,
}
