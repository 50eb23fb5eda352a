"""Run records: one JSON document per cell, written atomically.

Block ``result`` is what "the same result" means: equal to the bit on CPU with the same
threads. Block ``run`` (costs, versions, host) may differ.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from elmobench.core.errors import DataError
from elmobench.core.strict_model import StrictModel

SCHEMA_VERSION = 1


class _Model(StrictModel):
    model_config = ConfigDict(frozen=False, allow_inf_nan=True)


class EpochRow(_Model):
    """One epoch of the learning curve; the loss is None if a head is fitted in one pass."""

    epoch: int
    train_loss: float | None
    dev: float
    layer_weights: dict[str, dict[str, Any]]


class Result(_Model):
    """The result of a cell.

    Attributes:
        metric: name of the metric.
        primary: key of the score shown in tables.
        test: scores on test with the parameters of the best dev epoch, computed once.
        dev: scores on dev of the same epoch.
        per_class: test scores by label or entity type.
        best_epoch: epoch with the best dev score.
        predictions_digest: SHA-256 of the canonical JSON of the test predictions.
        layer_weights: placement -> part -> s (normalised), γ, raw w, of the best epoch.
        curve: one row per epoch.
        selection: the candidate that a hyper-parameter search chose on dev, and all dev scores.
        coverage: part -> share of tokens and types that have a vector, for static vectors.
        counts: number of examples used of each split.
        notes: remarks on the score, for instance that a head predicts the same label for every
            example.
    """

    metric: str
    primary: str
    test: dict[str, float]
    dev: dict[str, float]
    per_class: dict[str, dict[str, float]]
    best_epoch: int
    predictions_digest: str
    layer_weights: dict[str, dict[str, Any]]
    curve: list[EpochRow]
    selection: dict[str, Any] | None = None
    coverage: dict[str, dict[str, float]] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)


STAGES = ("prepare", "select", "train", "test")
"""The stages of a cell whose wall time is recorded, in their order."""


class RunInfo(_Model):
    """Provenance and costs, which are not part of the result.

    Attributes:
        started: UTC, ISO 8601.
        seconds: wall time of each of :data:`STAGES`, of which ``train`` is the training of the
            chosen candidate and ``select`` that of the others; ``cpu``, processor time of all
            stages and threads; and ``epoch_mean``, mean wall time of an epoch, including the
            computation of its dev score.
        peak_memory_bytes: largest resident size of the process while it ran the cell, including
            mapped pages of the feature store. Where the system cannot reset this counter, it covers
            the time since the process started.
        parameters: number of trainable parameters of mix and head, and of each part's provider.
        bytes_per_token: part -> stored bytes per token, including word types, of the sentences
            that the cell reads.
        vectors: part -> digest of the stored vectors that were read. Vectors that are encoded
            again may differ by rounding (5e-6), and so may the last bits of a result.
        encoded_by: part -> library -> its versions when the vectors were encoded, which may have
            been earlier than this run. ``unknown`` for vectors that were stored by a version of
            this program that did not write them down. Empty in records of such versions.
        versions: versions of Python, of the libraries that compute, and of plug-ins, in this run.
        host: processor, cores and number of threads.
        numerics: threads, BLAS libraries, instructions, precision and determinism in use, see
            :func:`elmobench.tracking.host.numerics`. Empty in records of earlier versions.
        signature: one line with everything that a score depends on.
    """

    started: str
    seconds: dict[str, float]
    peak_memory_bytes: int
    parameters: dict[str, int]
    bytes_per_token: dict[str, float]
    vectors: dict[str, str] = Field(default_factory=dict)
    encoded_by: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    versions: dict[str, str]
    host: dict[str, Any]
    numerics: dict[str, Any] = Field(default_factory=dict)
    signature: str


class RunRecord(_Model):
    """The record of one cell: its identity, result and costs.

    Attributes:
        cell: name of the cell, the SHA-256 of ``identity``.
        experiment: name of the experiment that first ran it.
        task, pipeline, features, head, seed, axes: names used in tables.
        identity: everything the result depends on.
        corpus, same_as: corpus of the task's texts, and the published data set that they are, as
            the task's card has them. They are not part of the identity. Records of earlier
            versions lack both: see :mod:`elmobench.tracking.data_origin`.
        status: ``ok``, or ``failed`` with ``error``.
    """

    schema_version: int = SCHEMA_VERSION
    cell: str
    experiment: str
    task: str
    pipeline: str
    features: str
    head: str
    seed: int
    axes: dict[str, Any]
    identity: dict[str, Any]
    corpus: str | None = None
    same_as: str | None = None
    status: Literal["ok", "failed"]
    error: str | None = None
    caveats: list[str] = Field(default_factory=list)
    result: Result | None = None
    run: RunInfo | None = None


_RUN_AGAIN = "delete it and run the experiment again: only this cell is trained again"


def read_record(path: Path) -> RunRecord:
    """Read one record. Raises DataError if it is not one, or is of a newer schema."""
    try:
        raw = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise _not_a_record(error, str(path), _RUN_AGAIN) from error
    return parse_record(raw, str(path))


def parse_record(raw: Any, where: str, fix: str = _RUN_AGAIN) -> RunRecord:
    """The record that ``raw`` describes. Raises DataError as :func:`read_record` does.

    Args:
        raw: parsed JSON.
        where: place of the record, for the error.
        fix: what to do if it is not a record.
    """
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise DataError(
            f"run record of schema {version!r}; this version reads {SCHEMA_VERSION}",
            where=where,
            fix="use the elmobench version that wrote it, or run the experiment again",
        )
    try:
        return RunRecord.model_validate(raw)
    except ValidationError as error:
        raise _not_a_record(error, where, fix) from error


def _not_a_record(error: Exception, where: str, fix: str) -> DataError:
    return DataError(f"not a run record: {error}", where=where, fix=fix)
