"""Encode a corpus and train one model, with display and tracking."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer

from elmobench.cli.pretrain.display import bytes_display, training_display, until_interrupted
from elmobench.core import paths
from elmobench.core.digests import digest_of
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.device import identity_of_device
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.run_folder import run_folder
from elmobench.pretraining.runs import Pretraining, fit_to_text, pretrain
from elmobench.training.devices import check_device

if TYPE_CHECKING:
    from elmobench.pretraining.corpus import Corpus
    from elmobench.pretraining.progress import TrainingProgress
    from elmobench.tracking.training_log import TrainingLog


def encode_corpus(corpus: Corpus, *, quiet: bool = False) -> EncodedCorpus:
    """The corpus as numbers, stored for all models that are trained on it."""
    folder = paths.home() / "corpora" / corpus.digest[:16]
    with bytes_display("encoding the corpus") as on_bytes:
        encoded = EncodedCorpus.build(corpus, folder, on_bytes=on_bytes)
    if not quiet:
        held_out = 0 if encoded.heldout_is_train else len(encoded.heldout.tokens)
        typer.echo(
            f"{len(encoded.train.tokens):,} tokens to train on, {held_out:,} held out, "
            f"{len(encoded.types):,} word types (in {folder})"
        )
    return encoded


def _vocabulary_line(encoded: EncodedCorpus, options: BilmOptions) -> str:
    """How many words a biLM predicts, and how much of the training text they are."""
    words = min(options.n_tokens_vocab or len(encoded.types), len(encoded.types))
    share = encoded.counts[:words].sum() / max(1, encoded.counts.sum())
    return f"{words:,} words to predict, {100 * share:.1f} % of the training tokens"


def train_model(
    run: Pretraining,
    *,
    threads: int,
    device: str,
    checkpoint_minutes: float,
    tracking_uri: str | None,
) -> None:
    """Train a model with a progress bar, an MLflow log and a clean stop on Ctrl-C.

    Args:
        run: what is trained.
        threads: torch threads.
        device: of this process; see :func:`device_of_process`.
        checkpoint_minutes: minutes between checkpoints.
        tracking_uri: MLflow store; None for one in the model's folder, ``none`` for no log.

    Raises:
        typer.Exit: with status 130 if training was stopped before its end.
        ElmobenchError: see :func:`fit_to_text`, :func:`run_folder` and :func:`pretrain`.
    """
    check_device(device)
    run = fit_to_text(run)
    loop = LoopOptions(threads=threads, device=device, checkpoint_seconds=60 * checkpoint_minutes)
    if not run.is_first_process:
        _train(run, loop, None)
        return  # the first process prints the messages
    if isinstance(run.options, BilmOptions):
        typer.echo(_vocabulary_line(run.encoded, run.options))
    if device != "cpu":
        typer.echo(f"{run.name}: training on {device}")
    # The lock first: the tracking store is in the folder too.
    with run_folder(run.out):
        log = _training_log(run, loop, tracking_uri)
        finished = _train(run, loop, log)
        if log is not None:
            log.close(finished)
    if not finished:
        typer.echo(f"{run.name}: stopped after a checkpoint in {run.out}; run again to resume")
        raise typer.Exit(130)
    typer.echo(
        f"{run.name}: model and card in {run.out}; with ELMOBENCH_MODELS={run.out} "
        f"experiments can use it as {run.name}"
    )


def _train(run: Pretraining, loop: LoopOptions, log: TrainingLog | None) -> bool:
    """Train with display; returns whether training is finished."""
    nothing_held_out = run.encoded.heldout_is_train
    with (
        until_interrupted() as stop_requested,
        training_display(run.name, run.out, nothing_held_out) as (show, on_bytes),
    ):

        def on_progress(progress: TrainingProgress) -> None:
            show(progress)
            if log is not None:
                log.add(progress.step, progress.metrics())
                if progress.heldout is not None:
                    log.send()

        loop = replace(loop, stop_requested=stop_requested, on_progress=on_progress)
        return pretrain(run, loop, on_bytes=on_bytes)


def _training_log(run: Pretraining, loop: LoopOptions, uri: str | None) -> TrainingLog | None:
    from elmobench.tracking.training_log import TrainingLog

    if uri == "none":
        return None
    options = run.options.model_dump(mode="json")
    device = identity_of_device(loop.device)
    key = digest_of([run.name, run.encoded.digest, options, *device.values()])
    parameters = {"corpus": run.encoded.digest[:16], "threads": loop.threads, **device, **options}
    return TrainingLog(uri, run.out, run.name, key, parameters)
