from __future__ import annotations

import pytest
import torch

from elmobench.nn.highway_lstm import AlternatingHighwayLstm, _packing, _Scan

LENGTHS = [3, 5, 0, 1, 5, 2]


def problem(dim: int = 4, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(len(LENGTHS), 6, dim, generator=generator, dtype=dtype)
    mask = torch.arange(6) < torch.tensor(LENGTHS).unsqueeze(1)
    return x, mask


def naive(lstm: AlternatingHighwayLstm, x: torch.Tensor, masks: list[torch.Tensor] | None = None):
    """One sentence of (T, D) vectors, one step and one gate at a time, as in the paper."""
    size = lstm.out_dim
    input_biases = lstm.input_biases or [x.new_zeros(6 * size) for _ in lstm.biases]
    for layer, (w, u, b) in enumerate(zip(lstm.inputs, lstm.states, lstm.biases, strict=True)):
        v = input_biases[layer].view(6, size)
        blocks = [
            [m[k * size : (k + 1) * size] if m is not None else None for k in range(6)]
            for m in (w, u, b)
        ]
        h = c = x.new_zeros(size)
        out = [x.new_zeros(size)] * len(x)
        order = range(len(x)) if layer % 2 == 0 else reversed(range(len(x)))
        for t in order:
            pre = [blocks[0][k] @ x[t] + v[k] + blocks[1][k] @ h + blocks[2][k] for k in range(5)]
            i, f, o, r = (torch.sigmoid(value) for value in pre[:4])
            c = i * torch.tanh(pre[4]) + f * c
            h = r * (o * torch.tanh(c)) + (1 - r) * (blocks[0][5] @ x[t] + v[5])
            if masks is not None:
                h = h * masks[layer]
            out[t] = h
        x = torch.stack(out)
    return x


@pytest.mark.parametrize(("layers", "input_bias"), [(1, False), (2, False), (3, False), (3, True)])
def test_values_and_gradients_equal_a_naive_loop(layers: int, input_bias: bool) -> None:
    torch.manual_seed(1)
    lstm = AlternatingHighwayLstm(4, 3, layers, input_bias=input_bias).double()
    for bias in lstm.biases:
        torch.nn.init.normal_(bias)
    x, mask = problem()
    x.requires_grad_()
    out = lstm(x, mask)
    assert out.shape == (6, 6, 3)
    weights = torch.randn_like(out)
    (out * weights).sum().backward()
    gradients = [p.grad.clone() for p in lstm.parameters()]
    x_gradient = x.grad.clone()
    lstm.zero_grad()
    x.grad = None
    total = torch.zeros((), dtype=torch.float64)
    for b, n in enumerate(LENGTHS):
        assert not out[b, n:].any()
        if n:
            expected = naive(lstm, x[b, :n])
            torch.testing.assert_close(out[b, :n], expected, atol=1e-12, rtol=0)
            total = total + (expected * weights[b, :n]).sum()
    total.backward()
    torch.testing.assert_close(x_gradient, x.grad, atol=1e-12, rtol=0)
    for gradient, parameter in zip(gradients, lstm.parameters(), strict=True):
        torch.testing.assert_close(gradient, parameter.grad, atol=1e-12, rtol=0)


def test_dropout_is_one_mask_per_sentence_for_all_steps() -> None:
    torch.manual_seed(2)
    lstm = AlternatingHighwayLstm(4, 8, 2, dropout=0.5).double()
    x = torch.randn(1, 5, 4, dtype=torch.float64)
    mask = torch.ones(1, 5, dtype=torch.bool)
    torch.manual_seed(9)
    out = lstm(x, mask)
    torch.manual_seed(9)
    masks = [torch.empty(1, 8, dtype=torch.float64).bernoulli_(0.5)[0] / 0.5 for _ in range(2)]
    torch.testing.assert_close(out[0], naive(lstm, x[0], masks), atol=1e-12, rtol=0)
    dropped = (out[0] == 0).all(dim=0)
    assert 0 < dropped.sum() < 8
    lstm.eval()
    torch.testing.assert_close(lstm(x, mask)[0], naive(lstm, x[0]), atol=1e-12, rtol=0)


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("dropout", [False, True])
def test_the_hand_written_gradient(backwards: bool, dropout: bool) -> None:
    torch.manual_seed(4)
    sizes = [4, 3, 3, 1]
    projected = torch.randn(11, 18, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(15, 3, dtype=torch.float64, requires_grad=True)
    keep = torch.tensor([0.0, 2.0])[torch.randint(2, (4, 3))].double() if dropout else None
    assert torch.autograd.gradcheck(
        lambda p, w: _Scan.apply(p, w, keep, sizes, backwards), (projected, weight)
    )


def test_other_sentences_and_padding_have_no_effect() -> None:
    torch.manual_seed(5)
    lstm = AlternatingHighwayLstm(4, 6, 4).eval()
    x, mask = problem(dtype=torch.float32)
    together = lstm(x.masked_fill(~mask.unsqueeze(-1), torch.nan), mask)
    for b, n in enumerate(LENGTHS):
        alone = lstm(x[b : b + 1, :n], mask[b : b + 1, :n])
        torch.testing.assert_close(together[b, :n], alone[0], atol=1e-6, rtol=0)


@pytest.mark.parametrize("time", [0, 2])
def test_empty_sentences_keep_a_graph(time: int) -> None:
    lstm = AlternatingHighwayLstm(4, 3, 2)
    out = lstm(torch.zeros(2, time, 4), torch.zeros(2, time, dtype=torch.bool))
    assert out.shape == (2, time, 3)
    assert not out.any()


def test_one_sentence_of_one_token() -> None:
    torch.manual_seed(1)
    lstm = AlternatingHighwayLstm(4, 3, 2).double()
    x = torch.randn(1, 1, 4, dtype=torch.float64, requires_grad=True)
    (ours,) = torch.autograd.grad(lstm(x, torch.ones(1, 1, dtype=torch.bool)).sum(), x)
    (expected,) = torch.autograd.grad(naive(lstm, x[0]).sum(), x)
    torch.testing.assert_close(ours, expected)


def test_packing() -> None:
    _, mask = problem()
    positions, sizes = _packing(mask)
    assert sizes == [5, 4, 3, 2, 2]
    assert [divmod(p, 6) for p in positions.tolist()] == [
        *[(row, 0) for row in (1, 4, 0, 5, 3)],
        *[(row, 1) for row in (1, 4, 0, 5)],
        *[(row, 2) for row in (1, 4, 0)],
        *[(row, 3) for row in (1, 4)],
        *[(row, 4) for row in (1, 4)],
    ]


def test_initial_weights_are_orthogonal_and_forget_biases_one() -> None:
    lstm = AlternatingHighwayLstm(10, 6, 2)
    for state, bias in zip(lstm.states, lstm.biases, strict=True):
        for k in range(5):
            block = state[6 * k : 6 * (k + 1)]
            torch.testing.assert_close(block @ block.t(), torch.eye(6), atol=1e-5, rtol=0)
        assert bias.tolist() == [0.0] * 6 + [1.0] * 6 + [0.0] * 18
