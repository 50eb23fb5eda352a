"""Options for training a BERT."""

from __future__ import annotations

from pydantic import Field, model_validator

from elmobench.core.strict_model import StrictModel
from elmobench.pretraining.option_types import LARGEST_COUNT, Count, Passes, Seed


class BertOptions(StrictModel):
    """Shape and training of a small BERT, cased, without the next-sentence task."""

    vocab_size: Count = 6000
    """Number of word pieces, special ones included."""
    hidden_size: Count = 192
    """Width of the hidden layers."""
    num_hidden_layers: Count = 4
    """Number of transformer layers."""
    num_attention_heads: Count = 6
    """Number of attention heads per layer; it divides ``hidden_size``."""
    intermediate_size: Count = 768
    """Width of the feed-forward layers."""
    max_length: int = Field(default=128, ge=8, le=LARGEST_COUNT)
    """Largest number of pieces in a sequence, special ones included; also the number of position
    embeddings.
    """
    batch_size: Count = 32
    """Sequences per step."""
    epochs: Passes = 3
    """Passes over the text; 0.25 reads a quarter of its sequences, drawn at random."""
    mask_share: float = Field(default=0.15, gt=0, lt=1)
    """Share of the pieces that are predicted; of these, four fifths become ``[MASK]``, a tenth a
    random piece, and a tenth stay (Devlin et al. 2019, section 3.1).
    """
    learning_rate: float = Field(default=1e-3, gt=0)
    """Highest learning rate."""
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    """Share of all steps in which the learning rate grows; then it falls linearly to zero."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Weight decay of AdamW, for matrices only."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout in hidden layers and attention."""
    clip_norm: float = Field(default=1.0, gt=0)
    """Largest norm of the gradients."""
    seed: Seed = 1
    """Seed of the initial weights, the order, the masks and dropout."""

    @model_validator(mode="after")
    def _heads_fit(self) -> BertOptions:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f"hidden_size {self.hidden_size} is not a multiple of "
                f"num_attention_heads {self.num_attention_heads}"
            )
        return self
