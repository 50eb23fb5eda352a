"""Options of a biLM's training: bilm-tf's file as it is, and how this suite trains."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from elmobench.features.elmo.options import CharCnnOptions, LstmOptions
from elmobench.pretraining.bilm.mixed_precision import Arithmetic

_Positive = Annotated[int, Field(ge=1)]


class BilmOptions(BaseModel):
    """Shape and training of a biLM, by the names of bilm-tf's ``options.json``.

    A file of bilm-tf is read as it is; what it holds besides is left alone. Defaults of what it
    does not have are bilm-tf's.

    Attributes:
        char_cnn: the character CNN.
        lstm: the LSTMs.
        n_tokens_vocab: words of the softmax, special ones included.
        batch_size: rows; each reads text of its own.
        unroll_steps: tokens of a row in a step; gradients go back no further.
        n_negative_samples_batch: words drawn for the sampled softmax, shared by a step's
            positions and drawn for each direction. Of a smaller vocabulary all are taken, which
            is the whole softmax.
        dropout: on the input of each LSTM layer and on the last one's output.
        all_clip_norm_val: largest norm of all gradients together.
        n_epochs: passes over the training part; 0.25 reads a quarter of its sentences, drawn at
            random.
        optimizer: ``adagrad`` (bilm-tf: rate 0.2, accumulators start at 1) or ``adam``.
        learning_rate: None for 0.2 (Adagrad) or 0.002 (Adam).
        warmup_steps: the rate grows linearly for so many steps.
        decay: ``none`` or ``cosine``, to nothing at the end of the last epoch.
        arithmetic: of the products in LSTMs and softmax: ``fp32``, or ``bf16`` for factors
            rounded to bfloat16 (sums, weights, updates and all measuring stay in fp32).
        seed: of the initial weights, the order of sentences, dropout and negatives.
    """

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)

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
        """The learning rate at its highest."""
        if self.learning_rate is not None:
            return self.learning_rate
        return 0.2 if self.optimizer == "adagrad" else 0.002

    @property
    def positions_per_step(self) -> int:
        """Tokens that each direction reads in a step."""
        return self.batch_size * self.unroll_steps
