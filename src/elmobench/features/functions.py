"""Python functions as models: the user's own code computes the vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from elmobench.core.digests import digest_of
from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.quoting import quoted
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.data.examples import Sentence
from elmobench.data.sentences import as_sentences, as_words
from elmobench.features.provider import FeatureProvider, FloatArray, Layer, ProviderFactory

VERSION: Final = 1
"""Increased by hand when the vectors of a function are read differently."""

PROBE: Final = (("The", "river", "bank", "."),)
"""What a function is called with to learn the shape of its vectors."""

_TOKENS: Final = "return one array per sentence: (tokens, values) or (layers, tokens, values)"
_TEXTS: Final = "return one vector per text: an array (texts, values)"


class Model:
    """A Python function that computes the vectors of tokens, used as a model.

    >>> import numpy as np
    >>> from elmobench import Model, load_provider
    >>> def lengths(sentences):
    ...     return [np.array([[len(token)] for token in sentence]) * 1.0 for sentence in sentences]
    >>> provider = load_provider("lengths", {"lengths": Model(lengths, version="1")})
    >>> provider.encode([["The", "river"]])[0].tolist()
    [[[3.0], [5.0]]]

    Args:
        function: takes a list of sentences, each a list of tokens, and returns one array per
            sentence, (T, D) or (L, T, D), of NumPy or torch. A sentence's vectors must not depend
            on the other sentences. Sentences without tokens are not passed.
        version: of everything that the vectors depend on: code, weights, settings. Vectors are
            stored under the model's name and this version, so give another one whenever they
            change.
        contextual: whether a word's vectors depend on its sentence. Heads drop out inputs of static
            and of contextual models at different rates.
        layers: number of layers, L; only with ``dim``, which without it means one layer.
        dim: values per vector, D. None to call the function with a sentence to see both.
        batch: maximum number of sentences per call.

    Raises:
        ConfigError: without a version, or for a number that is not 1 or more.
    """

    per_text = False

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        version: str | None = None,
        contextual: bool = True,
        layers: int | None = None,
        dim: int | None = None,
        batch: int = 256,
    ) -> None:
        if not isinstance(version, str) or not version:
            raise no_version(type(self).__name__)
        for what, number in (("layers", layers), ("dim", dim), ("batch", batch)):
            if number is not None and not (isinstance(number, int) and number >= 1):
                raise ConfigError(
                    f"{what} is {number!r:.40}",
                    where=type(self).__name__,
                    fix="give a whole number of 1 or more",
                )
        if layers is not None and dim is None:
            raise ConfigError(
                "layers without dim",
                where=type(self).__name__,
                fix="give dim as well, or neither: the function is then called to see",
            )
        self.function = self._callable(function)
        self.version = version
        self.contextual = contextual
        self.batch = batch
        self._shape = None if dim is None else (layers or 1, dim)

    def _callable(self, function: Any) -> Callable[..., Any]:
        if not callable(function):
            raise ConfigError(
                f"a {type(function).__name__} is not a function",
                where=type(self).__name__,
                fix="give a function of a list of sentences",
            )
        called: Callable[..., Any] = function
        return called

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        return self  # it does not change, and its function may hold a large network

    def shape(self, name: str) -> tuple[int, int]:
        """Number of layers and values per vector; calls the function once to see.

        Raises:
            ModelError: if the function returns something else than vectors.
        """
        if self._shape is None:
            (vectors,) = self(name, PROBE)
            self._shape = (int(vectors.shape[0]), int(vectors.shape[2]))
        return self._shape

    def entry(self, name: str) -> dict[str, Any]:
        """The catalog entry of this model, without the function; JSON values only."""
        layers, dim = self.shape(name)
        return {
            "provider": "function",
            "description": f"a Python function, version {self.version}",
            "options": {
                "version": self.version,
                "layers": layers,
                "dim": dim,
                "per_text": self.per_text,
                "contextual": self.contextual,
            },
        }

    def __call__(self, name: str, sentences: Sequence[Sentence]) -> list[FloatArray]:
        """Call the function. Returns one (L, T, D) array per sentence, with T of 1 per text.

        Raises:
            ModelError: for another number of arrays, a wrong shape, or values that are not finite.
        """
        where = f"features {name!r}"
        result = self.function(self._given(sentences))
        try:
            arrays = iter(result)
        except TypeError as error:  # None of a function without return, or a single number
            raise ModelError(
                f"the function returned {quoted(repr(result))}",
                where=where,
                fix=_TEXTS if self.per_text else _TOKENS,
            ) from error
        # One by one: a generator may yield one array again and again, with other values.
        checked: list[FloatArray] = []
        for sentence, array in zip(sentences, arrays, strict=False):
            checked.append(self._checked(array, sentence, where))
        nothing = object()
        is_more = len(checked) == len(sentences) and next(arrays, nothing) is not nothing
        if is_more or len(checked) < len(sentences):
            number = f"more than {len(checked)}" if is_more else str(len(checked))
            raise ModelError(
                f"the function returned {number} arrays for {len(sentences)} "
                f"{'texts' if self.per_text else 'sentences'}",
                where=where,
                fix=_TEXTS if self.per_text else _TOKENS,
            )
        return checked

    def _given(self, sentences: Sequence[Sentence]) -> list[Any]:
        """What the function is called with."""
        return [list(sentence) for sentence in sentences]

    def _checked(self, returned: Any, sentence: Sentence, where: str) -> FloatArray:
        array = _as_numpy(returned)
        shape = array.shape
        if self.per_text:
            full, tokens = array[None, None] if array.ndim == 1 else array, 1
        else:
            full, tokens = array[None] if array.ndim == 2 else array, len(sentence)
        fits = full.ndim == 3 and full.shape[1] == tokens and full.shape[0] and full.shape[2]
        if not fits or array.dtype.kind not in "fiu":
            what = "a text" if self.per_text else f"a sentence of {tokens} tokens"
            raise ModelError(
                f"the function returned an array of type {array.dtype} and shape {shape} for "
                f"{what}: {quoted(' '.join(sentence))}",
                where=where,
                fix=_TEXTS if self.per_text else _TOKENS,
            )
        if self._shape is not None and (full.shape[0], full.shape[2]) != self._shape:
            layers, dim = self._shape
            raise ModelError(
                f"the function returned the shape {shape} for {quoted(' '.join(sentence))}, and "
                f"before {layers} {'layer' if layers == 1 else 'layers'} of {dim} values",
                where=where,
                fix="return the same number of layers and of values for every sentence",
            )
        with np.errstate(over="ignore"):
            # A copy: the function may use the memory of its arrays again at its next call.
            vectors: FloatArray = np.array(full, dtype=np.float32, order="C")
        if not np.isfinite(vectors).all():
            raise ModelError(
                f"the function returned values that are not finite for "
                f"{quoted(' '.join(sentence))}",
                where=where,
                fix="check the function; no vector may have NaN or infinite values",
            )
        return vectors


class SentenceModel(Model):
    """A Python function that computes one vector per text, used as a model.

    Tasks that label a whole text or a pair of texts read such vectors; tasks that label tokens
    refuse them.

    >>> from elmobench import SentenceModel, load_provider
    >>> def sizes(texts):
    ...     return [[len(text), text.count(" ")] for text in texts]
    >>> provider = load_provider("sizes", {"sizes": SentenceModel(sizes, version="1")})
    >>> provider.encode([["The", "river", "bank"]])[0].tolist()
    [[[14.0, 2.0]]]

    Args:
        function: takes a list of texts (tokens joined by blanks) and returns an array (N, D), of
            NumPy or torch; or an object with such a method ``encode``, as models of
            sentence-transformers have.
        version: of everything that the vectors depend on; see :class:`Model`.
        dim: values per vector, D. None to call the function with a text to see.
        batch: maximum number of texts per call.

    Raises:
        ConfigError: without a version.
    """

    per_text = True

    def __init__(
        self,
        function: Any,
        *,
        version: str | None = None,
        dim: int | None = None,
        batch: int = 256,
    ) -> None:
        super().__init__(function, version=version, dim=dim, batch=batch)

    def _callable(self, function: Any) -> Callable[..., Any]:
        encode = getattr(function, "encode", None)
        return super()._callable(encode if callable(encode) else function)

    def _given(self, sentences: Sequence[Sentence]) -> list[Any]:
        return [" ".join(sentence) for sentence in sentences]


def no_version(kind: str) -> ConfigError:
    """The error of a function without a version."""
    return ConfigError(
        "a function needs a version: its vectors are stored and used again, and nothing else "
        "tells a changed function from the one whose vectors are stored",
        where=kind,
        fix='give it: elmobench.Model(function, version="1"), and another version whenever its '
        "vectors change",
    )


def split_models(models: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Model]]:
    """Divide what a user calls models into catalog entries and functions.

    Args:
        models: by name, entries or :class:`Model` objects.

    Returns:
        An entry for every model, and the functions.

    Raises:
        ConfigError: for a function without :class:`Model`, which has no version.
    """
    functions = {name: model for name, model in models.items() if isinstance(model, Model)}
    for name, model in models.items():
        if name not in functions and callable(model):
            raise no_version(f"models: {name}")
    entries = {name: m.entry(name) if isinstance(m, Model) else m for name, m in models.items()}
    return entries, functions


class _Settings(StrictModel):
    version: str
    layers: int = Field(ge=1)
    dim: int = Field(ge=1)
    per_text: bool = False
    contextual: bool = True


class FunctionProvider(FeatureProvider):
    """The provider of a :class:`Model`.

    Args:
        name: of the features; part of the fingerprint.
        options: as :meth:`Model.entry` gives them.
        model: the function; None in a process that does not have it, where vectors are only read
            from the store.
    """

    only_here = True

    def __init__(self, name: str, options: Mapping[str, Any], model: Model | None = None) -> None:
        settings = validated(_Settings, options, f"features {name!r}")
        self.name = name
        self.version = settings.version
        self.per_text = settings.per_text
        self.layers = tuple(
            Layer(f"layer_{i}", "token", settings.dim) for i in range(settings.layers)
        )
        self._contextual = settings.contextual
        self._model = model
        self._fingerprint = digest_of(
            {"kind": "function", "code": VERSION, "name": name, **settings.model_dump()}
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of the name, the version and the shape of the vectors."""
        return self._fingerprint

    @property
    def contextual(self) -> bool:
        """Whether a word's vectors depend on its sentence, as the user says."""
        return self._contextual

    @property
    def parameters(self) -> int:
        """Zero: unknown."""
        return 0

    def encode_types(self, words: Sequence[str]) -> list[FloatArray]:
        """Return no arrays: functions are called with sentences."""
        as_words(words)
        return []

    def encode_tokens(self, sentences: Sequence[Sequence[str]]) -> list[list[FloatArray]]:
        """Call the function, some sentences at a time.

        Raises:
            ModelError: if this process does not have the function, or it returns something else
                than finite vectors of one shape.
        """
        if self._model is None:
            raise ModelError(
                "its vectors come from a Python function, which is not known here",
                where=f"features {self.name!r}",
                fix="use it from Python: elmobench.run(…, models={"
                f"{self.name!r}: elmobench.Model(function, version={self.version!r})}})",
            )
        given = as_sentences(sentences)
        empty = [np.zeros((0, layer.dim), dtype=np.float32) for layer in self.layers]
        vectors = [empty for _ in given]
        places = [i for i, sentence in enumerate(given) if sentence or self.per_text]
        for start in range(0, len(places), self._model.batch):
            batch = places[start : start + self._model.batch]
            found = self._model(self.name, [given[i] for i in batch])
            for i, layers in zip(batch, found, strict=True):
                vectors[i] = list(layers)
        return vectors

    def describe(self) -> dict[str, Any]:
        """Describe this provider for a run record; JSON values only."""
        return super().describe() | {"version": self.version}


class FunctionFactory(ProviderFactory):
    """The options of :meth:`Model.entry`. The function itself is given from Python."""

    def load(self, name: str, files: dict[str, Any], options: dict[str, Any]) -> FeatureProvider:
        """Build a provider without its function. Raises ConfigError."""
        return FunctionProvider(name, options)


FACTORY = FunctionFactory()


def _as_numpy(returned: Any) -> NDArray[Any]:
    """An array of what a function returned: NumPy, torch on any device, or lists of numbers."""
    if hasattr(returned, "detach"):
        returned = returned.detach().cpu()
        if str(returned.layout) != "torch.strided":
            returned = returned.to_dense()
        if returned.is_floating_point() and str(returned.dtype) != "torch.float64":
            returned = returned.float()  # NumPy lacks bfloat16 and the types of 8 bits
        returned = returned.numpy()
    try:
        return np.asarray(returned)
    except ValueError:  # lists of different lengths
        return np.asarray(None, dtype=object)
