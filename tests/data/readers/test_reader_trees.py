import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import ClassifiedText, Phrase
from elmobench.data.readers import read_bytes

LINE = "(3 (2 It) (4 (2 's) (4 (3 lovely) (2 .))))"


def read(text: str, **options):
    return read_bytes("sst", text.encode(), "train.txt", options, prefix="train")


def test_five_labels_and_all_sub_trees():
    result = read(LINE + "\n")
    (example,) = result.examples
    assert example.id == "train-000001"
    assert example.tokens == ("It", "'s", "lovely", ".")
    assert example.label == "3"
    assert set(example.phrases) == {
        Phrase(0, 1, "2"),
        Phrase(1, 2, "2"),
        Phrase(2, 3, "3"),
        Phrase(3, 4, "2"),
        Phrase(2, 4, "4"),
        Phrase(1, 4, "4"),
        Phrase(0, 4, "3"),
    }
    assert len(example.phrases) == 7
    assert not result.dropped


def test_two_labels_drop_neutral_sentences_and_phrases_and_count_them():
    result = read(f"(2 (1 a) (3 b))\n{LINE}\n(0 (1 bad) (2 .))", granularity="two")
    assert [(e.id, e.label) for e in result.examples] == [
        ("train-000002", "positive"),
        ("train-000003", "negative"),
    ]
    assert set(result.examples[1].phrases) == {Phrase(0, 1, "negative"), Phrase(0, 2, "negative")}
    assert result.dropped == {"sentences labelled 2": 1, "phrases labelled 2": 4}


def test_escapes_are_undone_only_if_the_option_is_set():
    line = r"(2 (2 -LRB-) (2 (2 and\/or) (2 (2 \*) (2 -RRB-))))"
    assert read(line).examples[0].tokens == ("-LRB-", r"and\/or", r"\*", "-RRB-")
    assert read(line, unescape=True).examples[0].tokens == ("(", "and/or", "*", ")")


def test_a_no_break_space_stays_inside_its_word():
    assert read("(2 (2 8\u00a01\\/2) (2 x\u2028y))").examples[0].tokens == (
        "8\u00a01\\/2",
        "x\u2028y",
    )


@pytest.mark.parametrize(
    "line",
    [
        "(3 (2 a) (2 b)",
        "(3 (2 a) (2 b)))",
        "(3 (2 a) (2 b)) (2 c)",
        "(3 (2 a) b)",
        "(3 (2 ) (2 b))",
        "(3 (a) (2 b))",
        "3 (2 a)",
        "(3)",
        "()",
        "",
        "(7 (2 a) (2 b))",
        "(3 (9 a) (2 b))",
        "(3 (2 a)  (2 b))",
        "(3 (2 a)\t(2 b))",
        "(12 (2 a) (2 b))",
    ],
)
def test_malformed_trees_are_errors_with_their_line(line: str):
    with pytest.raises(DataError, match=r"train\.txt:2"):
        read(f"{LINE}\n{line}\n{LINE}\n")


def test_lines_are_kept_by_number():
    data = "\n".join(f"(1 (2 w{i}) (2 .))" for i in range(1, 7)).encode()
    result = read_bytes("sst", data, "f", prefix="x", lines=(2, 3))
    assert [(e.id, e.tokens[0]) for e in result.examples] == [
        ("x-000002", "w2"),
        ("x-000003", "w3"),
    ]
    with pytest.raises(DataError, match="has 6 lines, but the card selects line 7"):
        read_bytes("sst", data, "f", lines=(2, 7))


def test_bytes_that_are_not_utf8_name_their_line():
    with pytest.raises(DataError, match=r"f:2: is not UTF-8: byte 0xe9"):
        read_bytes("sst", LINE.encode() + b"\n(2 (2 caf\xe9) (2 .))", "f")


def test_unknown_options_are_errors():
    with pytest.raises(ConfigError, match="did you mean 'granularity'"):
        read(LINE, granularty="two")


words = st.text(
    st.characters(codec="utf-8", exclude_characters="() \t\n\r\0"), min_size=1, max_size=5
).filter(lambda word: word.strip("\ufeff") and not word.isspace())
leaves = st.tuples(st.sampled_from("01234"), words)
trees = st.recursive(leaves, lambda t: st.tuples(st.sampled_from("01234"), t, t), max_leaves=12)


def bracket(tree) -> str:
    if isinstance(tree[1], str):
        return f"({tree[0]} {tree[1]})"
    return f"({tree[0]} {' '.join(bracket(child) for child in tree[1:])})"


def phrases(tree, start: int = 0) -> tuple[list[Phrase], int]:
    """All phrases of a tree by recursion, and its end."""
    if isinstance(tree[1], str):
        return [Phrase(start, start + 1, tree[0])], start + 1
    below, end = [], start
    for child in tree[1:]:
        inner, end = phrases(child, end)
        below += inner
    return [*below, Phrase(start, end, tree[0])], end


@given(trees)
def test_every_tree_reads_back(tree):
    line = bracket(tree)
    expected, _ = phrases(tree)
    # The regular expression for leaves from the data's documentation.
    tokens = tuple(word for _, word in re.findall(r"\((\d) ([^()]*)\)", line))
    (example,) = read(line).examples
    assert example == ClassifiedText("train-000001", tokens, tree[0], tuple(expected))
