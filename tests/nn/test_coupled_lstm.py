"""The coupled biLSTM against a loop over steps, its gradient, and its first weights."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from elmobench.nn import coupled_lstm
from elmobench.nn.coupled_lstm import CoupledBiLstm
from elmobench.nn.glorot import glorot_uniform_

LENGTHS = (3, 1, 5, 3)


def encoder(layers: int = 2, dropout: float = 0.0, *, separate: bool) -> CoupledBiLstm:
    torch.manual_seed(3)
    return CoupledBiLstm(4, 3, layers, dropout, separate=separate).double()


def naive(module: CoupledBiLstm, x: Tensor, lengths: tuple[int, ...]) -> Tensor:
    """The equations, one sentence, direction and step after another."""
    for number, layer in enumerate(module.layers):
        parts = []
        for sentence in x.split(list(lengths)):
            halves = []
            for d in range(2):
                c, h = layer.first_cell[d, 0], layer.first_state[d, 0]
                bias = layer.bias[d, 0]
                if layer.recurrent_bias is not None:
                    bias = bias + layer.recurrent_bias[d, 0]
                states = []
                for token in sentence.flip(0) if d else sentence:
                    i, g, o = (token @ layer.inputs[d] + h @ layer.recurrent[d] + bias).chunk(3)
                    c = (1 - i.sigmoid()) * c + i.sigmoid() * g.tanh()
                    h = c.tanh() * o.sigmoid()
                    states.append(h)
                halves.append(torch.stack(states[::-1] if d else states))
            parts.append(torch.cat(halves, dim=1))
        states = torch.cat(parts)
        if number:
            gate = module.highways[number - 1](states).sigmoid()
            states = gate * states + (1 - gate) * x
        x = states
    return x


@pytest.mark.parametrize("separate", [True, False])
def test_states_and_gradients_equal_a_loop(separate: bool) -> None:
    module = encoder(separate=separate)
    x = torch.randn(sum(LENGTHS), 4, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(len(x), 6, dtype=torch.float64)
    wanted = [x, *module.parameters()]
    found, expected = module(x, LENGTHS), naive(module, x, LENGTHS)
    torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)
    ours = torch.autograd.grad((found * weights).sum(), wanted)
    theirs = torch.autograd.grad((expected * weights).sum(), wanted)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-11, rtol=0)


def test_the_recurrent_dropout_is_one_mask_per_sentence_and_direction(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its gradient is checked numerically, and it touches the state that is read, nothing else."""
    module = encoder(1, 0.5, separate=False).train()
    module.dropout.p = 0.0
    x = torch.randn(sum(LENGTHS), 4, dtype=torch.float64)
    masks: list[Tensor] = []
    scan = coupled_lstm._Scan.apply

    def spy(*arguments: object) -> Tensor:
        masks.append(arguments[4])
        return scan(*arguments)

    monkeypatch.setattr(coupled_lstm._Scan, "apply", spy)
    out = module(x, LENGTHS)
    (mask,) = masks
    assert mask.shape == (2, len(LENGTHS), 3)
    assert set(mask.unique().tolist()) == {0.0, 2.0}
    layer = module.layers[0]
    # The longest sentence is the first row of the mask; read it forwards.
    c, h = layer.first_cell[0, 0], layer.first_state[0, 0]
    for t, token in enumerate(x[4:9]):
        kept = h * mask[0, 0]
        i, g, o = (token @ layer.inputs[0] + kept @ layer.recurrent[0] + layer.bias[0, 0]).chunk(3)
        c = torch.lerp(c, g.tanh(), i.sigmoid())
        h = c.tanh() * o.sigmoid()
        torch.testing.assert_close(out[4 + t, :3], h)
    first = (layer.first_state, layer.first_cell)
    projected = torch.randn(2, len(x), 9, dtype=torch.float64, requires_grad=True)
    sizes = [4, 3, 3, 1, 1]
    assert torch.autograd.gradcheck(
        lambda p, w, s, c: scan(p, w, s, c, mask, sizes), (projected, layer.recurrent, *first)
    )


def test_a_sentence_does_not_depend_on_the_others() -> None:
    module = encoder(separate=True)
    x = torch.randn(sum(LENGTHS), 4, dtype=torch.float64)
    together = module(x, LENGTHS).split(list(LENGTHS))
    for part, expected, length in zip(x.split(list(LENGTHS)), together, LENGTHS, strict=True):
        torch.testing.assert_close(module(part, (length,)), expected, atol=1e-14, rtol=0)
    assert module(x[:0], ()).shape == (0, 6)


@pytest.mark.parametrize("separate", [True, False])
def test_first_weights(separate: bool) -> None:
    """Blocks with orthonormal columns: of inputs and states together, or of states alone."""
    torch.manual_seed(1)
    layer = CoupledBiLstm(7, 5, 1, 0.0, separate=separate).layers[0]
    for d in range(2):
        for block in range(3):
            columns = slice(5 * block, 5 * block + 5)
            matrix = layer.recurrent[d, :, columns]
            if not separate:
                matrix = torch.cat([layer.inputs[d, :, columns], matrix])
            torch.testing.assert_close(matrix.T @ matrix, torch.eye(5), atol=1e-5, rtol=0)
    assert (layer.recurrent_bias is not None) == separate
    if separate:
        assert layer.inputs.abs().max() <= math.sqrt(6 / (7 + 15))


def test_uniform_draws_have_the_limits_of_tensorflow() -> None:
    torch.manual_seed(0)
    for shape, limit in (
        ((2000, 30), math.sqrt(6 / 2030)),
        ((1, 2000), math.sqrt(6 / 2001)),
        ((3000,), math.sqrt(3 / 3000)),
        ((50, 8, 3), math.sqrt(6 / (58 * 3))),
    ):
        tensor = torch.empty(shape)
        glorot_uniform_(tensor)
        assert limit * 0.99 < tensor.abs().max() <= limit
        assert tensor.std() == pytest.approx(limit / math.sqrt(3), rel=0.05)
    child = torch.nn.Sequential(torch.nn.Linear(2, 2))
    before = child[0].weight.clone()
    glorot_uniform_(child)
    assert torch.equal(child[0].weight, before)
