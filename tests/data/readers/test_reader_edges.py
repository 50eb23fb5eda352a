"""Edges in the JSON lines of edge probing, in CoNLL-U, and in what other readers give."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from elmobench.core.errors import ConfigError, DataError, UnknownNameError
from elmobench.data.examples import Edge, EdgeText
from elmobench.data.readers.base import READERS, ReadResult, SourceText, read_bytes
from elmobench.data.readers.conllu import check_tree
from elmobench.tasks.task import load_task

# The layout that jiant's scripts write; the sentences are made up.
SRL = {
    "text": "Ann saw the old bridge .",
    "info": {"document_id": "d", "sentence_id": 3},
    "targets": [
        {"span1": [1, 2], "span2": [0, 1], "label": "ARG0", "info": {"height": 1}},
        {"span1": [1, 2], "span2": [2, 5], "label": "ARG1"},
    ],
}


def lines(*records: Any) -> bytes:
    return "\n".join(map(json.dumps, records)).encode()


def read(*records: Any, **options: Any) -> list[EdgeText]:
    return read_bytes("edge-probing-json", lines(*records), "f.json", options).examples


def test_pairs_of_spans() -> None:
    (text,) = read(SRL)
    assert text.sentences == (("Ann", "saw", "the", "old", "bridge", "."),)
    assert text.edges == (
        Edge(((1, 1), (0, 0)), ("ARG0",)),
        Edge(((1, 1), (2, 4)), ("ARG1",)),
    )


def test_labels_of_every_published_form() -> None:
    targets = [
        {"span1": [0, 1], "label": label} for label in ("NNP", 1, True, ["sentient", "aware"], [])
    ]
    (text,) = read({"text": "Ann", "targets": targets}, map={"1": "yes", "true": "yes"})
    assert [edge.labels for edge in text.edges] == [
        ("NNP",),
        ("yes",),
        ("yes",),
        ("sentient", "aware"),
        (),
    ]


def test_texts_without_targets_are_counted() -> None:
    result = read_bytes("edge-probing-json", lines(SRL, {"text": "x", "targets": []}), "f")
    assert len(result.examples) == 1
    assert result.dropped["texts without a target"] == 1
    assert not result.lost


def with_target(**fields: Any) -> dict[str, Any]:
    target = {**SRL["targets"][0], **fields}  # type: ignore[index]
    return {**SRL, "targets": [{k: v for k, v in target.items() if v is not ...}]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"targets": []}, "text in the field 'text', got null"),
        ({"text": " ", "targets": []}, "text is empty"),
        ({"text": "a"}, "list of objects in the field 'targets', got null"),
        ({"text": "a", "targets": [1]}, "list of objects in the field 'targets'"),
        (with_target(span1=[0, 7]), r"span '\[0, 7\]' in the field 'span1'.*6 tokens"),
        (with_target(span2=[2, 2]), "no part of the text"),
        (with_target(span2=[-1, 2]), "no part of the text"),
        (with_target(span2=[0, 1, 2]), "two whole numbers in the field 'span2'"),
        (with_target(span2=[0, True]), "two whole numbers"),
        (with_target(span2=None), "two whole numbers in the field 'span2', got 'None'"),
        (with_target(label=...), "field 'label' is missing"),
        (with_target(label=None), "expected labels .*, got null"),
        (with_target(label=[["a"]]), "expected labels .*, got a list"),
        (with_target(label=1.5), "expected labels .*, got a number"),
        (with_target(label=["a", "a"]), "'a' appears twice"),
        (with_target(label=""), "label is empty"),
        (with_target(span2=...), "lacks the field 'span2', unlike the first"),
    ],
)
def test_records_that_are_wrong(record: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(SRL, record)
    assert str(caught.value.where).startswith("f.json:2")


def test_a_second_span_where_the_first_target_has_one() -> None:
    single = {"text": "a b", "targets": [{"span1": [0, 1], "label": "x"}]}
    with pytest.raises(DataError, match="has the field 'span2', unlike the first"):
        read(single, SRL)


def test_problems_that_may_be_dropped() -> None:
    reader = READERS.get("edge-probing-json")
    text = SourceText(lines(SRL, with_target(label=""), {**SRL, "text": ""}), "f")
    result = reader.read_all(text, reader.options({}, "card"), ["empty-label", "empty-text"])
    assert len(result.examples) == 1
    assert result.lost == {"empty-label": 1, "empty-text": 1}


# The layout of UD English-EWT, with a range and an empty node; the sentences are made up.
CONLLU = """\
# newdoc id = d1
# sent_id = d1-1
# text = Ann didn't see it.
1\tAnn\tAnn\tPROPN\tNNP\t_\t4\tnsubj\t4:nsubj\t_
2-3\tdidn't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdid\tdo\tAUX\tVBD\t_\t4\taux\t4:aux\t_
3\tn't\tnot\tPART\tRB\t_\t4\tadvmod\t4:advmod\t_
4\tsee\tsee\tVERB\tVB\t_\t0\troot\t0:root\t_
4.1\tseen\tsee\tVERB\tVBN\t_\t_\t_\t4:dep\t_
5\tit\tit\tPRON\tPRP\t_\t4\tnsubj:pass\t4:obj\t_

# sent_id = d1-2
1\tNo\tno\tINTJ\tUH\t_\t0\troot\t0:root\t_

1\tGo\tgo\tVERB\tVB\t_\t0\troot\t0:root\t_
2\ton\ton\tADV\tRB\t_\t1\tadvmod\t1:advmod\t_
"""


def conllu(text: str = CONLLU, **options: Any) -> ReadResult:
    return read_bytes("conllu-edges", text.encode(), "f.conllu", options)


def shown(text: EdgeText) -> list[tuple[str, ...]]:
    """The words of each edge's spans, and its labels."""
    words = text.tokens
    return [
        (*(" ".join(words[a : b + 1]) for a, b in edge.spans), *edge.labels) for edge in text.edges
    ]


def test_relations_to_heads() -> None:
    result = conllu()
    one, other = result.examples
    assert (one.id, other.id) == ("d1-1", "text-000015")
    assert shown(one) == [
        ("Ann", "see", "nsubj"),
        ("did", "see", "aux"),
        ("n't", "see", "advmod"),
        ("it", "see", "nsubj:pass"),
    ]
    assert shown(other) == [("on", "Go", "advmod")]
    assert result.dropped == {"ranges and empty nodes": 2, "sentences without an edge": 1}
    assert result.groups == {"d1-1": "d1", "text-000015": "d1"}
    assert shown(conllu(label="universal").examples[0])[-1] == ("it", "see", "nsubj")


def test_arcs_have_as_many_other_words() -> None:
    result = conllu(label="arc")
    one, other = result.examples
    found = shown(one)
    arcs, others = found[::2], found[1::2]
    assert arcs == [(word, "see", "arc") for word in ("Ann", "did", "n't", "it")]
    assert [row[0] for row in others] == [row[0] for row in arcs]
    assert all(label == "none" and word != drawn != "see" for word, drawn, label in others)
    assert shown(other) == [("on", "Go", "arc")]
    assert result.dropped["words without another word that is not their head"] == 1
    assert conllu(label="arc").examples == result.examples
    # Over many sentences, every other word is drawn about equally often.
    texts = [CONLLU.replace("it\tit", f"it{i}\tit") for i in range(300)]
    drawn = Counter(shown(conllu(text, label="arc").examples[0])[1][1] for text in texts)
    assert set(drawn) == {"did", "n't", *(f"it{i}" for i in range(300) if drawn[f"it{i}"])}
    assert 70 < drawn["did"] < 130
    assert 70 < drawn["n't"] < 130


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("4\tnsubj\t", "5\tnsubj\t", 4, "own ancestor"),
        ("4\tnsubj\t", "0\tnsubj\t", 4, "2 roots"),
        ("0\troot\t0:root\t_\n4.1", "1\troot\t0:root\t_\n4.1", 4, "0 roots"),
        ("4\tnsubj\t", "6\tnsubj\t", 4, "head '6' is no word"),
        ("4\tnsubj\t", "_\tnsubj\t", 4, "head '_' is no word"),
        ("4\tnsubj\t", "4\t_\t", 4, "no relation"),
        ("2\tdid", "7\tdid", 6, "word '7', expected word 2"),
        ("\tPROPN\t", "\t", 4, "9 fields, expected the 10"),
        ("1\tAnn\t", "1\t\t", 4, "word is empty"),
    ],
)
def test_trees_that_are_wrong(old: str, new: str, line: int, message: str) -> None:
    text = CONLLU.replace(old, new, 1)
    if "ancestor" in message:
        text = text.replace("\t4\tnsubj:pass", "\t1\tnsubj:pass")
    assert text != CONLLU
    with pytest.raises(DataError, match=message) as caught:
        conllu(text)
    assert str(caught.value.where) == f"f.conllu:{line}"


@given(st.lists(st.integers(-1, 5), min_size=1, max_size=6))
def test_what_a_tree_is(heads: list[int]) -> None:
    """One root, and all words connected by as many edges as there are other words."""
    if max(heads) >= len(heads):
        return
    edges = [(head, word) for word, head in enumerate(heads) if head >= 0]
    rows, columns = zip(*edges, strict=True) if edges else ((), ())
    graph = coo_array(([1] * len(edges), (rows, columns)), shape=(len(heads), len(heads)))
    is_tree = len(edges) == len(heads) - 1 and connected_components(graph)[0] == 1
    try:
        check_tree(heads, "here")
    except DataError:
        assert not is_tree
    else:
        assert is_tree


def of(reader: str, data: str, beside: dict[str, str] | None = None, **options: Any) -> ReadResult:
    edges_of = READERS.get("edges-of")
    others = {k: (SourceText(v.encode(), k),) for k, v in (beside or {}).items()}
    text = SourceText(data.encode(), "f", beside=others)
    return edges_of.read_all(text, edges_of.options({"reader": reader, **options}, "card"))


def test_edges_of_tags() -> None:
    data = "Ann\tB-PER\nLee\tI-PER\nsaw\tO\nRome\tB-LOC\n\nno\tO\n"
    result = of("conll-columns", data, options={"scheme": "bio"})
    assert shown(result.examples[0]) == [("Ann Lee", "PER"), ("Rome", "LOC")]
    assert result.dropped["examples without an edge"] == 1
    tagged = of("conll-columns", data, options={"scheme": "bio"}, tags="tokens").examples
    assert shown(tagged[1]) == [("no", "O")]


def test_edges_of_words_in_context() -> None:
    data = "bank\tN\t1-0\tthe bank .\tbanks rose\n"
    (text,) = of("wic", data, {"gold": "F\n"}).examples
    assert text.sentences == (("the", "bank", "."), ("banks", "rose"))
    assert shown(text) == [("bank", "banks", "F")]


def test_edges_of_coreference() -> None:
    rows = ["#begin document (d); part 000"]
    words = [("Ann", "(1"), ("Lee", "1)"), ("saw", "-"), ("her", "(1)"), ("", ""), ("She", "(1)")]
    number = 0
    for word, cluster in words:
        if not word:
            rows.append("")
            number = 0
            continue
        rows.append("\t".join(["d", "0", str(number), word, *["-"] * 8, cluster]))
        number += 1
    rows += ["", "#end document", ""]
    options = {"options": {"separator": "tab"}}
    result = of("conll-coref", "\n".join(rows), **options)
    assert [shown(text) for text in result.examples] == [[("her", "Ann Lee", "same")]]
    assert set(result.groups) == {text.id for text in result.examples}
    (text,) = of("conll-coref", "\n".join(rows), window=2, **options).examples
    assert shown(text) == [
        ("her", "Ann Lee", "same"),
        ("She", "Ann Lee", "same"),
        ("She", "her", "same"),
    ]


def test_edges_of_what_has_none() -> None:
    with pytest.raises(ConfigError, match="'lines' gives examples of type ClassifiedText"):
        of("lines", "a b\n", options={"label": "x"})
    with pytest.raises(UnknownNameError, match="'columns'"):
        of("columns", "")


def test_the_other_readers_version_is_part_of_the_identity(monkeypatch: Any) -> None:
    task = load_task("edges/litbank-pairs")
    before = task.data_digest
    monkeypatch.setattr(type(READERS.get("conll-coref")), "version", 99)
    assert task.data_digest != before
