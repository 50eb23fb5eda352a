"""Objects that cells share while they run: tasks, providers, feature store, examples."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.parts import PartSettings
from elmobench.bench.experiment.schema import Experiment
from elmobench.bench.finetuned_parts import check_finetuned
from elmobench.bench.loaded_tasks import KEPT_TOKENS, LoadedTasks
from elmobench.core.digests import canonical_json
from elmobench.core.errors import ConfigError, DataError
from elmobench.core.memory import return_freed_memory
from elmobench.data.cards.card import FoldSplit
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.examples import Sentence
from elmobench.data.sampling import Limit
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.functions import Model
from elmobench.features.provider import FeatureProvider
from elmobench.features.store.feature_store import FeatureStore, StoredFeatures
from elmobench.metrics.base import Metric, get_metric
from elmobench.nn.mix_mode import MixMode
from elmobench.tasks.base import Pipeline
from elmobench.tasks.registries import PIPELINES
from elmobench.tasks.task import Task
from elmobench.training.batching import ExampleSet, SentenceTable, nested_subset
from elmobench.training.devices import device_kind
from elmobench.training.part_sources import KEPT_MEANS, KEPT_VIEWS, MeanPart, StoredPart
from elmobench.training.resident import ResidentPart, resident_bytes, room
from elmobench.training.streams import RandomStreams


@dataclass(frozen=True)
class ContextArgs:
    """The arguments of a :class:`RunContext`, for another process to build an equal one."""

    experiment: Experiment
    cards: CardCatalog = field(default_factory=CardCatalog)
    store_root: Path | None = None
    trust_first: bool = False


@dataclass
class PreparedTask:
    """A task's examples and their sentences.

    Attributes:
        sets: ``train`` (as the head trains on it), ``dev`` and ``test``.
        table: the distinct sentences of all three.
        train_examples: the training split before it is expanded (into phrases, for instance).
        views: the stored vectors of the sentences, by provider fingerprint: those used last.
        resident: vectors that are on a GPU, by provider fingerprint and layers.
        means: mean vectors of the sentences, by provider fingerprint and layers.
        needed: rows of the table that some cell of the experiment reads; None for all of them.
            Where every cell trains on a fraction of train, most of its sentences are not read.
    """

    sets: dict[str, ExampleSet[Any]]
    table: SentenceTable
    train_examples: list[Any] = field(default_factory=list)
    views: dict[str, StoredPart] = field(default_factory=dict)
    resident: dict[tuple[str, tuple[int, ...] | None], ResidentPart] = field(default_factory=dict)
    means: dict[tuple[str, tuple[int, ...] | None], MeanPart] = field(default_factory=dict)
    needed: NDArray[np.int64] | None = None


class RunContext:
    """Loads each task, provider and set of examples once per process.

    Args:
        experiment: also defines its own models, and the precision of stored features.
        cards: the task cards; None for those found without ``--include``.
        store_root: the feature store; None for the default.
        trust_first: accept files without a known digest, and pin their digests.
    """

    def __init__(
        self,
        experiment: Experiment,
        cards: CardCatalog | None = None,
        store_root: Path | None = None,
        trust_first: bool = False,
        functions: Mapping[str, Model] | None = None,
    ) -> None:
        self.experiment = experiment
        self.cards = cards or CardCatalog()
        self.args = ContextArgs(experiment, self.cards, store_root, trust_first)
        self.catalog = ModelCatalog(
            {**experiment.models, **(functions or {})},
            experiment.base,
            trust_first=trust_first,
            device=device_kind(experiment.settings.device),
        )
        self.store = FeatureStore(store_root, experiment.settings.precision)
        limit = Limit.parse_optional(experiment.limit)
        self._loaded = LoadedTasks(self.cards, trust_first, limit)
        self._stored: dict[str, StoredFeatures] = {}
        self._prepared: dict[str, PreparedTask] = {}
        self._current: str | None = None
        self._data_digests: dict[tuple[str, int | None], str] = {}
        self._metrics: dict[str, Metric] = {}

    @classmethod
    def from_args(cls, args: ContextArgs) -> RunContext:
        """Build the context that ``args`` describe."""
        return cls(args.experiment, args.cards, args.store_root, args.trust_first)

    def task(self, name: str, fold: int | None = None) -> Task:
        """The task ``name``, loaded once per fold (None for the first fold, or without folds)."""
        return self._loaded.get(name, fold)

    def pipeline(self, task: str) -> Pipeline[Any]:
        """The pipeline of ``task``."""
        return PIPELINES.get(self.task(task).card.pipeline)

    def metric(self, task: str) -> Metric:
        """The metric named in the card of ``task``.

        Raises:
            ConfigError: if it does not accept the annotation of this kind of task.
        """
        if task not in self._metrics:
            card, pipeline = self.task(task).card, self.pipeline(task)
            metric = get_metric(card.metric)
            # Read in any case: a plan is to find what is wrong with data that are here.
            examples = self.task(task).split("dev")[:20]
            try:
                if card.metric not in pipeline.metrics:
                    gold = [pipeline.gold(example) for example in examples]
                    metric.compute(gold, gold)
            except DataError as error:
                raise ConfigError(
                    f"metric {card.metric!r} does not fit pipeline {card.pipeline!r}: {error.what}",
                    where=str(card.file or task),
                    fix="correct the card's metric (`elmobench list metrics` shows them)",
                ) from error
            self._metrics[task] = metric
        return self._metrics[task]

    def provider(self, part: PartSettings) -> FeatureProvider:
        """The provider of one part of a features spec."""
        return self.catalog.load(part.name, part.provider)

    def model_folder(self, name: str) -> Path | None:
        """The folder of the files of the model ``name``; None if it has none on this machine."""
        paths = [file.path for file in self.catalog.files(name) if file.path is not None]
        return paths[0].parent if paths else None

    def stored(self, part: PartSettings) -> StoredFeatures:
        """The stored features of one part; opened once, after they were encoded."""
        provider = self.provider(part)
        if provider.fingerprint not in self._stored:
            self._stored[provider.fingerprint] = self.store.open(provider)
        return self._stored[provider.fingerprint]

    def view(self, cell: Cell, part: PartSettings) -> StoredPart:
        """The stored vectors of one part for the cell's sentences; the last ones are kept."""
        prepared = self.prepared(cell)
        fingerprint = self.provider(part).fingerprint
        found = prepared.views.pop(fingerprint, None)
        if found is None:
            while len(prepared.views) >= KEPT_VIEWS:
                oldest = next(iter(prepared.views))
                del prepared.views[oldest]
                self._stored.pop(oldest, None)
                for key in [key for key in prepared.means if key[0] == oldest]:
                    del prepared.means[key]  # It reads the view.
            found = StoredPart(self.stored(part), prepared.table.sentences, prepared.needed)
        prepared.views[fingerprint] = found  # The last one used is the last to go.
        return found

    @property
    def device(self) -> torch.device:
        """Where heads are trained, without a number; see :func:`use_device`."""
        return torch.device(device_kind(self.experiment.settings.device))

    def source(
        self, cell: Cell, part: PartSettings, layers: Sequence[int] | None
    ) -> StoredPart | ResidentPart:
        """The vectors of one part of a cell: from the store, or on a GPU if they fit there."""
        view, provider = self.view(cell, part), self.provider(part)
        if self.device.type == "cpu":
            return view
        prepared = self.prepared(cell)
        key = (provider.fingerprint, None if layers is None else tuple(layers))
        if key not in prepared.resident:
            table = prepared.table.sentences
            lengths = np.asarray([1 if provider.per_text else len(s) for s in table])
            rows = np.arange(len(table)) if prepared.needed is None else prepared.needed
            exact = self.experiment.settings.precision == "fp16"
            dtype = torch.float16 if exact else torch.float32
            count = provider.num_layers if layers is None else len(layers)
            size = resident_bytes(int(lengths[rows].sum()), count, provider.dim, dtype)
            if size > room(self.device):
                # Those of other cells of the task may be in the way.
                prepared.resident.clear()
            if size > room(self.device):
                return view
            prepared.resident[key] = ResidentPart(view, rows, lengths, layers, dtype, self.device)
        return prepared.resident[key]

    def means(self, cell: Cell, part: PartSettings, layers: Sequence[int] | None) -> MeanPart:
        """The mean vector of each sentence of a cell, for heads that read nothing else."""
        prepared = self.prepared(cell)
        key = (self.provider(part).fingerprint, None if layers is None else tuple(layers))
        if key not in prepared.means:
            if sum(known.nbytes for known in prepared.means.values()) > KEPT_MEANS:
                prepared.means.clear()  # Those of other cells of the task.
            lengths = np.asarray([len(sentence) for sentence in prepared.table.sentences])
            prepared.means[key] = MeanPart(self.view(cell, part), lengths)
        return prepared.means[key]

    def forget_stored(self, part: PartSettings) -> None:
        """Open the store again next time, because vectors were added."""
        self._stored.pop(self.provider(part).fingerprint, None)

    def prepared(self, cell: Cell) -> PreparedTask:
        """The examples of the cell's task; the training set is expanded as its head needs it."""
        # Without folds the fold is not part of the key.
        fold = [] if cell.fold is None else [cell.fold]
        key = canonical_json([cell.task, cell.options.training_data(), cell.labels, *fold])
        if key not in self._prepared:
            if self._current != cell.task or self._prepared_tokens() > KEPT_TOKENS:
                self.release()
            self._current = cell.task
            self._prepared[key] = self._prepare(cell)
        return self._prepared[key]

    def _prepared_tokens(self) -> int:
        """Tokens of the folds, and of the expanded training sets, of the current task."""
        return sum(len(s) for one in self._prepared.values() for s in one.table.sentences)

    def release(self) -> None:
        """Release what is kept of the current task: examples, sentences, views, mapped shards.

        It is called when the first cell of another task is prepared, since cells are grouped by
        task, and by whoever knows that no cell follows. Metrics, digests and providers stay.
        """
        released = self._loaded.release() or bool(self._prepared)
        self._current = None
        self._prepared.clear()
        self._stored.clear()
        if released:
            gc.collect()  # Modules of torch refer to each other in circles.
            return_freed_memory()

    def _prepare(self, cell: Cell) -> PreparedTask:
        task, pipeline = self.task(cell.task, cell.fold), self.pipeline(cell.task)
        table = SentenceTable()
        splits = {split: list(task.split(split)) for split in task.splits}
        if cell.labels == "control":
            splits = pipeline.control_examples(splits, task.labels)
        train = splits["train"]
        expanded = pipeline.training_examples(train, cell.options)
        sets = {"train": ExampleSet(pipeline, expanded, table)}
        if task.data_digest != self.data_digest(cell.task, cell.fold):
            raise DataError(
                "the data changed since the run began",
                where=cell.task,
                fix="run again: changed data makes new cells",
            )
        for split in ("dev", "test"):
            sets[split] = ExampleSet(pipeline, splits[split], table)
        return PreparedTask(sets, table, train, needed=self._needed(cell, sets, table, train))

    def _needed(
        self,
        cell: Cell,
        sets: dict[str, ExampleSet[Any]],
        table: SentenceTable,
        train: list[Any],
    ) -> NDArray[np.int64] | None:
        """See :class:`PreparedTask`: the union over all cells of the task in the grid."""
        same = [
            other
            for other in self.grid_cells
            if (other.task, other.fold) == (cell.task, cell.fold)
            and other.options.training_data() == cell.options.training_data()
        ]
        # A trainable embedding has the words of all of train.
        trainable = any(part.trainable for other in same for part in other.parts)
        if not same or trainable or any(other.train_fraction == 1 for other in same):
            return None
        chosen: set[int] = set()
        for fraction, seed in {(other.train_fraction, other.seed) for other in same}:
            chosen.update(subset_of_train(len(train), fraction, seed))
        pipeline = self.pipeline(cell.task)
        examples = [train[i] for i in sorted(chosen)]
        read = ExampleSet(pipeline, pipeline.training_examples(examples, cell.options), table)
        rows = {
            row
            for one in (read, sets["dev"], sets["test"])
            for slots in one.slots
            for of_slot in slots.values()
            for row in of_slot
        }
        return np.asarray(sorted(rows), dtype=np.int64)

    @cached_property
    def grid_cells(self) -> list[Cell]:
        """Every point of the experiment's grid.

        Raises:
            ElmobenchError: if a name or an option in the experiment is wrong.
        """
        cards = [self.cards.get(name) for name in self.experiment.tasks]
        folded = {card.id for card in cards if isinstance(card.split, FoldSplit)}
        pipelines = {card.id: card.pipeline for card in cards}
        return list(grid(self.experiment, pipelines, folded, self.catalog))

    def sentences(self, cell: Cell) -> list[Sentence]:
        """The distinct sentences that cells of the experiment read, of the cell's task."""
        prepared = self.prepared(cell)
        if prepared.needed is None:
            return prepared.table.sentences
        return [prepared.table.sentences[row] for row in prepared.needed]

    def all_sentences(self, cell: Cell) -> list[Sentence]:
        """The distinct sentences of the cell's task, as if it trained on all of train."""
        return self.prepared(cell).table.sentences

    def data_digest(self, task: str, fold: int | None = None) -> str:
        """The digest of the task's data at the first call."""
        key = (task, fold)
        if key not in self._data_digests:
            self._data_digests[key] = self.task(task, fold).data_digest
        return self._data_digests[key]

    def expect_data(self, task: str, fold: int | None, digest: str) -> None:
        """Require the task's data to have ``digest``, which was taken when the run was planned."""
        self._data_digests[(task, fold)] = digest

    def identity(self, cell: Cell) -> dict[str, Any]:
        """See :meth:`Cell.identity`."""
        task, metric = self.task(cell.task, cell.fold), self.metric(cell.task)
        providers = [self.provider(part) for part in cell.parts]
        return cell.identity(
            data_digest=self.data_digest(cell.task, cell.fold),
            card_version=task.card.version,
            metric=(metric.name, metric.version),
            labels=task.labels,
            context_unit=task.card.context_unit,
            fingerprints=[provider.fingerprint for provider in providers],
            num_layers=[provider.num_layers for provider in providers],
        )

    def check(self, cell: Cell) -> None:
        """Check what needs a provider: layers in range, ``(trainable)`` only on static vectors.

        Raises:
            ConfigError: if a part of the cell's features cannot be used.
        """
        if cell.labels == "control" and not self.pipeline(cell.task).has_control:
            known = [name for name in PIPELINES.names() if PIPELINES.get(name).has_control]
            raise ConfigError(
                f"pipeline {cell.pipeline!r} has no control labels: "
                f"{self.pipeline(cell.task).no_control}",
                where=f"axis labels, task {cell.task}",
                fix=f"use 'labels: [given]' for it; control labels exist for {', '.join(known)}",
            )
        if cell.training.online_code and not cell.preset.head.gives_nats:
            raise ConfigError(
                f"head {cell.pipeline}/{cell.head} gives no likelihood of labels, which an online "
                "code needs",
                where=f"training.online_code, task {cell.task}",
                fix="set it with an override's 'when' for heads that label texts, pairs, edges or "
                "tokens and are trained by gradients",
            )
        self._check_texts(cell)
        for part in cell.parts:
            provider = self.provider(part)
            if part.trainable and (provider.num_layers != 1 or provider.layers[0].kind != "type"):
                raise ConfigError(
                    f"{part.name}(trainable): only static vectors (one per word type) can be "
                    "a trainable embedding",
                    where=f"features {cell.features}",
                )
            if part.finetuned:
                check_finetuned(cell, part, provider)
            if not provider.cacheable:
                raise ConfigError(
                    f"{part.name}: its vectors depend on what was encoded before, so they "
                    "cannot be stored or compared",
                    where=f"features {cell.features}",
                    fix="use @state=zero or @state=warm",
                )
            part_mode(part, provider.num_layers).layers(provider.num_layers)
            # Placement and dropout apply to a part with a single layer too.
            mixing = [key for key in part.explicit if key not in ("dropout", "place")]
            if provider.num_layers == 1 and mixing:
                raise ConfigError(
                    f"{part.name} has one layer: there is nothing to mix, so @{mixing[0]} has "
                    "no effect",
                    where=f"features {cell.features}",
                    fix="remove the suffix",
                )

    def _check_texts(self, cell: Cell) -> None:
        """Raise ConfigError if a part has one vector per text, and the cell needs one per token."""
        kinds = {part.name: self.provider(part).per_text for part in cell.parts}
        names = [name for name, per_text in kinds.items() if per_text]
        if not names:
            return
        where = f"features {cell.features} on {cell.task}"
        if not self.pipeline(cell.task).reads_texts:
            known = [name for name in PIPELINES.names() if PIPELINES.get(name).reads_texts]
            raise ConfigError(
                f"{names[0]} has one vector per text, and pipeline {cell.pipeline!r} needs one per "
                "token",
                where=where,
                fix=f"use it on tasks of {', '.join(known)}, or features with a vector per token",
            )
        if len(names) < len(kinds):
            other = next(name for name in kinds if name not in names)
            raise ConfigError(
                f"{names[0]} has one vector per text and {other} one per token: they cannot be "
                "concatenated",
                where=where,
                fix="compare them as two features, or join vectors of one kind",
            )


def subset_of_train(count: int, fraction: float, seed: int) -> list[int]:
    """Indices of the ``fraction`` of ``count`` training examples that a cell trains on."""
    return nested_subset(count, fraction, RandomStreams(seed).numpy("subset"))


def part_mode(part: PartSettings, num_layers: int) -> MixMode:
    """How the layers of ``part`` are mixed; with a single layer the mix is the identity."""
    return MixMode.parse(part.mix if num_layers > 1 else "learned")
