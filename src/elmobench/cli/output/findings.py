"""Documents of ``claims``, ``slices``, ``predict``, ``score``, ``inspect`` and related commands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

from elmobench.cli.output.base import Fields, Output


class EvidenceRow(Fields):
    """One measurement that bears on a claim."""

    where: str
    """Task, head and further axes."""
    what: str
    """The compared quantities."""
    effect: float | None
    """The effect, in points of the score, shares of weight, or epochs."""
    low: float | None
    """Lower end of its 95 % interval; null if the variance is unknown."""
    high: float | None
    """Upper end of that interval."""
    margin: float | None
    """Effects below it are negligible."""
    p: float | None
    """p-value of no effect, corrected over the claim's evidence."""
    verdict: str
    """What the measurement shows; ``better`` means an effect above zero."""
    outcome: str
    """What it says about the claim."""
    seeds: int
    """Number of runs of the system with fewer runs."""


class ClaimCounts(Fields):
    """Number of measurements by outcome."""

    supported: int
    """They support the claim."""
    contradicted: int
    """They contradict it."""
    undecided: int
    """They decide nothing."""


class ClaimRow(Fields):
    """A claim, of the paper or of the experiment, and what the records say about it."""

    id: str
    """Name of the claim."""
    statement: str
    """The claim in one sentence."""
    source: str
    """Where it was published, or that the experiment states it."""
    expects: str
    """The comparison that supports it."""
    outcome: Literal["supported", "contradicted", "undecided", "not tested"]
    """What the evidence says together."""
    counts: ClaimCounts
    """How many measurements have which outcome."""
    evidence: list[EvidenceRow]
    """The measurements."""


class ClaimsOutput(Output):
    """Which claims, of the experiment and of the paper, the records support."""

    NAME: ClassVar[str] = "elmobench/claims"
    COMMANDS: ClassVar[tuple[str, ...]] = ("claims",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("id", "outcome", "supported", "contradicted", "undecided", "statement"),
    )

    results: str
    """The results folder."""
    partial: int
    """Number of records of a quick try (``--limit``), which are left out."""
    claims: list[ClaimRow]
    """The claims, those of the experiment first."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per claim."""
        for row in self.claims:
            counts = row.counts
            numbers = (counts.supported, counts.contradicted, counts.undecided)
            yield (row.id, row.outcome, *numbers, row.statement)


class SliceScore(Fields):
    """The score of one representation on one part of the test set."""

    task: str
    """The task."""
    features: str
    """The features spec."""
    head: str
    """The head preset."""
    axes: str
    """Values of the further axes, if they differ between rows."""
    slice: str
    """The part of the test set."""
    metric: str
    """Name of the score."""
    of: int
    """Number of examples or entities."""
    mean: float | None
    """Mean over seeds, in percent, rounded to two decimals; null without a score."""
    sd: float | None
    """Sample standard deviation over seeds, rounded likewise; null for one seed."""


class SlicesOutput(Output):
    """Scores on parts of the test sets."""

    NAME: ClassVar[str] = "elmobench/slices"
    COMMANDS: ClassVar[tuple[str, ...]] = ("slices",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("task", "features", "head", "slice", "metric", "of", "mean", "sd", "axes"),
    )
    ROWS_OF: ClassVar[str] = "scores"

    results: str
    """The results folder."""
    scores: list[SliceScore]
    """One row per part and features."""


class Prediction(Fields):
    """What a head predicts for one text."""

    id: str | None
    """With ``--ids``: the id of the text."""
    tokens: list[str]
    """The tokens of the text; empty for a blank line."""
    prediction: Any
    """The annotation, in the form of the task's predictions; null for a blank line."""
    probabilities: Any
    """With ``--probabilities``: label -> probability; null without, and for a blank line."""


class PredictOutput(Output):
    """Predictions for texts of your own."""

    NAME: ClassVar[str] = "elmobench/predict"
    COMMANDS: ClassVar[tuple[str, ...]] = ("predict",)

    cell: str
    """The cell whose head predicts."""
    predictions: list[Prediction]
    """One for each text or line, in their order."""


class TransferRow(Fields):
    """Scores of one trained head on another test set."""

    cell: str
    """The cell whose head it is."""
    trained_on: str
    """Its task."""
    features: str
    """Its features spec."""
    head: str
    """Its head preset."""
    seed: int
    """Its seed."""
    limit: str | None
    """Number or share of the examples it was trained on, in a quick try; null for all."""
    task: str
    """The task that was scored."""
    split: str
    """The split that was scored."""
    data: str
    """Digest of that task's data."""
    metric: str
    """The metric of that task."""
    primary: str
    """Name of the main score."""
    scores: dict[str, float | None]
    """All scores, in percent."""
    per_class: dict[str, dict[str, float | None]]
    """Scores by label, where the metric has them."""
    own_scores: dict[str, float | None]
    """Scores of the cell on the test set of the task it was trained on."""
    examples: int
    """Number of examples."""
    unknown_labels: dict[str, int]
    """Labels that the head never learned -> number of their occurrences."""


class ScoreOutput(Output):
    """Scores of trained heads on another test set."""

    NAME: ClassVar[str] = "elmobench/score"
    COMMANDS: ClassVar[tuple[str, ...]] = ("score",)
    ROWS: ClassVar[tuple[str, ...]] = (
        *("cell", "trained_on", "features", "head", "seed", "task", "split"),
        *("metric", "score", "own_score"),
    )

    scored: list[TransferRow]
    """One row per cell."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per cell, with its main score."""
        for row in self.scored:
            names = (row.cell, row.trained_on, row.features, row.head, row.seed)
            scores = (row.scores[row.primary], row.own_scores.get(row.primary))
            yield (*names, row.task, row.split, row.primary, *scores)


class WordOccurrence(Fields):
    """One occurrence of the word."""

    sentence: int
    """Number of the sentence, counted from 0."""
    position: int
    """Position of the word in it, counted from 0."""
    tokens: list[str]
    """The sentence."""


class NearOccurrence(Fields):
    """A near occurrence in the searched sentences."""

    cosine: float
    """Its cosine."""
    token: str
    """The word."""
    position: int
    """Its position, counted from 0."""
    tokens: list[str]
    """Its sentence."""
    count: int
    """Number of occurrences with the same vector."""


class WordLayer(Fields):
    """The vectors of the word in one layer."""

    layer: int
    """Number of the layer, counted from 0."""
    name: str
    """Name of the layer."""
    by_spelling: bool
    """Whether the layer depends on the word's spelling only."""
    cosines: list[list[float | None]]
    """Cosine of each pair of occurrences; null with a zero vector."""
    norms: list[float]
    """Norm of each occurrence's vector."""
    nearest: list[list[NearOccurrence]] | None = None
    """With ``--in``: the nearest occurrences of each."""


class WordFeatures(Fields):
    """The vectors of the word by one representation."""

    name: str
    """The features spec."""
    layers: list[WordLayer]
    """Its layers."""


class InspectOutput(Output):
    """How context changes a word's vectors."""

    NAME: ClassVar[str] = "elmobench/inspect"
    COMMANDS: ClassVar[tuple[str, ...]] = ("inspect",)
    ROWS: ClassVar[tuple[str, ...]] = ("features", "layer", "name", "first", "second", "cosine")

    word: str
    """The word."""
    occurrences: list[WordOccurrence]
    """Its occurrences."""
    features: list[WordFeatures]
    """Its vectors, by representation."""

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """One row per representation, layer and pair of occurrences, counted from 1."""
        for one in self.features:
            for layer in one.layers:
                for i, row in enumerate(layer.cosines):
                    for j in range(i + 1, len(row)):
                        yield (one.name, layer.layer, layer.name, i + 1, j + 1, row[j])


class TrackOutput(Output):
    """What was logged to a tracker."""

    NAME: ClassVar[str] = "elmobench/track"
    COMMANDS: ClassVar[tuple[str, ...]] = ("track",)

    results: str
    """The results folder."""
    tracker: str
    """The tracker."""
    uri: str
    """Its store or server."""
    added: int
    """Records that were missing and are logged now."""
    records: int
    """Records of the present grid."""


class WrittenOutput(Output):
    """Files that were written."""

    NAME: ClassVar[str] = "elmobench/written"
    COMMANDS: ClassVar[tuple[str, ...]] = ("render",)

    files: list[str]
    """The files."""


class PackedFolder(Fields):
    """One results folder."""

    folder: str
    """The folder."""
    records: int
    """Number of its records."""
    searches: int
    """Number of its hyper-parameter searches."""
    predictions: int
    """Number of cells with predictions."""
    bytes_before: int
    """Size of these files before."""
    bytes_after: int
    """Size of these files now."""


class PackOutput(Output):
    """Results folders that were packed or unpacked."""

    NAME: ClassVar[str] = "elmobench/results-pack"
    COMMANDS: ClassVar[tuple[str, ...]] = ("results pack", "results unpack")

    folders: list[PackedFolder]
    """The folders."""
