"""Trees of CoNLL-U: heads, punctuation by either column, documents, and problems."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.core.errors import DataError
from elmobench.data.examples import TreeText
from elmobench.data.readers.base import READERS, ReadResult, SourceText, read_bytes

CONLLU = """\
# newdoc id = d1
# sent_id = d1-1
1\tAnn\tAnn\tPROPN\tNNP\t_\t4\tnsubj\t_\t_
2-3\tdidn't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdid\tdo\tAUX\tVBD\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t_\t_
4\tsee\tsee\tVERB\tVB\t_\t0\troot\t_\t_
5\t-\t-\tPUNCT\tHYPH\t_\t6\tpunct\t_\t_
6\tit\tit\tPRON\tPRP\t_\t4\tobj\t_\t_
7\t.\t.\tPUNCT\t.\t_\t4\tpunct\t_\t_

1\tNo\tno\tINTJ\tUH\t_\t0\troot\t_\t_
"""


def read(text: str = CONLLU, **options: Any) -> ReadResult:
    return read_bytes("conllu-trees", text.encode(), "f.conllu", options)


def test_sentences_with_their_trees() -> None:
    result = read()
    words = ("Ann", "did", "n't", "see", "-", "it", ".")
    assert result.examples == [
        TreeText("d1-1", words, (3, 3, 3, -1, 5, 3, 3), (4, 6)),
        TreeText("text-000012", ("No",), (-1,)),
    ]
    assert result.groups == {"d1-1": "d1", "text-000012": "d1"}
    assert result.dropped == {"ranges and empty nodes": 1}


def test_punctuation_of_the_other_column() -> None:
    """The published code has a list of Penn tags, in which a hyphen is none."""
    penn = ["''", ",", ".", ":", "``", "-LRB-", "-RRB-"]
    assert read(tags="language", punctuation=penn).examples[0].punctuation == (6,)
    assert read(punctuation=[]).examples[0].punctuation == ()


def test_a_sentence_that_is_no_tree() -> None:
    wrong = CONLLU.replace("\t0\troot", "\t6\troot", 1)
    with pytest.raises(DataError, match=r"0 roots"):
        read(wrong)


def test_problems_that_may_be_dropped() -> None:
    reader = READERS.get("conllu-trees")
    text = SourceText(CONLLU.replace("\tobj\t", "\t_\t").encode(), "f")
    result = reader.read_all(text, reader.options({}, "card"), ["empty-label"])
    assert [example.tokens for example in result.examples] == [("No",)]
    assert result.lost == {"empty-label": 1}
