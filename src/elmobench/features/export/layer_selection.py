"""Select the vectors to write: all layers, one layer, their average, or an ELMo output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean
from elmobench.features.provider import FeatureProvider, FloatArray


@dataclass(frozen=True)
class LayerSelection:
    """A function from all layers of a sentence to the arrays that are written.

    Attributes:
        names: names of the K arrays, e.g. ``layer_0``.
        dim: values per vector, W.
        select: maps (L, T, D) layers to (K, T, W), or to (K, 1, W) if ``per_sentence``.
        stacked: whether the arrays are written together as (K, T, W), even if K is 1.
        per_sentence: whether there is one vector per sentence, not one per token.
    """

    names: tuple[str, ...]
    dim: int
    select: Callable[[FloatArray], FloatArray]
    stacked: bool = False
    per_sentence: bool = False


def make_selection(
    provider: FeatureProvider,
    *,
    layer: int | None = None,
    average: bool = False,
    output: str | None = None,
) -> LayerSelection:
    """Make the selection of one layer, the average, or an output; of all layers by default.

    Args:
        provider: of the layers.
        layer: number of a layer, from 0.
        average: select the mean of all layers.
        output: an output of ELMo, with TF-Hub's name; see
            :func:`elmobench.features.elmo.outputs.output_names`.

    Raises:
        ConfigError: if more than one is given, or the provider has no such layer or output.
    """
    where = f"features {provider.name!r}"
    if (layer is not None) + average + (output is not None) > 1:
        raise ConfigError(
            "a layer, the average and an output exclude one another",
            where=where,
            fix="choose one of them",
        )
    if layer is not None:
        return _one_layer(provider, layer, where)
    if average:
        return LayerSelection(("average",), provider.dim, _average)
    if output is not None:
        return _elmo_output(provider, output, where)
    if provider.per_text and provider.num_layers == 1:
        return LayerSelection(("text",), provider.dim, lambda vectors: vectors, per_sentence=True)
    names = tuple(f"layer_{i}" for i in range(provider.num_layers))
    return LayerSelection(names, provider.dim, lambda vectors: vectors, stacked=True)


def check_layer(provider: FeatureProvider, layer: int, where: str) -> None:
    """Raise ConfigError if the provider has no layer of this number."""
    if not 0 <= layer < provider.num_layers:
        names = (f"{i} ({known.name})" for i, known in enumerate(provider.layers))
        raise ConfigError(
            f"there is no layer {layer}", where=where, fix=f"layers are {', '.join(names)}"
        )


def _average(vectors: FloatArray) -> FloatArray:
    mean: FloatArray = vectors.mean(axis=0, keepdims=True, dtype=np.float64).astype(np.float32)
    return mean


def _one_layer(provider: FeatureProvider, layer: int, where: str) -> LayerSelection:
    check_layer(provider, layer, where)
    return LayerSelection(
        (f"layer_{layer}",), provider.dim, lambda vectors: vectors[layer : layer + 1]
    )


def _elmo_output(provider: FeatureProvider, output: str, where: str) -> LayerSelection:
    from elmobench.features.elmo.outputs import mix_weights, mixed, output_names, token_mean
    from elmobench.features.elmo.provider import ElmoProvider

    if not isinstance(provider, ElmoProvider):
        raise ConfigError(
            f"only ELMo has an output {output!r}, and this is not an ELMo",
            where=where,
            fix="choose a layer by its number, or the average",
        )
    names = output_names(provider)
    if output not in names:
        raise ConfigError(f"no output {output!r}", where=where, fix=did_you_mean(output, names))
    if output == "word_emb":
        half = provider.dim // 2
        return LayerSelection((output,), half, lambda vectors: vectors[:1, :, :half])
    if output.startswith("lstm_outputs"):
        layer = names.index(output)
        select = _one_layer(provider, layer, where).select
        return LayerSelection((output,), provider.dim, select)
    weights = mix_weights(None, provider.num_layers)

    def elmo(vectors: FloatArray) -> FloatArray:
        return mixed(vectors, weights)[None]

    if output == "elmo":
        return LayerSelection((output,), provider.dim, elmo)
    return LayerSelection(
        (output,),
        provider.dim,
        lambda vectors: token_mean(elmo(vectors)[0])[None, None],
        per_sentence=True,
    )
