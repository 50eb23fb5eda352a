"""AllenNLP's own ELMo, for the comparison of speeds; ``elmobench reference setup`` builds it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import h5py

from elmobench.data.examples import Sentence
from elmobench.features.allennlp.environment import require_environment
from elmobench.features.allennlp.process import WorkerProcess
from elmobench.features.elmo.options import ElmoOptions
from elmobench.features.elmo.random_weights import random_arrays

BATCH_SIZES = {"original": (32, 100), "small": (32, 128)}


def tokens_per_second(
    model_folder: Path, sentences: Sequence[Sentence], batch_size: int, threads: int
) -> float:
    """Tokens per second of AllenNLP's forward passes alone, after one that warms up.

    Start-up, character ids and the copying of vectors are not in the time. Batches are taken in
    the given order and padded to their longest sentence, as AllenNLP's users do.

    Args:
        model_folder: holds ``options.json`` and ``weights.hdf5``.
        sentences: boundaries and padding are not counted as tokens.
        batch_size: sentences that AllenNLP gets at a time.
        threads: that it computes with.

    Raises:
        ConfigError: if AllenNLP's environment has not been built.
        ModelError: if AllenNLP refuses the model.
    """
    where = f"benchmark on {model_folder}"
    worker = WorkerProcess(
        require_environment(where).python,
        model_folder / "options.json",
        model_folder / "weights.hdf5",
        f"allennlp-elmo:{model_folder}",
    )
    try:
        batches = [sentences[i : i + batch_size] for i in range(0, len(sentences), batch_size)]
        worker.seconds(batches[:1], threads)
        return sum(map(len, sentences)) / worker.seconds(batches, threads)
    finally:
        worker.close()


def write_random_model(folder: Path, options: ElmoOptions, seed: int = 0) -> None:
    """The model of ``ElmoProvider.random(options, seed)`` as ``options.json`` and weights."""
    (folder / "options.json").write_text(options.model_dump_json(), encoding="utf-8")
    with h5py.File(folder / "weights.hdf5", "w") as file:
        for name, array in random_arrays(options, seed).items():
            file.create_dataset(name, data=array)


def peer_rates(
    name: str, options: ElmoOptions, sentences: Sequence[Sentence], threads: int
) -> dict[int, float]:
    """Tokens per second of AllenNLP by batch size, at a published shape with random weights."""
    with tempfile.TemporaryDirectory() as folder:
        write_random_model(Path(folder), options)
        return {
            size: tokens_per_second(Path(folder), sentences, size, threads)
            for size in BATCH_SIZES[name]
        }
