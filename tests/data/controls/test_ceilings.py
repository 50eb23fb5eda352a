from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmobench.data.controls.ceilings import (
    argument_ceiling,
    bag_of_words_ceiling,
    context_free_ceiling,
)
from elmobench.data.examples import ClassifiedText, Proposition, TaggedSentence
from elmobench.metrics.srl import SRL_F1


def tagged(*sentences: str) -> list[TaggedSentence]:
    """Parse tagged tokens such as ``"in/O Rome/B-LOC"`` into a sentence."""
    rows = [[pair.split("/") for pair in sentence.split()] for sentence in sentences]
    return [
        TaggedSentence(str(i), tuple(w for w, _ in row), tuple(t for _, t in row))
        for i, row in enumerate(rows)
    ]


def chunks(tags: tuple[str, ...]) -> set[tuple[int, int, str]]:
    """conlleval's chunks, by its two tests: does a chunk end here, does one start here?"""
    chunks = set()
    start = 0
    padded = ["O", *tags, "O"]
    for i in range(1, len(padded)):
        before, kind_before = (padded[i - 1] + "-").split("-")[:2]
        now, kind = (padded[i] + "-").split("-")[:2]
        if before != "O" and (now in ("O", "B") or kind != kind_before):
            chunks.add((start, i - 1, kind_before))
        if now == "B" or (now == "I" and (before == "O" or kind != kind_before)):
            start = i - 1
    return chunks


def best_by_enumeration(examples: list[TaggedSentence], tags: list[str]) -> Fraction:
    """Best span F1 over every function from word to tag."""
    words = sorted({word for example in examples for word in example.tokens})
    gold = [chunks(example.tags) for example in examples]
    best = Fraction(0)
    for choice in product(tags, repeat=len(words)):
        tag_of = dict(zip(words, choice, strict=True))
        guesses = [chunks(tuple(tag_of[w] for w in example.tokens)) for example in examples]
        right = sum(len(a & b) for a, b in zip(gold, guesses, strict=True))
        total = sum(map(len, gold)) + sum(map(len, guesses))
        if total:
            best = max(best, Fraction(200 * right, total))
    return best


BOTH = ["O", "B-A", "I-A", "B-B", "I-B"]


@pytest.mark.parametrize(
    ("sentences", "expected"),
    [
        # A name that is A as often as B, and an unambiguous one: 3 of 4 right.
        (["x/O j/B-A", "y/O j/B-B", "x/O p/B-A", "y/O q/B-B"], 75.0),
        # Two words in a name.
        (["x/O v/B-A w/I-A", "y/O v/B-B w/I-B"], 50.0),
        # A name that is right in one case of four lowers F1: no prediction is better.
        (["p/B-A"] * 4 + ["j/B-A", "j/B-B", "j/B-C", "j/B-D"], 100 * 8 / 12),
    ],
)
def test_known_ceilings_are_reached(sentences, expected):
    examples = tagged(*sentences)
    kinds = sorted({tag[2:] for e in examples for tag in e.tags} - {""})
    tags = ["O", *(f"{letter}-{kind}" for kind in kinds for letter in "BI")]
    assert context_free_ceiling(examples) == pytest.approx(expected)
    assert float(best_by_enumeration(examples, tags)) == pytest.approx(expected)


words = st.sampled_from(["v", "w", "x"])
one_name = st.tuples(
    st.lists(words, max_size=2),
    st.lists(words, min_size=1, max_size=2),
    st.lists(words, max_size=2),
    st.sampled_from("AB"),
).map(
    lambda row: TaggedSentence(
        "s",
        (*row[0], *row[1], *row[2]),
        ("O",) * len(row[0])
        + (f"B-{row[3]}",)
        + (f"I-{row[3]}",) * (len(row[1]) - 1)
        + ("O",) * len(row[2]),
    )
)
any_tags = st.lists(st.tuples(words, st.sampled_from(BOTH)), min_size=1, max_size=5).map(
    lambda rows: TaggedSentence("s", tuple(w for w, _ in rows), tuple(t for _, t in rows))
)


@settings(max_examples=60)
@given(st.lists(one_name, min_size=1, max_size=5))
def test_no_function_of_the_word_exceeds_it_with_one_name_per_sentence(examples):
    assert float(best_by_enumeration(examples, BOTH)) <= context_free_ceiling(examples) + 1e-9


@settings(max_examples=60)
@given(st.lists(any_tags, min_size=1, max_size=4))
def test_no_function_of_the_word_exceeds_it_on_any_tags(examples):
    assert float(best_by_enumeration(examples, BOTH)) <= context_free_ceiling(examples) + 1e-9


# As in the controls: no word is both in and outside names, no two names share a word.
apart = st.lists(
    st.tuples(st.sampled_from(["j", "k", "m n"]), st.sampled_from("AB")), min_size=1, max_size=7
).map(
    lambda rows: tagged(
        *(
            "x/O " + " ".join(f"{w}/{'BI'[i > 0]}-{kind}" for i, w in enumerate(name.split()))
            for name, kind in rows
        )
    )
)


@settings(max_examples=40)
@given(apart)
def test_it_is_reached_where_names_share_no_words(examples):
    assert float(best_by_enumeration(examples, BOTH)) == pytest.approx(
        context_free_ceiling(examples)
    )


def test_no_gold_spans():
    assert context_free_ceiling(tagged("a/O b/O")) == 0.0


@given(
    st.lists(
        st.tuples(st.lists(words, min_size=1, max_size=2), st.sampled_from("pn")),
        min_size=1,
        max_size=6,
    )
)
def test_bag_ceiling_by_enumeration(rows):
    examples = [ClassifiedText(str(i), tuple(t), y) for i, (t, y) in enumerate(rows)]
    bags = sorted({tuple(sorted(t)) for t, _ in rows})
    best = max(
        sum(dict(zip(bags, labels, strict=True))[tuple(sorted(t))] == y for t, y in rows)
        for labels in product("pn", repeat=len(bags))
    )
    assert bag_of_words_ceiling(examples) == pytest.approx(100 * best / len(rows))


def test_repeated_words_make_another_bag():
    texts = [("a", "b"), ("a", "b", "b"), ("b", "a")]
    examples = [
        ClassifiedText(str(i), t, y) for i, (t, y) in enumerate(zip(texts, "pnn", strict=True))
    ]
    assert bag_of_words_ceiling(examples) == pytest.approx(200 / 3)


# A predicate v with a word on each side, which is an agent, a patient or neither.
clauses = st.lists(
    st.tuples(*[st.tuples(st.sampled_from("ab"), st.sampled_from(["O", "B-A0", "B-A1"]))] * 2),
    min_size=1,
    max_size=7,
)


@settings(max_examples=60)
@given(clauses)
def test_argument_ceiling_by_enumeration(rows):
    examples = [
        Proposition(str(i), (left[0], "v", right[0]), 1, (left[1], "B-V", right[1]))
        for i, (left, right) in enumerate(rows)
    ]
    views = [(place, word) for place in (0, 2) for word in "ab"]
    best = 0.0
    for tags in product(["O", "B-A0", "B-A1"], repeat=len(views)):
        tag = dict(zip(views, tags, strict=True))
        predicted = [[tag[0, e.tokens[0]], "B-V", tag[2, e.tokens[2]]] for e in examples]
        best = max(best, SRL_F1.compute([list(e.tags) for e in examples], predicted).score)
    assert argument_ceiling(examples) == pytest.approx(best)


@pytest.mark.parametrize("tags", [("B-V", "B-A0", "I-A0"), ("B-V", "B-A0", "B-C-A0")])
def test_argument_ceiling_is_for_single_tokens(tags):
    with pytest.raises(ValueError, match="is not a single token"):
        argument_ceiling([Proposition("p", ("v", "a", "b"), 0, tags)])
