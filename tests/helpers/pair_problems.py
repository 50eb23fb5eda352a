"""Tiny problems of sentence pairs, as batches at any placement."""

from __future__ import annotations

import random
from collections.abc import Sequence

import tiny_problems
import torch
from tiny_problems import DIM, LAYERS, WORDS

from elmobench.data.examples import SentencePair
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.head import Batch
from elmobench.tasks.nli.pipeline import PIPELINE

LABELS = ["contradiction", "entailment"]


def pairs(n: int = 50) -> list[SentencePair]:
    """Pairs in which the hypothesis is entailed if its first word occurs in the premise."""
    draw = random.Random(3)
    examples = []
    for i in range(n):
        premise = draw.sample(WORDS[:12], draw.randint(2, 5))
        label = LABELS[i % 2]
        outside = [word for word in WORDS[:12] if word not in premise]
        first = draw.choice(premise if label == "entailment" else outside)
        rest = [draw.choice(WORDS[20:25]) for _ in range(draw.randint(0, 3))]
        examples.append(SentencePair(f"p{i}", tuple(premise), (first, *rest), label))
    return examples


def batch_of(examples: Sequence[SentencePair], spare: int = 0) -> Batch[SentencePair]:
    """The examples as a batch, with ``spare`` more columns of padding than needed."""
    return tiny_problems.batch_of(PIPELINE, examples, spare)


def mixers_of(placements: Sequence[str]) -> dict[str, FeatureMixer]:
    """One mixer per placement."""
    return {place: FeatureMixer([PartConfig("p", LAYERS, DIM)]) for place in placements}


def mixed_of(mixers: dict[str, FeatureMixer], batch: Batch) -> dict[str, dict[str, torch.Tensor]]:
    return {
        place: {name: mixer(slot.parts, slot.mask) for name, slot in batch.slots.items()}
        for place, mixer in mixers.items()
    }
