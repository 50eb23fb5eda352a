"""Samples are nested, independent of order, and keep what the hash of a text says."""

from __future__ import annotations

import hashlib
import random

import pytest

from elmobench.core.errors import ConfigError
from elmobench.data.examples import TaggedSentence
from elmobench.data.sampling import Limit


def _examples(number: int) -> list[TaggedSentence]:
    return [TaggedSentence(f"e{i}", (f"word{i}", "x"), ("O", "O")) for i in range(number)]


def _independent_hash(example: TaggedSentence) -> str:
    return hashlib.sha256(f"elmobench limit {' '.join(example.tokens)}".encode()).hexdigest()


@pytest.mark.parametrize("limit", ["1", "7", "50", "5%", "33.3%", "100%"])
def test_the_sample_has_the_smallest_hashes_in_the_order_of_the_data(limit: str) -> None:
    examples = _examples(100)
    kept = Limit.parse(limit).sample(examples)
    smallest = sorted(examples, key=_independent_hash)[: len(kept)]
    assert set(kept) == set(smallest)
    assert kept == [example for example in examples if example in set(kept)]
    assert len(kept) == {"1": 1, "7": 7, "50": 50, "5%": 5, "33.3%": 34, "100%": 100}[limit]


def test_samples_are_nested_and_do_not_depend_on_the_order() -> None:
    examples = _examples(300)
    shuffled = random.Random(3).sample(examples, len(examples))
    before: set[TaggedSentence] = set()
    for limit in ("1", "2%", "10", "5%", "40", "70%", "1000"):
        kept = set(Limit.parse(limit).sample(examples))
        assert before <= kept == set(Limit.parse(limit).sample(shuffled))
        before = kept
    assert before == set(examples)


def test_examples_of_one_text_stay_together() -> None:
    examples = [TaggedSentence(f"e{i}", (f"word{i // 5}", "x"), ("O", "O")) for i in range(100)]
    kept = Limit.parse(10).sample(examples)
    assert len({example.tokens for example in kept}) == 2


@pytest.mark.parametrize("text", ["0", "-1", "0%", "101%", "", "1.5", "5 percent", "²", "%", "٥%"])
def test_what_is_no_limit_is_an_error(text: str) -> None:
    with pytest.raises(ConfigError, match="not a limit"):
        Limit.parse(text)


def test_one_limit_has_one_name() -> None:
    assert {str(Limit.parse(text)) for text in ("5%", "5.0%", "5 %", "05%")} == {"5%"}
    assert {str(Limit.parse(text)) for text in (50, "50", "050")} == {"50"}


@pytest.mark.parametrize("text", ["0.000001%", "0.00025%", "12.345678%", "33.3%", "100%", "7"])
def test_the_name_of_a_limit_is_the_limit(text: str) -> None:
    assert str(Limit.parse(text)) == text
    assert Limit.parse(str(Limit.parse(text))) == Limit.parse(text)


def test_shares_are_decimal_numbers() -> None:
    """2.2 % of 1,500 is 33; as binary numbers, it is a bit more."""
    assert Limit.parse("2.2%").count(1500) == 33
