"""The join of PropBank's columns with the words of a treebank."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DataError, ElmobenchWarning
from elmobench.data.examples import Proposition
from elmobench.data.readers.base import READERS, SourceText
from elmobench.tasks.task import load_task

WORDS = """\
# newdoc id = weblog-a-b
# sent_id = a-1
1\tDogs\t_\t_\t_\t_\t_\t_\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\t_\t_\t_\t_\t_\t_\t_\t_
3\tn't\t_\t_\t_\t_\t_\t_\t_\t_
3.1\tever\t_\t_\t_\t_\t_\t_\t_\t_
4\tbite\t_\t_\t_\t_\t_\t_\t_\t_

# sent_id = a-2
1\tRun\t_\t_\t_\t_\t_\t_\t_\t_

# newdoc id = email-c
# sent_id = c-1
1\tHi\t_\t_\t_\t_\t_\t_\t_\t_
"""
ROWS = """\
google/ewt/weblog/00/a-b.xml  0  0  [WORD]  NNS  (S*   -     -        *          (ARG0*)
google/ewt/weblog/00/a-b.xml  0  1  [WORD]  VBP   *    do    do.01   (V*)        *
google/ewt/weblog/00/a-b.xml  0  2  [WORD]  RB    *    -     -        *          (ARGM-NEG*)
google/ewt/weblog/00/a-b.xml  0  3  [WORD]  VB    *)   bite  bite.01  *          (V*)

google/ewt/weblog/00/a-b.xml  1  0  [WORD]  VB   (S*)  run   run.02   (V*)
"""


def read(words: str = WORDS, *rows: str):
    beside = tuple(SourceText(r.encode(), f"{i}.gold_skel") for i, r in enumerate(rows or (ROWS,)))
    reader = READERS.get("propbank-ud")
    text = SourceText(words.encode(), "w.conllu", beside={"propositions": beside})
    return reader.read(text, reader.options({}, "card"))


def test_join_and_counts_of_dropped_parts():
    result = read()
    assert result.examples == [
        Proposition(
            "a-1#2",
            ("Dogs", "do", "n't", "bite"),
            3,
            ("B-ARG0", "O", "B-ARGM-NEG", "B-V"),
            "bite.01",
        )
    ]
    assert result.dropped == {
        "ranges and empty nodes": 2,
        "propositions without an argument": 2,
        "documents without annotation": 1,
        "sentences of documents without annotation": 1,
    }


def test_a_sentence_of_another_length_is_dropped_and_counted():
    result = read(WORDS.replace("4\tbite\t_\t_\t_\t_\t_\t_\t_\t_\n", ""))
    assert not result.examples
    assert result.dropped["sentences of another length"] == 1
    assert result.dropped["propositions in sentences of another length"] == 2


def test_the_predicate_is_the_roleset_s_token():
    """Even if V begins elsewhere; V and C-V alone are no arguments."""
    rows = ROWS.replace("(ARG0*)", "(V*)")
    rows = rows.replace("bite.01  *          (V*)", "bite.01  *          (C-V*)")
    (example,) = read(WORDS, rows).examples
    assert (example.predicate, example.roleset) == (3, "bite.01")
    assert example.tags == ("B-V", "O", "B-ARGM-NEG", "B-C-V")
    assert len(read(WORDS, rows.replace("(ARGM-NEG*)", "*")).examples) == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(ARG0*)", "(ARG0*", "0.gold_skel:3.*ARGM-NEG opens inside ARG0"),
        ("(ARG0*)", "*)", r"0.gold_skel:1.*'\)' closes no argument"),
        ("(ARG0*)", "ARG0", "0.gold_skel:1.*'ARG0' is not a cell of an argument column"),
        ("(ARG0*)", "", "0.gold_skel:2: the row has 10 fields, but the sentence's first has 9"),
        ("bite.01", "-", "0.gold_skel:1: the sentence marks 1 predicates but has 2 argument"),
        ("b.xml  0  1", "x.xml  0  1", "0.gold_skel:2.*the file to 'google/ewt/weblog/00/a-b.xml"),
        ("b.xml  0  2", "b.xml  0  5", "0.gold_skel:3: token 5 of sentence 0, expected token 2"),
        ("b.xml  1  0  [WORD]  VB   (S*)  run   run.02   (V*)", "", "6: the row has 1 fields"),
    ],
)
def test_bad_annotation(old: str, new: str, message: str):
    assert old in ROWS
    with pytest.raises(DataError, match=message):
        read(WORDS, ROWS.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("1\tDogs", "1 Dogs", "w.conllu:3.*10 fields of CoNLL-U"),
        ("1\tDogs", "1\t", "w.conllu:3.*10 fields of CoNLL-U"),
        ("# newdoc id = weblog-a-b\n", "", "w.conllu:8.*has no '# newdoc id ='"),
        ("# sent_id = a-2\n", "", "w.conllu:11.*has no '# sent_id ='"),
        ("email-c", "weblog-a-b", "w.conllu:13.*'weblog-a-b' begins twice"),
        ("weblog-a-b", "weblog-b", "0.gold_skel.*'weblog-a-b', which w.conllu does not hold"),
        ("\n# sent_id = a-2\n", "", "0.gold_skel: 2 annotated sentences.*has 1"),
    ],
)
def test_bad_words(old: str, new: str, message: str):
    assert old in WORDS
    with pytest.raises(DataError, match=message):
        read(WORDS.replace(old, new))


def test_one_annotation_file_per_document_and_at_least_one():
    with pytest.raises(DataError, match=r"1\.gold_skel.*as another file does"):
        read(WORDS, ROWS, ROWS)
    with pytest.raises(DataError, match="expected a document's path"):
        read(WORDS, ROWS.replace("google/ewt/weblog/00/", ""))
    reader = READERS.get("propbank-ud")
    with pytest.raises(ConfigError, match="needs a companion file 'propositions'"):
        reader.read(SourceText(b"", "w.conllu"), reader.options({}, "card"))


@pytest.mark.slow
@pytest.mark.shared
def test_the_real_set(shared: Path, monkeypatch: pytest.MonkeyPatch):
    """Check all numbers that the data's documentation states."""
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(shared / "mirror"))
    task = load_task("srl/propbank-ewt")
    # dev and test have I-ARGM-MOD and R-ARGM-ADJ, which train lacks.
    with pytest.warns(ElmobenchWarning, match="ARGM-MOD|ARGM-ADJ"):
        counts = [task.split_counts[split] for split in task.splits]
    assert [c.examples for c in counts] == [33521, 4143, 3971]
    lost = [task.dropped[split] for split in task.splits]
    assert [d["documents without annotation"] for d in lost] == [0, 21, 8]
    assert [d["sentences of documents without annotation"] for d in lost] == [0, 28, 15]
    assert [d["sentences of another length"] for d in lost] == [1, 0, 0]
    assert lost[0]["propositions in sentences of another length"] == 4
    whole = [
        d["propositions without an argument"] + c.examples
        for d, c in zip(lost, counts, strict=True)
    ]
    assert whole == [40482, 4977, 4799]
    types = [c.types or {} for c in counts]
    assert sum(n for t in types for label, n in t.items() if label.startswith("C-")) == 840
    assert sum(n for t in types for label, n in t.items() if label.startswith("R-")) == 1794
    assert set(types[2]) - set(types[0]) == {"R-ARGM-ADJ"}
    examples = [e for split in task.splits for e in task.split(split)]
    assert all(e.roleset for e in examples)
    # 13 columns have a V that begins elsewhere; two of them have no argument.
    assert sum(e.tags[e.predicate] != "B-V" for e in examples) == 11
    # Propositions share sentences: an encoder reads these, not 41,635.
    assert len({e.tokens for e in examples}) == 12992
