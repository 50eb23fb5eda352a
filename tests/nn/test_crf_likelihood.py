"""The likelihood of several CRFs at once is that of pytorch-crf for each of them, to the bit."""

from __future__ import annotations

import pytest
import torch

from elmobench.nn.crf import LinearChainCrf, negative_log_likelihoods


@pytest.mark.parametrize("crfs", [1, 3])
@pytest.mark.parametrize("lengths", [[7, 1, 4, 4, 2], [1, 1], [3, 0, 5], [20, 20, 20, 20]])
@pytest.mark.parametrize(("tags", "scale"), [(3, 3), (13, 3), (13, 30), (13, 300)])
def test_equal_to_pytorch_crf_to_the_bit(
    crfs: int, lengths: list[int], tags: int, scale: float
) -> None:
    torch.manual_seed(tags + crfs)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths).unsqueeze(1)
    gold = torch.randint(tags, mask.shape) * mask
    models = [LinearChainCrf(tags) for _ in range(crfs)]
    scores = [(scale * torch.randn(*mask.shape, tags) + i).requires_grad_() for i in range(crfs)]
    ours = negative_log_likelihoods(models, scores, gold, mask)
    torch.autograd.backward([nll.mean() for nll in ours])
    filled = mask.any(dim=1)
    for model, own, nll in zip(models, scores, ours, strict=True):
        theirs = own.detach().clone().requires_grad_()
        transitions = model.transitions.grad
        model.transitions.grad = None
        expected = torch.zeros(len(lengths))
        likelihood = model.crf(theirs[filled], gold[filled], mask[filled], reduction="none")
        expected = expected.index_put((filled.nonzero().squeeze(1),), -likelihood)
        expected.mean().backward()
        assert torch.equal(nll, expected)
        assert theirs.grad is not None
        assert torch.equal(own.grad, theirs.grad)
        # Where no sentence has two tokens there is none, so that Adam leaves the scores alone.
        assert (transitions is None) == (model.transitions.grad is None) == (max(lengths) == 1)
        if transitions is not None:
            assert torch.equal(transitions, model.transitions.grad)


def test_a_batch_of_empty_sentences_reaches_every_crf() -> None:
    models = [LinearChainCrf(3) for _ in range(2)]
    none = torch.zeros(4, 2, dtype=torch.bool)
    ours = negative_log_likelihoods(models, [torch.zeros(4, 2, 3)] * 2, none.long(), none)
    assert [nll.tolist() for nll in ours] == [[0.0] * 4] * 2
    torch.autograd.backward([nll.sum() for nll in ours])
    assert all(model.transitions.grad is not None for model in models)
