"""Compare our heads with the published implementations: the same parameters, the same inputs."""

from __future__ import annotations

import subprocess
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from elmobench.core.compressed import open_member
from elmobench.core.errors import ElmobenchError
from elmobench.core.parsing import parsing
from elmobench.features.allennlp.environment import (
    Environment,
    require_environment,
    worker_environment,
)
from elmobench.reference.heads import bcn, bidaf, coref, crf_tagger, esim, srl
from elmobench.reference.parameters import Arrays

RUN: Final = Path(__file__).with_name("published") / "run.py"
LARGEST: Final = 1e-5
"""Largest absolute difference in float32 that counts as equal."""
LARGEST_DIFFERENCE: Final = "largest absolute difference"
UNEQUAL_VALUES: Final = "number of unequal values"
_LAST_LINES: Final = 10
_AGAIN: Final = "run the comparison again"


@dataclass(frozen=True)
class PublishedHead:
    """A published head and ours.

    Attributes:
        preset: our preset of the same architecture.
        published: the class of allennlp-models.
        module: in :mod:`elmobench.reference.published`.
        outputs: our outputs, from the arrays that the published head left.
    """

    preset: str
    published: str
    module: str
    outputs: Callable[[Arrays], Mapping[str, NDArray[np.generic]]]


HEADS: Final[Mapping[str, PublishedHead]] = {
    "crf-tagger": PublishedHead("ner/paper", "CrfTagger", "crf_tagger", crf_tagger.outputs),
    "bcn": PublishedHead("sentiment/paper", "BiattentiveClassificationNetwork", "bcn", bcn.outputs),
    "esim": PublishedHead("nli/paper", "ESIM", "esim", esim.outputs),
    "srl": PublishedHead("srl/paper", "SemanticRoleLabeler", "srl", srl.outputs),
    "srl-baseline": PublishedHead("srl/paper", "SemanticRoleLabeler", "srl_baseline", srl.outputs),
    "coref-2017": PublishedHead("coref/paper", "CoreferenceResolver", "coref_2017", coref.outputs),
    "coref-2018": PublishedHead(
        "coref/paper-2018", "CoreferenceResolver", "coref_2018", coref.outputs
    ),
    "bidaf": PublishedHead("qa/bidaf", "BidirectionalAttentionFlow", "bidaf", bidaf.outputs),
}
"""The heads that are compared, by name."""


@dataclass(frozen=True)
class OutputDifference:
    """How far one output of ours is from the published one.

    Attributes:
        head: name in :data:`HEADS`.
        output: name of the output.
        values: number of values compared.
        measure: :data:`LARGEST_DIFFERENCE` for float32 values, :data:`UNEQUAL_VALUES` for
            integers.
        difference: the value of the measure.
    """

    head: str
    output: str
    values: int
    measure: str
    difference: float

    @property
    def equal(self) -> bool:
        """Whether the outputs are equal: integers exactly, floats up to :data:`LARGEST`."""
        return self.difference <= (LARGEST if self.measure == LARGEST_DIFFERENCE else 0)

    @property
    def text(self) -> str:
        """The difference for a reader: ``1.2e-07``, or ``0 unequal``."""
        if self.measure == LARGEST_DIFFERENCE:
            return f"{self.difference:.1e}"
        return f"{self.difference:.0f} unequal"


def compare_heads(
    names: Iterable[str], seed: int = 0, report: Callable[[str], object] = lambda _: None
) -> list[OutputDifference]:
    """Run the published heads in the reference environment, ours here, and compare all outputs.

    Args:
        names: of :data:`HEADS`.
        seed: of the parameters and inputs.
        report: called with each step.

    Raises:
        ConfigError: if the reference environment has not been built.
        ElmobenchError: if a published head fails, or parameters or outputs have no counterpart.
    """
    names = list(names)
    environment = require_environment("comparison of heads")
    with tempfile.TemporaryDirectory(prefix="elmobench-heads-") as name:
        folder = Path(name)
        report("running the published heads")
        _run_published(environment, [HEADS[name].module for name in names], seed, folder)
        differences = []
        for name in names:
            report(f"comparing {name}")
            arrays = read_arrays(folder / f"{HEADS[name].module}.npz")
            differences += differences_of(name, arrays)
    return differences


def read_arrays(path: Path) -> Arrays:
    """Read what a published head left.

    Raises:
        ElmobenchError: if the file is missing or is not a file of arrays.
    """
    with (
        parsing(path, ElmobenchError, what="is no output of a published head", fix=_AGAIN),
        zipfile.ZipFile(path) as archive,
    ):
        arrays = {}
        for name in archive.namelist():
            with open_member(archive, name) as stream:
                key = name.removesuffix(".npy")
                arrays[key] = np.lib.format.read_array(stream, allow_pickle=False)
        return arrays


def differences_of(name: str, arrays: Arrays) -> list[OutputDifference]:
    """Compare our outputs with those in the arrays of a published head.

    Raises:
        ElmobenchError: if the arrays do not fit our head, or the outputs of the two are not the
            same in number, name or shape.
    """
    published = {key: array for key, array in arrays.items() if key.startswith("output/")}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # A head of another version may leave other arrays, or arrays of other shapes.
        with parsing(f"head {name}", ElmobenchError, what="its arrays do not fit our head"):
            ours = HEADS[name].outputs(arrays)
    finally:
        torch.set_num_threads(threads)
    if ours.keys() != published.keys():
        different = ", ".join(sorted(ours.keys() ^ published.keys()))
        raise ElmobenchError(f"outputs without a counterpart: {different}", where=f"head {name}")
    return [
        _difference(name, key.removeprefix("output/"), ours[key], array)
        for key, array in published.items()
    ]


def _difference(
    head: str, output: str, ours: NDArray[np.generic], published: NDArray[np.generic]
) -> OutputDifference:
    if ours.shape != published.shape:
        raise ElmobenchError(
            f"{output} has shape {ours.shape} here and {published.shape} in the published head",
            where=f"head {head}",
        )
    if np.issubdtype(published.dtype, np.floating):
        largest = np.abs(ours.astype(float) - published.astype(float)).max(initial=0.0)
        # A value that is not a number is no agreement.
        difference, measure = float(np.nan_to_num(largest, nan=np.inf)), LARGEST_DIFFERENCE
    else:
        difference, measure = float((ours != published).sum()), UNEQUAL_VALUES
    return OutputDifference(head, output, published.size, measure, difference)


def _run_published(environment: Environment, modules: list[str], seed: int, folder: Path) -> None:
    command = [str(environment.python), "-I", str(RUN), str(folder), str(seed), *modules]
    variables = worker_environment() | {"ALLENNLP_CACHE_ROOT": str(folder)}
    done = subprocess.run(
        command, env=variables, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode:
        last = "\n    ".join(done.stderr.strip().splitlines()[-_LAST_LINES:])
        raise ElmobenchError(
            f"a published head failed; the last lines of its output:\n    {last}",
            where=" ".join(modules),
        )
