"""Experiment files: their fields, and reading them. Everything is validated before any work."""

from __future__ import annotations

import difflib
import itertools
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from elmobench.bench.experiment.composition import (
    parse_extended,
    read_extended,
    with_assignments,
)
from elmobench.bench.experiment.declared_claims import DeclaredClaim, check_claims
from elmobench.core import paths
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.core.shell import shell_path
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import is_pipe, is_special, read_pipe
from elmobench.data.sampling import Limit
from elmobench.features.spec import expand_draws, parse_features
from elmobench.features.store.precision import Precision

STANDARD_INPUT = "-"
"""The name of an experiment file that is standard input."""

MAX_POINTS = 1_000_000
"""The largest grid of an experiment; the largest that are shipped have a few thousand points."""


class Axes(StrictModel):
    """The further axes of the grid, each with a list of values; the grid is their product.

    A value of None means the default of the head preset.
    """

    mix: tuple[str, ...] = ("learned",)
    """How layers are combined: ``learned``, ``uniform``, ``layer=k``, ``last``, ``first=k``,
    ``without=k`` (learned over all layers but k) or ``concat``.
    """
    gamma: tuple[bool, ...] = (True,)
    """Whether the scale γ is learned; if not, it stays 1."""
    l2: tuple[float | None, ...] = (None,)
    """Weight λ of the penalty on the raw layer weights."""
    norm: tuple[Literal["none", "token"], ...] = ("none",)
    """``token`` applies a layer norm to each token's vector; ``none`` does not."""
    mix_dropout: tuple[float | None, ...] = (None,)
    """Dropout on the output of the mix of contextual parts. Static parts (GloVe, random vectors)
    keep the preset's; the suffix ``@dropout=`` sets that of one part, of either kind.
    """
    placement: tuple[Literal["input", "output", "both"], ...] = ("input",)
    """Where the features enter the head."""
    train_fraction: tuple[float, ...] = (1.0,)
    """Share of the training set; subsets are nested, and dev is never reduced."""
    fold: tuple[Annotated[int, Field(ge=0)], ...] = (0,)
    """The test fold, for tasks that are split by folds; it has no effect on other tasks."""
    labels: tuple[Literal["given", "control"], ...] = ("given",)
    """``given`` for the labels of the data, ``control`` for random labels that depend on the words
    alone: one per word type, or per pair of words (pipelines ``pos``, ``ner``, ``chunking``,
    ``edges`` and ``wic``). The difference of the scores is the selectivity of a probe.
    """

    @field_validator("*")
    @classmethod
    def _not_empty(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise ValueError("an axis needs at least one value")
        if len(set(value)) != len(value):
            raise ValueError("an axis has a value twice")
        return value

    @field_validator("train_fraction")
    @classmethod
    def _fractions(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < fraction <= 1 for fraction in value):
            raise ValueError("a train_fraction must be in (0, 1]")
        return value

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination of values, by axis name."""
        names = list(type(self).model_fields)
        for values in itertools.product(*(getattr(self, name) for name in names)):
            yield dict(zip(names, values, strict=True))


class Override(StrictModel):
    """Options of some of the cells."""

    when: dict[Literal["task", "pipeline", "features", "head"], str | tuple[str, ...]] = Field(
        default_factory=dict
    )
    """Conditions on ``task``, ``pipeline``, ``features`` or ``head``, which must all hold. A list
    of values means any of them. Without conditions every cell matches.
    """
    set: dict[str, Any]
    """Values by option path (``options.hidden``, ``training.epochs``, ``mix.l2``), or the values of
    a further axis or of ``seeds`` for these cells.
    """
    optional: bool = False
    """Whether it may match no cell, which is an error otherwise. True for the overrides of an
    experiment that another one extends.
    """

    def matches(self, cell: Mapping[str, str]) -> bool:
        """Whether the conditions hold for a cell with these names.

        A task may be named without its pipeline.
        """
        for key, value in self.when.items():
            wanted = (value,) if isinstance(value, str) else value
            names = {cell[key], cell[key].split("/")[-1]} if key == "task" else {cell[key]}
            if names.isdisjoint(wanted):
                return False
        return True


class Settings(StrictModel):
    """Settings of the computation."""

    threads: int = Field(default=1, ge=1)
    """Threads for encoding and for each cell. The number is part of a cell's identity, since the
    order of sums depends on it.
    """
    device: str = Field(default="cpu", pattern=r"^(auto|cpu|cuda(:[0-9]{1,3})?)$")
    """Where vectors are computed and heads are trained: ``cpu``, ``cuda``, ``cuda:1`` (the second
    GPU), or ``auto``, a GPU if there is one. Its kind, without the number, is part of a cell's
    identity, and of that of the vectors of models that run on it. ``@device=`` of a features spec
    is for one model.
    """
    precision: Precision = "fp16"
    """Precision of stored vectors: ``fp16``, ``fp32`` or ``int8``; part of a cell's identity."""
    worker_memory_gb: float | None = Field(default=None, gt=0)
    """Memory, in GB, that a worker of a Ray cluster requests, in addition to a core per thread. No
    result depends on it.
    """
    worker_gpus: float = Field(default=0, ge=0)
    """Number of GPUs that a worker of a Ray cluster requests, or a part of one, such as 0.25. No
    result depends on it. With ``device: cuda``, 0 means 1.
    """


class Experiment(StrictModel):
    """The content of an experiment file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """Name of the experiment and of its results folder."""
    description: str = ""
    """The question that the experiment answers."""
    caveats: tuple[str, ...] = ()
    """Warnings that are repeated in every record and below every table."""
    tasks: tuple[str, ...] = Field(min_length=1)
    """Task cards, a main axis of the grid."""
    features: tuple[str, ...] = Field(min_length=1)
    """Features specs, a main axis of the grid. A range of draws, as in ``random@seed=1..3`` or
    ``elmo-mini@untrained=1..3``, stands for one spec per draw, and ``NAME-seed1..3`` for the
    models of three seeds of pre-training; with ``@untrained=run`` every run has the draw of its
    own seed.
    """
    heads: tuple[str, ...] = Field(default=("linear",), min_length=1)
    """Head presets, a main axis of the grid."""
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1)
    """Seeds, a main axis of the grid."""
    axes: Axes = Field(default_factory=Axes)
    """Further axes of the grid."""
    overrides: tuple[Override, ...] = ()
    """Options of some cells; later overrides replace earlier ones."""
    probe_kit: bool = False
    """Whether each probe gets what judges it: control labels, the online code, layer 0 of
    contextual models, and a baseline without vectors. See the guide "Judge a probe".
    """
    settings: Settings = Field(default_factory=Settings)
    """Threads, precision and resources."""
    margin: float = Field(default=1.0, gt=0)
    """For tests of equivalence: differences below this many points of score count as none. Choose
    it before the run.
    """
    limit: str | int | None = None
    """Number (``50``) or share (``"5%"``) of the examples of each split that are used, for a quick
    try: a sample by hashes, the same for all cells. Its results are marked as partial, and no claim
    or published number is held against them. None for all examples.
    """
    models: dict[str, Any] = Field(default_factory=dict)
    """The experiment's own catalog entries."""
    claims: tuple[DeclaredClaim, ...] = ()
    """What the experiment expects. ``elmobench claims`` tests it besides the published findings.
    State it before the run.
    """
    source: Path | None = Field(default=None, exclude=True)
    """The file that the experiment was read from; None for one made in Python or read from a pipe.
    """

    @model_validator(mode="before")
    @classmethod
    def _axes_are_in_their_block(cls, values: Any) -> Any:
        stray = [name for name in Axes.model_fields if isinstance(values, dict) and name in values]
        if stray:
            raise ValueError(
                f"{', '.join(stray)}: an axis is written below 'axes:', for example "
                f"axes: {{{stray[0]}: {_as_list(values[stray[0]])}}}"
            )
        return values

    @field_validator("tasks", "features", "heads", "seeds", mode="before")
    @classmethod
    def _is_a_list(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str | int | float) and not isinstance(value, bool):
            more = ""
            if info.field_name == "seeds" and isinstance(value, int) and 1 < value <= 20:
                more = f"; for {value} seeds: {_as_list(list(range(1, value + 1)))}"
            raise ValueError(f"write a list: {_as_list(value)}{more}")
        return value

    @field_validator("features")
    @classmethod
    def _expand_draws(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(spec for text in value for spec in expand_draws(text))

    @field_validator("tasks", "features", "heads", "seeds")
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        repeated = sorted(str(v) for v, count in Counter(value).items() if count > 1)
        if repeated:
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return value

    @field_validator("limit", mode="before")
    @classmethod
    def _is_no_flag(cls, value: Any) -> Any:
        if isinstance(value, bool):
            raise ValueError("write a number of examples, such as 50, or a share, such as 5%")
        return value

    @field_validator("limit")
    @classmethod
    def _is_a_limit(cls, value: str | int | None) -> str | None:
        return None if value is None else str(Limit.parse(value))

    @model_validator(mode="after")
    def _claims_compare_what_runs(self) -> Experiment:
        check_claims(self.claims, self.tasks, self.features, tuple(Axes.model_fields))
        return self

    @model_validator(mode="after")
    def _says_that_it_is_partial(self) -> Experiment:
        if self.limit is not None:
            text = _partial_caveat(str(self.limit))
            # The model is frozen; after a second validation the text is there.
            object.__setattr__(self, "caveats", tuple(dict.fromkeys((*self.caveats, text))))
        return self

    @model_validator(mode="after")
    def _says_what_is_not_frozen(self) -> Experiment:
        specs = [parse_features(text) for text in self.features if "(finetuned)" in text]
        if names := list(dict.fromkeys(p.name for s in specs for p in s.parts if p.finetuned)):
            text = (
                f"Not frozen: {', '.join(f'{name}(finetuned)' for name in names)}. The weights "
                "are trained together with the head of each task; other features are frozen."
            )
            object.__setattr__(self, "caveats", tuple(dict.fromkeys((*self.caveats, text))))
        return self

    def with_limit(self, limit: str | int) -> Experiment:
        """A copy that uses a sample of each split, with a name of its own.

        Raises:
            ConfigError: if it is not a limit.
        """
        parsed = str(Limit.parse(limit))
        name = f"{self.name}-limit-{parsed.replace('%', '-percent')}"
        former = None if self.limit is None else _partial_caveat(str(self.limit))
        caveats = [text for text in self.caveats if text != former]
        raw = {**self.model_dump(), "name": name, "limit": parsed, "caveats": caveats}
        return validated(Experiment, raw, f"experiment {self.name}").model_copy(
            update={"source": self.source}
        )

    def with_device(self, device: str) -> Experiment:
        """A copy whose ``settings.device`` is ``device``."""
        settings = self.settings.model_copy(update={"device": device})
        return self.model_copy(update={"settings": settings})

    def with_models(self, models: Mapping[str, Any]) -> Experiment:
        """A copy with further catalog entries, by name; the same experiment if there are none."""
        if not models:
            return self
        return self.model_copy(update={"models": {**self.models, **models}})

    def with_axes(self, changes: Mapping[str, Any]) -> Experiment:
        """A copy with other values on further axes or ``seeds``; one value means a list of one.

        Raises:
            ConfigError: for a value of the wrong kind.
        """
        if not changes:
            return self
        lists = {
            name: value if isinstance(value, list | tuple) else [value]
            for name, value in changes.items()
        }
        seeds = lists.pop("seeds", self.seeds)
        raw = {
            **self.model_dump(),
            "seeds": seeds,
            "axes": {**self.axes.model_dump(), **lists},
        }
        return validated(Experiment, raw, f"override of experiment {self.name}").model_copy(
            update={"source": self.source}
        )

    @property
    def size(self) -> int:
        """Number of points of the grid, without what overrides change."""
        lists = (self.tasks, self.features, self.heads, self.seeds)
        axes = (getattr(self.axes, name) for name in Axes.model_fields)
        return math.prod(map(len, (*lists, *axes)))

    @property
    def base(self) -> Path | None:
        """The folder to which paths in ``models`` are relative."""
        return self.source.parent if self.source else None


def _as_list(value: Any) -> str:
    """A value as a list in YAML."""
    values = value if isinstance(value, list | tuple) else [value]
    return f"[{', '.join(str(one)[:60] for one in values[:20])}]"


def _partial_caveat(limit: str) -> str:
    kept = limit if limit.endswith("%") else f"at most {limit} examples"
    return f"A quick try, not a result: {kept} of each of train, dev and test (limit {limit})."


def parse_experiment(raw: Any, source: Path | None = None, where: str = "experiment") -> Experiment:
    """Validate the content of an experiment file.

    Args:
        raw: the content.
        source: the file, if there is one.
        where: where the content came from otherwise, for errors.

    Raises:
        ConfigError: with every problem that was found.
    """
    experiment = validated(Experiment, raw, str(source) if source else where)
    return experiment.model_copy(update={"source": source})


def known_experiments() -> dict[str, Path]:
    """The shipped experiments by name (``demo``, ``paper/table1``, …)."""
    root = paths.builtin("experiments")
    return {
        path.relative_to(root).with_suffix("").as_posix(): path
        for path in sorted(root.rglob("*.yaml"))
        # Plans for pre-training are not experiments.
        if path.parent.name != "pretrain"
    }


def load_experiment(name_or_path: str | Path, settings: Sequence[str] = ()) -> Experiment:
    """Read an experiment file, or a shipped experiment by name, with the one it ``extends``.

    Args:
        name_or_path: path of the file, or name of a shipped experiment. ``-`` is standard input.
            A pipe such as ``<(command)`` is read as well, once; relative paths in both are relative
            to the current folder.
        settings: changes of the form ``PATH=VALUE``; see
            :func:`~elmobench.bench.experiment.composition.with_assignments`.

    Raises:
        UnknownNameError: if there is no such file or name.
        ConfigError: if it is not a valid experiment; the message names file and field.
    """
    name = str(name_or_path)
    path: Path | None = None
    if name == STANDARD_INPUT or is_pipe(Path(name)):
        where = "standard input" if name == STANDARD_INPUT else name
        text = read_pipe(None if name == STANDARD_INPUT else Path(name), where)
        raw = parse_extended(text, where, _find_parent)
    else:
        path = _find(name).resolve()
        where = str(path)
        raw = read_extended(path, _find_parent)
    if settings and isinstance(raw, dict):
        raw = with_assignments(
            raw,
            settings,
            [f for f in Experiment.model_fields if f != "source"],
            [*Axes.model_fields],
        )
    return parse_experiment(raw, path, where)


def _find_parent(name: str, child: Path) -> Path:
    """The file that ``child`` extends by ``name``."""
    return _find(name, child.parent)


def _find(name: str, folder: Path = Path()) -> Path:
    """The file ``name``, relative to ``folder``, or the shipped experiment of that name."""
    if os.path.isfile(folder / name):  # False for names that no file can have
        return folder / name
    if is_special(folder / name):
        raise ConfigError(
            "is a pipe or a device, not a file",
            where=name,
            fix=f"give its content to standard input: elmobench run - < {shell_path(Path(name))}",
        )
    known = known_experiments()
    short = name.removesuffix(".yaml").removeprefix("experiments/")
    if short not in known:
        raise UnknownNameError(
            f"no experiment file or shipped experiment {name!r}",
            fix=_near_files(folder / name) or did_you_mean(short, known),
        )
    return known[short]


def _near_files(path: Path) -> str | None:
    """Advice for a missing YAML file: those in its folder with such a name; None for no advice."""
    if path.suffix not in (".yaml", ".yml"):
        return None
    if not os.path.isdir(path.parent):
        return f"there is no folder {path.parent}"
    names = [name for name in os.listdir(path.parent) if name.endswith((".yaml", ".yml"))]
    close = difflib.get_close_matches(path.name, names)
    return None if not close else did_you_mean(path.name, names)
