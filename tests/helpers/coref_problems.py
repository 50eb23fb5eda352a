"""Tiny coreference problems, and batches of documents of many sentences."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

import tiny_problems
import torch
from tiny_problems import DIM, LAYERS, WORDS

from elmobench.data.examples import AmbiguousPronoun, CoreferenceDocument
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.coref.pipeline import PIPELINE
from elmobench.tasks.head import Batch, Head
from elmobench.tasks.registries import get_head

# Words 0-4 name five entities and words 5-9 are other names for them; a third name is word 10
# followed by one of the words 11-15. The other words are no mentions.
FILLERS = WORDS[20:]
TINY_LEE = {
    "hidden": 6,
    "layers": 2,
    "feedforward": 10,
    "char_filters": 4,
    "feature_dim": 5,
    "max_width": 3,
}
"""Small sizes of the published heads."""


def documents(
    n: int = 50, singletons: bool = True, metadata: bool = False
) -> list[CoreferenceDocument]:
    """Documents of three short sentences; the mentions of an entity are a cluster.

    With ``metadata`` they have two speakers and one of two genres.
    """
    draw = random.Random(4)
    made = []
    for i in range(n):
        sentences, clusters, length = [], {}, 0
        for _ in range(3):
            tokens: list[str] = []
            for _ in range(draw.randint(1, 3)):
                tokens += draw.choices(FILLERS, k=draw.randint(1, 3))
                entity = draw.randrange(5)
                first = length + len(tokens)
                kind = draw.randrange(3)
                tokens += (
                    [WORDS[10], WORDS[11 + entity]] if kind == 2 else [WORDS[entity + 5 * kind]]
                )
                clusters.setdefault(entity, []).append((first, length + len(tokens) - 1))
            sentences.append(tuple(tokens))
            length += len(tokens)
        kept = [tuple(c) for c in clusters.values() if singletons or len(c) > 1]
        document = CoreferenceDocument(f"d{i}", tuple(sentences), tuple(sorted(kept)))
        if metadata:
            speakers = tuple("AB"[t * (i + 1) // 3 % 2] for t in range(length))
            document = replace(document, speakers=speakers, genre=("nw", "bc")[i % 2])
        made.append(document)
    return made


def pronouns(n: int = 50) -> list[AmbiguousPronoun]:
    """Pronouns 0 and 1 refer to the names 2-5 and 6-9; the pronoun can be anywhere in the text."""
    draw = random.Random(5)
    made = []
    for i in range(n):
        label = draw.choice(["A", "B", "neither"])
        feminine = draw.random() < 0.5
        right, wrong = (WORDS[2:6], WORDS[6:10]) if feminine else (WORDS[6:10], WORDS[2:6])
        words = [
            draw.choice(right if label == "A" else wrong),
            draw.choice(right if label == "B" else wrong),
            WORDS[0] if feminine else WORDS[1],
        ]
        places = sorted(draw.sample(range(9), 3))
        draw.shuffle(places)
        tokens = draw.choices(FILLERS, k=9)
        for place, word in zip(places, words, strict=True):
            tokens[place] = word
        a, b, pronoun = ((place, place) for place in places)
        gender = "feminine" if feminine else "masculine"
        made.append(AmbiguousPronoun(f"p{i}", tuple(tokens), pronoun, (a, b), label, gender))
    return made


def batch_of(examples: Sequence, spare: int = 0) -> Batch:
    """All sentences of the examples as rows of one slot, with ``spare`` columns of padding more."""
    return tiny_problems.batch_of(PIPELINE, examples, spare)


def build(name: str, examples: Sequence, **options: object) -> tuple[Head, FeatureMixer]:
    """A fresh head of the preset ``name`` and its mixer."""
    torch.manual_seed(7)
    preset = get_head("coref", name)
    mixer = FeatureMixer([PartConfig("p", LAYERS, DIM)], preset.mix.standardize)
    chosen = type(preset.options)(**{**preset.options.model_dump(), **options})
    head = preset.head({"input": mixer.out_dim}, PIPELINE.codec(examples, None), chosen)
    if preset.mix.standardize:
        mixer.fit_standardizer(batch_of(examples).slots.values())
    return head, mixer


def mixed_of(mixer: FeatureMixer, batch: Batch) -> dict[str, dict[str, torch.Tensor]]:
    return {"input": {name: mixer(slot.parts, slot.mask) for name, slot in batch.slots.items()}}


def train(
    head: Head, mixer: FeatureMixer, examples: Sequence, epochs: int, lr: float, size: int = 5
) -> None:
    parameters = [*head.parameters(), *mixer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    batches = [batch_of(examples[i : i + size]) for i in range(0, len(examples), size)]
    head.train()
    mixer.train()
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            head.loss(batch, mixed_of(mixer, batch)).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
    head.eval()
    mixer.eval()


def predictions(head: Head, mixer: FeatureMixer, examples: Sequence) -> list:
    batch = batch_of(examples)
    return head.predict(batch, mixed_of(mixer, batch))
