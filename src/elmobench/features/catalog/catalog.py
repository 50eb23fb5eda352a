"""The model catalog: from names to feature providers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elmobench.core import paths
from elmobench.core.errors import ConfigError, ModelError, UnknownNameError
from elmobench.core.parsing import parsing
from elmobench.core.registry import did_you_mean
from elmobench.features.catalog.entries import (
    ModelEntry,
    parse_entries,
    provider_name,
    read_entries,
)
from elmobench.features.catalog.expectations import check_expectations
from elmobench.features.catalog.file_state import FileState
from elmobench.features.catalog.hub_states import at_revision
from elmobench.features.catalog.model_files import file_states, forget_pins, missing_states
from elmobench.features.catalog.stated_digests import check_stated_digests
from elmobench.features.functions import FunctionProvider, Model, split_models
from elmobench.features.provider import PROVIDERS, FeatureProvider, ProviderFactory
from elmobench.features.spec import (
    DRAWS,
    OWN_DRAW,
    PROVIDER_SETTINGS,
    SETTING_KEYS,
    parse_features,
)

if TYPE_CHECKING:
    from elmobench.core.progress import DownloadProgress

_KNOWN = Path(__file__).with_name("models.yaml")  # models to download
_SHIPPED = Path(__file__).parents[2] / "models" / "models.yaml"  # models in this package
# A family is not a model: results depend on which of its models is meant, so a name must say that.
# The values show how to name a model that is not in the catalog.
_FAMILIES = {
    "elmo": "elmo:path/to/folder",
    "bert": "bert:path/to/folder",
    "glove": "static:path/to/file",
}


class ModelCatalog:
    """Model entries by name: built in, from ``models.yaml`` files in ELMOBENCH_MODELS, and given.

    >>> from elmobench.features.catalog.catalog import ModelCatalog
    >>> ModelCatalog().entry("elmo-mini").expect.dim
    256

    Args:
        models: further entries, with the schema of ``models.yaml``, and Python functions as
            :class:`~elmobench.features.functions.Model` objects.
        base: folder for relative paths in ``models``; None for the current one.
        trust_first: accept downloads without a known digest, and pin them.
        progress: called as bytes of a download arrive.
        device: of models that can run on several and whose entry and settings name none.
        thorough: check the expected shapes of models even if whole files must be read.

    Raises:
        ConfigError: if an entry is malformed, or a name is defined twice.
    """

    def __init__(
        self,
        models: Mapping[str, Any] | None = None,
        base: Path | None = None,
        *,
        trust_first: bool = False,
        progress: DownloadProgress | None = None,
        device: str = "cpu",
        thorough: bool = False,
    ) -> None:
        self._device = device
        self._base = base
        self._thorough = thorough
        self._trust_first = trust_first
        self._progress = progress
        self._entries: dict[str, tuple[ModelEntry, Path | None, str]] = {}
        self._loaded: dict[tuple[str, tuple[tuple[str, str], ...]], FeatureProvider] = {}
        for path in (_KNOWN, _SHIPPED):
            self._add(read_entries(path), path.parent, "the built-in models")
        for folder in paths.model_folders():
            path = folder / "models.yaml"
            with parsing(path, ConfigError):
                given = os.path.isfile(path)
            if given or os.path.lexists(path):  # a folder or a broken link is an error
                self._add(read_entries(path), folder, str(path))
        self._functions: dict[str, Model] = {}
        if models:
            entries, self._functions = split_models(models)
            self._add(parse_entries(entries, "models"), base, "models")

    def _add(self, entries: Mapping[str, ModelEntry], base: Path | None, source: str) -> None:
        for name, entry in entries.items():
            if name in _FAMILIES:
                raise ConfigError(
                    f"a model cannot be called {name!r}, which is a family of models",
                    where=source,
                    fix="give it another name, e.g. with its size or source",
                )
            if name in self._entries:
                raise ConfigError(
                    f"model {name!r} is defined twice: here and in {self._entries[name][2]}",
                    where=source,
                    fix="give one of them another name; a models.yaml of yours can name its models "
                    "as you like",
                )
            self._entries[name] = (entry, base, source)

    def names(self) -> list[str]:
        """Return all names, sorted."""
        return sorted(self._entries)

    def entry(self, name: str) -> ModelEntry:
        """Return the entry ``name``; for ``elmo:folder`` or ``static:file`` a new one.

        Raises:
            UnknownNameError: there is no such name; the message suggests the closest.
            ConfigError: ``name`` is a family of models; the message lists its members.
        """
        return self._resolve(name)[0]

    def files(self, name: str) -> list[FileState]:
        """Return the states of the files of ``name``, without reading or fetching them.

        Raises:
            UnknownNameError, ConfigError, ModelError: as :meth:`entry` does.
        """
        return file_states(*self._resolve(name), shipped=self.is_builtin(name))

    def to_download(self, name: str, settings: Mapping[str, str] | None = None) -> list[FileState]:
        """Return the files that must be fetched before ``name`` can be loaded; fetch nothing.

        Those are files to download, and files of the mirror without a known digest unless the
        catalog has ``trust_first``.

        Args:
            name: as :meth:`load` takes it.
            settings: as :meth:`load` takes them. The commit of a hub model and the draw of an
                untrained model decide which files are read.

        Raises:
            UnknownNameError, ConfigError, ModelError: as :meth:`entry` does.
        """
        entry, base = self._resolve(name)
        chosen = settings or {}
        entry = at_revision(entry, chosen.get("revision"))
        entry = PROVIDERS.get(entry.provider).without_unread_files(entry, chosen)
        return missing_states(entry, file_states(entry, base), self._trust_first)

    def is_builtin(self, name: str) -> bool:
        """Whether ``name`` is an entry of this package."""
        return name in self._entries and self._entries[name][1] in (_KNOWN.parent, _SHIPPED.parent)

    def is_contextual(self, name: str) -> bool:
        """Whether a word's vectors of the model ``name`` depend on its sentence.

        Known from the model's provider, without its files, if the provider's factory declares it
        (all built-in ones do); otherwise the model is loaded.

        >>> from elmobench.features.catalog.catalog import ModelCatalog
        >>> [ModelCatalog().is_contextual(name) for name in ("elmo-original", "glove-6b-50d")]
        [True, False]

        Raises:
            UnknownNameError, ConfigError, ModelError: as :meth:`entry` and :meth:`load` do.
        """
        declared = PROVIDERS.get(self._provider_kind(name)).contextual
        return self.load(name).contextual if declared is None else declared

    def _provider_kind(self, name: str) -> str:
        """The provider of ``name``; for ``kind:path`` without looking at the path."""
        if name in self._entries:
            return self._entries[name][0].provider
        kind, colon, path = name.partition(":")
        kind = provider_name(kind)
        if colon and path and kind in PROVIDERS:
            return kind
        return self._resolve(name)[0].provider

    def _resolve(self, name: str) -> tuple[ModelEntry, Path | None]:
        if name in self._entries:
            entry, base, _ = self._entries[name]
            return (entry, base) if entry.folder is None else _in_folder(name, entry, base)
        kind, colon, path = name.partition(":")
        kind = provider_name(kind)
        if colon and path and kind in PROVIDERS:
            where = f"features {name!r}"
            return self._pinned(*PROVIDERS.get(kind).entry_at(path, self._base, where))
        if name in _FAMILIES:
            members = [known for known in self.names() if known.split("-")[0] == name]
            choices = [*members, _FAMILIES[name]]
            raise ConfigError(
                f"{name!r} is a family of models",
                where=f"features {name!r}",
                fix=f"name one: {', '.join(choices)}",
            )
        raise UnknownNameError(
            f"no features called {name!r}",
            fix=did_you_mean(name, self.names())
            + " (`elmobench list features` shows all; elmo:folder, bert:folder, static:file, "
            "sentence:folder and vectors:file name a path)",
        )

    def _pinned(self, entry: ModelEntry, base: Path | None) -> tuple[ModelEntry, Path | None]:
        """The catalog's entry for the same hub model if there is one, since it gives the commit."""
        repo = entry.options.get("repo")
        if repo is not None:
            for known, folder, _ in self._entries.values():
                if known.provider == entry.provider and known.options.get("repo") == repo:
                    return known, folder
        return entry, base

    def load(self, name: str, settings: Mapping[str, str] | None = None) -> FeatureProvider:
        """Load the provider ``name``, once for each set of provider settings.

        Args:
            name: catalog name, ``elmo:folder``, ``bert:folder``, ``bert:hub-name`` or
                ``static:file``.
            settings: of a part of a features spec. Provider settings become options of the
                provider; settings of a task's head are ignored.

        Raises:
            UnknownNameError, ConfigError, ModelError, DigestError, DownloadError
        """
        where = f"features {name!r}"
        settings = settings or {}
        for key in settings:
            if key not in SETTING_KEYS:
                raise ConfigError(
                    f"unknown setting {key!r}", where=where, fix=did_you_mean(key, SETTING_KEYS)
                )
        chosen = {key: settings[key] for key in PROVIDER_SETTINGS if key in settings}
        for key in DRAWS:
            if chosen.get(key) == OWN_DRAW:
                raise ConfigError(
                    f"@{key}={OWN_DRAW} is a draw of its own for each run of an experiment",
                    where=where,
                    fix=f"give its number here: @{key}=1",
                )
        memo = (name, tuple(sorted(chosen.items())))
        if memo not in self._loaded:
            entry, base = self._resolve(name)
            factory = PROVIDERS.get(entry.provider)
            entry = factory.without_unread_files(entry, chosen)
            known = file_states(at_revision(entry, chosen.get("revision")), base)
            files = factory.local_files(
                entry, chosen, base, where, self._trust_first, self._progress
            )
            if name not in self._entries:
                check_stated_digests(map(Path, files.values()))
            try:
                options = {**entry.options, **chosen}
                if factory.takes_device and self._device == "cuda":
                    options.setdefault("device", self._device)
                provider = self._provider(factory, name, files, options)
                expect = entry.expect
                if "width" in chosen:  # it replaces the width that the entry states
                    expect = expect.model_copy(update={"dim": None})
                check_expectations(provider, expect, files, where, thorough=self._thorough)
                _check_declared(factory, provider, entry.provider, where)
            except ModelError:
                # Unpin a first download that is not a valid model, so that the right file is
                # accepted later.
                forget_pins(known)
                raise
            self._loaded[memo] = provider
        return self._loaded[memo]

    def _provider(
        self, factory: ProviderFactory, name: str, files: dict[str, Any], options: dict[str, Any]
    ) -> FeatureProvider:
        if name in self._functions:
            return FunctionProvider(name, options, self._functions[name])
        return factory.load(name, files, options)


def _in_folder(name: str, entry: ModelEntry, base: Path | None) -> tuple[ModelEntry, Path | None]:
    """The entry with the files that its provider finds in its folder."""
    folder = entry.folder or ""
    found, base = PROVIDERS.get(entry.provider).entry_at(folder, base, f"model {name!r}")
    own = entry.model_dump(exclude_unset=True, exclude={"folder", "provider", "files", "options"})
    return found.model_copy(
        update={
            **{field: getattr(entry, field) for field in own},
            "options": {**found.options, **entry.options},
        }
    ), base


def _check_declared(
    factory: ProviderFactory, provider: FeatureProvider, kind: str, where: str
) -> None:
    """Raise ModelError if a provider's layers contradict what its factory declares."""
    if factory.contextual not in (None, provider.contextual):
        layers = ", ".join(f"{layer.name} ({layer.kind})" for layer in provider.layers)
        raise ModelError(
            f"the factory of provider {kind!r} declares contextual = {factory.contextual}, but the "
            f"layers are {layers}",
            where=where,
            fix="declare True if some layer is of kind 'token', otherwise False",
        )


def load_provider(
    spec: str, models: Mapping[str, Any] | None = None, *, trust_first: bool = False
) -> FeatureProvider:
    """Load the provider of a features spec with one part, e.g. ``elmo-random@seed=3``.

    >>> from elmobench import load_provider
    >>> [vectors.shape for vectors in load_provider("elmo-mini").encode([["The", "cat", "sat"]])]
    [(3, 3, 256)]

    Args:
        spec: a name, optionally with provider settings such as ``state`` and ``seed``.
        models: further catalog entries, and functions as :class:`~elmobench.Model` objects.
        trust_first: accept downloads without a known digest, and pin them.

    Raises:
        ConfigError: for ``a+b``, ``(trainable)`` and settings of a task's head, which do not apply
            to a provider.
        UnknownNameError, ModelError, DigestError, DownloadError
    """
    parts = parse_features(spec).parts
    where = f"features {spec!r}"
    if len(parts) > 1:
        raise ConfigError(
            "'a+b' is not one provider: each part keeps its own vectors and layer mix",
            where=where,
            fix=f"load {' and '.join(repr(part.name) for part in parts)} one by one",
        )
    part = parts[0]
    if part.mark or part.head_settings:
        what = repr(part.mark) if part.mark else f"setting {next(iter(part.head_settings))!r}"
        raise ConfigError(
            f"{what} applies to a task's head, not to the provider",
            where=where,
            fix="leave it out: a provider gives all layers, frozen",
        )
    return ModelCatalog(models, trust_first=trust_first).load(part.name, part.provider_options)
