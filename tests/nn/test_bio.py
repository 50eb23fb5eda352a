from __future__ import annotations

from itertools import product

import pytest
import torch

from elmobench.data.tag_schemes import violation
from elmobench.nn.bio import bio_tags, bio_viterbi

LENGTHS = [4, 1, 3, 0, 2]


def test_tags() -> None:
    assert bio_tags(["V", "A0", "V"]) == ["O", "B-A0", "B-V", "I-A0", "I-V"]
    assert bio_tags([]) == ["O"]


@pytest.mark.parametrize("types", [[], ["A"], ["A", "B"], ["A", "B", "C"]])
@pytest.mark.parametrize("seed", range(5))
def test_viterbi_against_enumeration(types: list[str], seed: int) -> None:
    tags = bio_tags(types)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(len(LENGTHS), 4, len(tags), generator=generator, dtype=torch.float64)
    mask = torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1)
    # Padding has the largest scores, or NaN, neither of which may have an effect.
    scores = torch.where(mask.unsqueeze(-1), scores, torch.tensor([1e3, torch.nan])[seed % 2])
    paths = bio_viterbi(scores, mask)
    assert paths.shape == (len(LENGTHS), 4)
    best_is_illegal = 0
    for i, n in enumerate(LENGTHS):
        legal = [
            path
            for path in product(range(len(tags)), repeat=n)
            if violation([tags[k] for k in path], "bio") is None
        ]
        best = max(legal, key=lambda path: sum(scores[i, t, k].item() for t, k in enumerate(path)))
        assert tuple(paths[i, :n].tolist()) == best
        best_is_illegal += tuple(scores[i, :n].argmax(dim=1).tolist()) != best
    assert best_is_illegal or not types


def test_no_sentences_and_no_tokens() -> None:
    assert bio_viterbi(torch.zeros(0, 3, 5), torch.zeros(0, 3, dtype=torch.bool)).shape == (0, 3)
    assert bio_viterbi(torch.zeros(2, 0, 5), torch.zeros(2, 0, dtype=torch.bool)).shape == (2, 0)
