"""WiC in its official files, as SuperGLUE and XL-WiC have it, and with marked tokens."""

from __future__ import annotations

import json
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import MarkedPair
from elmobench.data.readers.base import READERS, SourceText, read_bytes

# The layout of WiC 1.0; the sentences are made up.
DATA = (
    "carry\tV\t2-1\tYou must carry the tent .\tSound carries well over water .\n"
    "go\tV\t2-6\tMessages must go through him .\tDo you think the sofa will go here ?\n"
)
CHARACTERS = {
    "premise": "sentence1",
    "hypothesis": "sentence2",
    "label": "label",
    "premise_start": "start1",
    "premise_end": "end1",
    "hypothesis_start": "start2",
    "hypothesis_end": "end2",
}


def official(data: str = DATA, gold: str = "F\nT\n", **options: Any) -> list[MarkedPair]:
    reader = READERS.get("wic")
    beside = {"gold": (SourceText(gold.encode(), "gold.txt"),)}
    text = SourceText(data.encode(), "data.txt", beside=beside)
    return reader.read_all(text, reader.options(options, "card")).examples


def marked(pair: MarkedPair) -> list[str]:
    sides = zip((pair.first, pair.second), pair.marks, strict=True)
    return [" ".join(tokens[first : last + 1]) for tokens, (first, last) in sides]


def test_official_files() -> None:
    one, other = official()
    assert one.first == ("You", "must", "carry", "the", "tent", ".")
    assert (one.marks, one.label, marked(one)) == (((2, 2), (1, 1)), "F", ["carry", "carries"])
    assert (other.marks, other.label, marked(other)) == (((2, 2), (6, 6)), "T", ["go", "go"])
    assert [pair.label for pair in official(map={"T": "same", "F": "other"})] == ["other", "same"]


@pytest.mark.parametrize(
    ("data", "gold", "message"),
    [
        (DATA, "T\n", "gold.txt.*has 1 lines, but data.txt has 2"),
        (DATA.replace("2-6", "2-9"), "F\nT\n", "data.txt:2.*marked token of the second.*9.*of 9"),
        (DATA.replace("2-6", "2"), "F\nT\n", "data.txt:2.*indices are '2'"),
        (DATA.replace("2-6", "-1-6"), "F\nT\n", "data.txt:2.*indices"),
        (DATA.replace("\tV\t2-6", "\t2-6"), "F\nT\n", "data.txt:2.*4 fields, expected 5"),
        (DATA, "F\n\n", "data.txt:2.*label is empty"),
        ("a\tN\t0-0\t\tx\n", "T\n", "data.txt:1.*first sentence is empty"),
    ],
    ids=["gold", "index", "one index", "minus", "fields", "label", "sentence"],
)
def test_official_files_that_are_wrong(data: str, gold: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        official(data, gold)
    place, _, what = message.partition(".*")
    assert str(caught.value.where).startswith(place)
    assert all(part in caught.value.what for part in what.split(".*"))


def test_the_gold_file_is_needed() -> None:
    reader = READERS.get("wic")
    with pytest.raises(ConfigError, match="companion file 'gold'"):
        reader.read_all(SourceText(DATA.encode(), "d"), reader.options({}, "card"))


def test_superglue() -> None:
    record = {
        "word": "place",
        "sentence1": "Do you want to come over to my place later?",
        "sentence2": "A political system with no place for the less-prominent.",
        **{"idx": 0, "start1": 31, "end1": 36, "start2": 27, "end2": 32, "version": 1.1},
    }
    lines = [json.dumps({**record, "label": value}) for value in (False, True)]
    one, other = read_bytes(
        "jsonl", "\n".join(lines).encode(), "f", {**CHARACTERS, "map": {"false": "F", "true": "T"}}
    ).examples
    assert marked(one) == ["place", "place"]
    assert (one.label, other.label) == ("F", "T")
    assert one.first[-1] == "?"
    assert one.first[one.marks[0][0] - 1] == "my"


def test_numbers_and_names_as_on_the_hub() -> None:
    record = {"sentence1": "a b", "sentence2": "b", "start1": 2, "end1": 3, "start2": 0, "end2": 1}
    lines = [json.dumps({**record, "label": value}) for value in (0, 1, -1)]
    options = {**CHARACTERS, "names": ["F", "T"], "no_label": -1}
    examples = read_bytes("jsonl", "\n".join(lines).encode(), "f", options).examples
    assert [(pair.label, marked(pair)) for pair in examples] == [
        ("F", ["b", "b"]),
        ("T", ["b", "b"]),
    ]


@pytest.mark.parametrize(
    "mark", [(2, 2), (3, 2), (0, 99), (1, 2)], ids=["empty", "reversed", "beyond", "blank"]
)
def test_marks_that_are_no_words(mark: tuple[int, int]) -> None:
    record = {"sentence1": "a b", "sentence2": "b", "start2": 0, "end2": 1, "label": "T"}
    content = json.dumps({**record, "start1": mark[0], "end1": mark[1]}).encode()
    with pytest.raises(DataError, match=r"f:1.*first sentence"):
        read_bytes("jsonl", content, "f", CHARACTERS)


def test_marks_inside_of_a_token_are_counted() -> None:
    record = {"sentence1": "unhappy man", "sentence2": "b", "start2": 0, "end2": 1, "label": "T"}
    content = json.dumps({**record, "start1": 2, "end1": 7}).encode()
    result = read_bytes("jsonl", content, "f", CHARACTERS)
    assert marked(result.examples[0]) == ["unhappy", "b"]
    assert result.dropped["marks moved to token borders"] == 1


@pytest.mark.parametrize("tokens", [["the", "bank", "."], "the bank ."], ids=["list", "text"])
def test_marked_tokens(tokens: Any) -> None:
    content = json.dumps({"a": tokens, "b": ["banks"], "i": 1, "j": 0, "y": "T"}).encode()
    options = {"premise": "a", "hypothesis": "b", "premise_index": "i", "hypothesis_index": "j"}
    (pair,) = read_bytes("jsonl", content, "f", {**options, "label": "y"}).examples
    assert (pair.first, marked(pair)) == (("the", "bank", "."), ["bank", "banks"])


def test_tables_as_xl_wic_has_them() -> None:
    row = "Bank\tN\t4\t8\t0\t4\tDie Bank .\tBank und Ufer\t0\n"
    columns = {"first_start": 2, "first_end": 3, "second_start": 4, "second_end": 5}
    options = {**columns, "first": 6, "second": 7, "label": 8, "map": {"0": "F", "1": "T"}}
    (pair,) = read_bytes("marked-table", row.encode(), "f", options).examples
    assert (pair.label, marked(pair)) == ("F", ["Bank", "Bank"])
    with pytest.raises(DataError, match=r"f:1.*'first_end' holds 'x', expected the number"):
        read_bytes("marked-table", row.replace("\t8", "\tx").encode(), "f", options)
