"""Pooling, biLSTM, character CNN, maxout and biattention, compared with naive loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elmobench.nn.biattention import attend, integrator_input
from elmobench.nn.char_cnn import CharCnn
from elmobench.nn.highway import Highway
from elmobench.nn.maxout import Maxout
from elmobench.nn.padded_char_cnn import FixedLengthCharCnn
from elmobench.nn.pooling import (
    attentive_pool,
    masked_max,
    masked_mean,
    masked_min,
    masked_softmax,
)
from elmobench.nn.recurrent import BiLstm

LENGTHS = [4, 1, 0, 3]


@pytest.fixture
def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Values with large numbers at padding, and their mask."""
    torch.manual_seed(5)
    x = torch.randn(len(LENGTHS), 4, 3)
    mask = torch.arange(4) < torch.tensor(LENGTHS).unsqueeze(1)
    return torch.where(mask.unsqueeze(-1), x, 1e6), mask


@pytest.mark.parametrize(
    ("pool", "reference"),
    [(masked_mean, np.mean), (masked_max, np.max), (masked_min, np.min)],
)
def test_pooling_reads_real_tokens_only(padded, pool, reference) -> None:
    x, mask = padded
    expected = np.zeros((len(LENGTHS), 3))
    for i, n in enumerate(LENGTHS):
        if n:
            expected[i] = reference(x[i, :n].numpy().astype(np.float64), axis=0)
    np.testing.assert_allclose(pool(x, mask), expected, atol=1e-6)


@pytest.mark.parametrize("pool", [masked_mean, masked_max, masked_min])
def test_pooling_of_no_tokens(pool) -> None:
    assert pool(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool)).tolist() == [[0] * 3] * 2


def test_max_may_be_negative() -> None:
    x, mask = torch.full((1, 2, 1), -3.0), torch.tensor([[True, False]])
    assert masked_max(x, mask).item() == -3


def test_attentive_pool(padded) -> None:
    x, mask = padded
    scores = torch.randn(len(LENGTHS), 4)
    expected = np.zeros((len(LENGTHS), 3))
    for i, n in enumerate(LENGTHS):
        e = np.exp(scores[i, :n].numpy().astype(np.float64))
        for t in range(n):
            expected[i] += e[t] / e.sum() * x[i, t].numpy()
    np.testing.assert_allclose(attentive_pool(x, scores, mask), expected, atol=1e-6)


def test_masked_softmax_is_exactly_zero_outside() -> None:
    weights = masked_softmax(torch.tensor([[1e30, 0.0], [3.0, 4.0]]),
                             torch.tensor([[False, True], [False, False]]))  # fmt: skip
    assert weights.tolist() == [[0, 1], [0, 0]]


def test_attend_against_loops(padded) -> None:
    y, y_mask = padded
    x = torch.randn(len(LENGTHS), 5, 3)
    y = torch.where(y_mask.unsqueeze(-1), y, 0.5)
    out = attend(x, y, y_mask)
    for i, n in enumerate(LENGTHS):
        for t in range(5):
            dots = np.array([float(x[i, t] @ y[i, u]) for u in range(n)])
            expected = np.zeros(3)
            if n:
                e = np.exp(dots - dots.max())
                expected = sum(e[u] / e.sum() * y[i, u].numpy() for u in range(n))
            np.testing.assert_allclose(out[i, t], expected, atol=1e-5)


def test_integrator_input() -> None:
    x, c = torch.tensor([[[2.0, 3.0]]]), torch.tensor([[[5.0, 7.0]]])
    assert integrator_input(x, c).tolist() == [[[2, 3, -3, -4, 10, 21]]]


@pytest.mark.parametrize("layers", [1, 2])
def test_bilstm_equals_running_each_sentence_alone(padded, layers: int) -> None:
    x, mask = padded
    torch.manual_seed(0)
    lstm = BiLstm(3, 4, layers).eval()
    # The same weights in torch's bidirectional LSTM, which reads each sentence alone.
    reference = torch.nn.LSTM(3, 4, layers, batch_first=True, bidirectional=True)
    weights = {}
    for layer in range(layers):
        for suffix, stack in (("", lstm.forwards), ("_reverse", lstm.backwards)):
            for name, value in stack[layer].named_parameters():
                weights[f"{name.removesuffix('_l0')}_l{layer}{suffix}"] = value.detach()
    reference.load_state_dict(weights)
    out = lstm(x, mask)
    assert out.shape == (len(LENGTHS), 4, 8)
    assert out[~mask].abs().sum() == 0
    for i, n in enumerate(LENGTHS):
        if n:
            alone, _ = reference(x[i : i + 1, :n])
            torch.testing.assert_close(out[i, :n], alone[0], atol=1e-6, rtol=1e-5)


def test_bilstm_of_empty_sentences_only() -> None:
    lstm = BiLstm(3, 4)
    assert lstm(torch.zeros(2, 0, 3), torch.zeros(2, 0, dtype=torch.bool)).shape == (2, 0, 8)
    out = lstm(torch.ones(2, 1, 3), torch.zeros(2, 1, dtype=torch.bool))
    assert out.abs().sum() == 0


def test_char_cnn_against_loops() -> None:
    torch.manual_seed(2)
    cnn = CharCnn(num_chars=10, dim=3, filters=5, width=3)
    words = [[2, 3, 4, 5, 9], [7], [], [1, 2], [3, 4, 5]]
    ids = torch.zeros(len(words), 7, dtype=torch.int64)
    for i, word in enumerate(words):
        ids[i, : len(word)] = torch.tensor(word, dtype=torch.int64)
    out = cnn(ids).detach()
    table, weight = cnn.embedding.weight.detach(), cnn.convolution.weight.detach()
    bias = cnn.convolution.bias.detach()
    for i, word in enumerate(words):
        padded = [table[c] for c in word] + [torch.zeros(3)] * max(0, 3 - len(word))
        for f in range(5):
            windows = [
                float(bias[f] + sum(weight[f, :, j] @ padded[start + j] for j in range(3)))
                for start in range(len(padded) - 2)
            ]
            assert out[i, f].item() == pytest.approx(max(0.0, *windows, -1.0), abs=1e-6)


def test_words_shorter_than_the_window_may_get_the_zero_vector() -> None:
    torch.manual_seed(2)
    padded = CharCnn(num_chars=10, dim=3, filters=5, width=3)
    zero = CharCnn(num_chars=10, dim=3, filters=5, width=3, short_words="zero")
    zero.load_state_dict(padded.state_dict())
    ids = torch.tensor([[2, 3, 0, 0], [4, 5, 6, 0], [1, 0, 0, 0], [7, 8, 9, 1]])
    out, expected = zero(ids), padded(ids)
    assert expected.any(dim=1).all()
    assert not out[[0, 2]].any()
    assert torch.equal(out[[1, 3]], expected[[1, 3]])


def test_char_cnn_over_words_of_one_length_against_loops() -> None:
    """Windows begin at a character of the word and may end in padding, up to the length."""
    torch.manual_seed(2)
    length, width = 6, 3
    cnn = FixedLengthCharCnn(10, dim=3, filters=5, width=width, length=length, dropout=0.5).eval()
    words = [[2, 3, 4, 5, 9, 1], [7], [1, 2], [3, 4, 5, 6]]
    ids = torch.zeros(len(words), 6, dtype=torch.int64)
    for i, word in enumerate(words):
        ids[i, : len(word)] = torch.tensor(word)
    out = cnn(ids).detach()
    torch.testing.assert_close(cnn(ids[1:3, :2]), out[1:3])
    table, weight = cnn.embedding.weight.detach(), cnn.convolution.weight.detach()
    bias = cnn.convolution.bias.detach()
    for i, word in enumerate(words):
        padded = [table[c] for c in word] + [torch.zeros(3)] * (length - len(word))
        for f in range(5):
            windows = [
                float(bias[f] + sum(weight[f, :, j] @ padded[start + j] for j in range(width)))
                for start in range(min(len(word), length - width + 1))
            ]
            assert out[i, f].item() == pytest.approx(max(0.0, *windows), abs=1e-6)


def test_char_cnn_drops_values_of_each_occurrence() -> None:
    torch.manual_seed(2)
    cnn = FixedLengthCharCnn(10, dim=3, filters=50, width=3, length=6, dropout=0.2)
    twice = cnn(torch.tensor([[2, 3, 4], [2, 3, 4]]))
    assert not torch.equal(twice[0], twice[1])
    cnn.eval()
    twice = cnn(torch.tensor([[2, 3, 4], [2, 3, 4]]))
    assert torch.equal(twice[0], twice[1])


def test_highway_against_loops() -> None:
    torch.manual_seed(2)
    highway = Highway(3, layers=2)
    assert all(layer.bias[3:].eq(1).all() for layer in highway.layers)
    assert Highway(3, layers=0)(torch.ones(2, 3)).tolist() == [[1.0] * 3] * 2
    x = torch.randn(4, 3)
    out = highway(x).detach().numpy()
    for i in range(4):
        value = x[i].numpy().astype(np.float64)
        for layer in highway.layers:
            product = layer.weight.detach().numpy() @ value + layer.bias.detach().numpy()
            gate = 1 / (1 + np.exp(-product[3:]))
            value = gate * value + (1 - gate) * np.maximum(product[:3], 0)
        np.testing.assert_allclose(out[i], value, atol=1e-6)


def test_char_cnn_of_no_words() -> None:
    fixed = FixedLengthCharCnn(4, 2, 5, 3, 6, 0.0)
    assert fixed(torch.zeros(0, 0, dtype=torch.int64)).shape == (0, 5)
    assert not fixed(torch.zeros(1, 0, dtype=torch.int64)).any()
    cnn = CharCnn(4, 2, 5, 3)
    assert cnn(torch.zeros(0, 0, dtype=torch.int64)).shape == (0, 5)
    assert cnn(torch.zeros(1, 0, dtype=torch.int64)).shape == (1, 5)


def test_maxout_takes_the_largest_of_its_pool() -> None:
    torch.manual_seed(4)
    maxout = Maxout(3, [4, 2], pool=3, dropouts=[0.0, 0.0])
    x = torch.randn(5, 3)
    out = maxout(x).detach().numpy()
    for i in range(5):
        v = x[i].numpy()
        for layer, units in zip(maxout.layers, (4, 2), strict=True):
            z = layer.weight.detach().numpy() @ v + layer.bias.detach().numpy()
            v = np.array([max(z[3 * u + p] for p in range(3)) for u in range(units)])
        np.testing.assert_allclose(out[i], v, atol=1e-6)
    with pytest.raises(ValueError, match="dropouts"):
        Maxout(3, [4], 2, [0.1, 0.1])
