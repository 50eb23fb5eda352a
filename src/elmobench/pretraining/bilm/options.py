"""Options for training a biLM: those of bilm-tf and those that this suite adds."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict, Field

from elmobench.core.strict_model import StrictModel
from elmobench.features.elmo.options import CharCnnOptions, LstmOptions
from elmobench.pretraining.bilm.mixed_precision import Arithmetic
from elmobench.pretraining.option_types import LARGEST_COUNT, Count, Passes, Seed


class BilmOptions(StrictModel):
    """Shape and training of a biLM, under the names of bilm-tf's ``options.json``.

    A file of bilm-tf can be read unchanged; other fields in it are ignored. Where it has no such
    field, the default is what bilm-tf does.
    """

    model_config = ConfigDict(extra="ignore")

    char_cnn: CharCnnOptions
    """Shape of the character CNN."""
    lstm: LstmOptions
    """Shape of the LSTMs."""
    bidirectional: Literal[True] = True
    """Always true: one LSTM per direction."""
    n_tokens_vocab: Count | None = None
    """Number of words in the softmax, special ones included."""
    batch_size: Count = 128
    """Number of rows in a batch; each row reads a different part of the text."""
    unroll_steps: Count = 20
    """Tokens per row and step; gradients go back no further."""
    n_negative_samples_batch: Count = 8192
    """Words drawn for the sampled softmax in each step and direction, shared by all positions. With
    a smaller vocabulary all of its words are used, which is the full softmax.
    """
    dropout: float = Field(default=0.1, ge=0, lt=1)
    """Dropout on the input of each LSTM layer and on the output of the last."""
    all_clip_norm_val: float = Field(default=10.0, gt=0)
    """Largest norm of all gradients together; larger ones are scaled down."""
    n_epochs: Passes = 10
    """Passes over the training part; 0.25 reads a quarter of its sentences, drawn at random."""
    optimizer: Literal["adagrad", "adam"] = "adagrad"
    """The optimizer: ``adagrad`` (as in bilm-tf, accumulators start at 1) or ``adam``."""
    learning_rate: float | None = Field(default=None, gt=0)
    """Highest learning rate; None for 0.2 (Adagrad) or 0.002 (Adam)."""
    warmup_steps: int = Field(default=0, ge=0, le=LARGEST_COUNT)
    """Number of steps in which the learning rate grows linearly."""
    decay: Literal["none", "cosine"] = "none"
    """Decay of the learning rate: ``none``, or ``cosine`` to zero at the last step."""
    arithmetic: Arithmetic = "fp32"
    """Arithmetic of the products in LSTMs and softmax: ``fp32``; or factors rounded to 8 bits with
    ``bf16`` on a processor, to 11 bits with ``tf32`` on a GPU (sums, weights, updates and all
    measuring stay in fp32).
    """
    seed: Seed = 1
    """Seed of the initial weights, the order of sentences, dropout and negative samples."""

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
