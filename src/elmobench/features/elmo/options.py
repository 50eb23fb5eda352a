"""The ``options.json`` of an ELMo model, typed and checked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, model_validator

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.parsing import check_distinct_keys, parse_json_object, read_bytes
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated

MOST_VALUES: Final = 1_000_000_000
"""Values in all weights, ten times those of the published models. It limits random models, and what
a damaged file can ask for.
"""

# Each is far beyond any published model. Strict: a file with true for 1 is not what it seems.
_Width = Annotated[int, Field(ge=1, le=100_000, strict=True)]
_Span = Annotated[int, Field(ge=1, le=10_000, strict=True)]
_Layers = Annotated[int, Field(ge=1, le=100, strict=True)]


class _Options(StrictModel):
    # The file of a trained model also contains batch sizes, vocabulary sizes and so on.
    model_config = ConfigDict(extra="ignore")


class CharEmbeddingOptions(_Options):
    """The table of character vectors."""

    dim: _Width
    """Width of a character vector."""


class CharCnnOptions(_Options):
    """The character CNN."""

    embedding: CharEmbeddingOptions
    """Options of the character vectors."""
    filters: tuple[tuple[_Span, _Width], ...] = Field(min_length=1, max_length=100)
    """Pairs of a width in characters and a number of filters, in the order of the file."""
    n_highway: int = Field(default=0, ge=0, le=100, strict=True)
    """Number of highway layers."""
    activation: Literal["relu", "tanh"] = "relu"
    """Activation function, applied to the maximum over time."""
    max_characters_per_token: int = Field(default=50, ge=3, le=10_000, strict=True)
    """Length of a token's row of character ids."""
    n_characters: Literal[261, 262] = 262
    """Number of character ids, 262 at run time. Files of models trained with 261 and exported with
    262 ids have the same 261 rows, so both values are accepted.
    """

    @property
    def n_filters(self) -> int:
        """Width of the concatenated filters."""
        return sum(count for _, count in self.filters)

    @model_validator(mode="after")
    def _filters_fit(self) -> CharCnnOptions:
        widest = max(width for width, _ in self.filters)
        if widest > self.max_characters_per_token:
            raise ValueError(
                f"a filter of width {widest} is wider than a token's "
                f"{self.max_characters_per_token} characters"
            )
        return self


_LARGEST = 3.4e38  # that 32-bit floats can hold


class LstmOptions(_Options):
    """The bidirectional LSTM with projection."""

    dim: _Width
    """Number of cells C in one direction."""
    projection_dim: _Width
    """Width P of token vectors and of each direction's output."""
    n_layers: _Layers
    """Number of layers."""
    cell_clip: float | None = Field(default=None, gt=0, le=_LARGEST, strict=True)
    """Largest absolute value of a cell; None for no clipping."""
    proj_clip: float | None = Field(default=None, gt=0, le=_LARGEST, strict=True)
    """Largest absolute value of a projected state; None for no clipping."""
    use_skip_connections: bool = Field(default=False, strict=True)
    """Whether each layer except the first adds its input to its output."""


class ElmoOptions(_Options):
    """The part of ``options.json`` about a model's shape and arithmetic."""

    char_cnn: CharCnnOptions
    """Shape of the character CNN."""
    lstm: LstmOptions
    """Shape of the LSTMs."""
    bidirectional: Literal[True] = True
    """Always true: one LSTM per direction."""

    @property
    def digest(self) -> str:
        """SHA-256 of the options that change vectors; 261 and 262 characters are the same model."""
        return digest_of(self.model_dump(mode="json", exclude={"char_cnn": {"n_characters"}}))


def parse_options(values: dict[str, Any], where: str) -> ElmoOptions:
    """Parse options from decoded JSON.

    Raises:
        ModelError: names every missing or invalid value.
    """
    try:
        return validated(ElmoOptions, values, where)
    except ConfigError as error:
        raise ModelError(
            error.what,
            where=where,
            fix="give the options.json that was published with the weights "
            "(blocks 'char_cnn' and 'lstm', n_characters 261 or 262)",
        ) from None


def read_options(path: Path) -> ElmoOptions:
    """Read options from a file. Raises ModelError if it is not an options file."""
    where, fix = str(path), "fetch options.json again; the HDF5 file contains the weights"
    if not os.path.isfile(path):
        raise ModelError("no such file", where=where)
    data = read_bytes(path, ModelError, fix=fix)
    values = parse_json_object(data, where, ModelError, fix=fix, on_object=check_distinct_keys)
    return parse_options(values, where)
