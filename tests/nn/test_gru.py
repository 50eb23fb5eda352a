"""Two GRUs that run together, compared with torch's GRU in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from elmobench.nn.gru import two_grus
from elmobench.nn.recurrent import BiGru


def grus(dim: int, hidden: int) -> tuple[nn.GRU, nn.GRU]:
    torch.manual_seed(3)
    first, second = (nn.GRU(dim, hidden, batch_first=True).double() for _ in range(2))
    return first, second


@pytest.mark.parametrize(("batch", "steps"), [(3, 6), (1, 1), (2, 40)])
def test_states_and_gradients_equal_torch(batch: int, steps: int) -> None:
    pair = grus(7, 5)
    inputs = tuple(
        torch.randn(batch, steps, 7, dtype=torch.float64, requires_grad=True) for _ in pair
    )
    assert len(inputs) == 2
    ours = two_grus((inputs[0], inputs[1]), pair).permute(1, 2, 0, 3)
    theirs = torch.stack([gru(x)[0] for gru, x in zip(pair, inputs, strict=True)])
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    weight = torch.randn_like(theirs)
    leaves = [*inputs, *(p for gru in pair for p in gru.parameters())]
    got = torch.autograd.grad((ours * weight).sum(), leaves)
    expected = torch.autograd.grad((theirs * weight).sum(), leaves)
    for ours_grad, theirs_grad in zip(got, expected, strict=True):
        torch.testing.assert_close(ours_grad, theirs_grad, rtol=0, atol=1e-11)


def test_gradients_equal_numeric_ones() -> None:
    pair = grus(3, 2)
    inputs = [torch.randn(2, 4, 3, dtype=torch.float64, requires_grad=True) for _ in pair]
    assert torch.autograd.gradcheck(lambda a, b: two_grus((a, b), pair), inputs)


def test_a_bidirectional_layer_equals_packed_torch() -> None:
    torch.manual_seed(0)
    ours = BiGru(6, 4, layers=2).double()
    theirs = nn.GRU(6, 4, num_layers=2, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for layer in range(2):
            for suffix, modules in (("", ours.forwards), ("_reverse", ours.backwards)):
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    source = getattr(modules[layer], f"{name}_l0")
                    getattr(theirs, f"{name}_l{layer}{suffix}").copy_(source)
    x = torch.randn(3, 7, 6, dtype=torch.float64)
    lengths = torch.tensor([7, 4, 1])
    mask = torch.arange(7) < lengths.unsqueeze(1)
    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
    expected, _ = nn.utils.rnn.pad_packed_sequence(theirs(packed)[0], batch_first=True)
    torch.testing.assert_close(ours(x, mask), expected, rtol=0, atol=1e-12)
