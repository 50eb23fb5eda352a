"""Initial parameters as in AllenNLP, where they differ from torch's.

Source: AllenNLP 0.9, ``training_config/esim.jsonnet`` (the ``initializer``),
``modules/conditional_random_field.py`` and ``modules/token_embedders/embedding.py``.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Initialization = Literal["torch", "allennlp"]
"""``torch`` leaves the parameters as torch draws them; ``allennlp`` draws them as published."""


@torch.no_grad()
def init_embedding(embedding: nn.Embedding) -> None:
    """Draw vectors from Xavier's uniform distribution; a padding vector stays zero.

    AllenNLP draws every embedding without pre-trained vectors in this way. Values lie within
    ±√(6 / (rows + dimensions)); torch draws them from a standard normal distribution.
    """
    nn.init.xavier_uniform_(embedding.weight)
    if embedding.padding_idx is not None:
        embedding.weight[embedding.padding_idx].zero_()


@torch.no_grad()
def init_transitions(transitions: Tensor) -> None:
    """Draw the (K, K) transition scores of a CRF from Xavier's normal distribution: sd 1/√K."""
    nn.init.xavier_normal_(transitions)


@torch.no_grad()
def init_linear(layer: nn.Linear) -> None:
    """Draw the weight from Xavier's uniform distribution and set the bias to zero, as in ESIM."""
    nn.init.xavier_uniform_(layer.weight)
    nn.init.zeros_(layer.bias)


@torch.no_grad()
def init_lstm(lstm: nn.LSTM) -> None:
    """Draw the parameters of every layer and direction of an LSTM as in ESIM.

    The (4 H, D) input weight is Xavier-uniform and the (4 H, H) recurrent weight has orthonormal
    columns, each as one matrix for all four gates. Biases are zero, except those of the forget
    gate, which sum to one.
    """
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(parameter)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(parameter)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_hh"):
                parameter[lstm.hidden_size : 2 * lstm.hidden_size] = 1.0
