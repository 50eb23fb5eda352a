"""Small made-up files in the formats of the data sets of the ELMo paper, under their own names.

Each function writes the files of one data set below a folder, as its publisher lays them out.
"""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Sequence
from pathlib import Path

SPLITS = ("train", "dev", "test")

PEOPLE = ("Ada", "Grace", "Alan", "Emmy")
PLACES = ("Oslo", "Rome", "Lima", "Bern")
VERBS = ("left", "saw", "likes", "found")
THINGS = ("book", "bank", "ship", "film")

WORDS = (
    *(*PEOPLE, *PLACES, *VERBS, *THINGS),
    *(
        "Lovelace",
        "In",
        "in",
        "He",
        "he",
        "The",
        "the",
        "a",
        "was",
        "said",
        "quickly",
        ".",
        "(",
        ")",
    ),
    *("Who", "What", "?", "fine", "bad", "very", "old", "dull"),
)
"""Every word of the files below, as in the vocabulary of stand-ins for GloVe."""


def _pick(i: int) -> tuple[str, str, str, str]:
    return PEOPLE[i % 4], VERBS[(i // 2) % 4], THINGS[(i // 3) % 4], PLACES[(i + 1) % 4]


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def _zipped(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as stream:
        stream.write(text)


def conll2003(folder: Path, sizes: Sequence[int]) -> None:
    """``eng.train``, ``eng.testa``, ``eng.testb``: four columns, names as IOB1.

    A name begins with ``B-`` only after another name of its type.
    """
    for name, size in zip(("eng.train", "eng.testa", "eng.testb"), sizes, strict=True):
        lines = ["-DOCSTART- -X- -X- O", ""]
        for i in range(size):
            who, verb, _, where = _pick(i)
            lines += [
                f"{who} NNP I-NP I-PER",
                "Lovelace NNP I-NP I-PER",
                f"{PEOPLE[(i + 1) % 4]} NNP B-NP B-PER",
                f"{verb} VBD I-VP O",
                f"{where} NNP I-NP I-LOC",
                ". . O O",
                "",
            ]
        _write(folder / name, "\n".join(lines) + "\n")


def ontonotes(folder: Path, sizes: Sequence[int]) -> None:
    """Both CoNLL forms of OntoNotes 5, one file per document.

    ``conll-formatted-ontonotes-5.0`` is the whole corpus, in which some documents have no
    coreference; ``conll-2012`` is that of the shared task.
    """
    whole = folder / "conll-formatted-ontonotes-5.0" / "data"
    shared_task = folder / "conll-2012" / "v4" / "data"
    inner = "data/english/annotations"
    for (ours, theirs), size in zip(
        (("train", "train"), ("development", "development"), ("conll-2012-test", "test")),
        sizes,
        strict=True,
    ):
        for i in range(size):
            key = f"bc/cctv/00/cctv_{i:04d}"
            _write(whole / ours / inner / f"{key}.gold_conll", _ontonotes_document(key, i))
            _write(
                shared_task / theirs / inner / f"{key}.v4_gold_conll", _ontonotes_document(key, i)
            )
    # The scripts also write a second test set, which no publication scores.
    key = "pt/nt/40/nt_4001"
    _write(whole / "test" / inner / f"{key}.gold_conll", _ontonotes_document(key, 0))


def _ontonotes_document(key: str, i: int) -> str:
    """Two sentences with roles and treebank escapes, by two speakers; two clusters."""
    who, verb, thing, where = _pick(i)
    first = [
        # word, tag, parse, lemma, frameset, sense, name, roles, coreference
        (who, "NNP", "(TOP(S(NP*)", "-", "-", "-", "(PERSON)", "(ARG0*)", "(0)"),
        (verb, "VBD", "(VP*", verb, "01", "1", "*", "(V*)", "-"),
        ("the", "DT", "(NP*", "-", "-", "-", "*", "(ARG1*", "(1"),
        (thing, "NN", "*)", thing, "-", "2", "*", "*)", "1)"),
        ("-LRB-", "-LRB-", "(PRN*", "-", "-", "-", "*", "*", "-"),
        ("in", "IN", "(PP*", "-", "-", "-", "*", "(ARGM-LOC*", "-"),
        (where, "NNP", "(NP*))", "-", "-", "-", "(GPE)", "*)", "-"),
        ("-RRB-", "-RRB-", "*)", "-", "-", "-", "*", "*", "-"),
        (".", ".", "*))", "-", "-", "-", "*", "*", "-"),
    ]
    second = [
        ("He", "PRP", "(TOP(S(NP*)", "-", "-", "-", "*", "(ARG0*)", "*", "(0)"),
        ("said", "VBD", "(VP*", "say", "01", "1", "*", "(V*)", "*", "-"),
        ("he", "PRP", "(SBAR(S(NP*)", "-", "-", "-", "*", "(ARG1*", "(ARG0*)", "(0)"),
        ("found", "VBD", "(VP*", "find", "01", "1", "*", "*", "(V*)", "-"),
        ("the", "DT", "(NP*", "-", "-", "-", "*", "*", "(ARG1*", "(1"),
        (thing, "NN", "*)))))", thing, "-", "2", "*", "*)", "*)", "1)"),
        (".", ".", "*))", "-", "-", "-", "*", "*", "*", "-"),
    ]
    text = f"#begin document ({key}); part 000\n"
    for speaker, sentence in (("speaker#1", first), ("speaker#2", second)):
        for number, row in enumerate(sentence):
            word, tag, parse, lemma, frame, sense, name, *rest = row
            fields = (key, 0, number, word, tag, parse, lemma, frame, sense, speaker, name, *rest)
            text += "   ".join(map(str, fields)) + "\n"
        text += "\n"
    return text + "#end document\n"


def conll2005(folder: Path, sizes: Sequence[int]) -> None:
    """``conll05st-release``: words and props in separate compressed files."""
    places = (
        ("train", ("train.wsj.02", "train.wsj.21")),
        ("devel", ("devel.24",)),
        ("test.wsj", ("test.wsj",)),
    )
    for (split, names), size in zip(places, sizes, strict=True):
        for name in names:
            words = props = ""
            for i in range(size):
                who, verb, thing, _ = _pick(i)
                words += f"{who}\n{verb}\nthe\n{thing}\n.\n\n"
                props += f"-  (A0*)\n{verb}  (V*)\n-  (A1*\n-  *)\n-  *\n\n"
            _zipped(folder / split / "words" / f"{name}.words.gz", words)
            _zipped(folder / split / "props" / f"{name}.props.gz", props)


def penn_treebank(folder: Path, sizes: Sequence[int]) -> None:
    """``SECTION/wsj_NNNN.mrg``: bracketed trees with traces, over several lines."""
    for section, size in zip(("00", "18", "19", "21", "22", "24"), sizes, strict=True):
        text = ""
        for i in range(size):
            who, verb, thing, _ = _pick(i)
            text += (
                f"\n( (S\n    (NP-SBJ (NNP {who}) (-LRB- -LRB-) (-RRB- -RRB-))\n"
                f"    (VP (VBD {verb})\n      (NP (-NONE- *T*-1) )\n"
                f"      (NP (DT the) (NN {thing}) ))\n    (. .) ))\n"
            )
        _write(folder / section / f"wsj_{section}01.mrg", text)


def snli(archive: Path, sizes: Sequence[int]) -> None:
    """``snli_1.0.zip`` with JSON lines; one more pair has no label that annotators agree on."""
    labels = ("entailment", "neutral", "contradiction")
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w") as file:
        for split, size in zip(SPLITS, sizes, strict=True):
            rows = []
            for i in range(size + 1):
                who, verb, thing, where = _pick(i)
                rows.append(
                    {
                        "annotator_labels": [labels[i % 3]],
                        "captionID": f"{split}{i}.jpg#0",
                        "gold_label": labels[i % 3] if i < size else "-",
                        "pairID": f"{split}{i}.jpg#0r1n",
                        "sentence1": f"{who} {verb} the {thing} in {where}.",
                        "sentence2": f"{PEOPLE[(i // 2) % 4]} {verb} the {thing}.",
                    }
                )
            text = "".join(json.dumps(row) + "\n" for row in rows)
            file.writestr(f"snli_1.0/snli_1.0_{split}.jsonl", text)


def squad(path: Path, articles: int, prefix: str) -> None:
    """A JSON file in the format of SQuAD 1.1, with one paragraph and question per article."""
    data = []
    for i in range(articles):
        who, verb, thing, where = _pick(i)
        context = f"{who} {verb} the old {thing} in {where}. The {thing} was fine."
        question = {
            "id": f"{prefix}{i:024x}"[-24:],
            "question": f"Who {verb} the {thing}?" if i % 2 else f"What was in {where}?",
            "answers": [
                {"text": who, "answer_start": 0}
                if i % 2
                else {"text": thing, "answer_start": context.index(thing)}
            ],
        }
        paragraph = {"context": context, "qas": [question]}
        data.append({"title": f"{prefix} {i}", "paragraphs": [paragraph]})
    _write(path, json.dumps({"data": data, "version": "1.1"}))


def sst_trees(path: Path, size: int) -> None:
    """One labelled tree per line."""
    lines = [
        f"({label} (2 (2 The) (2 {THINGS[i % 4]})) ({label} ({label} (2 was) ({label} "
        f"{('dull', 'bad', 'old', 'fine', 'fine')[label]})) (2 .)))"
        for i, label in ((i, i % 5) for i in range(size))
    ]
    _write(path, "\n".join(lines) + "\n")


def semcor_file(path: Path, size: int) -> None:
    """A file of SemCor: SGML with sense numbers; two senses of two lemmas."""
    name = path.name
    lines = [
        "<contextfile concordance=brown>",
        f"<context filename={name} paras=yes>",
        "<p pnum=1>",
    ]
    for i in range(size):
        thing = THINGS[i % 4]
        lines += [
            f"<s snum={i + 1}>",
            "<wf cmd=ignore pos=DT>The</wf>",
            "<wf cmd=done pos=NN lemma=bank wnsn={} lexsn=1:{}:00::>bank</wf>".format(
                *((1, "17"), (2, "14"))[i % 2]
            ),
            f"<wf cmd=done pos=VB lemma=find wnsn=1 lexsn=2:4{i % 2}:00::>found</wf>",
            "<wf cmd=ignore pos=DT>the</wf>",
            f"<wf cmd=done pos=NN lemma={thing} wnsn=0 lexsn=1:00:00::>{thing}</wf>",
            "<punc>.</punc>",
            "</s>",
        ]
    _write(path, "\n".join([*lines, "</p>", "</context>", "</contextfile>"]) + "\n")


def raganato(folder: Path, name: str, size: int, lemmas: Sequence[str] = ("bank", "old")) -> None:
    """``NAME.data.xml`` and ``NAME.gold.key.txt`` of the unified evaluation framework.

    SemCor lacks the lemma "old", which therefore gets the inventory's first sense.
    """
    parts = {"bank": ("NOUN", "bank%1:17:00::", "bank%1:14:00::")}
    parts["old"] = ("ADJ", "old%3:00:01::", "old%3:00:02::")
    xml = ['<?xml version="1.0" encoding="UTF-8" ?>', '<corpus lang="en">', '<text id="d000">']
    keys = []
    for i in range(size):
        at = f"d000.s{i:03d}"
        xml += [f'<sentence id="{at}">', '<wf lemma="the" pos="DET">The</wf>']
        for t, lemma in enumerate(lemmas):
            pos, *senses = parts[lemma]
            xml.append(
                f'<instance id="{at}.t{t:03d}" lemma="{lemma}" pos="{pos}">{lemma}</instance>'
            )
            keys.append(f"{at}.t{t:03d} {senses[i % 2]}")
        xml += ['<wf lemma="." pos=".">.</wf>', "</sentence>"]
    _write(folder / f"{name}.data.xml", "\n".join([*xml, "</text>", "</corpus>"]) + "\n")
    _write(folder / f"{name}.gold.key.txt", "\n".join(keys) + "\n")


def evaluation_framework(folder: Path, train: int, test: int) -> None:
    """``Training_Corpora`` and ``Evaluation_Datasets`` of the unified evaluation framework."""
    raganato(folder / "Training_Corpora" / "SemCor", "semcor", train, ("bank",))
    for name in ("senseval2", "senseval3", "semeval2007", "semeval2013", "semeval2015"):
        raganato(folder / "Evaluation_Datasets" / name, name, test)


def wordnet(folder: Path) -> None:
    """``dict/index.sense`` of WordNet 3.0: sense key, offset, number of the sense, count."""
    lines = [
        f"{key} {offset:08d} {number} 1"
        for offset, (_, keys) in enumerate(_SENSES.values(), start=1)
        for number, key in enumerate(keys, start=1)
    ]
    _write(folder / "dict" / "index.sense", "\n".join(sorted(lines)) + "\n")


_SENSES = {
    "bank": ("n", ("bank%1:14:00::", "bank%1:17:00::")),
    "find": ("v", ("find%2:40:00::", "find%2:41:00::")),
    "old": ("a", ("old%3:00:01::", "old%3:00:02::")),
}


def open_english_wordnet(path: Path) -> None:
    """An entry file of the Open English WordNet with the lemmas of the files above."""
    text = ""
    for lemma, (pos, keys) in _SENSES.items():
        text += f"{lemma}:\n  {pos}:\n    sense:\n"
        for key in keys:
            text += f"    - id: {key!r}\n      synset: 00000001-{pos}\n"
    _write(path, text)


def gap(path: Path, size: int) -> None:
    """The table of GAP: a pronoun, two names, and which of them it refers to."""
    rows = [
        [
            *("ID", "Text", "Pronoun", "Pronoun-offset", "A", "A-offset", "A-coref"),
            *("B", "B-offset", "B-coref", "URL"),
        ]
    ]
    for i in range(size):
        one, other = PEOPLE[i % 4], PEOPLE[(i + 1) % 4]
        text = f"{one} saw {other} . Then {('he', 'she')[i % 2]} left ."
        at = text.index("Then ") + 5
        refers = (("TRUE", "FALSE"), ("FALSE", "TRUE"), ("FALSE", "FALSE"))[i % 3]
        row = (f"{path.stem}-{i}", text, ("he", "she")[i % 2], at, one, 0, refers[0])
        rest = (other, text.index(other), refers[1], "http://example.org")
        rows.append([str(value) for value in (*row, *rest)])
    _write(path, "\n".join("\t".join(row) for row in rows) + "\n")


def glove_text(dim: int) -> str:
    """A file of GloVe's text format: the words above with vectors of ``dim`` values."""
    rows = []
    for row, word in enumerate(dict.fromkeys(WORDS)):
        values = (f"{((row * 37 + i * 11) % 23 - 11) / 23:.4f}" for i in range(dim))
        rows.append(" ".join((word, *values)))
    return "\n".join(rows) + "\n"
