"""Ceilings of tags, of chunks under legal BIO, and of pairs, against enumeration."""

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from elmobench.data.controls.ceilings import (
    chunk_ceiling,
    context_free_ceiling,
    pair_ceiling,
    tag_ceiling,
)
from elmobench.data.examples import SentencePair, TaggedSentence
from elmobench.data.tag_schemes import spans, violation

WORDS = st.sampled_from(["v", "w", "x"])


def tagged(rows) -> TaggedSentence:
    return TaggedSentence("s", tuple(w for w, _ in rows), tuple(t for _, t in rows))


def functions(examples, tags):
    """Yield, for every function from word to tag, the tags that it gives each sentence."""
    words = sorted({word for example in examples for word in example.tokens})
    for choice in product(tags, repeat=len(words)):
        tag_of = dict(zip(words, choice, strict=True))
        yield [tuple(tag_of[word] for word in example.tokens) for example in examples]


plain = st.lists(st.tuples(WORDS, st.sampled_from("NV")), min_size=1, max_size=5).map(tagged)


@settings(max_examples=60)
@given(st.lists(plain, min_size=1, max_size=4))
def test_tag_ceiling_by_enumeration(examples):
    total = sum(len(example.tokens) for example in examples)
    best = max(
        sum(
            a == b
            for example, guess in zip(examples, guesses, strict=True)
            for a, b in zip(example.tags, guess, strict=True)
        )
        for guesses in functions(examples, "NV")
    )
    assert tag_ceiling(examples) == pytest.approx(100 * best / total)


BIO = ["O", "B-A", "I-A", "B-B", "I-B"]
legal = (
    st.lists(st.tuples(WORDS, st.sampled_from(BIO)), min_size=1, max_size=5)
    .map(tagged)
    .filter(lambda example: violation(example.tags, "bio") is None)
)


def best_legal(examples) -> Fraction:
    """Best span F1 over the functions that write legal BIO on these sentences."""
    gold = [set(spans(example.tags)) for example in examples]
    best = Fraction(0)
    for guesses in functions(examples, BIO):
        if any(violation(guess, "bio") for guess in guesses):
            continue
        predicted = [set(spans(guess)) for guess in guesses]
        total = sum(map(len, gold)) + sum(map(len, predicted))
        if total:
            right = sum(len(a & b) for a, b in zip(gold, predicted, strict=True))
            best = max(best, Fraction(200 * right, total))
    return best


@settings(max_examples=60)
@given(st.lists(legal, min_size=1, max_size=4))
def test_no_legal_function_of_the_word_exceeds_the_chunk_ceiling(examples):
    assert float(best_legal(examples)) <= chunk_ceiling(examples) + 1e-9


single = st.lists(st.tuples(WORDS, st.sampled_from(["B-A", "B-B"])), min_size=1, max_size=4).map(
    tagged
)


@settings(max_examples=40)
@given(st.lists(single, min_size=1, max_size=4))
def test_it_is_reached_where_chunks_are_single_words_that_occur_nowhere_else(examples):
    """So are the ambiguous words of the control; there it is closer than the other bound."""
    assert float(best_legal(examples)) == pytest.approx(chunk_ceiling(examples))
    assert chunk_ceiling(examples) <= context_free_ceiling(examples) + 1e-9


def test_no_gold_chunks():
    assert chunk_ceiling([TaggedSentence("s", ("a",), ("O",))]) == 0.0


sides = st.lists(WORDS, min_size=1, max_size=2).map(tuple)


@settings(max_examples=60)
@given(st.lists(st.tuples(sides, sides, st.sampled_from("ce")), min_size=1, max_size=6))
def test_pair_ceiling_by_enumeration(rows):
    examples = [SentencePair(str(i), *row) for i, row in enumerate(rows)]
    keys = [(tuple(sorted(p)), tuple(sorted(h))) for p, h, _ in rows]
    distinct = sorted(set(keys))
    best = 0
    for labels in product("ce", repeat=len(distinct)):
        answers = dict(zip(distinct, labels, strict=True))
        right = sum(answers[key] == label for key, (_, _, label) in zip(keys, rows, strict=True))
        best = max(best, right)
    assert pair_ceiling(examples) == pytest.approx(100 * best / len(rows))


def test_premise_and_hypothesis_are_distinguished():
    rows = [(("a",), ("b",), "c"), (("b",), ("a",), "e")]
    assert pair_ceiling([SentencePair(str(i), *row) for i, row in enumerate(rows)]) == 100.0
