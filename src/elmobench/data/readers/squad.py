"""Questions on passages in the JSON of SQuAD, versions 1.1 and 2.0."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from elmobench.core.errors import DataError
from elmobench.core.parsing import check_distinct_keys, parse_json
from elmobench.core.quoting import quoted, shortened
from elmobench.core.strict_model import StrictModel
from elmobench.data.questions import Answer, Passage, PassageQuestion, make_passage
from elmobench.data.readers.base import Reader, ReaderOptions, ReadResult, SourceText
from elmobench.data.readers.row_examples import answer_in
from elmobench.data.readers.tokenizers import SpanTokenizerName, character_spans
from elmobench.data.text_checks import check_text


class Articles(StrictModel):
    """Some of a file's articles, so that one file can give several splits."""

    order: Literal["file", "sha1"] = "file"
    """Order of the articles, which is also that of the examples: ``file``, or ``sha1`` for
    ascending by the SHA-1 (hex) of the title in UTF-8, exactly as written in the JSON.
    """
    first: int = Field(default=1, ge=1)
    """First article to read in that order, counted from 1."""
    last: int | None = Field(default=None, ge=1)
    """Last article to read; None for all that follow."""

    @model_validator(mode="after")
    def _ordered(self) -> Articles:
        if self.last is not None and self.last < self.first:
            raise ValueError("'last' is less than 'first'")
        return self


class SquadOptions(ReaderOptions):
    """Options of the ``squad`` reader."""

    tokenizer: SpanTokenizerName = "clitics"
    """How questions and passages are split into tokens."""
    articles: Articles = Articles()
    """Articles of the file to read; by default all of them."""
    wrong_offsets: Literal["error", "drop"] = "error"
    """What to do with an answer that is not at its offset: raise an ``error``, or ``drop`` and
    count it. A question without another answer is dropped too.
    """
    unanswerable: Literal["error", "drop"] = "error"
    """What to do with a question that has no answer, as SQuAD 2.0 has them: raise an ``error``, or
    ``drop`` and count it. Heads answer every question.
    """


class SquadReader(Reader[SquadOptions]):
    """Gives :class:`PassageQuestion`.

    An answer's tokens are those that hold any of its characters; if they hold others as well, it
    is counted as an answer moved to token borders. Its text and offset stay as
    annotated. Questions without a token are dropped and counted. Errors name the file, and the
    line where the JSON is broken or else the path in it (``data[0].paragraphs[2].qas[1]``), since
    such files are often a single line.
    """

    name: ClassVar[str] = "squad"
    version: ClassVar[int] = 1
    options_type = SquadOptions
    droppable = ("answer-not-found", "blank-at-end-of-answer", "no-answer")

    def read(self, text: SourceText, options: SquadOptions) -> ReadResult:
        """See :meth:`Reader.read`."""
        result = ReadResult([])
        places: dict[str, str] = {}  # of the questions, by id
        for place, article in _chosen(_articles(text), options.articles, text.name):
            title = _title(article, place)
            for at, paragraph in _items(article, "paragraphs", place):
                context = _text(paragraph, "context", at)
                passage = make_passage(context, options.tokenizer)
                for where, qa in _items(paragraph, "qas", at):
                    try:
                        question = _question(qa, passage, options, result, text, where, title)
                        if question is not None and question.id in places:
                            raise DataError(
                                f"the id {quoted(question.id)} is also that of "
                                f"{places[question.id]}",
                                where=where,
                                fix="give every question an id of its own",
                            )
                    except DataError as error:
                        text.problem(error)
                        continue
                    if question is not None:
                        places[question.id] = where
                        result.examples.append(question)
        return result


def _articles(text: SourceText) -> list[tuple[str, Any]]:
    lines = [line for _, line in text.rows()]
    # Empty lines instead of those that the card leaves out, so that errors name the right one.
    before = "\n" * ((text.lines or (1, 1))[0] - 1)
    content = parse_json(before + "\n".join(lines), text.name, on_object=check_distinct_keys)
    return list(_items(content, "data", text.name, root=True))


def _chosen(articles: list[tuple[str, Any]], wanted: Articles, name: str) -> list[tuple[str, Any]]:
    needed = wanted.last or wanted.first
    if needed > len(articles):
        raise DataError(
            f"has {len(articles)} articles, but the card selects article {needed}", where=name
        )
    if wanted.order == "sha1":
        titles = [_text(article, "title", place) for place, article in articles]
        repeated = [title for title, number in Counter(titles).items() if number > 1]
        if repeated:
            raise DataError(
                f"two articles have the title {quoted(repeated[0])}: titles do not define an order",
                where=name,
            )
        keys = {
            place: hashlib.sha1(title.encode("utf-8")).hexdigest()
            for (place, _), title in zip(articles, titles, strict=True)
        }
        articles = sorted(articles, key=lambda item: keys[item[0]])
    return articles[wanted.first - 1 : wanted.last]


def _question(
    qa: Any,
    passage: Passage,
    options: SquadOptions,
    result: ReadResult,
    file: SourceText,
    where: str,
    title: str,
) -> PassageQuestion | None:
    text = _text(qa, "question", where)
    name = _text(qa, "id", where)
    if not name or name.isspace():
        raise DataError("the question's id is empty", where=where)
    named = f" (id {shortened(name)})"
    tokens = tuple(text[start:end] for start, end in character_spans(text, options.tokenizer))
    if not tokens:
        result.lose("questions without a token")
        return None
    if not passage.tokens:
        raise DataError("a question on a passage without a token", where=where + named)
    annotated = [(at + named, item) for at, item in _items(qa, "answers", where)]
    if _is_unanswerable(qa, annotated, where + named):
        if options.unanswerable == "error":
            raise DataError(
                "the question has no answer, as some of SQuAD 2.0",
                where=where + named,
                fix="to drop and count such questions, give the reader the option "
                "unanswerable: drop",
                kind="no-answer",
            )
        result.lose("unanswerable questions")
        return None
    answers = []
    for at, item in annotated:
        try:
            answer = _answer(item, passage, options, result.dropped, at)
        except DataError as error:
            file.problem(error, lost=False)
            continue
        if answer is not None:
            answers.append(answer)
    if not answers:
        result.lose("questions without a usable answer")
        return None
    return PassageQuestion(name, tokens, passage, tuple(answers), title)


def _is_unanswerable(qa: dict[str, Any], answers: list[tuple[str, Any]], where: str) -> bool:
    """Whether a question has no answer.

    Raises:
        DataError: it has some, but says that it has none.
    """
    stated = qa.get("is_impossible", False)
    if not isinstance(stated, bool):
        raise DataError(
            f"expected true or false in 'is_impossible', got a {type(stated).__name__}",
            where=where,
        )
    if stated and answers:
        raise DataError("'is_impossible' is true, but there are answers", where=where)
    return not answers


def _answer(
    item: Any, passage: Passage, options: SquadOptions, dropped: Counter[str], where: str
) -> Answer | None:
    text = _text(item, "text", where)
    return answer_in(
        passage,
        text,
        item.get("answer_start"),
        dropped,
        where,
        fix="correct the file, or give the reader the option wrong_offsets: drop",
        drop_wrong=options.wrong_offsets == "drop",
    )


def _title(article: Any, where: str) -> str:
    """The title of an article, which may be missing or null."""
    if not isinstance(article, dict) or article.get("title") is None:
        return ""
    return _text(article, "title", where)


def _items(parent: Any, key: str, where: str, root: bool = False) -> Iterator[tuple[str, Any]]:
    """Yield the members of the list ``parent[key]``, each with its path for errors."""
    members = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(members, list):
        raise DataError(f"expected an object with a list {key!r}", where=where)
    for i, item in enumerate(members):
        yield f"{where}{': ' if root else '.'}{key}[{i}]", item


def _text(parent: Any, key: str, where: str) -> str:
    value = parent.get(key) if isinstance(parent, dict) else None
    if not isinstance(value, str):
        raise DataError(f"expected an object with a text {key!r}", where=where)
    check_text(value, f"the {key}", where)
    return value


READER = SquadReader()
