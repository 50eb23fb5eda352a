"""Control for question answering: the words next to two names decide who won and who lost.

Every passage reports one match between two people. Passages with such questions come in twins:
the same words with the two names exchanged, and the same question, so that the other name is the
answer. Questions about the place or the day can be answered from the words alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.questions import Answer, Passage, PassageQuestion, make_passage

NAMES = (
    *("Anna", "Boris", "Clara", "David", "Emma", "Felix", "Greta", "Henry", "Irene", "Jonas"),
    *("Karen", "Louis"),
)
CITIES = ("Paris", "Berlin", "Vienna", "Madrid", "Dublin", "Oslo", "Athens", "Prague")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# The decisive words are right next to the names, so that an untrained recurrent encoder carries
# them to where a linear head can read them. No name is next to an article or a full stop.
FRAMES = (
    "{winner} beat {loser}",
    "{winner} easily defeated {loser}",
    "{loser} was beaten by {winner}",
    "{loser} lost to {winner}",
)
_OPENINGS = (
    *("", "as expected", "after a long wait", "in front of many people", "in the end"),
    *("as the papers wrote", "at the second attempt", "once more"),
)
_MIDDLES = (
    *("in the final", "after two hours", "in three sets", "for the first time"),
    *("without much effort", "in heavy rain"),
)
_CLOSINGS = ("in {city} on {day}", "on {day} in {city}")

WHO = ("who won the match ?", "who lost the match ?")
WHERE = ("where was the match ?", "when was the match ?")

_ATTEMPTS = 10_000


class QaOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class QaControl(Generator[QaOptions]):
    """Makes :class:`PassageQuestion`; every answer is one token."""

    name: ClassVar[str] = "control-qa"
    version: ClassVar[int] = 1
    options_type = QaOptions

    def generate(self, options: QaOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Both questions of a kind are asked in turn."""
        rng = StableRandom(options.seed)
        seen: set[str] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            questions: list[tuple[str, str, str]] = []
            for i in range(size // 2):
                questions += _pair(rng, i, seen, twins=i < pairs)
            rng.shuffle(questions)
            result[split] = [
                _example(f"{split}-{i:06d}", *item) for i, item in enumerate(questions, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[PassageQuestion]) -> float:
        """Exact match in percent that no model without context exceeds.

        Such a model gives a token scores as the first and as the last of the answer that depend
        on its word, on the question and on which words the passage holds, and takes the best
        span. Proof for questions whose only answer is one token that occurs once in its passage
        and is next to neither an article nor punctuation (which the metric ignores): an answer
        is then right only if exactly this token is predicted, so it has a higher score than any
        other token by itself. These scores are the same in all passages with the same words, so
        that for one question only one word can be right in them. The most frequent one is best.
        (With equal scores the position would decide; the frames put winner and loser first
        equally often.) Where words decide, the model is taken to be right.
        """
        answers: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
        for example in examples:
            words = (example.question, tuple(sorted(example.passage.tokens)))
            answers[words][example.answers[0].text] += 1
        right = sum(max(counts.values()) for counts in answers.values())
        return 100.0 * right / len(examples)


def _pair(
    rng: StableRandom, number: int, seen: set[str], *, twins: bool
) -> list[tuple[str, str, str]]:
    """Two passages, each with a question and its answer."""
    for _ in range(_ATTEMPTS):
        rows = []
        first, second = rng.choice(NAMES), rng.choice(NAMES)
        frame = " ".join([rng.choice(_OPENINGS), rng.choice(FRAMES), rng.choice(_MIDDLES)])
        city, day = rng.choice(CITIES), rng.choice(DAYS)
        closing = rng.choice(_CLOSINGS)
        question = number % 2
        for winner, loser in ((first, second), (second, first)):
            text = f"{frame} {closing} .".strip()
            text = text.format(winner=winner, loser=loser, city=city, day=day)
            text = text[0].upper() + text[1:]
            if twins:
                rows.append((text, WHO[question], (winner, loser)[question]))
            else:
                rows.append((text, WHERE[question], (city, day)[question]))
        if first != second and not any(text in seen for text, _, _ in rows):
            seen.update(text for text, _, _ in rows)
            return rows
    raise ConfigError(
        f"no new passage in {_ATTEMPTS} draws",
        where="generator 'control-qa'",
        fix="ask for fewer examples",
    )


def _example(name: str, text: str, question: str, answer: str) -> PassageQuestion:
    passage: Passage = make_passage(text, "whitespace")
    token = passage.tokens.index(answer)
    gold = Answer(answer, passage.offsets[token][0], token, token)
    return PassageQuestion(name, tuple(question.split()), passage, (gold,))


GENERATOR = QaControl()
