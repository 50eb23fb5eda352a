"""Run records: one JSON document per cell, written atomically.

Block ``result`` is what "the same result" means: equal to the bit on CPU with the same
threads. Block ``run`` (costs, versions, host) may differ.

A record contains its own digest (:mod:`elmobench.core.sealed`), so that damage is noticed when it
is read. Records of schema 1, which earlier versions wrote, have none and are still read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from elmobench.core.errors import DataError
from elmobench.core.parsing import parsing, read_json
from elmobench.core.sealed import check_seal, seal
from elmobench.core.strict_model import StrictModel

SCHEMA_VERSION = 2
_READABLE = (1, SCHEMA_VERSION)
T = TypeVar("T")


def _can_be_shown(value: Any) -> Any:
    """Return ``value``. Raises ValueError for lone surrogates, which no table or page can have."""
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


Name = Annotated[str, AfterValidator(_can_be_shown)]
"""A name that tables show."""
Names = Annotated[T, AfterValidator(_can_be_shown)]
"""Values that tables show."""
Count = Annotated[int, Field(ge=0, lt=2**63)]
Cost = Annotated[float, Field(ge=0, le=1e15)]
"""Seconds or bytes; sums of larger numbers would not be finite."""
Score = Annotated[float, Field(ge=-1e15, le=1e15)]


class _Model(StrictModel):
    model_config = ConfigDict(frozen=False)


class EpochRow(_Model):
    """One epoch of the learning curve; the loss is None if a head is fitted in one pass."""

    epoch: Count
    """Number of the epoch, counted from 1."""
    train_loss: float | None
    """Mean loss on the training set."""
    dev: Score
    """Score on dev, in percent."""
    layer_weights: dict[str, dict[str, Any]]
    """Placement -> part -> layer weights at the end of the epoch."""


class CodedPortion(_Model):
    """A portion of the training set in an online code."""

    examples: Count
    """Number of examples in the portion."""
    labels: Count
    """Number of their labels."""
    bits: Cost
    """Length of the code of these labels."""


class OnlineCode(_Model):
    """Description length of the training labels (Voita and Titov 2020)."""

    bits: Cost
    """Length of the online code."""
    uniform_bits: Cost
    """Length of the code in which all labels are equally probable: n log2 K."""
    compression: Cost | None
    """``uniform_bits`` divided by ``bits``; None if ``bits`` is 0."""
    portions: list[CodedPortion]
    """The portions in their order; the first is sent with the uniform code."""


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
        online_code: description length of the training labels; None unless the option
            ``training.online_code`` is set.
        coverage: part -> share of tokens and types that have a vector, for static vectors.
        counts: number of examples used of each split.
        notes: remarks on the score, for instance that a head predicts the same label for every
            example.
    """

    metric: Name
    primary: Name
    test: Names[dict[str, Score]]
    dev: Names[dict[str, Score]]
    per_class: dict[str, dict[str, float]]
    best_epoch: Count
    predictions_digest: str
    layer_weights: Names[dict[str, dict[str, Any]]]
    curve: list[EpochRow]
    selection: dict[str, Any] | None = None
    online_code: OnlineCode | None = None
    coverage: dict[str, dict[str, Cost]] = Field(default_factory=dict)
    counts: dict[str, Count] = Field(default_factory=dict)
    notes: list[str] = Field(default_factory=list)

    @model_validator(mode="after")
    def _has_what_tables_read(self) -> Result:
        for name, scores in (("test", self.test), ("dev", self.dev)):
            if self.primary not in scores:
                raise ValueError(f"{name} has no score {self.primary!r}")
        curve = [row.layer_weights for row in self.curve]
        for weights in (self.layer_weights, *curve):
            for mix in (mix for parts in weights.values() for mix in parts.values()):
                _check_mix(mix)
        for placement, parts in self.layer_weights.items():
            for part, mix in parts.items():
                rows = [
                    weights.get(placement, {}).get(part, {}).get("s") or () for weights in curve
                ]
                if mix.get("w") is not None and any(len(row) != len(mix["s"]) for row in rows):
                    raise ValueError(f"the curve lacks layer weights of {part!r}")
        for part, shares in self.coverage.items():
            if not {"tokens", "types"} <= shares.keys():
                raise ValueError(f"coverage of {part!r} needs 'tokens' and 'types'")
        if self.selection is not None:
            _check_selection(self.selection)
        return self


def _check_mix(mix: Any) -> None:
    """Raise ValueError unless ``mix`` has the layer weights that a mix reports."""
    if not isinstance(mix, Mapping):
        raise ValueError("layer weights of a part must be a mapping")
    for name in ("s", "w"):
        weights = mix.get(name)
        if weights is not None and not (isinstance(weights, list) and _are_numbers(weights)):
            raise ValueError(f"layer weights {name!r} must be a list of numbers")
    if mix.get("gamma") is not None and not _are_numbers([mix["gamma"]]):
        raise ValueError("gamma must be a number")
    if mix.get("w") is not None and (not mix.get("s") or mix.get("gamma") is None):
        raise ValueError("learned layer weights need 's' and 'gamma'")


def _check_selection(selection: Mapping[str, Any]) -> None:
    """Raise ValueError unless ``selection`` has a choice and the candidates it was chosen from."""
    chosen, rows = selection.get("chosen", {}), selection.get("dev", [])
    if not isinstance(chosen, dict) or not isinstance(rows, list):
        raise ValueError("selection must have the mapping 'chosen' and the list 'dev'")
    for values in (
        chosen,
        *(row.get("candidate") if isinstance(row, dict) else () for row in rows),
    ):
        if not isinstance(values, dict) or not _are_numbers(values.values()):
            raise ValueError("a candidate of a selection must map options to numbers")
        if not chosen.keys() <= values.keys():
            raise ValueError("a candidate of a selection lacks an option that was chosen")


def _are_numbers(values: Iterable[Any]) -> bool:
    return all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)


STAGES = ("prepare", "select", "train", "test")
"""The stages of a cell whose wall time is recorded, in their order."""


class RunInfo(_Model):
    """Provenance and costs, which are not part of the result.

    Attributes:
        started: UTC, ISO 8601.
        seconds: wall time of each of :data:`STAGES`, of which ``train`` is the training of the
            chosen candidate and ``select`` that of the others, and of ``code`` if there is an
            online code; ``cpu``, processor time of all stages and threads; and ``epoch_mean``, mean
            wall time of an epoch, including the computation of its dev score.
        peak_memory_bytes: largest resident size of the process while it ran the cell, including
            mapped pages of the feature store. Where the system cannot reset this counter, it covers
            the time since the process started.
        gpu_memory_bytes: most memory that tensors took on the GPU, whose name is in ``numerics``,
            including vectors that stay there; None for a cell that ran on the processor.
        parameters: number of trainable parameters of mix and head, and of each part's provider.
        bytes_per_token: part -> stored bytes per token, including word types, of the sentences
            that the cell reads.
        vectors: part -> digest of the stored vectors that were read. Vectors that are encoded
            again may differ by rounding (5e-6), and so may the last bits of a result.
        encoded_by: part -> library -> its versions when the vectors were encoded, which may have
            been earlier than this run. ``unknown`` for vectors that were stored by a version of
            this program that did not write them down. Empty in records of such versions.
        layer_norms: part -> mean norm of the vectors of each layer in the first tokens of train, as
            its mix reads them, for parts whose mix learns weights. Empty in records of earlier
            versions.
        versions: versions of Python, of the libraries that compute, and of plug-ins, in this run.
        host: processor, cores and number of threads.
        numerics: threads, BLAS libraries, instructions, precision and determinism in use, see
            :func:`elmobench.tracking.host.numerics`. Empty in records of earlier versions.
        signature: one line with everything that a score depends on.
        warnings: what went wrong beside the result, for instance that the head was not saved.
        dropped: split -> reason -> what the reader of the data left out, or changed by options of
            the card. Empty in records of earlier versions.
    """

    started: str
    seconds: dict[str, Cost]
    peak_memory_bytes: Count
    gpu_memory_bytes: Count | None = None
    parameters: dict[str, Count]
    bytes_per_token: dict[str, Cost]
    vectors: dict[str, str] = Field(default_factory=dict)
    encoded_by: dict[str, dict[str, list[str]]] = Field(default_factory=dict)
    layer_norms: dict[str, list[Cost]] = Field(default_factory=dict)
    versions: dict[str, str]
    host: dict[str, Any]
    numerics: dict[str, Any] = Field(default_factory=dict)
    signature: str
    warnings: list[str] = Field(default_factory=list)
    dropped: dict[str, dict[str, Count]] = Field(default_factory=dict)


class RunRecord(_Model):
    """The record of one cell: its identity, result and costs.

    Attributes:
        schema_version: version of this schema.
        cell: name of the cell, the SHA-256 of ``identity``.
        experiment: name of the experiment that first ran it.
        task, pipeline, features, head, seed, axes: names used in tables.
        identity: everything the result depends on.
        corpus, same_as: corpus of the task's texts, and the published data set that they are, as
            the task's card has them. They are not part of the identity. Records of earlier
            versions lack both: see :mod:`elmobench.tracking.data_origin`.
        status: ``ok``, or ``failed`` with ``error``.
        error: why the cell failed.
        caveats: warnings of the experiment.
        result: the result; None if the cell failed.
        run: provenance and costs.
    """

    schema_version: int = SCHEMA_VERSION
    cell: Name
    experiment: Name
    task: Name
    pipeline: Name
    features: Name
    head: Name
    seed: int
    axes: Names[dict[str, Any]]
    identity: dict[str, Any]
    corpus: str | None = None
    same_as: str | None = None
    status: Literal["ok", "failed"]
    error: str | None = None
    caveats: list[str] = Field(default_factory=list)
    result: Result | None = None
    run: RunInfo | None = None

    @model_validator(mode="after")
    def _has_an_identity_that_tables_can_read(self) -> RunRecord:
        kinds: dict[str, type | tuple[type, ...]] = {
            **{"parts": list, "head": list, "options": dict, "training": dict},
            **{"train_fraction": (int, float), "fold": int, "limit": str},
        }
        for name, kind in kinds.items():
            value = self.identity.get(name)
            if value is not None and not isinstance(value, kind):
                raise ValueError(f"identity: {name} is a {type(value).__name__}")
        for part in self.identity.get("parts") or ():
            if not isinstance(part, dict) or not isinstance(part.get("fingerprint"), str):
                raise ValueError("identity: a part needs a fingerprint")
        return self

    @property
    def limit(self) -> str | None:
        """How many examples of each split were used (``50``, ``5%``); None for all of them.

        A record with a limit is a quick try: no claim and no published number concerns it.
        """
        return self.identity.get("limit")

    @property
    def is_control(self) -> bool:
        """Whether its labels are random ones by word type, as the axis ``labels`` has them.

        Its score measures the capacity of the probe: no claim, published number or board
        concerns it.
        """
        return self.identity.get("control") is not None

    @property
    def remarks(self) -> list[str]:
        """What a reader of the score should know: notes on the result, then warnings of the run."""
        notes = self.result.notes if self.result else []
        return [*notes, *(self.run.warnings if self.run else [])]


_RUN_AGAIN = "delete it and run the experiment again: only this cell is trained again"


def record_content(record: RunRecord) -> dict[str, Any]:
    """The content of a record's file.

    Raises:
        ValueError: if it has a number that is not finite.
    """
    # Not in pydantic's JSON mode, which writes numbers that are not finite as null.
    content = record.model_dump()
    return seal(content) if _has_digest(content) else content


def read_record(path: Path, fix: str = _RUN_AGAIN) -> RunRecord:
    """Read one record. Raises DataError if it is damaged, no record, or of a newer schema."""
    return parse_record(read_json(path, DataError, fix=fix), str(path), fix)


def parse_record(raw: Any, where: str, fix: str = _RUN_AGAIN) -> RunRecord:
    """The record that ``raw`` describes. Raises DataError as :func:`read_record` does.

    Args:
        raw: parsed JSON.
        where: place of the record, for the error.
        fix: what to do if it is not a record.
    """
    if not isinstance(raw, dict):
        raise DataError(
            f"not a run record: a {type(raw).__name__}, expected an object", where=where, fix=fix
        )
    content = check_seal(raw, where, required=_has_digest, fix=fix)
    version = content.get("schema_version")
    if type(version) is not int or version not in _READABLE:
        raise DataError(
            f"run record of schema {version!r:.40}; this version reads "
            + " and ".join(map(str, _READABLE)),
            where=where,
            fix="use the elmobench version that wrote it, or run the experiment again",
        )
    with parsing(where, DataError, what="not a run record", fix=fix):
        return RunRecord.model_validate(content)


def _has_digest(content: Mapping[str, Any]) -> bool:
    """Whether records of this schema contain their digest."""
    return content.get("schema_version") == SCHEMA_VERSION
