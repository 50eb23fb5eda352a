"""Experiment files: axes whose product is the grid. Validated by type before any work."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from elmobench.bench.experiment.composition import read_extended, with_assignments
from elmobench.core import paths
from elmobench.core.errors import UnknownNameError
from elmobench.core.registry import did_you_mean
from elmobench.core.validation import validated
from elmobench.features.store.precision import Precision


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Axes(_Model):
    """Further axes; each is a list, and the grid is the product of all of them.

    A value of None means the head preset's own.

    Attributes:
        mix: ``learned``, ``uniform``, ``layer=k``, ``last``, ``first=k`` or ``concat``.
        gamma: whether the scale γ is learned (else it stays 1).
        l2: λ of the penalty on the raw layer weights.
        norm: ``none``, or ``token`` for a layer norm of each token's vector.
        mix_dropout: dropout on the mix's output.
        placement: where features enter the head.
        train_fraction: share of the training set; subsets are nested; dev stays whole.
        fold: which files are test, for tasks that are split by folds; no axis for the others.
    """

    mix: tuple[str, ...] = ("learned",)
    gamma: tuple[bool, ...] = (True,)
    l2: tuple[float | None, ...] = (None,)
    norm: tuple[Literal["none", "token"], ...] = ("none",)
    mix_dropout: tuple[float | None, ...] = (None,)
    placement: tuple[Literal["input", "output", "both"], ...] = ("input",)
    train_fraction: tuple[float, ...] = (1.0,)
    fold: tuple[Annotated[int, Field(ge=0)], ...] = (0,)

    @field_validator("*")
    @classmethod
    def _not_empty(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if not value:
            raise ValueError("an axis needs at least one value")
        if len(set(value)) != len(value):
            raise ValueError("an axis names a value twice")
        return value

    @field_validator("train_fraction")
    @classmethod
    def _fractions(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not 0 < fraction <= 1 for fraction in value):
            raise ValueError("a train_fraction lies in (0, 1]")
        return value

    def points(self) -> Iterator[dict[str, Any]]:
        """Every combination, by axis name."""
        names = list(type(self).model_fields)
        for values in itertools.product(*(getattr(self, name) for name in names)):
            yield dict(zip(names, values, strict=True))


class Override(_Model):
    """Options for some of the cells.

    Attributes:
        when: what a cell must match: any of ``task``, ``pipeline``, ``features``, ``head``.
            A value may be a list: any of them. Empty matches all.
        set: option paths to values: ``options.hidden``, ``training.epochs``, ``mix.l2``; or a
            further axis or ``seeds``, with the values that these cells take instead.
    """

    when: dict[Literal["task", "pipeline", "features", "head"], str | tuple[str, ...]] = Field(
        default_factory=dict
    )
    set: dict[str, Any]

    def matches(self, cell: Mapping[str, str]) -> bool:
        """Whether a cell with these names is meant; a task may be named without its pipeline."""
        for key, value in self.when.items():
            wanted = (value,) if isinstance(value, str) else value
            names = {cell[key], cell[key].split("/")[-1]} if key == "task" else {cell[key]}
            if names.isdisjoint(wanted):
                return False
        return True


class Settings(_Model):
    """What a result may depend on beside the axes.

    Attributes:
        threads: threads for encoding and for each cell; part of a cell's identity, since sums
            depend on it.
        precision: of stored features: ``fp16``, ``fp32`` or ``int8``.
        worker_memory_gb, worker_gpus: what a worker of a Ray cluster asks for, beside a core for
            each thread. No result depends on them.
    """

    threads: int = Field(default=1, ge=1)
    precision: Precision = "fp16"
    worker_memory_gb: float | None = Field(default=None, gt=0)
    worker_gpus: float = Field(default=0, ge=0)


class Experiment(_Model):
    """One study.

    Attributes:
        name: names its results folder.
        description: what it asks.
        caveats: put into every record and under every table.
        tasks, features, heads, seeds: the main axes.
        axes: further axes.
        overrides: options for some cells; later ones win.
        settings: threads and precision.
        margin: points of a score below which a difference counts as none; to be fixed before the
            run, for tests of equivalence.
        models: catalogue entries of its own.
        source: the file it was read from; None for one made in Python.
    """

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    description: str = ""
    caveats: tuple[str, ...] = ()
    tasks: tuple[str, ...] = Field(min_length=1)
    features: tuple[str, ...] = Field(min_length=1)
    heads: tuple[str, ...] = Field(default=("linear",), min_length=1)
    seeds: tuple[int, ...] = Field(default=(1,), min_length=1)
    axes: Axes = Field(default_factory=Axes)
    overrides: tuple[Override, ...] = ()
    settings: Settings = Field(default_factory=Settings)
    margin: float = Field(default=1.0, gt=0)
    models: dict[str, Any] = Field(default_factory=dict)
    source: Path | None = Field(default=None, exclude=True)

    @field_validator("tasks", "features", "heads", "seeds")
    @classmethod
    def _no_repeats(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        repeated = sorted({str(v) for v in value if value.count(v) > 1})
        if repeated:
            raise ValueError(f"named twice: {', '.join(repeated)}")
        return value

    def with_axes(self, changes: Mapping[str, Any]) -> Experiment:
        """The experiment with other values on further axes or ``seeds``.

        One value stands for a list of one. Raises ConfigError for a value of the wrong kind.
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
    def base(self) -> Path | None:
        """Folder for the relative paths in ``models``."""
        return self.source.parent if self.source else None


def parse_experiment(raw: Any, source: Path | None = None) -> Experiment:
    """Check the content of an experiment file. Raises ConfigError naming every problem."""
    where = str(source) if source else "experiment"
    experiment = validated(Experiment, raw, where)
    return experiment.model_copy(update={"source": source})


def known_experiments() -> dict[str, Path]:
    """The shipped experiments by name (``demo``, ``paper/table1``, …)."""
    root = paths.builtin("experiments")
    return {
        path.relative_to(root).with_suffix("").as_posix(): path
        for path in sorted(root.rglob("*.yaml"))
        # Plans for training models are no experiments.
        if path.parent.name != "pretrain"
    }


def load_experiment(name_or_path: str | Path, settings: Sequence[str] = ()) -> Experiment:
    """Read an experiment by path, or a shipped one by name; with it what it ``extends``.

    Args:
        name_or_path: the file, or the name.
        settings: changes of the form ``PATH=VALUE``; see
            :func:`~elmobench.bench.experiment.composition.with_assignments`.

    Raises:
        UnknownNameError: if there is no such file or name.
        ConfigError: if it is not a valid experiment; names file and field.
    """
    path = _find(str(name_or_path))
    raw = read_extended(path, lambda name, beside: _find(name, beside.parent))
    if settings and isinstance(raw, dict):
        raw = with_assignments(
            raw,
            settings,
            [f for f in Experiment.model_fields if f != "source"],
            [*Axes.model_fields],
        )
    return parse_experiment(raw, path.resolve())


def _find(name: str, folder: Path = Path()) -> Path:
    """The file ``name``, looked up from ``folder``, or the shipped experiment of that name."""
    if (folder / name).is_file():
        return folder / name
    known = known_experiments()
    short = name.removesuffix(".yaml").removeprefix("experiments/")
    if short not in known:
        raise UnknownNameError(
            f"no experiment file or shipped experiment {name!r}", fix=did_you_mean(short, known)
        )
    return known[short]
