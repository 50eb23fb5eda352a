"""Options for training a biLM: those of bilm-tf and those that this suite adds."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from elmobench.core.strict_model import StrictModel
from elmobench.features.elmo.options import CharCnnOptions, LstmOptions
from elmobench.pretraining.bilm.mixed_precision import Arithmetic

_Positive = Annotated[int, Field(ge=1)]


class BilmOptions(StrictModel):
    """Shape and training of a biLM, under the names of bilm-tf's ``options.json``.

    A file of bilm-tf can be read unchanged; other fields in it are ignored. Where it has no such
    field, the default is what bilm-tf does.

    Attributes:
        char_cnn: shape of the character CNN.
        lstm: shape of the LSTMs.
        n_tokens_vocab: number of words in the softmax, special ones included.
        batch_size: number of rows; each reads a different part of the text.
        unroll_steps: tokens per row and step; gradients go back no further.
        n_negative_samples_batch: words drawn for the sampled softmax in each step and direction,
            shared by all positions. With a smaller vocabulary all of its words are used, which
            is the full softmax.
        dropout: dropout on the input of each LSTM layer and on the output of the last.
        all_clip_norm_val: largest norm of all gradients together; larger ones are scaled down.
        n_epochs: passes over the training part; 0.25 reads a quarter of its sentences, drawn at
            random.
        optimizer: ``adagrad`` (as bilm-tf, accumulators start at 1) or ``adam``.
        learning_rate: highest learning rate; None for 0.2 (Adagrad) or 0.002 (Adam).
        warmup_steps: number of steps in which the rate grows linearly.
        decay: ``none``, or ``cosine`` to zero at the last step.
        arithmetic: arithmetic of the products in LSTMs and softmax: ``fp32``, or ``bf16`` for
            factors rounded to bfloat16 (sums, weights, updates and all measuring stay in fp32).
        seed: seed of the initial weights, the order of sentences, dropout and negative samples.
    """

    model_config = ConfigDict(extra="ignore")

    char_cnn: CharCnnOptions
    lstm: LstmOptions
    bidirectional: Literal[True] = True
    n_tokens_vocab: _Positive | None = None
    batch_size: _Positive = 128
    unroll_steps: _Positive = 20
    n_negative_samples_batch: _Positive = 8192
    dropout: float = Field(default=0.1, ge=0, lt=1)
    all_clip_norm_val: float = Field(default=10.0, gt=0)
    n_epochs: Annotated[int | float, Field(gt=0)] = 10
    optimizer: Literal["adagrad", "adam"] = "adagrad"
    learning_rate: float | None = Field(default=None, gt=0)
    warmup_steps: int = Field(default=0, ge=0)
    decay: Literal["none", "cosine"] = "none"
    arithmetic: Arithmetic = "fp32"
    seed: int = Field(default=1, ge=0)

    @property
    def rate(self) -> float:
        """The highest learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 0.2 if self.optimizer == "adagrad" else 0.002

    @property
    def positions_per_step(self) -> int:
        """Tokens that each direction reads per step."""
        return self.batch_size * self.unroll_steps
