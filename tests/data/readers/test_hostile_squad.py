"""Files of questions that other programs wrote, cut or damaged."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from elmobench.core.errors import DataError
from elmobench.data.readers import read_bytes
from elmobench.data.readers.tokenizers import character_spans

# Two paragraphs in two articles; the second question of each has no answer, as in SQuAD 2.0.
CONTEXT = "Mira sleeps in Oslo ."


def question(key: str, *answers: tuple[int, str], **more: Any) -> dict[str, Any]:
    annotated = [{"text": text, "answer_start": start} for start, text in answers]
    return {"id": key, "question": "Who sleeps ?", "answers": annotated, **more}


def squad(*questions: dict[str, Any], context: str = CONTEXT) -> dict[str, Any]:
    return {"data": [{"title": "T", "paragraphs": [{"context": context, "qas": list(questions)}]}]}


def read(content: Any, **options):
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return read_bytes("squad", data, "f.json", options)


GOOD = question("q1", (0, "Mira"))
IMPOSSIBLE = question("q2", is_impossible=True, plausible_answers=[{"text": "x"}])


def test_questions_without_an_answer_are_dropped_and_counted_if_the_card_says_so() -> None:
    content = squad(GOOD, IMPOSSIBLE, question("q3"), question("q4", (15, "Oslo")))
    with pytest.raises(DataError, match=r"(?s)qas\[1\] \(id q2\): .*no answer.*unanswerable: drop"):
        read(content)
    result = read(content, unanswerable="drop")
    assert [example.id for example in result.examples] == ["q1", "q4"]
    assert result.dropped == {"unanswerable questions": 2}


def test_lost_answers_are_not_unanswerable_questions() -> None:
    content = squad(GOOD, question("q2", (3, "Oslo")), IMPOSSIBLE | {"id": "q3"})
    with pytest.raises(DataError, match="'Oslo' is not at character 3"):
        read(content, unanswerable="drop")
    result = read(content, unanswerable="drop", wrong_offsets="drop")
    assert result.dropped == {
        "answers not at their offset": 1,
        "questions without a usable answer": 1,
        "unanswerable questions": 1,
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_impossible": True}, r"\(id q1\): 'is_impossible' is true, but there are answers"),
        ({"is_impossible": "false"}, r"\(id q1\): expected true or false .* got a str"),
        ({"is_impossible": None}, r"\(id q1\): expected true or false"),
        ({"id": 7}, r"qas\[0\]: expected an object with a text 'id'"),
        ({"id": "q\ud800"}, r"qas\[0\]: the id has half of a character, U\+D800"),
        ({"question": "\udfff?"}, r"qas\[0\]: the question has half .* U\+DFFF at position 1"),
        ({"question": "a\0b"}, r"qas\[0\]: the question has the character U\+0000 at position 2"),
        ({"question": ["Who"]}, r"qas\[0\]: expected an object with a text 'question'"),
        ({"answers": {"text": "Mira"}}, r"qas\[0\]: expected an object with a list 'answers'"),
        ({"answers": [[0, "Mira"]]}, r"answers\[0\] \(id q1\): expected an object with a text"),
    ],
)
def test_wrong_values_of_a_question(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=rf"^f\.json: data\[0\]\.paragraphs\[0\].*{message}"):
        read(squad(GOOD | change))


@pytest.mark.parametrize(
    ("start", "text", "message"),
    [
        (-5, "Mira", "'Mira' is not at character -5"),
        (18, "Oslo", "'Oslo' is not at character 18"),
        (10**4000, "Oslo", "'Oslo' is not at character 1000"),
        (-(10**18), "Oslo", "'Oslo' is not at character -1000"),
        (4, "", "'' is not at character 4"),
        (4, " ", "' ' is not at character 4"),
        (0.0, "Mira", "expected a number in 'answer_start', got '0.0'"),
        (None, "Mira", "expected a number in 'answer_start', got 'None'"),
        ([0] * 10_000, "Mira", r"expected a number in 'answer_start', got '\[0, 0"),
        (0, "Mi\ud83dra", r"the text has half of a character"),
        (0, "x" * 1_000_000, r"'xxx.*' \(1,000,000 characters\) is not at character 0"),
    ],
    ids=range(11),
)
def test_wrong_answers(start: Any, text: str, message: str) -> None:
    with pytest.raises(DataError, match=rf"answers\[0\] \(id q1\): {message}") as error:
        read(squad(question("q1", (start, text))))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[" * 100_000, "is not JSON: it is nested too deeply"),
        (b'{"data": ' * 100_000, "is not JSON: it is nested too deeply"),
        (b'{"data": ' + b"[" * 500 + b"]" * 500 + b"}", "is not JSON: it is nested too deeply"),
        (b'{"data": [' + b"1" * 5000 + b"]}", "is not JSON: .*digits"),
        (b'{"data": [NaN]}', "is not JSON: NaN"),
        (b'{"data": [1e999]}', "is not JSON: 1e999"),
        (b'{"data": []', "is not JSON"),
        (b"\xef\xbb\xbf", "is not JSON"),
        (b'\xff\xfe{\x00"\x00', "is not UTF-8: it begins with the byte-order mark of UTF-16"),
        ('{"data": []}'.encode("utf-16-be"), "holds a NUL byte"),
        (json.dumps({"data": [7]}).encode(), r"data\[0\]: expected an object with a list 'para"),
        (json.dumps({"data": [{"title": 7, "paragraphs": []}]}).encode(), "a text 'title'"),
        (b'{"data": [{"title": "\\ud800", "paragraphs": []}]}', r"the title has half of a char"),
        (squad(GOOD, context="Mira \ud83d"), r"paragraphs\[0\]: the context has half"),
        (squad(GOOD, context="Mira\0"), r"paragraphs\[0\]: the context has the character U\+0000"),
        (squad(GOOD, context=" \u00a0 "), r"qas\[0\] \(id q1\): .*a passage without a token"),
    ],
    ids=range(16),
)
def test_wrong_files(content: Any, message: str) -> None:
    with pytest.raises(DataError, match=rf"^f\.json.*: .*{message}"):
        read(content)


def test_ids_are_given_once() -> None:
    with pytest.raises(DataError, match=r"qas\[1\]: the id 'q1' is also that of .*qas\[0\]"):
        read(squad(GOOD, GOOD))
    for name in ("", " "):
        with pytest.raises(DataError, match=r"qas\[0\]: the question's id is empty"):
            read(squad(GOOD | {"id": name}))


def test_paragraphs_without_questions_are_no_error() -> None:
    content = squad(GOOD)
    content["data"][0]["paragraphs"] += [{"context": "", "qas": []}, {"context": "x", "qas": []}]
    content["data"] += [{"title": None, "paragraphs": []}]
    assert [example.id for example in read(content).examples] == ["q1"]


def test_a_mark_and_old_line_ends_are_no_error_in_json() -> None:
    expected = read(squad(GOOD)).examples
    text = json.dumps(squad(GOOD), indent=1)
    assert read(b"\xef\xbb\xbf" + text.encode()).examples == expected
    assert read(text.replace("\n", "\r\n").encode()).examples == expected


# Repetitions that a rule of a tokeniser could try to match in several ways.
UNITS = ["a", "1", "1.", "1,1", "a.", "n't", "n'", "'", "\u2019s", "e\u0301", "\u0301", "-", "_'"]


@pytest.mark.parametrize("tokenizer", ["clitics", "words", "whitespace"])
@pytest.mark.parametrize("unit", UNITS, ids=range(len(UNITS)))
def test_no_repetition_is_too_long_for_a_tokeniser(tokenizer, unit: str) -> None:
    text = unit * (10_000 // len(unit)) + " n't"
    spans = character_spans(text, tokenizer)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    if tokenizer != "words":  # which passes over marks
        assert "".join(text[start:end] for start, end in spans) == text.replace(" ", "")


def test_a_passage_of_a_million_characters() -> None:
    context = "Mira sleeps in Oslo. " * 50_000
    result = read(squad(question("q1", (len(context) - 6, "Oslo")), context=context))
    (example,) = result.examples
    assert example.passage.substring(example.answers[0].first, example.answers[0].last) == "Oslo"


@pytest.mark.parametrize("key", ["data", "context", "answer_start", "id"])
def test_a_key_that_is_given_twice_is_an_error(key: str) -> None:
    text = json.dumps(squad(GOOD))
    assert len(read(text.encode()).examples) == 1
    twice = text.replace(f'"{key}":', f'"{key}": 0, "{key}":', 1)
    with pytest.raises(DataError, match=rf"f\.json: .*the key '{key}' is given twice"):
        read(twice.encode())
