"""Documents of ``features`` and ``doctor``."""

from __future__ import annotations

from typing import Any, ClassVar

from elmobench.cli.output.base import Fields, Output


class BuiltFeatures(Fields):
    """What one provider encoded."""

    features: str
    """Name of the model."""
    folder: str
    """Its folder in the store."""
    sentences: int
    """Distinct sentences requested."""
    encoded_sentences: int
    """Sentences encoded now."""
    encoded_tokens: int
    """Tokens encoded now."""
    encoded_types: int
    """Word types encoded now."""
    seconds: float
    """Wall time."""
    bytes: int
    """Bytes written."""


class FeaturesBuildOutput(Output):
    """What was encoded into the feature store."""

    NAME: ClassVar[str] = "elmobench/features-build"
    COMMANDS: ClassVar[tuple[str, ...]] = ("features build",)

    built: list[BuiltFeatures]
    """One row per model."""


class EncodingTime(Fields):
    """Encoding time of sentences of one length."""

    features: str
    """The model."""
    length: int
    """Tokens per sentence."""
    sentences: int
    """Number of sentences encoded together."""
    seconds: float
    """Wall time per sentence, the median over the rounds."""
    microseconds_per_token: float
    """The same per token."""


class FeaturesTimeOutput(Output):
    """Encoding time by sentence length."""

    NAME: ClassVar[str] = "elmobench/features-time"
    COMMANDS: ClassVar[tuple[str, ...]] = ("features time",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("features", "length", "sentences", "seconds", "microseconds_per_token"),
    )
    ROWS_OF: ClassVar[str] = "times"

    task: str
    """The task whose sentences were encoded."""
    times: list[EncodingTime]
    """One row per model and length."""


class StoredFeaturesRow(Fields):
    """The stored vectors of one model at one precision."""

    name: str
    """Name of the model."""
    fingerprint: str
    """Fingerprint of the provider."""
    precision: str
    """Precision of the stored values."""
    sentences: int
    """Sentences stored."""
    tokens: int
    """Tokens stored."""
    types: int
    """Word types stored."""
    bytes: int
    """Bytes on disk."""
    bytes_per_token: float
    """Bytes per token, or per word type for models without context."""


class FeaturesStatOutput(Output):
    """What the feature store holds."""

    NAME: ClassVar[str] = "elmobench/features-stat"
    COMMANDS: ClassVar[tuple[str, ...]] = ("features stat",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("name", "fingerprint", "precision", "sentences", "tokens", "types", "bytes"),
        "bytes_per_token",
    )
    ROWS_OF: ClassVar[str] = "features"

    store: str
    """Folder of the store."""
    bytes: int
    """Its size."""
    features: list[StoredFeaturesRow]
    """One row per model and precision."""


class FeaturesVerifyOutput(Output):
    """Damage in the feature store."""

    NAME: ClassVar[str] = "elmobench/features-verify"
    COMMANDS: ClassVar[tuple[str, ...]] = ("features verify",)

    store: str
    """Folder of the store."""
    problems: list[str]
    """One sentence per damaged file."""


class FeaturesPruneOutput(Output):
    """What was deleted from the feature store."""

    NAME: ClassVar[str] = "elmobench/features-prune"
    COMMANDS: ClassVar[tuple[str, ...]] = ("features prune",)

    store: str
    """Folder of the store."""
    deleted: list[str]
    """Deleted files and folders."""


class DoctorFact(Fields):
    """One thing that is installed, or one place."""

    group: str
    """``package``, ``place`` or ``machine``."""
    name: str
    """The package or place."""
    value: str | None
    """Version, folder or property; null if there is none."""
    state: str
    """``installed`` or ``missing``; of a place ``exists``, ``not set`` or ``not yet made``."""
    variable: str
    """Environment variable that sets the place; empty if there is none."""


class DoctorOutput(Output):
    """What is installed, what is missing and where files are."""

    NAME: ClassVar[str] = "elmobench/doctor"
    COMMANDS: ClassVar[tuple[str, ...]] = ("doctor",)
    ROWS: ClassVar[tuple[str, ...]] = ("group", "name", "value", "state", "variable")
    ROWS_OF: ClassVar[str] = "facts"

    ok: bool
    """Whether everything needed is installed."""
    facts: list[DoctorFact]
    """Packages, places and the machine."""
    free_bytes: int
    """Free space for the caches."""
    numerics: dict[str, Any] | None
    """How a run computes on this machine; null without torch."""
