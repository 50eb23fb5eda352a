from __future__ import annotations

import numpy as np
import pytest
import torch

from elmobench.core.errors import ConfigError
from elmobench.nn.layer_mix import LayerMix
from elmobench.nn.mix_mode import MixMode

MODES = ["learned", "uniform", "layer=0", "layer=2", "first=1", "first=2", "last", "concat"]
MODES += ["without=0", "without=2"]
B, L, T, D = 3, 4, 5, 6


def mix_in_numpy(x: np.ndarray, mode: str, w: np.ndarray, gamma: float, norm: str) -> np.ndarray:
    """The mix in plain numpy float64, one token at a time."""
    x = x.astype(np.float64)
    if norm == "token":
        out = np.empty_like(x)
        for i in np.ndindex(x.shape[:-1]):
            v = x[i]
            out[i] = (v - v.mean()) / np.sqrt(((v - v.mean()) ** 2).mean() + 1e-5)
        x = out
    kind, _, k = mode.partition("=")
    if kind == "concat":
        return np.concatenate([x[:, j] for j in range(x.shape[1])], axis=-1)
    s = np.zeros(x.shape[1])
    if kind == "uniform":
        s[:] = 1 / len(s)
    elif kind == "layer":
        s[int(k)] = 1
    elif kind == "last":
        s[-1] = 1
    elif kind == "without":
        kept = [j for j in range(len(s)) if j != int(k)]
        s[kept] = np.exp(w) / np.exp(w).sum()
    else:
        n = int(k) if k else len(s)
        e = np.exp(w[:n]) if len(w) else np.ones(n)
        s[:n] = e / e.sum()
    return gamma * sum(s[j] * x[:, j] for j in range(len(s)))


@pytest.mark.parametrize("norm", ["none", "token"])
@pytest.mark.parametrize("mode", MODES)
def test_mix_equals_numpy(mode: str, norm: str) -> None:
    torch.manual_seed(3)
    x = torch.randn(B, L, T, D)
    mix = LayerMix(L, mode, norm=norm)  # type: ignore[arg-type]
    w = np.zeros(0)
    with torch.no_grad():
        if mix.w is not None:
            mix.w.copy_(torch.randn(len(mix.w)))
            w = mix.w.numpy().astype(np.float64)
        if mix.gamma is not None:
            mix.gamma.fill_(0.7)
    gamma = 1.0 if mode == "concat" else 0.7
    expected = mix_in_numpy(x.numpy(), mode, w, gamma, norm)
    out = mix(x).detach().numpy()
    assert out.shape[-1] == mix.width(D)
    np.testing.assert_allclose(out, expected, atol=2e-6)
    # The same result from only the layers that the mode reads.
    needed = x[:, list(mix.layers_needed)]
    np.testing.assert_allclose(mix(needed).detach().numpy(), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("mode", "layers"),
    [("learned", (0, 1, 2)), ("uniform", (0, 1, 2)), ("layer=1", (1,)), ("first=2", (0, 1)),
     ("last", (2,)), ("concat", (0, 1, 2))],
)  # fmt: skip
def test_layers_needed(mode: str, layers: tuple[int, ...]) -> None:
    assert LayerMix(3, mode).layers_needed == layers


def test_starts_uniform_with_gamma_one() -> None:
    x = torch.randn(2, 3, 4, 5)
    torch.testing.assert_close(LayerMix(3)(x), x.mean(dim=1))


@pytest.mark.parametrize("mode", ["learned", "uniform", "layer=1", "first=2", "last"])
def test_gamma_is_learned_unless_turned_off(mode: str) -> None:
    assert LayerMix(3, mode).gamma is not None
    assert LayerMix(3, mode, gamma=False).gamma is None


@pytest.mark.parametrize("mode", ["learned", "uniform", "layer=0", "first=1", "last", "concat"])
def test_one_layer_is_the_identity(mode: str) -> None:
    mix = LayerMix(1, mode, norm="token")
    x = torch.randn(2, 1, 3, 4)
    assert torch.equal(mix(x), x[:, 0])
    assert list(mix.parameters()) == []
    assert mix.width(4) == 4
    assert mix.report() == {"s": None, "gamma": 1.0, "w": None}


def test_penalty_is_on_w_only() -> None:
    mix = LayerMix(3)
    with torch.no_grad():
        mix.w.copy_(torch.tensor([1.0, -2.0, 0.5]))  # type: ignore[union-attr]
        mix.gamma.fill_(10)  # type: ignore[union-attr]
    penalty = mix.penalty(0.1)
    assert penalty.item() == pytest.approx(0.1 * (1 + 4 + 0.25))
    penalty.backward()
    assert mix.gamma.grad is None  # type: ignore[union-attr]
    np.testing.assert_allclose(mix.w.grad, [0.2, -0.4, 0.1], rtol=1e-6)  # type: ignore[union-attr,arg-type]
    assert LayerMix(3, "uniform").penalty(0.1).item() == 0


def test_gradients_reach_w_and_gamma() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 4, 5)
    mix = LayerMix(3)
    mix(x).square().sum().backward()
    # d/dγ Σ (γ m)² = 2 Σ m² at γ = 1.
    assert mix.gamma.grad.item() == pytest.approx(2 * x.mean(1).square().sum().item(), rel=1e-5)  # type: ignore[union-attr]
    assert mix.w.grad.abs().sum() > 0  # type: ignore[union-attr]
    assert mix.w.grad.sum().item() == pytest.approx(0, abs=1e-5)  # type: ignore[union-attr]


def test_report_has_a_weight_for_every_layer() -> None:
    mix = LayerMix(4, "first=2")
    with torch.no_grad():
        mix.w.copy_(torch.tensor([0.0, np.log(3.0)]))  # type: ignore[union-attr]
    report = mix.report()
    assert report["s"] == pytest.approx([0.25, 0.75, 0, 0])
    assert report["w"] == pytest.approx([0, np.log(3)])
    assert LayerMix(3, "layer=1").report() == {"s": [0, 1, 0], "gamma": 1, "w": None}
    assert LayerMix(2, "uniform").report()["s"] == [0.5, 0.5]
    assert LayerMix(3, "concat").report()["s"] is None


def test_norm_does_not_depend_on_the_batch() -> None:
    torch.manual_seed(1)
    sentence, other = torch.randn(1, 3, 4, 5), 100 * torch.randn(1, 3, 4, 5)
    mix = LayerMix(3, norm="token")
    torch.testing.assert_close(mix(torch.cat([sentence, other]))[:1], mix(sentence))


@pytest.mark.parametrize(
    "bad", ["", "all", "layer", "layer=", "layer=-1", "first=x", "last=1", "learned=", "layer=٣"]
)
def test_unknown_modes_are_errors(bad: str) -> None:
    with pytest.raises(ConfigError, match="unknown layer mix"):
        MixMode.parse(bad)


@pytest.mark.parametrize("bad", ["layer=3", "first=0", "first=4", "without=3"])
def test_layers_that_do_not_exist_are_errors(bad: str) -> None:
    with pytest.raises(ConfigError):
        LayerMix(3, bad)


@pytest.mark.parametrize("mode", MODES)
def test_modes_round_trip(mode: str) -> None:
    assert str(MixMode.parse(mode)) == mode


def test_wrong_number_of_layers_is_an_error() -> None:
    with pytest.raises(ValueError, match="reads 3"):
        LayerMix(3)(torch.randn(1, 2, 3, 4))


def test_no_layer_is_left_without_the_only_one() -> None:
    with pytest.raises(ConfigError, match="no layer is left"):
        MixMode.parse("without=0").layers(1)
