"""ELMo's biLM that is trained with a task's head."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from elmobench.core.errors import ModelError
from elmobench.core.parsing import parsing, read_bytes
from elmobench.data.examples import Sentence
from elmobench.features.elmo.characters import BEGIN_SENTENCE, END_SENTENCE, character_ids
from elmobench.features.elmo.loading import read_weights
from elmobench.features.elmo.options import read_options
from elmobench.finetuning.encoder import TrainableEncoder
from elmobench.pretraining.bilm.network import run_layer, word_vectors, zero_state
from elmobench.pretraining.bilm.options import BilmOptions


class TrainableBilm(TrainableEncoder):
    """A biLM with its weights as parameters; every sentence starts from zeros.

    Args:
        options_file, weight_file: of the model.

    Raises:
        ModelError: if a file is missing or damaged, or the two disagree.
    """

    def __init__(self, options_file: Path, weight_file: Path) -> None:
        super().__init__()
        shape = read_options(options_file)
        # The dropout of the pre-training; 0.1 as in bilm-tf if the file has none.
        with parsing(options_file, ModelError, what="not the options of a biLM"):
            stated = json.loads(read_bytes(options_file, ModelError)).get("dropout", 0.1)
            self._options = BilmOptions(char_cnn=shape.char_cnn, lstm=shape.lstm, dropout=stated)
        arrays = read_weights(weight_file, shape)
        self.weights = nn.ParameterDict(
            {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
        )

    def forward(self, sentences: Sequence[Sentence]) -> Tensor:
        """See :meth:`TrainableEncoder.forward`."""
        weights = {name: self.weights[name] for name in self.weights}
        device = next(iter(weights.values())).device
        lengths = np.asarray([len(sentence) for sentence in sentences])
        longest = int(lengths.max(initial=0))
        words = [BEGIN_SENTENCE, END_SENTENCE]
        words += sorted({token for sentence in sentences for token in sentence} - set(words))
        ids, sizes = character_ids(words, self._options.char_cnn.max_characters_per_token)
        index = {word: i for i, word in enumerate(words)}
        vectors = word_vectors(
            weights, self._options, torch.from_numpy(ids), sizes.astype(np.int16)
        )
        number = np.ones((len(sentences), longest + 2), dtype=np.int64)  # ends, and padding
        number[:, 0] = 0
        back = np.tile(np.arange(longest + 2), (len(sentences), 1))
        for b, sentence in enumerate(sentences):
            number[b, 1 : len(sentence) + 1] = [index[token] for token in sentence]
            # Of a sentence with its boundaries reversed; its padding stays where it is.
            back[b, : len(sentence) + 2] = back[b, : len(sentence) + 2][::-1]
        read = torch.from_numpy(number).to(device)
        reverse = torch.from_numpy(back).to(device)
        forward = self._outputs(weights, 0, vectors[read])
        backward = self._outputs(weights, 1, vectors[read.gather(1, reverse)])
        unreversed = reverse.unsqueeze(-1).expand(-1, -1, vectors.shape[1])
        layers = [vectors[read].repeat(1, 1, 2)]
        layers += [
            torch.cat([left, right.gather(1, unreversed)], dim=-1)
            for left, right in zip(forward, backward, strict=True)
        ]
        mask = torch.arange(longest)[None, :] < torch.from_numpy(lengths)[:, None]
        inner = torch.stack(layers, dim=1)[:, :, 1:-1]
        return inner * mask.to(device)[:, None, :, None]

    def _outputs(self, weights: dict[str, Tensor], direction: int, x: Tensor) -> list[Tensor]:
        """The (B, T, P) output of each layer of one direction, from (B, T, P) word vectors."""
        options, outputs = self._options, []
        x = x.transpose(0, 1)
        for layer, state in enumerate(zero_state(options, x.shape[1], x.device)):
            read = F.dropout(x, options.dropout, self.training)
            x, _ = run_layer(weights, options, direction, layer, x, read, state)
            outputs.append(x.transpose(0, 1))
        return outputs
