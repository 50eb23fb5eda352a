"""Question answering: the answer is a span of a passage (SQuAD v1.1 and similar sets)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.blanks import BLANKS
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.examples import Sentence
from elmobench.data.questions import PassageQuestion, make_passage
from elmobench.data.readers.tokenizers import SpanTokenizerName, character_spans
from elmobench.tasks.base import SEPARATOR, LabelCodec, Pipeline

QUESTION = "question"
PASSAGE = "passage"


class QuestionAnswering(Pipeline[PassageQuestion]):
    """Questions on passages. Question and passage are encoded as one sequence each."""

    name: ClassVar[str] = "qa"
    readers: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "squad": {"tokenizer": "clitics"},
        "jsonl": {"question": "question", "passage": "context", "answers": "answers"},
        "parquet": {"question": "question", "passage": "context", "answers": "answers"},
    }
    metrics: ClassVar[tuple[str, ...]] = ("squad", "exact-match")
    no_control: ClassVar[str] = (
        "an answer is a place in a passage, not a label: there is nothing to draw at random"
    )
    text_form: ClassVar[str] = f"passage {SEPARATOR} question"

    def slots(self, example: PassageQuestion) -> dict[str, list[Sentence]]:
        """The question and the passage."""
        return {QUESTION: [example.question], PASSAGE: [example.passage.tokens]}

    def count(self, examples: Sequence[PassageQuestion]) -> SplitCounts:
        """Questions, distinct passages, and tokens, those of each passage once."""
        passages = {example.passage.text: len(example.passage.tokens) for example in examples}
        questions = sum(len(example.question) for example in examples)
        return SplitCounts(
            examples=len(examples),
            tokens=sum(passages.values()) + questions,
            passages=len(passages),
        )

    def codec(self, train: Sequence[PassageQuestion], labels: Sequence[str] | None) -> LabelCodec:
        """The characters of ``train`` and how often each occurs; there are no labels.

        A passage counts once per question, as in document-qa.

        Raises:
            DataError: ``train`` is empty.
        """
        if not train:
            raise DataError("there is no training example")
        counts = _character_counts(train)
        characters = "".join(sorted(counts))
        occurrences = [counts[char] for char in characters]
        return LabelCodec(
            labels=[], extra={"characters": characters, "character_counts": occurrences}
        )

    def gold(self, example: PassageQuestion) -> list[str]:
        """The annotators' answers."""
        return [answer.text for answer in example.answers]

    def annotation_labels(self, annotation: str | Sequence[str]) -> list[str]:
        """The answer texts: a head that always gives the same answer has not learned."""
        return [annotation] if isinstance(annotation, str) else list(annotation)

    def format_annotation(self, annotation: Any, tokens: Sequence[str] | None = None) -> str:
        """The predicted answer, or the annotators' distinct answers."""
        if isinstance(annotation, list):
            return ", ".join(dict.fromkeys(annotation))
        return super().format_annotation(annotation, tokens)

    def resampling_unit(self, example: PassageQuestion) -> str:
        """The article or, if the data do not name it, the passage."""
        return example.article or digest_of(example.passage.text)[:16]

    def from_tokens(self, tokens: Sentence) -> PassageQuestion:
        """A question from the tokens of a passage, ``|||`` and the tokens of a question.

        The passage's text is its tokens, joined by spaces.
        """
        return self.from_text(" ".join(tokens), tokenized=True)

    def from_text(self, text: str, *, tokenized: bool = False) -> PassageQuestion:
        """A question from the text ``passage ||| question``.

        The predicted answer is a substring of the passage as typed.

        Raises:
            ConfigError: the text has no passage, no question, or more than one separator.
        """
        parts = text.split(SEPARATOR)
        tokenizer: SpanTokenizerName = "blanks" if tokenized else "clitics"
        if len(parts) != 2 or not all(map(str.strip, parts)):
            raise ConfigError(
                f"a question needs a passage: expected '{self.text_form}'",
                where=f"text {text[:60]!r}",
                fix=f"write for example 'Rome is in Italy. {SEPARATOR} Where is Rome?'",
            )
        passage, question = parts[0].strip(BLANKS if tokenized else None), parts[1]
        tokens = tuple(question[start:end] for start, end in character_spans(question, tokenizer))
        return PassageQuestion("text", tokens, make_passage(passage, tokenizer))


def _character_counts(examples: Sequence[PassageQuestion]) -> Counter[str]:
    sentences = Counter(example.passage.tokens for example in examples)
    sentences.update(example.question for example in examples)
    words: Counter[str] = Counter()
    for sentence, times in sentences.items():
        for word in sentence:
            words[word] += times
    characters: Counter[str] = Counter()
    for word, times in words.items():
        for char in word:
            characters[char] += times
    return characters


PIPELINE = QuestionAnswering()
