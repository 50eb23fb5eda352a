"""Edges: codec, users' texts, edges of other examples, the control, and a run."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

import elmobench
from elmobench.analysis.report.page.labels import confused
from elmobench.analysis.stats.differences import compare
from elmobench.analysis.stats.tallies import TallyCache
from elmobench.bench.predict import Predictor
from elmobench.core.errors import DataError
from elmobench.data.controls import GENERATORS
from elmobench.data.controls.ceilings import edge_ceiling
from elmobench.data.edges import marked_edge, mention_edges, role_edges
from elmobench.data.examples import (
    CoreferenceDocument,
    Edge,
    EdgeText,
    MarkedPair,
    Proposition,
)
from elmobench.tasks.edges.pipeline import PIPELINE
from elmobench.tasks.task import load_task
from elmobench.tracking.record_store import RecordStore

PAIR = EdgeText("p", (("a", "b"), ("c",)), (Edge(((0, 1), (2, 2)), ("y", "x")),))
SINGLE = EdgeText("s", (("a", "b"),), (Edge(((1, 1),), ()), Edge(((0, 0),), ("x",))))


def test_codec_counts_and_formats() -> None:
    codec = PIPELINE.codec([PAIR], None)
    assert (codec.labels, codec.extra) == (["x", "y"], {"spans": 2, "single": False})
    assert PIPELINE.codec([SINGLE], ["y", "x"]).labels == ["y", "x"]
    one = EdgeText("o", (("a",),), (Edge(((0, 0),), ("x",)),))
    assert PIPELINE.codec([one], None).extra == {"spans": 1, "single": True}
    assert PIPELINE.gold(PAIR) == [["x", "y"]]
    assert PIPELINE.slots(PAIR) == {"text": [("a", "b"), ("c",)]}
    assert PIPELINE.text_of(PAIR) == "[a b] {c}"
    assert PIPELINE.text_of(SINGLE) == "a b"
    counts = PIPELINE.count([PAIR, SINGLE])
    assert (counts.examples, counts.tokens, counts.spans) == (2, 5, 3)
    assert counts.labels == {"x": 2, "y": 1}
    assert PIPELINE.format_annotation([["x", "y"], []]) == "x, y; –"
    assert confused(PIPELINE, [["x"], ["y"]], [["x"], ["x"]]) == []
    assert "no label throughout" in (PIPELINE.note_on([[["a"]]], [[[], []]]) or "")
    assert "'a' throughout" in (PIPELINE.note_on([[["a"], ["b"]]], [[["a"], ["a"]]]) or "")
    assert PIPELINE.note_on([[["a"], ["b"]]], [[["a"], ["b"]]]) is None


@pytest.mark.parametrize(
    ("train", "labels", "message"),
    [
        ([PAIR], ["x"], "'y' is not among the card's x"),
        ([EdgeText("a", (("b",),), (Edge(((0, 0),), ()),))], None, "no edge .* has a label"),
        ([PAIR, SINGLE], None, "have 1 or 2 spans"),
    ],
)
def test_training_sets_that_do_not_work(train: list[EdgeText], labels: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        PIPELINE.codec(train, labels)


@pytest.mark.parametrize(
    "edges",
    [
        (),
        (Edge(((0, 2),), ()),),
        (Edge(((1, 0),), ()),),
        (Edge(((0, 0),), ("a", "a")),),
        (Edge(((0, 0),), ()), Edge(((0, 0), (1, 1)), ())),
        (Edge((), ()),),
    ],
)
def test_edges_that_cannot_be(edges: tuple[Edge, ...]) -> None:
    with pytest.raises(ValueError, match=r"^x: "):
        EdgeText("x", (("a", "b"),), edges)


def test_what_users_write() -> None:
    text = PIPELINE.from_text("{The cat} was [seen], by Tom.")
    assert text.tokens == ("The", "cat", "was", "seen", ",", "by", "Tom", ".")
    assert text.edges == (Edge(((3, 3), (0, 1)), ()),)
    assert PIPELINE.from_text(PIPELINE.text_of(text), tokenized=True) == text
    assert PIPELINE.from_tokens(("[a", "b]", "c")).edges == (Edge(((0, 1),), ()),)
    for wrong in ("", "a b", "{a} b", "[a", "[] b", "[a] [b]", "[a {b} c]", "[a] {b"):
        with pytest.raises(DataError, match="square brackets"):
            PIPELINE.from_text(wrong)


def test_roles_of_a_sentence_are_one_text() -> None:
    tokens = ("Ann", "saw", "and", "heard", "a", "bird", "sing")
    made = [
        Proposition("a#1", tokens, 1, ("B-ARG0", "B-V", "O", "O", "B-ARG1", "I-ARG1", "B-C-ARG1")),
        Proposition("a#2", tokens, 3, ("B-ARG0", "O", "O", "B-V", "O", "O", "B-C-V")),
        Proposition("b#1", ("go",), 0, ("B-V",)),
        Proposition("c#1", ("go", "on"), 0, ("B-V", "B-ARGM-DIR")),
    ]
    one, other = role_edges(made)
    assert (one.id, one.sentences) == ("a#1", (tokens,))
    assert one.edges == (
        Edge(((1, 1), (0, 0)), ("ARG0",)),
        Edge(((1, 1), (4, 5)), ("ARG1",)),
        Edge(((1, 1), (6, 6)), ("C-ARG1",)),
        Edge(((3, 3), (0, 0)), ("ARG0",)),
    )
    assert (other.id, other.edges) == ("c#1", (Edge(((0, 0), (1, 1)), ("ARGM-DIR",)),))


def test_marked_words_are_an_edge_between_two_sentences() -> None:
    pair = MarkedPair("w", ("a", "b", "c"), ("d", "e"), ((1, 2), (0, 1)), "T")
    text = marked_edge(pair)
    assert text.sentences == (pair.first, pair.second)
    assert text.edges == (Edge(((1, 2), (3, 4)), ("T",)),)
    assert [text.tokens[a : b + 1] for a, b in text.edges[0].spans] == [("b", "c"), ("d", "e")]


@pytest.mark.parametrize("window", [1, 2, 3, 9])
def test_pairs_of_mentions_against_all_pairs(window: int) -> None:
    sentences = (("a", "b", "c"), ("d", "e"), ("f",), ("g", "h", "i"))
    clusters = (((0, 1), (4, 4), (7, 8)), ((1, 1), (6, 6)), ((2, 2),), ((3, 4),))
    document = CoreferenceDocument("d", sentences, clusters)
    sentence_of = [i for i, tokens in enumerate(sentences) for _ in tokens]
    flat = document.tokens
    expected = set()
    mentions = [(m, c) for c, cluster in enumerate(clusters) for m in cluster]
    for (m, c), (n, d) in itertools.combinations(sorted(mentions), 2):
        if sentence_of[m[0]] // window == sentence_of[n[0]] // window:
            words = tuple(flat[a : b + 1] for a, b in (n, m))
            expected.add((words, ("same",) if c == d else ("different",)))
    found = set()
    for text in mention_edges(document, window):
        number = int(text.id.removeprefix("d."))
        assert text.sentences == sentences[number - 1 : number - 1 + window]
        for edge in text.edges:
            words = tuple(text.tokens[a : b + 1] for a, b in edge.spans)
            found.add((words, edge.labels))
    assert found == expected


def test_the_control_and_its_ceiling() -> None:
    task = load_task("edges/control-edges")
    assert task.card.ceiling is not None
    generator = GENERATORS.get("control-edges")
    texts = []
    for split in task.splits:
        examples = task.split(split)
        assert generator.context_free_ceiling(examples) == task.card.ceiling.context_free == 70.0
        texts.append({example.tokens for example in examples})
        assert all(len(example.edges) == 2 for example in examples)
        # The first argument has the same role as often as the second one.
        first = [example.edges[0].labels[0] for example in examples]
        assert 0.4 < first.count("ARG0") / len(first) < 0.6
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert not texts[1] & texts[2]


def test_the_ceiling_is_the_best_of_all_functions() -> None:
    words = [("a", ("x",)), ("a", ("y",)), ("a", ("x",)), ("b", ("x", "y")), ("b", ("y", "x"))]
    made = [
        EdgeText(str(i), ((word, "z"),), (Edge(((0, 0),), labels),))
        for i, (word, labels) in enumerate([*words, ("b", ("x",))])
    ]
    sets = [frozenset(chosen) for n in range(3) for chosen in itertools.combinations("xy", n)]
    best = max(
        sum(frozenset(e.edges[0].labels) == {"a": one, "b": other}[e.tokens[0]] for e in made)
        for one in sets
        for other in sets
    )
    assert edge_ceiling(made) == pytest.approx(100 * best / 6)


@pytest.mark.slow
def test_a_run(tmp_path: Path) -> None:
    results = elmobench.run(
        {
            "name": "edges",
            "tasks": ["edges/control-edges"],
            "features": ["glove-mini", "elmo-mini"],
            "heads": ["linear"],
            "overrides": [
                {"set": {"training.epochs": 12, "training.grid": {}, "training.lr": 0.01}}
            ],
        },
        results=tmp_path / "results",
        quiet=True,
        tracking_uri="none",
    )
    tallies = TallyCache(RecordStore(results.folder))
    (row,) = compare(tallies, "elmo-mini", "glove-mini")
    assert row.estimate.variance is not None
    scores = {}
    for record in tallies.records:
        assert record.result is not None
        scores[record.features] = record.result.test["accuracy"]
    # The ceiling is that of a function that knows the test set.
    assert scores["glove-mini"] <= 70.0
    assert scores["elmo-mini"] >= 85.0
    text = "Rex was [seen] by {Tom} ."
    for record in tallies.records:
        ((_, ((label,),)),) = Predictor(tallies.store, record.cell).predict([text], tokenized=True)
        assert label in ("ARG0", "ARG1")
