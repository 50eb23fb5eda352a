"""Control for NER: names of a person or a place, and only a neighbouring word decides which.

Every sentence holds one name. Sentences come in twins: the same frame, once with a person and
once with a place, so that neither the name (if it is ambiguous), nor its position, nor the
length of the sentence, nor any tag around it gives any information about the type.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.controls.ceilings import context_free_ceiling
from elmobench.data.examples import TaggedSentence

AMBIGUOUS = (
    *("Washington", "Jordan", "Sofia", "Florence", "Georgia", "Lincoln", "Austin", "Sydney"),
    *("Madison", "Charlotte", "Victoria", "Chelsea"),
    *("Virginia Woods", "Adelaide Hill", "Savannah Rivers", "Regina Banks", "Orlando Fields"),
    "Dallas Brooks",
)
PERSONS = (
    *("Peter", "Susan", "Michael", "Helen", "Robert", "Margaret", "Thomas", "Alice"),
    *("John Smith", "Mary Johnson", "William Taylor", "Emma Wilson"),
)
_WOMEN = frozenset(PERSONS[1::2])
PLACES = (
    *("London", "Berlin", "Canada", "Tokyo", "Spain", "Egypt", "Vienna", "Norway"),
    *("New York", "Hong Kong", "South Africa", "Saudi Arabia"),
)

# The cue is right before the name. Person and place cues of a twin have the same length.
_LEFT_CUES = (
    (("by", "with", "for"), ("in", "near", "outside")),
    (("by Mr", "by Mrs", "for Dr", "with Professor"), ("close to", "somewhere in", "north of")),
)
_OPENINGS = ("", "last week", "as they remember ,", "in the end", "it is said that")
_SUBJECTS = (
    *("the letter", "a new song", "the old map", "the first report", "a short speech"),
    *("the picture", "the wooden table", "this story", "the whole collection", "a large clock"),
)
_VERBS = (
    *("was written", "was found", "was finished", "was shown", "was sold", "was kept"),
    *("was prepared", "was changed"),
)
_CLOSINGS = (
    *("", "last spring", "before the war", "in the winter", "after many years", "by mistake"),
    *("for the museum", "with great care"),
)

# The cue is right after the name.
_RIGHT_CUES = (
    (("himself", "herself", "personally"), ("airport", "harbour", "station", "province")),
)
_STARTS = ("", "that year", "in the evening", "by the end of the week", "as the papers wrote ,")
_PREDICATES = (
    *("was quiet that night", "seemed ready for the guests", "looked old and tired"),
    *("became famous in the summer", "surprised every visitor", "remained popular for years"),
    *("was praised by the papers", "was always full of stories"),
)

_ATTEMPTS = 10_000


class NerOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""


class NerControl(Generator[NerOptions]):
    """Makes :class:`TaggedSentence` with types PER and LOC."""

    name: ClassVar[str] = "control-ner"
    version: ClassVar[int] = 1
    options_type = NerOptions

    def generate(self, options: NerOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. Ambiguous names are taken in turn, twin by twin."""
        rng = StableRandom(options.seed)
        seen: set[tuple[str, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            names = [(name, name) for name in AMBIGUOUS]
            known = list(zip(PERSONS, PLACES, strict=True))
            pairs = options.ambiguous_pairs(size)
            chosen = [names[i % len(names)] for i in range(pairs)]
            chosen += [known[i % len(known)] for i in range(size // 2 - pairs)]
            sentences = [tagged for pair in chosen for tagged in _twins(rng, pair, seen)]
            rng.shuffle(sentences)
            result[split] = [
                TaggedSentence(f"{split}-{i:06d}", tokens, tags)
                for i, (tokens, tags) in enumerate(sentences, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[TaggedSentence]) -> float:
        """Span F1 in percent; exact here, see :func:`ceilings.context_free_ceiling`."""
        return context_free_ceiling(examples)


Tagged = tuple[tuple[str, ...], tuple[str, ...]]


def _twins(rng: StableRandom, names: tuple[str, str], seen: set[tuple[str, ...]]) -> list[Tagged]:
    for _ in range(_ATTEMPTS):
        left = rng.chance(0.6)
        cues = rng.choice(_LEFT_CUES if left else _RIGHT_CUES)
        if left:
            before = (rng.choice(_OPENINGS), rng.choice(_SUBJECTS), rng.choice(_VERBS))
            after = (rng.choice(_CLOSINGS),)
        else:
            before, after = (rng.choice(_STARTS), "", ""), (rng.choice(_PREDICATES),)
        person, place = rng.choice(cues[0]), rng.choice(cues[1])
        if len(person.split()) != len(place.split()) or not _fits(names[0], person):
            continue
        twins = []
        for name, cue, kind in ((names[0], person, "PER"), (names[1], place, "LOC")):
            head = [*before, cue] if left else [*before]
            tail = [*after] if left else [cue, *after]
            twins.append(
                _tagged(" ".join(head).split(), name.split(), " ".join(tail).split(), kind)
            )
        if not any(tokens in seen for tokens, _ in twins):
            seen.update(tokens for tokens, _ in twins)
            return twins
    raise ConfigError(
        f"no new sentence for {' / '.join(names)} in {_ATTEMPTS} draws",
        where="generator 'control-ner'",
        fix="ask for fewer examples",
    )


def _fits(name: str, cue: str) -> bool:
    """Whether a person's cue agrees with the name; ambiguous names agree with every cue."""
    if name not in PERSONS:
        return True
    return cue not in (("himself", "by Mr") if name in _WOMEN else ("herself", "by Mrs"))


def _tagged(head: list[str], name: list[str], tail: list[str], kind: str) -> Tagged:
    tokens = [*head, *name, *tail, "."]
    tokens[0] = tokens[0][0].upper() + tokens[0][1:]
    inner = [f"B-{kind}"] + [f"I-{kind}"] * (len(name) - 1)
    return tuple(tokens), ("O",) * len(head) + tuple(inner) + ("O",) * (len(tail) + 1)


GENERATOR = NerControl()
