"""Control for coreference: a pronoun refers to one of two names, by the gender of a noun.

Each document introduces two names, one after a noun for a woman ("the actress Robin"), one
after a noun for a man, and continues with "she" or "he". Ambiguous documents have names of either
gender and come in twins, the same words with the two nouns exchanged: neither names, nor
positions, nor distances, nor the words of the document decide which name the pronoun refers to.
In the other documents the names are women's and men's names. There are ``distance`` words between
the noun and the name, and an encoder must carry the gender across them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from elmobench.core.errors import ConfigError
from elmobench.data.controls.base import Generator, GeneratorOptions, StableRandom
from elmobench.data.examples import CoreferenceDocument, Sentence

AMBIGUOUS = (
    *("Robin", "Kim", "Alex", "Sam", "Jordan", "Taylor", "Casey", "Morgan", "Jamie", "Leslie"),
    *("Drew", "Lee"),
)
WOMEN = ("Mary", "Susan", "Alice", "Helen", "Emma", "Margaret", "Julia", "Anna")
MEN = ("John", "Peter", "Thomas", "Robert", "Michael", "William", "Henry", "Paul")
CUES = {
    "she": ("lady", "woman", "girl", "aunt", "queen", "actress", "daughter", "sister"),
    "he": ("gentleman", "man", "boy", "uncle", "king", "actor", "son", "brother"),
}
# Phrases between noun and name; index n holds those of n words.
_BETWEEN = (
    ("",),
    ("called", "named"),
    ("known as", "they call"),
    ("who is called", "we know as"),
    ("whom they all call", "that is known as"),
    ("who goes by the name", "that we all know as"),
    ("who in these parts is called", "that goes here by the name"),
)
_OPENINGS = ("", "last week", "that evening", "on the way home", "as they remember")
_VERBS = ("met", "saw", "visited", "thanked", "followed", "believed", "heard", "painted")
_STARTS = ("then", "later", "after that", "in the end", "at once")
_ENDS = (
    *("laughed", "went home", "fell asleep", "wrote a letter", "sang a song", "sat down"),
    *("looked at the sea", "told a story"),
)
_ATTEMPTS = 10_000


class CorefOptions(GeneratorOptions):
    """See :class:`GeneratorOptions`."""

    distance: int = Field(default=0, ge=0, lt=len(_BETWEEN))
    """Number of words between the noun that shows the gender and the name."""


class CorefControl(Generator[CorefOptions]):
    """Makes :class:`CoreferenceDocument` of two sentences with one cluster: name and pronoun."""

    name: ClassVar[str] = "control-coref"
    version: ClassVar[int] = 1
    options_type = CorefOptions

    def generate(self, options: CorefOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. The two examples of a minimal pair
        use the same ambiguous name; pairs go through the list of these names in order."""
        rng = StableRandom(options.seed)
        seen: set[tuple[Sentence, ...]] = set()
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            pairs = options.ambiguous_pairs(size)
            made: list[_Document] = []
            for i in range(size // 2):
                name = AMBIGUOUS[i % len(AMBIGUOUS)] if i < pairs else None
                made += _pair(rng, name, options.distance, seen)
            rng.shuffle(made)
            result[split] = [
                CoreferenceDocument(f"{split}-{i:06d}", sentences, (cluster,))
                for i, (sentences, cluster) in enumerate(made, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[CoreferenceDocument]) -> float:
        """Average F1 of MUC, B³ and CEAFe in percent; exact for heads that link pairs of spans.

        Such a head decides on a link from the two spans and their distance and predicts no
        singletons. Without context it cannot distinguish twins: their spans and distances are
        equal one by one, so it gives both the same clusters. Of the clusters that it can make
        of a twin's mentions (the names a and b, the pronoun p)

        * none,
        * {a, p}, or {b, p}: right in one of the two,
        * {a, b, p}

        are the only ones that can be best: {a, b} scores in both twins what {a, p} scores where it
        is wrong, and more tokens in a cluster, or more clusters, increase denominators only.
        Documents whose names decide are right. The ceiling is the maximum over the numbers of
        twins that get each of the three; every such choice is a function of the words.
        """
        clusters_by_form: defaultdict[tuple[Sentence, ...], set[Any]] = defaultdict(set)
        nouns = {noun for group in CUES.values() for noun in group}
        for example in examples:
            blank = tuple(
                tuple("_" if word in nouns else word for word in sentence)
                for sentence in example.sentences
            )
            clusters_by_form[blank].add(example.clusters)
        twins = sum(len(golds) == 2 for golds in clusters_by_form.values())
        clear = len(examples) - 2 * twins
        best = 0.0
        for merged in range(twins + 1):
            for none in range(twins - merged + 1):
                linked = twins - merged - none
                best = max(best, _average(clear + linked, linked, 2 * merged, 2 * none))
        return 100 * best


def _average(right: int, wrong: int, merged: int, none: int) -> float:
    """Mean F1 if these numbers of documents get {name, p}, {other, p}, all three, no cluster."""
    documents = right + wrong + merged + none
    linked = right + wrong  # documents with a cluster of two
    muc = _f1(right + merged, documents, right + merged, linked + 2 * merged)
    b3 = _f1(
        2 * right + wrong / 2 + 2 * merged,
        2 * documents,
        2 * right + wrong / 2 + 4 / 3 * merged,
        2 * linked + 3 * merged,
    )
    aligned = right + wrong / 2 + 4 / 5 * merged
    ceaf = _f1(aligned, documents, aligned, linked + merged)
    return (muc + b3 + ceaf) / 3


def _f1(a: float, b: int, c: float, d: int) -> float:
    """F1 of recall a / b and precision c / d."""
    if not a or not c:
        return 0.0
    recall, precision = a / b, c / d
    return 2 * recall * precision / (recall + precision)


_Document = tuple[tuple[Sentence, ...], tuple[tuple[int, int], ...]]


def _pair(
    rng: StableRandom, name: str | None, distance: int, seen: set[tuple[Sentence, ...]]
) -> list[_Document]:
    """Twins about ``name`` and another ambiguous name; without ``name``, a woman and a man."""
    for _ in range(_ATTEMPTS):
        pronoun = rng.choice(("she", "he"))
        nouns = (rng.choice(CUES["she"]), rng.choice(CUES["he"]))
        names = (
            (rng.choice(WOMEN), rng.choice(MEN)) if name is None else (name, rng.choice(AMBIGUOUS))
        )
        between = rng.choice(_BETWEEN[distance])
        frame = (rng.choice(_OPENINGS), rng.choice(_VERBS), rng.choice(_STARTS), rng.choice(_ENDS))
        # Whether the woman comes first and, in twins, whether ``name`` does.
        woman_first, turn_first = rng.chance(0.5), rng.chance(0.5)
        if len(set(names)) < 2:
            continue
        documents = []
        for first in (woman_first, not woman_first):
            ordered = names
            if not (first if name is None else turn_first):
                ordered = (names[1], names[0])
            cues = nouns if first else (nouns[1], nouns[0])
            refers_to_first = first == (pronoun == "she")
            documents.append(_document(frame, between, cues, ordered, pronoun, refers_to_first))
        if not any(sentences in seen for sentences, _ in documents):
            seen.update(sentences for sentences, _ in documents)
            return documents
    raise ConfigError(
        f"no new document in {_ATTEMPTS} draws",
        where="generator 'control-coref'",
        fix="ask for fewer examples",
    )


def _document(
    frame: tuple[str, str, str, str],
    between: str,
    cues: tuple[str, str],
    names: tuple[str, str],
    pronoun: str,
    refers_to_first: bool,
) -> _Document:
    opening, verb, start, end = frame
    words = f"{opening} the {cues[0]} {between} {names[0]}".split()
    places = [len(words) - 1]
    words += f"{verb} the {cues[1]} {between} {names[1]}".split()
    places.append(len(words) - 1)
    words.append(".")
    after = f"{start} {pronoun} {end} .".split()
    place = len(words) + after.index(pronoun)
    name = places[0] if refers_to_first else places[1]
    sentences = tuple(
        (sentence[0][0].upper() + sentence[0][1:], *sentence[1:]) for sentence in (words, after)
    )
    return sentences, ((name, name), (place, place))


GENERATOR = CorefControl()
