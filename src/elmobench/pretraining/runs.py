"""One trained model from beginning to end: training, then the card beside its weights."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.distributed import Group
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.model_card import (
    CorpusFacts,
    ModelCard,
    catalogue_entry,
    machine,
    overlap_rows,
    write_card,
    write_catalogue,
)
from elmobench.pretraining.overlap import check_cards

Options = BilmOptions | GloveOptions | BertOptions
ProgressCallback = Callable[[Any], object]
StopCheck = Callable[[], bool]


@dataclass(frozen=True)
class Pretraining:
    """What is trained, on what, and what its card will say.

    Attributes:
        name: of the model.
        out: its folder.
        corpus: the text.
        encoded: the text as numbers.
        options: their type says which kind of model it is.
        threads: torch threads.
        licence, attribution: for the card.
        overlap: whether to look for evaluation sets in the text.
        include: folders of more task cards, to look for those too.
        start: a biLM to go on from; for the other kinds there is none.
        checkpoint_seconds: between two checkpoints, where epochs do not set them.
        group: processes that train a biLM together.
    """

    name: str
    out: Path
    corpus: Corpus
    encoded: EncodedCorpus
    options: Options
    threads: int = 2
    licence: str = "not stated"
    attribution: str = "not stated"
    overlap: bool = True
    start: Path | None = None
    checkpoint_seconds: float = 600.0
    group: Group | None = None
    include: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Outcome:
    """What training tells the card."""

    provider: str
    files: dict[str, str]
    dim: int
    layers: int
    description: str
    tokens_seen: int
    parameters: dict[str, int]
    heldout: dict[str, float]
    seconds: float


def pretrain(
    run: Pretraining,
    *,
    stop: StopCheck = lambda: False,
    on_progress: ProgressCallback | None = None,
    on_bytes: Callable[[int], object] | None = None,
) -> bool:
    """Train, and write the card; go on where an earlier call stopped.

    Args:
        run: see :class:`Pretraining`.
        stop: asked now and then; True ends training after a checkpoint.
        on_progress: told the kind's own ``Progress``.
        on_bytes: told bytes of text read, while evaluation sets are looked for.

    Returns:
        Whether training is finished. If not, there is a model, and no card yet.

    Raises:
        ElmobenchError: see the kinds' own trainers.
    """
    match run.options:
        case BilmOptions():
            outcome = _bilm(run, run.options, stop, on_progress)
        case GloveOptions():
            outcome = _glove(run, run.options, stop, on_progress)
        case BertOptions():
            outcome = _bert(run, run.options, stop, on_progress)
    if outcome is None:
        return False
    if run.group is not None and not run.group.first:
        return True
    rows: list[dict[str, str | int]] | None = None
    missing: dict[str, str] = {}
    if run.overlap:
        found, missing = check_cards(run.corpus, None, run.include, on_bytes)
        rows = overlap_rows(found)
    card = ModelCard(
        name=run.name,
        kind={"elmo": "bilm", "static": "glove", "transformer": "bert"}[outcome.provider],
        description=outcome.description,
        corpus=CorpusFacts.of(run.corpus, run.encoded),
        tokens_seen=outcome.tokens_seen,
        parameters=outcome.parameters,
        heldout=outcome.heldout,
        seconds=outcome.seconds,
        options=run.options.model_dump(mode="json"),
        licence=run.licence,
        attribution=run.attribution,
        overlap=rows,
        not_checked=sorted(missing),
        **machine(run.threads),
    )
    write_card(run.out, card)
    entry = catalogue_entry(
        run.out, card, outcome.provider, outcome.files, outcome.dim, outcome.layers
    )
    write_catalogue(run.out, {card.name: entry})
    return True


def _bilm(
    run: Pretraining, options: BilmOptions, stop: StopCheck, told: ProgressCallback | None
) -> _Outcome | None:
    from elmobench.pretraining.bilm.export import OPTIONS, WEIGHTS
    from elmobench.pretraining.bilm.train import LOG, train_bilm

    model = train_bilm(
        run.encoded,
        options,
        run.out,
        start=run.start,
        group=run.group,
        threads=run.threads,
        checkpoint_seconds=run.checkpoint_seconds,
        stop=stop,
        on_progress=told,
    )
    if model.step < model.total_steps:
        return None
    last = _last_measured(run.out / LOG)
    softmax = sum(w.numel() for n, w in model.weights.items() if n.startswith("softmax/"))
    whole = sum(w.numel() for w in model.weights.values())
    lstm = options.lstm
    return _Outcome(
        provider="elmo",
        files={"options": OPTIONS, "weights": WEIGHTS},
        dim=2 * lstm.projection_dim,
        layers=lstm.n_layers + 1,
        description=f"ELMo: {lstm.n_layers} layers of {lstm.dim} cells and "
        f"{lstm.projection_dim} values a direction",
        tokens_seen=last["tokens"],
        parameters={"model": whole - softmax, "softmax, in training only": softmax},
        heldout={
            "perplexity forward": last["heldout"][0],
            "perplexity backward": last["heldout"][1],
        },
        seconds=last["seconds"],
    )


def _glove(
    run: Pretraining, options: GloveOptions, stop: StopCheck, told: ProgressCallback | None
) -> _Outcome | None:
    from elmobench.pretraining.glove.train import VECTORS, train_glove

    trained = train_glove(
        run.encoded, options, run.out, threads=run.threads, stop=stop, on_progress=told
    )
    last = trained.last
    if last is None or last.epoch < options.epochs:
        return None
    words, dim = len(trained.words), options.vector_size
    return _Outcome(
        provider="static",
        files={"vectors": VECTORS},
        dim=dim,
        layers=1,
        description=f"GloVe vectors, {words:,} words x {dim}",
        tokens_seen=len(run.encoded.train.spread(options.text_share).tokens) * options.epochs,
        parameters={
            "model": words * dim,
            "context vectors and biases, in training only": words * (dim + 2),
        },
        heldout={"weighted squared error a cell": last.heldout},
        seconds=last.seconds,
    )


def _bert(
    run: Pretraining, options: BertOptions, stop: StopCheck, told: ProgressCallback | None
) -> _Outcome | None:
    from elmobench.pretraining.bert.train import LOG, train_bert

    bert = train_bert(
        run.encoded,
        options,
        run.out,
        threads=run.threads,
        checkpoint_seconds=run.checkpoint_seconds,
        stop=stop,
        on_progress=told,
    )
    if bert.step < bert.total_steps:
        return None
    last = _last_measured(run.out / LOG)
    head = sum(p.numel() for n, p in bert.parameters.items() if n.startswith("cls."))
    whole = sum(p.numel() for p in bert.parameters.values())
    names = sorted(
        path.name
        for path in run.out.iterdir()
        if path.name == "model.safetensors"
        or path.name in ("config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt")
    )
    return _Outcome(
        provider="transformer",
        files={name: name for name in names},
        dim=options.hidden_size,
        layers=options.num_hidden_layers + 1,
        description=f"BERT: {options.num_hidden_layers} layers of {options.hidden_size} values, "
        f"{bert.vocabulary:,} word pieces, cased",
        tokens_seen=round(len(run.encoded.train.tokens) * options.epochs),
        parameters={"model": whole - head, "prediction head, in training only": head},
        heldout={
            "masked cross-entropy (nats a piece)": last["heldout"],
            "exp of it (no perplexity of a text)": math.exp(last["heldout"]),
        },
        seconds=last["seconds"],
    )


def _last_measured(log: Path) -> dict[str, Any]:
    """The last row of a log that has a measure of held-out text."""
    rows = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    row: dict[str, Any] = [row for row in rows if row["heldout"] is not None][-1]
    return row
