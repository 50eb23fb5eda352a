"""Frozen vectors as a scikit-learn transformer: one pooled vector per text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from elmobench.core.errors import ConfigError
from elmobench.core.registry import did_you_mean
from elmobench.data.examples import Sentence
from elmobench.data.readers.tokenizers import TOKENIZERS, TokenizerName
from elmobench.data.sentences import as_sentence, check_container
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.coverage import CoverageCount
from elmobench.features.export.layer_selection import check_layer
from elmobench.features.provider import FeatureProvider, FloatArray
from elmobench.features.spec import parse_features
from elmobench.features.store.feature_store import FeatureStore, Precision
from elmobench.features.streaming import chunked, encode_stream

Pooling = Literal["mean", "max", "min", "sum", "first", "last"]
LayerChoice = int | Literal["average", "concat"] | None
Tokenizer = TokenizerName | Callable[[str], Sequence[str]]

_POOLINGS: Final[tuple[str, ...]] = get_args(Pooling)
_TEXTS: Final = (
    "give a list of texts, each a string or a list of tokens; of a data frame one column, such as "
    "frame['text']"
)


class FrozenFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Transform texts into pooled frozen vectors, (n, D) float32.

    Nothing is learned: ``fit`` only checks the parameters, and ``transform`` can be called without
    ``fit``. A pickle contains the parameters only, and the model is loaded again; a clone in the
    same process shares the loaded model. Vectors are computed in chunks of bounded size.

    >>> from elmobench import FrozenFeatures
    >>> features = FrozenFeatures("glove-mini+elmo-mini", layer="average")
    >>> features.fit_transform(["The cat sat .", "A dog barked ."]).shape
    (2, 356)

    Args:
        spec: features, e.g. ``"elmo-random"``; the vectors of the parts of ``a+b`` are
            concatenated. Settings of the provider (``@state=warm``) are allowed, and ``@layer=K``
            for one part.
        pooling: over the tokens of a text: ``mean``, ``max``, ``min``, ``sum``, ``first``,
            ``last``.
        layer: a number from 0, ``"average"``, or ``"concat"`` to concatenate all layers. None: the
            value of ``@layer`` if given, else the average. It has no effect on parts with one
            layer.
        tokenizer: for strings: ``words`` (raw text), ``spaces``, ``whitespace``, or a function
            from a string to tokens. Sequences of tokens are used as they are.
        normalize: ``"l2"`` scales the pooled vector of each part to length 1 (zeros stay zeros).
        models: further catalog entries.
        store: folder of a feature store that keeps the vectors for later calls; None for no store.
        precision: of the vectors in ``store``; ``fp16`` rounds them.
        trust_first: accept downloads without a known digest, and pin them.
    """

    def __init__(
        self,
        spec: str = "elmo-random",
        *,
        pooling: Pooling = "mean",
        layer: LayerChoice = None,
        tokenizer: Tokenizer = "words",
        normalize: Literal["l2"] | None = None,
        models: dict[str, Any] | None = None,
        store: str | PathLike[str] | None = None,
        precision: Precision = "fp32",
        trust_first: bool = False,
    ) -> None:
        self.spec = spec
        self.pooling = pooling
        self.layer = layer
        self.tokenizer = tokenizer
        self.normalize = normalize
        self.models = models
        self.store = store
        self.precision = precision
        self.trust_first = trust_first

    def fit(self, X: Any, y: Any = None) -> FrozenFeatures:
        """Load the model, and check the parameters and the type of ``X``; learns nothing.

        The elements of ``X`` are checked by :meth:`transform`: a generator is not read here.

        Raises:
            ConfigError: if a parameter is wrong.
            TypeError: if ``X`` is not a list, array, series or generator of texts.
        """
        self._tokenizer()
        _check_texts(X)
        self._parts()
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return one vector per text, (n, D) float32; a text without tokens gives zeros.

        Args:
            X: n texts, each a string or a sequence of tokens.

        Raises:
            ConfigError, TypeError: as :meth:`fit`.
            ModelError, DigestError, DownloadError, StoreError: from loading and storing.
        """
        tokenizer = self._tokenizer()
        _check_texts(X)
        sentences = [_tokens(text, i, tokenizer) for i, text in enumerate(X)]
        parts = self._parts()
        out = np.zeros((len(sentences), sum(self._width(*part) for part in parts)), np.float32)
        start = 0
        for provider, choice in parts:
            end = start + self._width(provider, choice)
            for row, vectors in enumerate(self._encoded(provider, sentences)):
                if vectors.shape[1]:
                    out[row, start:end] = self._pooled(_select(vectors, choice))
            start = end
        return out

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return (D,) names: part, layer if layers are concatenated, and index of the value."""
        names = []
        for (provider, choice), part in zip(
            self._parts(), parse_features(self.spec).parts, strict=True
        ):
            if choice == "concat" and provider.num_layers > 1:
                stems = [f"{part}_{layer.name}" for layer in provider.layers]
            else:
                stems = [str(part)]
            names += [f"{stem}_{i}" for stem in stems for i in range(provider.dim)]
        return np.asarray(names, dtype=object)

    def _tokenizer(self) -> Callable[[str], Sequence[str]]:
        tokenizer = self.tokenizer
        if not isinstance(tokenizer, str):
            return tokenizer
        if tokenizer not in TOKENIZERS:
            raise ConfigError(
                f"unknown tokenizer {tokenizer!r}", fix=did_you_mean(tokenizer, TOKENIZERS)
            )
        return TOKENIZERS[tokenizer]

    def _parts(self) -> list[tuple[FeatureProvider, LayerChoice]]:
        """The provider of each part, and its chosen layer."""
        if self.pooling not in _POOLINGS:
            raise ConfigError(
                f"unknown pooling {self.pooling!r}", fix=did_you_mean(str(self.pooling), _POOLINGS)
            )
        if self.normalize not in (None, "l2"):
            raise ConfigError(f"unknown normalize {self.normalize!r}", fix="use 'l2' or None")
        parts = []
        for part in parse_features(self.spec).parts:
            where = f"features {str(part)!r}"
            unusable = [key for key in part.head_settings if key != "layer"]
            if part.mark or unusable:
                setting = part.mark or unusable[0]
                raise ConfigError(
                    f"{setting!r} applies to a task's head",
                    where=where,
                    fix="leave it out: these vectors are frozen; choose a layer with `layer`",
                )
            choice = self.layer
            own_layer = part.setting("layer")
            if own_layer is not None:
                if not own_layer.isdecimal():
                    raise ConfigError(
                        f"@layer={own_layer} is not a number",
                        where=where,
                        fix="write @layer=K, with a number K from 0",
                    )
                if self.layer is not None:
                    raise ConfigError(
                        f"the layer is given twice: @layer={own_layer} in the spec and "
                        f"layer={self.layer!r}",
                        where=where,
                        fix="write @layer=K in the spec, or give the argument",
                    )
                choice = int(own_layer)
            provider = self._load(part.name, part.provider_options)
            parts.append((provider, _checked(choice, provider, where)))
        return parts

    def _load(self, name: str, settings: dict[str, str]) -> FeatureProvider:
        """Load a provider once for this object and its clones."""
        loaded: dict[str, FeatureProvider] = self.__dict__.setdefault("_loaded", {})
        key = repr((name, sorted(settings.items()), self.models))
        if key not in loaded:
            catalog = ModelCatalog(self.models, trust_first=self.trust_first)
            provider = catalog.load(name, settings)
            if not provider.cacheable:
                raise ConfigError(
                    "its vectors depend on what was encoded before, not only on the text",
                    where=f"features {name!r}",
                    fix="use @state=zero or @state=warm",
                )
            loaded[key] = provider
        return loaded[key]

    def _width(self, provider: FeatureProvider, choice: LayerChoice) -> int:
        return provider.dim * (provider.num_layers if choice == "concat" else 1)

    def _encoded(
        self, provider: FeatureProvider, sentences: list[Sentence]
    ) -> Iterator[FloatArray]:
        """Yield all layers of one text after another."""
        if self.store is None:
            yield from encode_stream(provider, sentences)
            return
        store = FeatureStore(Path(self.store), self.precision)
        store.build(provider, sentences)
        view = store.open(provider).view(sentences)
        start = 0
        count = CoverageCount(provider.name)
        for chunk in chunked(sentences, provider.num_layers * provider.dim):
            for i in range(start, start + len(chunk)):
                vectors = view.gather([i])[0]
                count.add([sentences[i]], [vectors])
                yield vectors
            start += len(chunk)
        count.warn()

    def _pooled(self, vectors: FloatArray) -> FloatArray:
        """Pool (T, W) vectors, T > 0, to (W,)."""
        if self.pooling in ("first", "last"):
            pooled = vectors[0 if self.pooling == "first" else -1].astype(np.float64)
        elif self.pooling in ("mean", "sum"):
            pooled = getattr(vectors, self.pooling)(axis=0, dtype=np.float64)
        else:
            pooled = getattr(vectors, self.pooling)(axis=0).astype(np.float64)
        if self.normalize == "l2":
            length = np.linalg.norm(pooled)
            pooled = pooled / length if length else pooled
        out: FloatArray = pooled.astype(np.float32)
        return out

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> FrozenFeatures:
        clone: FrozenFeatures = super().__sklearn_clone__()
        # Providers are frozen, so clones may share them: a grid search loads a model once.
        clone.__dict__["_loaded"] = self.__dict__.setdefault("_loaded", {})
        return clone

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.two_d_array = False
        tags.requires_fit = False
        tags.transformer_tags.preserves_dtype = []
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        state.pop("_loaded", None)
        return state


def _checked(choice: LayerChoice, provider: FeatureProvider, where: str) -> LayerChoice:
    if isinstance(choice, int | np.integer) and not isinstance(choice, bool):
        if provider.num_layers == 1:
            return 0
        check_layer(provider, int(choice), where)
        return int(choice)
    if choice is not None and choice not in ("average", "concat"):
        raise ConfigError(
            f"unknown layer {choice!r}",
            where=where,
            fix="give a number from 0, 'average', 'concat' or None",
        )
    return choice or "average"


def _select(vectors: FloatArray, choice: LayerChoice) -> FloatArray:
    """Reduce (L, T, D) layers to (T, D), or to (T, L·D) for ``concat``."""
    if isinstance(choice, int):
        layer: FloatArray = vectors[choice]
        return layer
    if choice == "concat":
        return np.concatenate(list(vectors), axis=-1)
    mean: FloatArray = vectors.mean(axis=0, dtype=np.float64).astype(np.float32)
    return mean


def _check_texts(X: Any) -> None:
    """Raise TypeError if ``X`` is not a list, array, series or generator of texts."""
    check_container(X, "X", _TEXTS)
    shape: tuple[int, ...] = getattr(X, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        raise TypeError(f"X is an array with one column; give the column itself, X[:, 0]: {_TEXTS}")


def _tokens(text: Any, index: int, tokenizer: Callable[[str], Sequence[str]]) -> Sentence:
    name = f"text {index}"
    if isinstance(text, str):
        return as_sentence(tokenizer(str(text)), f"what the tokenizer made of {name}")
    return as_sentence(text, name, _TEXTS)
