"""Initial parameters as in AllenNLP, by the distributions that its configurations name."""

from __future__ import annotations

import torch
from torch import nn

from elmobench.nn.initialization import init_embedding, init_linear, init_lstm, init_transitions


def assert_uniform(values: torch.Tensor, bound: float) -> None:
    """The values fill ±``bound`` evenly: a Kolmogorov-Smirnov test at about 1 in 1,000,000."""
    sorted_values = values.detach().flatten().sort().values
    count = len(sorted_values)
    expected = (sorted_values / bound + 1) / 2
    largest = (expected - torch.arange(count) / count).abs().max()
    assert sorted_values.abs().max() <= bound
    assert largest < 2.7 / count**0.5


def test_embeddings_are_xavier_uniform_and_padding_stays_zero() -> None:
    torch.manual_seed(1)
    embedding = nn.Embedding(90, 16, padding_idx=0)
    init_embedding(embedding)
    assert not embedding.weight[0].any()
    assert_uniform(embedding.weight[1:], (6 / (90 + 16)) ** 0.5)
    assert embedding.weight.requires_grad


def test_transitions_are_xavier_normal() -> None:
    torch.manual_seed(2)
    transitions = nn.Parameter(torch.zeros(60, 60))
    init_transitions(transitions)
    standardized = transitions.detach().flatten() * 60**0.5
    expected = torch.special.ndtr(standardized.sort().values)
    assert (expected - torch.arange(3600) / 3600).abs().max() < 2.7 / 60


def test_linear_layers_are_xavier_uniform_without_bias() -> None:
    torch.manual_seed(3)
    layer = nn.Linear(70, 30)
    init_linear(layer)
    assert_uniform(layer.weight, (6 / 100) ** 0.5)
    assert not layer.bias.any()


def test_lstms_have_orthogonal_recurrent_weights_and_open_forget_gates() -> None:
    torch.manual_seed(4)
    lstm = nn.LSTM(50, 20, num_layers=2, bidirectional=True)
    init_lstm(lstm)
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            assert_uniform(parameter, (6 / (parameter.shape[0] + parameter.shape[1])) ** 0.5)
        elif name.startswith("weight_hh"):
            torch.testing.assert_close(parameter.t() @ parameter, torch.eye(20), atol=1e-5, rtol=0)
        elif name.startswith("bias_hh"):
            # torch's order is input, forget, cell, output.
            assert parameter.tolist() == [0.0] * 20 + [1.0] * 20 + [0.0] * 40
        else:
            assert not parameter.any()
