from __future__ import annotations

import hashlib
import json

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.questions import Answer
from elmobench.data.readers import read_bytes
from elmobench.tasks.qa.pipeline import PIPELINE

CONTEXT = "Luther's “95 Theses” — nailed in 15173 (cafe\u0301 🇩🇪 10,000)."


def qa(question="Who ?", answers=((0, "Luther"),), key="q1"):
    annotated = [{"answer_start": start, "text": text} for start, text in answers]
    return {"id": key, "question": question, "answers": annotated}


def file(*articles) -> dict:
    """Articles as (title, context, questions)."""
    return {
        "version": "1.1",
        "data": [
            {"title": title, "paragraphs": [{"context": context, "qas": list(questions)}]}
            for title, context, questions in articles
        ],
    }


def read(content, **options):
    data = content if isinstance(content, bytes) else json.dumps(content, indent=1).encode()
    return read_bytes("squad", data, "dev.json", options)


def test_tokens_offsets_and_answers() -> None:
    start = CONTEXT.index("95")
    result = read(file(("T", CONTEXT, [qa(answers=[(0, "Luther"), (start, "95 Theses")])])))
    (example,) = result.examples
    assert example.id == "q1"
    assert example.question == ("Who", "?")
    assert example.passage.text == CONTEXT
    assert example.passage.tokens[:6] == ("Luther", "'s", "“", "95", "Theses", "”")
    assert example.answers == (Answer("Luther", 0, 0, 0), Answer("95 Theses", start, 3, 4))
    assert example.passage.substring(3, 4) == "95 Theses"
    assert example.tokens == example.passage.tokens
    assert not result.dropped


def test_answers_within_words_take_the_whole_word_and_are_counted() -> None:
    start, space = CONTEXT.index("1517"), CONTEXT.index(" nailed")
    answers = [(start, "1517"), (space, " nailed"), (CONTEXT.index("e\u0301"), "e")]
    result = read(file(("T", CONTEXT, [qa(answers=answers)])))
    (example,) = result.examples
    assert [answer.text for answer in example.answers] == ["1517", " nailed", "e"]
    assert [example.passage.substring(a.first, a.last) for a in example.answers] == [
        "15173",
        "nailed",
        "cafe\u0301",
    ]
    assert result.dropped == {"answers moved to token borders": 3}


def test_questions_share_their_passage_and_are_counted() -> None:
    result = read(file(("T", "Rome is old .", [qa("How ?", [(8, "old")], k) for k in "ab"])))
    assert result.examples[0].passage is result.examples[1].passage
    assert PIPELINE.count(result.examples) == SplitCounts(examples=2, passages=1, tokens=4 + 2 * 2)


def test_another_tokenizer() -> None:
    (example,) = read(file(("T", CONTEXT, [qa()])), tokenizer="whitespace").examples
    assert example.passage.tokens[0] == "Luther's"
    assert (example.answers[0].first, example.answers[0].last) == (0, 0)


TITLES = ["Sky_(UK)", "Zürich", "Oxygen", "Rome"]


def titled(**articles):
    content = file(*((title, title + " x", [qa("?", [(0, title)], title)]) for title in TITLES))
    return [example.id for example in read(content, articles=articles).examples]


def test_articles_are_chosen_by_the_hash_of_their_title() -> None:
    order = sorted(TITLES, key=lambda title: hashlib.sha1(title.encode("utf-8")).hexdigest())
    assert order != TITLES
    assert titled() == TITLES
    assert titled(first=2, last=3) == TITLES[1:3]
    assert titled(order="sha1") == order
    assert titled(order="sha1", first=1, last=1) + titled(order="sha1", first=2) == order


@pytest.mark.parametrize(
    "articles",
    [{"first": 0}, {"first": 3, "last": 2}, {"order": "md5"}, {"start": 1}],
)
def test_wrong_choices_of_articles(articles: dict) -> None:
    with pytest.raises(ConfigError, match="articles"):
        titled(**articles)


@pytest.mark.parametrize("articles", [{"last": 5}, {"first": 5}])
def test_missing_articles_are_errors(articles: dict) -> None:
    with pytest.raises(DataError, match=r"dev\.json: has 4 articles.*article 5"):
        titled(**articles)


def test_repeated_titles_define_no_order() -> None:
    content = file(("Rome", "a b", [qa("?", [(0, "a")])]), ("Rome", "a b", []))
    assert len(read(content).examples) == 1
    with pytest.raises(DataError, match="two articles have the title 'Rome'"):
        read(content, articles={"order": "sha1"})


def test_wrong_offsets_are_errors_or_dropped_and_counted() -> None:
    questions = [
        qa(answers=[(1, "Luther"), (0, "Luther")]),
        qa(answers=[(1, "Luther"), (-3, "x"), (999, "x"), (0, "")], key="q2"),
    ]
    content = file(("T", CONTEXT, questions))
    with pytest.raises(DataError, match=r"(?s)dev\.json: .*qas\[0\]\.answers\[0\].*'Luther'"):
        read(content)
    result = read(content, wrong_offsets="drop")
    assert [example.id for example in result.examples] == ["q1"]
    assert len(result.examples[0].answers) == 1
    assert result.dropped == {
        "answers not at their offset": 5,
        "questions without a usable answer": 1,
    }


def test_empty_questions_are_dropped_and_counted() -> None:
    result = read(file(("T", CONTEXT, [qa("  "), qa(key="q2")])))
    assert [example.id for example in result.examples] == ["q2"]
    assert result.dropped == {"questions without a token": 1}


GOOD = file(("T", CONTEXT, [qa()]))


def broken(path: str, value) -> dict:
    """``GOOD`` with another value at a path such as ``data.0.title``."""
    content = json.loads(json.dumps(GOOD))
    *steps, last = [int(step) if step.isdecimal() else step for step in path.split(".")]
    item = content
    for step in steps:
        item = item[step]
    item[last] = value
    return content


QA = "data.0.paragraphs.0.qas.0"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"data": [\n{"title": }]}', r"dev\.json:2:11: is not JSON"),
        (b'{"data": [\n\n"\xff"]}', r"dev\.json:3: is not UTF-8"),
        (b"", r"dev\.json:1:1: is not JSON"),
        (b"[]", r"dev\.json: expected an object with a list 'data'"),
        (broken("data", {}), r"dev\.json: expected an object with a list 'data'"),
        (broken("data.0", "T"), r"data\[0\].*list 'paragraphs'"),
        (broken("data.0.paragraphs.0", {}), r"data\[0\]\.paragraphs\[0\].*text 'context'"),
        (broken("data.0.paragraphs.0.context", ""), r"qas\[0\].*passage without a token"),
        (broken(QA, 1), r"paragraphs\[0\]\.qas\[0\].*text 'question'"),
        (broken(f"{QA}.id", 7), r"qas\[0\].*text 'id'"),
        (
            broken(f"{QA}.answers", []),
            r"qas\[0\] \(id q1\): the question has no answer.*unanswerable: drop",
        ),
        (broken(f"{QA}.answers", None), r"qas\[0\].*list 'answers'"),
        (broken(f"{QA}.answers.0.answer_start", "0"), r"answers\[0\].*number in 'answer_start'"),
        (broken(f"{QA}.answers.0.answer_start", True), r"answers\[0\].*number in 'answer_start'"),
        (broken(f"{QA}.answers.0", "Luther"), r"answers\[0\].*text 'text'"),
    ],
)
def test_other_formats_are_errors(content, message: str) -> None:
    with pytest.raises(DataError, match=f"(?s){message}"):
        read(content)


def test_a_title_is_needed_for_its_hash_only() -> None:
    content = broken("data.0.title", None)
    assert len(read(content).examples) == 1
    with pytest.raises(DataError, match=r"data\[0\].*text 'title'"):
        read(content, articles={"order": "sha1"})
