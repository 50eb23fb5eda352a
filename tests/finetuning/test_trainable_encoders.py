"""Models that are trained with a head, against their frozen providers before any training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from elmobench import load_provider
from elmobench.core.errors import ConfigError
from elmobench.features.transformer.encoding import PaddedWindows
from elmobench.features.transformer.packed import pack_linears
from elmobench.finetuning.start import trainable_encoder
from elmobench.finetuning.transformer import TrainableTransformer, pooled_words

ASK = 5e-6
ROUNDED = 2e-5
"""Frozen models sum products in another order; differences grow with layers and words."""
LONG = tuple(f"{word}{i}" for i in range(18) for word in ("river", "unbelievable", "the"))
SENTENCES = [("The", "old", "river", "bank", "."), ("Hello",), (), ("", "a", "cat"), LONG]


@pytest.mark.parametrize("name", ["bert-mini", "elmo-mini"])
def test_untrained_vectors_are_those_of_the_frozen_model(name: str) -> None:
    """Also of a sentence that is longer than the window, and zero at padding."""
    provider = load_provider(name)
    frozen = provider.encode(SENTENCES)
    encoder = trainable_encoder(provider, "here").eval()
    with torch.no_grad():
        single = encoder(SENTENCES).numpy()
        if isinstance(encoder, TrainableTransformer):
            pack_linears(encoder.network)  # sums as in the frozen model
        else:
            encoder.double()  # no rounding of its own
        exact = encoder(SENTENCES).numpy()
    for vectors, bound in ((exact, ASK), (single, ROUNDED)):
        assert vectors.shape == (5, provider.num_layers, 54, provider.dim)
        for own, expected in zip(vectors, frozen, strict=True):
            length = expected.shape[1]
            # Only a transformer's sums can be made equal; a biLM's long sentence adds up too many.
            tolerance = ROUNDED if name == "elmo-mini" and length == 54 else bound
            np.testing.assert_allclose(own[:, :length], expected, rtol=0, atol=tolerance)
            assert not own[:, length:].any()


@pytest.mark.parametrize("name", ["bert-mini", "elmo-mini"])
def test_every_weight_gets_a_gradient(name: str) -> None:
    encoder = trainable_encoder(load_provider(name), "here").train()
    encoder(SENTENCES[:2]).square().sum().backward()
    without = [name for name, p in encoder.named_parameters() if p.grad is None]
    assert without == []
    assert sum(p.numel() for p in encoder.parameters()) == load_provider(name).parameters


def test_dropout_is_that_of_the_pre_training_and_in_training_only() -> None:
    encoder = trainable_encoder(load_provider("elmo-mini"), "here")
    still, again = encoder.eval()(SENTENCES[:1]), encoder.eval()(SENTENCES[:1])
    assert torch.equal(still, again)
    moved = encoder.train()(SENTENCES[:1])
    # The character CNN has none.
    assert torch.equal(moved[:, 0], still[:, 0])
    assert not torch.allclose(moved[:, 1], still[:, 1])
    assert trainable_encoder(load_provider("bert-mini"), "here").train().network.training


@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_pieces_are_pooled_to_words(pooling: str) -> None:
    flat = torch.randn(2, 9, 4, requires_grad=True)
    spans = [(1, 1), (2, 3), (6, 2)]
    begins, counts = (np.array(column) for column in zip(*spans, strict=True))
    batch = PaddedWindows(np.zeros((1, 9), int), np.ones((1, 9), int), begins, counts)
    pooled = pooled_words(flat, batch, pooling)
    for w, (begin, count) in enumerate(spans):
        pieces = flat[:, begin : begin + count]
        expected = {"mean": pieces.mean(dim=1), "first": pieces[:, 0], "last": pieces[:, -1]}
        torch.testing.assert_close(pooled[:, w], expected[pooling])
    pooled.sum().backward()
    used = {"mean": 6, "first": 3, "last": 3}[pooling]
    assert flat.grad is not None
    assert (flat.grad[0, :, 0] != 0).sum() == used


def test_other_models_are_refused(tmp_path: Path) -> None:
    refused = {
        "glove-mini": "neither a transformer nor a biLM",
        "random": "neither a transformer nor a biLM",
        "elmo-random": "its weights are random",
        "bert-mini@untrained=1": "its weights are random",
        "elmo-mini@state=warm": "every sentence starts from zeros",
        "elmo-mini@arithmetic=bf16": "trained in float32",
    }
    for name, message in refused.items():
        with pytest.raises(ConfigError, match=message):
            trainable_encoder(load_provider(name), "here")
