"""Control for knowledge of words: animals and things, other ones in train than in test.

Every word stands in the same sentences ("we saw the otter ."), so that only the word decides, and
no word is in two splits. Its spelling says nothing about it, so that a model that was not trained,
and reads characters or draws a vector for each word, can only guess. Vectors that put words
of equal use next to each other carry the answer over to words that train does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field, model_validator

from elmobench.data.controls.base import Generator, GeneratorOptions, Sizes, StableRandom
from elmobench.data.controls.ceilings import edge_ceiling
from elmobench.data.examples import Edge, EdgeText

ANIMALS = (
    *("dog", "cat", "horse", "cow", "sheep", "lion", "wolf", "bear", "fox", "bird", "fish"),
    *("mouse", "rat", "snake", "tiger", "elephant", "goat", "pig", "duck", "chicken", "eagle"),
    *("hawk", "owl", "rabbit", "deer", "monkey", "camel", "donkey", "whale", "shark", "spider"),
    *("bee", "ant", "frog", "turtle", "swan", "goose", "crow", "pigeon", "lamb", "calf", "mule"),
    *("ox", "hen", "crab", "lizard", "leopard", "squirrel", "beetle", "moth", "salmon", "trout"),
    *("hound", "pony", "puppy", "kitten", "parrot", "raven", "serpent", "worm", "buffalo"),
    *("otter", "seal", "hare"),
)
THINGS = (
    *("table", "chair", "knife", "hammer", "car", "boat", "train", "lamp", "clock", "bottle"),
    *("cup", "plate", "spoon", "bed", "door", "window", "gun", "sword", "rope", "wheel"),
    *("bicycle", "wagon", "carriage", "ship", "engine", "pen", "pencil", "mirror", "candle"),
    *("basket", "bucket", "box", "key", "lock", "drum", "piano", "violin", "camera"),
    *("telephone", "radio", "needle", "axe", "coin", "shovel", "ladder", "tent", "sofa", "shelf"),
    *("carpet", "kettle", "pipe", "bell", "blanket", "pillow", "plough", "rifle", "spear"),
    *("shield", "cannon", "desk", "drawer", "bench", "crown", "wallet"),
)
ANIMAL, THING = "animal", "thing"
FRAMES = (
    ("We saw the", "."),
    ("It was another", ", they said ."),
    ("They found the", "there ."),
    ("There was one more", "."),
    ("He spoke about the", "again ."),
)


class WordKnowledgeOptions(GeneratorOptions):
    """Options of :class:`WordKnowledgeControl`."""

    sizes: Sizes = Sizes(train=360, dev=80, test=200)
    """Number of examples in each split; multiples of ten, since a word of each kind has five."""
    ambiguous: float = Field(default=0.0, ge=0, le=0)
    """Share of examples that cannot be decided without context: none."""

    @model_validator(mode="after")
    def _words_are_enough(self) -> WordKnowledgeOptions:
        per_word = 2 * len(FRAMES)
        for split, size in self.sizes.items():
            if size % per_word:
                raise ValueError(f"{split}: {size} is not a multiple of {per_word}")
        needed = sum(size for _, size in self.sizes.items()) // per_word
        if needed > len(ANIMALS):
            raise ValueError(f"{needed} words of each kind are needed, there are {len(ANIMALS)}")
        return self


class WordKnowledgeControl(Generator[WordKnowledgeOptions]):
    """Makes :class:`EdgeText` with one edge of one span, the word."""

    name: ClassVar[str] = "control-word-knowledge"
    version: ClassVar[int] = 1
    options_type = WordKnowledgeOptions

    def generate(self, options: WordKnowledgeOptions) -> dict[str, list[Any]]:
        """See :meth:`Generator.generate`. The seed chooses the words of each split."""
        rng = StableRandom(options.seed)
        words = {label: [*kind] for label, kind in ((ANIMAL, ANIMALS), (THING, THINGS))}
        for kind in words.values():
            rng.shuffle(kind)
        result: dict[str, list[Any]] = {}
        for split, size in options.sizes.items():
            chosen = [
                (kind.pop(), label)
                for label, kind in words.items()
                for _ in range(size // (2 * len(FRAMES)))
            ]
            texts = [(frame, word, label) for word, label in chosen for frame in FRAMES]
            rng.shuffle(texts)
            result[split] = [
                _example(f"{split}-{i:06d}", *text) for i, text in enumerate(texts, start=1)
            ]
        return result

    def context_free_ceiling(self, examples: Sequence[EdgeText]) -> float:
        """Accuracy in percent, exact; see :func:`ceilings.edge_ceiling`."""
        return edge_ceiling(examples)


def _example(name: str, frame: tuple[str, str], word: str, label: str) -> EdgeText:
    before, after = (side.split() for side in frame)
    place = len(before)
    return EdgeText(name, ((*before, word, *after),), (Edge(((place, place),), (label,)),))


GENERATOR = WordKnowledgeControl()
