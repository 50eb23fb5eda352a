"""Train one model from start to end, then write its model card."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from elmobench.core.errors import ElmobenchWarning
from elmobench.data.cards.catalog import CardCatalog
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.coverage import warn_of_coverage
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.fasttext.options import FastTextOptions
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.loop import LoopOptions, TrainingResult
from elmobench.pretraining.model_card import (
    CorpusFacts,
    ModelCard,
    OverlapRow,
    catalog_entry,
    machine,
    overlap_rows,
    write_card,
    write_catalog,
)
from elmobench.pretraining.overlap import check_cards
from elmobench.pretraining.vocabulary import SPECIAL

Options = BilmOptions | GloveOptions | FastTextOptions | BertOptions


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """What is trained, on what, and what its card will say.

    Attributes:
        name: of the model.
        out: its folder.
        corpus: the text.
        encoded: the text as numbers.
        options: their type says which kind of model it is.
        licence, attribution: for the card.
        overlap: whether to look for evaluation sets in the text.
        cards: the task cards whose evaluation sets are looked for.
        start: a trained biLM to start from; None for the other kinds.
        vocabulary, min_count: which words a biLM predicts; see :func:`choose_vocabulary`.
        group: processes that train a biLM together; None for the other kinds.
    """

    name: str
    out: Path
    corpus: Corpus
    encoded: EncodedCorpus
    options: Options
    licence: str = "not stated"
    attribution: str = "not stated"
    overlap: bool = True
    cards: CardCatalog = field(default_factory=CardCatalog)
    start: Path | None = None
    vocabulary: Path | None = None
    min_count: int | None = None
    group: ProcessGroup | None = None

    @property
    def is_first_process(self) -> bool:
        """Whether this process writes files and prints messages for all."""
        return self.group is None or self.group.is_first


def fit_to_text(run: Pretraining) -> Pretraining:
    """The run with text and options that fit each other.

    Warns of a text that is too small, and of a vocabulary that covers little of it.

    A biLM gets the words that it predicts, and steps that the text fills; see
    :mod:`elmobench.pretraining.bilm.fitting`. Other kinds of model stay as they are.

    Raises:
        ConfigError, DataError: see :func:`choose_vocabulary`.
    """
    encoded, options = run.encoded, run.options
    with warnings.catch_warnings():
        if not run.is_first_process:
            warnings.simplefilter("ignore", ElmobenchWarning)
        if encoded.heldout_is_train:
            message = (
                f"{len(encoded.train.tokens)} tokens are too few for a useful model, which needs "
                "millions. Training goes on"
            )
            # GloVe holds out co-occurrences instead of sentences.
            if not isinstance(options, GloveOptions):
                message += (
                    ", and nothing is held out of so little text: the held-out measures are of "
                    "the training text itself and say nothing about other text"
                )
            warnings.warn(message, ElmobenchWarning, stacklevel=2)
        if isinstance(options, BilmOptions):
            from elmobench.pretraining.bilm.fitting import choose_vocabulary, fit_steps

            encoded, options = choose_vocabulary(
                encoded, options, file=run.vocabulary, min_count=run.min_count
            )
            processes = 1 if run.group is None else run.group.size
            options = fit_steps(encoded, options, processes)
            warn_of_coverage(encoded, options.n_tokens_vocab or len(encoded.types))
        elif isinstance(options, GloveOptions | FastTextOptions):
            frequent = int((encoded.counts >= options.min_count).sum())
            warn_of_coverage(encoded, min(len(SPECIAL) + frequent, options.vocab_size))
    return replace(run, encoded=encoded, options=options)


def pretrain(
    run: Pretraining,
    loop: LoopOptions,
    *,
    on_bytes: Callable[[int], object] | None = None,
) -> bool:
    """Train and write the card; resume where an earlier call stopped.

    Args:
        run: see :class:`Pretraining`; text and options fit each other, see :func:`fit_to_text`.
        loop: threads, reports, checkpoints and stopping.
        on_bytes: called with the number of bytes read, while evaluation sets are looked for.

    The caller holds the folder's lock, see :func:`~elmobench.pretraining.run_folder.run_folder`.

    Returns:
        Whether training is finished. If not, there is a model but no card yet.

    Raises:
        ElmobenchError: see ``train_bilm``, ``train_glove`` and ``train_bert``.
    """
    result = _train(run, loop)
    if not result.is_finished or result.measured is None:
        return result.is_finished  # only the first process has measured
    summary = result.trainer.summary(result.measured, run.out)
    rows: list[OverlapRow] | None = None
    missing: dict[str, str] = {}
    if run.overlap:
        overlaps, missing = check_cards(run.corpus, None, run.cards, on_bytes)
        rows = overlap_rows(overlaps)
    card = ModelCard(
        name=run.name,
        kind=result.trainer.kind,
        description=summary.description,
        corpus=CorpusFacts.of(run.corpus, run.encoded),
        tokens_seen=summary.tokens_seen,
        updates=summary.updates,
        parameters=summary.parameters,
        heldout=summary.heldout,
        seconds=summary.seconds,
        processor_seconds=result.processor_seconds,
        options=run.options.model_dump(mode="json"),
        licence=run.licence,
        attribution=run.attribution,
        overlap=rows,
        not_checked=sorted(missing),
        **machine(loop.threads, loop.device),
    )
    write_card(run.out, card)
    entry = catalog_entry(
        run.out,
        card,
        provider=summary.provider,
        files=summary.files,
        dim=summary.dim,
        layers=summary.layers,
    )
    write_catalog(run.out, {card.name: entry})
    return True


def _train(run: Pretraining, loop: LoopOptions) -> TrainingResult[Any]:
    """Train the kind of model that the options are of."""
    match run.options:
        case BilmOptions():
            from elmobench.pretraining.bilm.train import train_bilm

            return train_bilm(
                run.encoded, run.options, run.out, loop, start=run.start, group=run.group
            )
        case GloveOptions():
            from elmobench.pretraining.glove.train import train_glove

            return train_glove(run.encoded, run.options, run.out, loop)
        case FastTextOptions():
            from elmobench.pretraining.fasttext.train import train_fasttext

            return train_fasttext(run.encoded, run.options, run.out, loop)
        case BertOptions():
            from elmobench.pretraining.bert.train import train_bert

            return train_bert(run.encoded, run.options, run.out, loop)
