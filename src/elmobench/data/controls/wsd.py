"""Control for WSD: nouns mean an animal or a thing, and only a neighbouring word decides which.

Every sentence holds one annotated noun, of one word or two. Sentences come in twins: the same
frame, once with the animal and once with the thing, so that neither the noun (if it is
ambiguous), nor its position, nor the length of the sentence gives any information about the sense.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import sense_ceiling
from elmobench.data.examples import SenseInstance, SenseSentence

AMBIGUOUS = (
    *("crane", "bat", "seal", "mouse", "ram", "kite", "hawk", "monitor", "drone", "beetle"),
    *("mole", "buck", "tiger moth", "black hawk", "flying fox"),
)
ANIMALS = ("rabbit", "sheep", "goose", "donkey", "squirrel", "pigeon", "polar bear", "guinea pig")
THINGS = (
    *("hammer", "ladder", "kettle", "basket", "lantern", "bicycle", "sewing machine"),
    "fountain pen",
)

# The cue is right before the noun, or right after it.
_LEFT_CUES = (
    ("hungry", "sleeping", "frightened", "wounded", "pregnant", "thirsty"),
    ("rusty", "broken", "wooden", "repaired", "dented", "unused"),
)
_RIGHT_CUES = (
    ("slept", "breathed", "drank", "grazed", "yawned"),
    ("creaked", "rusted", "jammed", "tipped", "shattered"),
)
_OPENINGS = ("", "last week", "as they remember ,", "in the end", "that evening")
_SUBJECTS = (
    *("the visitor", "a young man", "the owner", "my neighbour", "the old woman"),
    *("a stranger", "the teacher", "their uncle"),
)
_VERBS = ("saw a", "noticed the", "wrote about the", "asked for the", "painted a", "forgot the")
_CLOSINGS = (
    *("", "last spring", "before the war", "in the garden", "after many years", "by the river"),
    *("near the museum", "with great care"),
)
_STARTS = ("the", "by noon the", "in the evening the", "they say that the", "for an hour the")
_PREDICATES = (
    *("near the wall", "again that night", "while the guests waited", "in a corner"),
    *("before anybody noticed", "all through the summer", "behind the house", "as usual"),
)

_ATTEMPTS = 10_000
_ANIMAL, _THING = "05", "06"


class WsdOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class WsdControl(Generator[WsdOptions]):
    """Makes :class:`SenseSentence` with one noun each.

    Sense keys have WordNet's form and its files of animals (05) and artefacts (06), but they are
    not WordNet's. An ambiguous noun has both as candidates, the animal first; others have one.
    """

    name: ClassVar[str] = "control-wsd"
    version: ClassVar[int] = 1
    options_type = WsdOptions

    def generate(self, options: WsdOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Ambiguous nouns are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            chosen = [(AMBIGUOUS[i % len(AMBIGUOUS)],) * 2 for i in range(pairs)]
            known = list(zip(ANIMALS, THINGS, strict=True))
            chosen += [known[i % len(known)] for i in range(size // 2 - pairs)]
            made = [sentence for pair in chosen for sentence in noun_twins(rng, pair, seen)]
            rng.shuffle(made)
            result[split] = [
                _example(f"{split}-{i:06d}", *sentence) for i, sentence in enumerate(made, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[SenseSentence]) -> float:
        """F1 in percent; exact, see :func:`ceilings.sense_ceiling`."""
        return sense_ceiling(examples)


Made = tuple[tuple[str, ...], int, str, str]
"""Tokens, the noun's first token, the noun, the lexicographer file of its sense."""


def noun_twins(rng: StableRandom, nouns: tuple[str, str], seen: set[tuple[str, ...]]) -> list[Made]:
    """Two sentences of one frame, not among ``seen``: about an animal and about a thing."""
    for _ in range(_ATTEMPTS):
        left = rng.chance(0.6)
        cues = _LEFT_CUES if left else _RIGHT_CUES
        if left:
            before = " ".join((rng.choice(_OPENINGS), rng.choice(_SUBJECTS), rng.choice(_VERBS)))
            after = rng.choice(_CLOSINGS)
        else:
            before, after = rng.choice(_STARTS), rng.choice(_PREDICATES)
        twins = []
        for noun, words, file in zip(nouns, cues, (_ANIMAL, _THING), strict=True):
            cue = rng.choice(words)
            head = [*before.split(), cue] if left else before.split()
            tail = after.split() if left else [cue, *after.split()]
            tokens = [*head, *noun.split(), *tail, "."]
            tokens[0] = tokens[0][0].upper() + tokens[0][1:]
            twins.append((tuple(tokens), len(head), noun, file))
        if not any(tokens in seen for tokens, *_ in twins):
            seen.update(tokens for tokens, *_ in twins)
            return twins
    raise ConfigError(
        f"no new sentence for {' / '.join(nouns)} in {_ATTEMPTS} draws",
        where="generator 'control-wsd'",
        fix="ask for fewer examples",
    )


def _example(name: str, tokens: tuple[str, ...], start: int, noun: str, file: str) -> SenseSentence:
    lemma = noun.replace(" ", "_")
    files = (_ANIMAL, _THING) if noun in AMBIGUOUS else (file,)
    instance = SenseInstance(
        id=f"{name}.t000",
        start=start,
        end=start + len(noun.split()),
        lemma=lemma,
        pos="n",
        senses=(f"{lemma}%1:{file}:00::",),
        candidates=tuple(f"{lemma}%1:{each}:00::" for each in files),
    )
    return SenseSentence(name, tokens, (instance,))


GENERATOR = WsdControl()
