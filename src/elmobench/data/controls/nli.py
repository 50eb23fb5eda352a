"""Control for inference: who did what to whom, with the same words in both hypotheses.

A premise says that someone did something to someone else ("yesterday the dog chased the cat").
Ambiguous pairs come as twins: the hypothesis that keeps the order ("the dog chased the cat")
follows, the one that reverses it ("the cat chased the dog") does not. In the other pairs the verb
decides: the hypothesis has the premise's verb or its opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import pair_ceiling
from elmobench.data.examples import Sentence, SentencePair

WHO = ("dog", "cat", "boy", "girl", "teacher", "doctor", "farmer", "king")
DEEDS = ("chased", "followed", "saw", "called", "pushed", "thanked")
OPPOSITES = (("opened", "closed"), ("found", "lost"), ("bought", "sold"), ("broke", "mended"))
THINGS = ("gate", "door", "box", "letter", "lamp", "chair", "window", "clock")

# Premises are short, so that two mean vectors differ mainly by the order.
_OPENINGS = ("then", "today", "again", "soon", "once", "yesterday")

_ATTEMPTS = 10_000


class NliOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class NliControl(Generator[NliOptions]):
    """Makes :class:`SentencePair`, labelled entailment and contradiction in equal number."""

    name: ClassVar[str] = "control-nli"
    version: ClassVar[int] = 1
    options_type = NliOptions

    def generate(self, options: NliOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. No pair of bags of words is in two splits."""
        rng = StableRandom(options.seed)
        seen: set[tuple[tuple[str, ...], ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            rows: list[Row] = []
            for i in range(size // 2):
                rows += _twins(rng, i < pairs, seen)
            rng.shuffle(rows)
            result[split] = [
                SentencePair(f"{split}-{i:06d}", *row) for i, row in enumerate(rows, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[SentencePair]) -> float:
        """Accuracy in percent, exact."""
        return pair_ceiling(examples)


Row = tuple[Sentence, Sentence, str]


def _twins(rng: StableRandom, ambiguous: bool, seen: set[tuple[tuple[str, ...], ...]]) -> list[Row]:
    """One premise with a hypothesis that follows and one that does not."""
    for _ in range(_ATTEMPTS):
        subject = rng.choice(WHO)
        if ambiguous:
            verb, thing = rng.choice(DEEDS), rng.choice(WHO)
            contrary = (thing, verb, subject)
        else:
            verbs, thing = list(rng.choice(OPPOSITES)), rng.choice(THINGS)
            rng.shuffle(verbs)
            verb = verbs[0]
            contrary = (subject, verbs[1], thing)
        statement = (subject, verb, thing)
        premise = _sentence(rng.choice(_OPENINGS), statement)
        rows = [
            (premise, _sentence("", statement), "entailment"),
            (premise, _sentence("", contrary), "contradiction"),
        ]
        bags = {tuple(tuple(sorted(side)) for side in row[:2]) for row in rows}
        if subject != thing and not bags & seen:
            seen |= bags
            return rows
    raise ConfigError(
        f"no new pair in {_ATTEMPTS} draws",
        where="generator 'control-nli'",
        fix="ask for fewer examples",
    )


def _sentence(opening: str, statement: tuple[str, str, str]) -> Sentence:
    subject, verb, thing = statement
    first, *rest = f"{opening} the {subject} {verb} the {thing} .".split()
    return (first.capitalize(), *rest)


GENERATOR = NliControl()
