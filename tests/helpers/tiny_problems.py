"""Tiny problems that every head must learn, and a minimal training loop."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch

from elmobench.data.examples import ClassifiedText, TaggedSentence
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import Pipeline
from elmobench.tasks.head import Batch, Head, HeadPreset, SlotBatch

LAYERS, DIM = 3, 24
WORDS = [f"word{i}" for i in range(40)]


def vectors() -> dict[str, torch.Tensor]:
    """Random (L, D) layers for each word: they identify the word and have no other information."""
    generator = torch.Generator().manual_seed(11)
    return {word: torch.randn(LAYERS, DIM, generator=generator) for word in WORDS}


VECTORS = vectors()


def texts(n: int = 50) -> list[ClassifiedText]:
    """Labels say whether good or bad words (a fifth of the vocabulary each) are more frequent."""
    draw = random.Random(1)
    examples = []
    while len(examples) < n:
        tokens = tuple(draw.choice(WORDS) for _ in range(draw.randint(1, 9)))
        value = sum((w in WORDS[:8]) - (w in WORDS[8:16]) for w in tokens)
        if value:
            label = "pos" if value > 0 else "neg"
            examples.append(ClassifiedText(id=f"t{len(examples)}", tokens=tokens, label=label))
    return examples


def sentences(n: int = 50) -> list[TaggedSentence]:
    """Spans of one to three words of their type; the first word determines the type."""
    draw = random.Random(2)
    examples = []
    for i in range(n):
        tokens: list[str] = []
        tags: list[str] = []
        for _ in range(draw.randint(1, 4)):
            kind = draw.choice(["O", "PER", "LOC"])
            if kind == "O":
                tokens.append(draw.choice(WORDS[20:]))
                tags.append("O")
                continue
            first = 0 if kind == "PER" else 10
            for j in range(draw.randint(1, 3)):
                tokens.append(WORDS[first + (draw.randrange(4) if j == 0 else 4 + j)])
                tags.append(f"{'B' if j == 0 else 'I'}-{kind}")
        examples.append(TaggedSentence(id=f"s{i}", tokens=tuple(tokens), tags=tuple(tags)))
    return examples


def batch_of(pipeline: Pipeline, examples: Sequence, spare: int = 0) -> Batch:
    """All sentences of the examples as a batch, with ``spare`` more columns of padding."""
    slots = {}
    for name in pipeline.slots(examples[0]):
        tokens = [sentence for example in examples for sentence in pipeline.slots(example)[name]]
        time = max(map(len, tokens), default=0) + spare
        part = torch.zeros(len(tokens), LAYERS, time, DIM)
        mask = torch.zeros(len(tokens), time, dtype=torch.bool)
        for i, sentence in enumerate(tokens):
            mask[i, : len(sentence)] = True
            for t, word in enumerate(sentence):
                part[i, :, t] = VECTORS[word]
        slots[name] = SlotBatch(tokens, mask, [part])
    return Batch(list(examples), slots)


def mixed_of(mixer: FeatureMixer, batch: Batch) -> dict[str, dict[str, torch.Tensor]]:
    return {"input": {name: mixer(slot.parts, slot.mask) for name, slot in batch.slots.items()}}


def build(
    pipeline: Pipeline, preset: HeadPreset, examples: Sequence, **options: object
) -> tuple[Head, FeatureMixer]:
    """A fresh head of ``preset`` and its mixer."""
    mixer = FeatureMixer([PartConfig("p", LAYERS, DIM)], preset.mix.standardize)
    chosen = type(preset.options)(**{**preset.options.model_dump(), **options})
    codec = pipeline.codec(examples, None)
    head = preset.head({"input": mixer.out_dim}, codec, chosen)
    if preset.mix.standardize:
        mixer.fit_standardizer(batch_of(pipeline, examples).slots.values())
    return head, mixer


def train(
    pipeline: Pipeline,
    head: Head,
    mixer: FeatureMixer,
    examples: Sequence,
    epochs: int,
    lr: float,
    size: int = 10,
) -> None:
    parameters = [*head.parameters(), *mixer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    batches = [batch_of(pipeline, examples[i : i + size]) for i in range(0, len(examples), size)]
    head.train()
    mixer.train()
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            loss = head.loss(batch, mixed_of(mixer, batch))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
    head.eval()
    mixer.eval()
