from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import torch

from elmobench.nn.bioul import bioul_constraints
from elmobench.nn.crf import LinearChainCrf

LENGTHS = [4, 1, 3, 0, 2]


def path_score(scores: np.ndarray, transitions: np.ndarray, path: tuple[int, ...]) -> float:
    total = sum(scores[t, tag] for t, tag in enumerate(path))
    return total + sum(transitions[a, b] for a, b in pairwise(path))


def is_legal(tags: list[str]) -> bool:
    """Whether BIOUL tags are legal: read from left to right with at most one open span."""
    open_type = None
    for tag in tags:
        prefix, _, kind = tag.partition("-")
        if open_type is None:
            if prefix in ("I", "L"):
                return False
            open_type = kind if prefix == "B" else None
        else:
            if prefix not in ("I", "L") or kind != open_type:
                return False
            open_type = None if prefix == "L" else open_type
    return open_type is None


def problem(num_tags: int, seed: int, scale: float = 2.0):
    generator = torch.Generator().manual_seed(seed)
    scores = scale * torch.randn(len(LENGTHS), 4, num_tags, generator=generator)
    mask = torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1)
    # Padding has the largest scores of all, which may have no effect.
    scores = torch.where(mask.unsqueeze(-1), scores, 1e3)
    tags = torch.randint(num_tags, (len(LENGTHS), 4), generator=generator)
    return scores, tags, mask


@pytest.mark.parametrize("num_tags", [1, 2, 5])
def test_likelihood_against_enumeration(num_tags: int) -> None:
    torch.manual_seed(num_tags)
    crf = LinearChainCrf(num_tags)
    scores, tags, mask = problem(num_tags, 1)
    nll = crf.negative_log_likelihood(scores, tags, mask).detach()
    transitions = crf.transitions.detach().double().numpy()
    for i, n in enumerate(LENGTHS):
        s = scores[i].double().numpy()
        all_scores = [path_score(s, transitions, p) for p in product(range(num_tags), repeat=n)]
        gold = path_score(s, transitions, tuple(tags[i, :n].tolist()))
        assert nll[i].item() == pytest.approx(np.logaddexp.reduce(all_scores) - gold, abs=1e-4)


@pytest.mark.parametrize("seed", range(8))
def test_constrained_viterbi_against_enumeration(seed: int) -> None:
    labels = ["O", "B-A", "I-A", "L-A", "U-B"]
    torch.manual_seed(seed)
    crf = LinearChainCrf(5, bioul_constraints(labels))
    with torch.no_grad():
        crf.crf.transitions.normal_()
    scores, _, mask = problem(5, seed)
    transitions = crf.transitions.detach().numpy()
    paths = crf.decode(scores, mask)
    for i, n in enumerate(LENGTHS):
        legal = [p for p in product(range(5), repeat=n) if is_legal([labels[t] for t in p])]
        best = max(legal, key=lambda p: path_score(scores[i].numpy(), transitions, p))
        assert paths[i] == list(best)


def test_unconstrained_viterbi_against_enumeration() -> None:
    torch.manual_seed(0)
    crf = LinearChainCrf(4)
    scores, _, mask = problem(4, 2)
    transitions = crf.transitions.detach().numpy()
    for i, (n, path) in enumerate(zip(LENGTHS, crf.decode(scores, mask), strict=True)):
        s = scores[i].numpy()
        assert path == list(
            max(product(range(4), repeat=n), key=lambda p: path_score(s, transitions, p))
        )


def test_start_and_end_are_never_trained() -> None:
    crf = LinearChainCrf(3)
    assert [tuple(p.shape) for p in crf.parameters()] == [(3, 3)]
    assert list(crf.state_dict()) == ["crf.transitions"]


def test_empty_sentences() -> None:
    crf = LinearChainCrf(3)
    none = torch.zeros(2, 0, dtype=torch.int64)
    nll = crf.negative_log_likelihood(torch.zeros(2, 0, 3), none, none.bool())
    assert nll.tolist() == [0, 0]
    nll.sum().backward()
    assert crf.decode(torch.zeros(2, 0, 3), none.bool()) == [[], []]
    assert crf.decode(torch.zeros(2, 1, 3), torch.zeros(2, 1, dtype=torch.bool)) == [[], []]


def test_gradient_reaches_scores_and_transitions() -> None:
    crf = LinearChainCrf(3)
    scores, tags, mask = problem(3, 3)
    scores.requires_grad_()
    crf.negative_log_likelihood(scores, tags, mask).sum().backward()
    assert crf.crf.transitions.grad.abs().sum() > 0
    assert scores.grad is not None
    assert scores.grad[~mask].abs().sum() == 0
    # Expected minus observed counts sum to zero at each token.
    np.testing.assert_allclose(scores.grad.sum(-1), 0, atol=1e-5)
