"""Offsets: every token and every answer is exactly a piece of the text, for any text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elmobench.data.questions import Answer, Passage, PassageQuestion, make_passage
from elmobench.data.readers.tokenizers import TOKENIZERS, character_spans

SAMPLES = st.sampled_from(
    [
        *("don't", "Luther's", "the students’", "U.S.", "10,000", "3.5%", "1990s", "half-time"),
        *("e\u0301te\u0301", "n\u0303", "\u200b", "a\u200bb", "\u200d", "\ufeff", "\u00ad"),
        *(
            "👩\u200d👩\u200d👧",
            "👍🏽",
            "❤\ufe0f",
            "🇫🇷",
            "中文",
            "हिन्दी",
            "\u00a0",
            "\u2028",
            "\x1c",
            "½",
            "ß",
        ),
        *(" ", "\n", "\t", "...", "—", '"', "'", "can\u0301't", "can't\u0301", "O'Brien", "N'T"),
    ]
)
TEXTS = st.lists(st.one_of(st.text(max_size=6), SAMPLES), max_size=8).map("".join)
TOKENIZER = st.sampled_from(["whitespace", "words", "clitics"])


def attaches(char: str) -> bool:
    return unicodedata.category(char)[0] == "M" or unicodedata.category(char) == "Cf"


@settings(max_examples=500)
@given(TEXTS, TOKENIZER)
def test_tokens_are_pieces_of_the_text_and_nothing_visible_is_lost(text, tokenizer) -> None:
    passage = make_passage(text, tokenizer)
    left = list(text)
    for token, (start, end) in zip(passage.tokens, passage.offsets, strict=True):
        assert text[start:end] == token
        assert not any(char.isspace() for char in token)
        left[start:end] = [" "] * (end - start)
    assert "".join(left).strip() == ""


@settings(max_examples=300)
@given(TEXTS)
def test_rules_with_and_without_offsets_agree(text: str) -> None:
    for name in ("whitespace", "words"):
        tokens = [text[start:end] for start, end in character_spans(text, name)]
        assert tokens == TOKENIZERS[name](text)


@pytest.mark.slow
@settings(max_examples=500)
@given(TEXTS)
@example("e\u0301")
@example("can't\u0301 '\u0301s")
def test_a_mark_is_never_separated_from_its_letter(text: str) -> None:
    for start, _ in character_spans(text, "clitics"):
        assert start == 0 or text[start - 1].isspace() or not attaches(text[start])


@settings(max_examples=500)
@given(TEXTS, TOKENIZER, st.data())
def test_covering_tokens_against_a_loop(text, tokenizer, data) -> None:
    passage = make_passage(text, tokenizer)
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    held = [
        i for i, (a, b) in enumerate(passage.offsets) if set(range(a, b)) & set(range(start, end))
    ]
    covering = passage.covering(start, end)
    if start == end:
        assert covering is None or covering[0] == covering[1]
    elif not held:
        assert covering is None
    else:
        assert covering == (held[0], held[-1])
        # The tokens hold at least the requested characters; other characters, white space aside,
        # are of the outermost tokens.
        assert text[start:end].strip() in passage.substring(*covering)


@settings(max_examples=300)
@given(TEXTS.filter(str.strip), TOKENIZER, st.data())
def test_any_span_of_tokens_is_a_substring_and_maps_back(text, tokenizer, data) -> None:
    passage = make_passage(text, tokenizer)
    first = data.draw(st.integers(0, len(passage.tokens) - 1))
    last = data.draw(st.integers(first, len(passage.tokens) - 1))
    answer = passage.substring(first, last)
    start = passage.offsets[first][0]
    assert text[start : start + len(answer)] == answer
    assert passage.covering(start, start + len(answer)) == (first, last)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Luther's 95 Theses", "Luther|'s|95|Theses"),
        ("the students’ don’t can't", "the|students|’|do|n’t|ca|n't"),
        ("U.S. has 10,000 in 3:15.", "U.S.|has|10,000|in|3:15|."),
        ("half-time 50–50 and/or $5", "half|-|time|50|–|50|and|/|or|$|5"),
        ("nt isn't n't N'T", "nt|is|n't|n't|N'T"),
        ("we'll they'd I'm you've we're it's o'clock", "we|'ll|they|'d|I|'m|you|'ve|we|'re|"
         "it|'s|o|'|clock"),
        ("cafe\u0301 n\u0303o\u200bx", "cafe\u0301|n\u0303o\u200bx"),
        ("👩\u200d👧 ❤\ufe0f!", "👩\u200d|👧|❤\ufe0f|!"),
        ("हिन्दी 中文", "हिन्दी|中文"),
        ("", ""),
    ],
)  # fmt: skip
def test_clitics(text: str, tokens: str) -> None:
    assert "|".join(text[a:b] for a, b in character_spans(text, "clitics")) == tokens


def test_offsets_must_be_those_of_the_tokens() -> None:
    for tokens, offsets in (
        (("a",), ()),
        (("b",), ((0, 1),)),
        (("a", "a"), ((0, 1), (0, 1))),
        (("",), ((0, 0),)),
    ):
        with pytest.raises(ValueError, match="token"):
            Passage("a b", tokens, offsets)


def test_answers_must_be_at_their_offsets() -> None:
    passage = make_passage("Rome is old", "whitespace")
    PassageQuestion("q", ("?",), passage, (Answer("is", 5, 1, 1),))
    for answer in (Answer("is", 4, 1, 1), Answer("is", 5, 1, 3), Answer("is", 5, 2, 1)):
        with pytest.raises(ValueError, match="q: "):
            PassageQuestion("q", ("?",), passage, (answer,))
    for question, text in (((), "Rome"), (("?",), " ")):
        with pytest.raises(ValueError, match="at least one token"):
            PassageQuestion("q", question, make_passage(text, "whitespace"))
