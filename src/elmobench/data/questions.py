"""Questions on a passage, whose tokens keep their positions in the text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import SpanTokenizerName, character_spans
from elmobench.data.sentences import as_sentence


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, its tokens, and for each token its characters ``[start, end)`` of the text.

    Offsets count Unicode code points. Characters between two tokens are in no token.
    """

    text: str
    tokens: Sentence
    offsets: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if len(self.tokens) != len(self.offsets):
            raise ValueError(f"{len(self.tokens)} tokens but {len(self.offsets)} offsets")
        last = 0
        for token, (start, end) in zip(self.tokens, self.offsets, strict=True):
            if not last <= start < end or self.text[start:end] != token:
                raise ValueError(f"token {token!r} is not at [{start}, {end})")
            last = end

    def substring(self, first: int, last: int) -> str:
        """The text from the start of token ``first`` to the end of token ``last``, as it is."""
        return self.text[self.offsets[first][0] : self.offsets[last][1]]

    def covering(self, start: int, end: int) -> tuple[int, int] | None:
        """First and last token that hold any of the characters ``[start, end)``.

        None if they all lie between tokens.
        """
        first = bisect_right(self.offsets, start, key=lambda offset: offset[1])
        last = bisect_left(self.offsets, end, key=lambda offset: offset[0]) - 1
        return (first, last) if first <= last else None


def make_passage(text: str, tokenizer: SpanTokenizerName) -> Passage:
    """``text`` with its tokens; see :func:`character_spans`."""
    offsets = tuple(character_spans(text, tokenizer))
    return Passage(text, as_sentence([text[start:end] for start, end in offsets]), offsets)


@dataclass(frozen=True, slots=True)
class Answer:
    """An annotated answer and its tokens.

    Attributes:
        text: the characters ``[start, start + len(text))`` of the passage.
        start: its first character.
        first: its first token.
        last: its last token, inclusive. The tokens may hold more than the text.
    """

    text: str
    start: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class PassageQuestion:
    """A question that a passage answers. Questions on one passage share the Passage object.

    ``answers`` are those of the annotators, in the data's order; several may be equal. A
    user's own text has none. ``article`` is the title of the article that holds the passage, if
    the data has one.
    """

    id: str
    question: Sentence
    passage: Passage
    answers: tuple[Answer, ...] = ()
    article: str = ""

    def __post_init__(self) -> None:
        if not self.question or not self.passage.tokens:
            raise ValueError(f"{self.id}: a question and a passage have at least one token")
        for answer in self.answers:
            end = answer.start + len(answer.text)
            if self.passage.text[answer.start : end] != answer.text:
                raise ValueError(f"{self.id}: {answer.text!r} is not at {answer.start}")
            if not 0 <= answer.first <= answer.last < len(self.passage.tokens):
                raise ValueError(f"{self.id}: no tokens [{answer.first}, {answer.last}]")

    @property
    def tokens(self) -> Sentence:
        """The passage's tokens: hashed splits use them, so that a passage stays in one split."""
        return self.passage.tokens
