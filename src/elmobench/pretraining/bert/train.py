"""Training a small BERT as a masked language model: interruptible, resumable to the bit."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bert.wordpiece import (
    SPECIAL,
    Sequences,
    pack,
    pieces_of_types,
    wordpiece_of,
)
from elmobench.pretraining.checkpoints import CheckpointFolder, trim_log, writing
from elmobench.pretraining.encoded import EncodedCorpus

LOG = "log.jsonl"
_PAD, _UNK, _CLS, _SEP, _MASK = range(5)
_ORDER, _MASKS, _DROPOUT, _HELD_OUT = 1, 2, 3, 4


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        step: steps done, of ``total``.
        total: steps of the whole run.
        pieces: word pieces read so far.
        loss: mean cross-entropy of a masked piece since the last report, in nats.
        heldout: the same on held-out text with fixed masks, where it was just measured.
        rate: the learning rate.
        pieces_per_second: since the last report, measuring left out.
        seconds: of training in all, over all its parts.
    """

    step: int
    total: int
    pieces: int
    loss: float
    heldout: float | None
    rate: float
    pieces_per_second: float
    seconds: float


@dataclass(frozen=True)
class MaskedBatch:
    """Sequences with some pieces hidden.

    Attributes:
        ids: (B, T) pieces, begin and end included, padded.
        attention: (B, T), 1 at real pieces.
        places: (B, T) bool: pieces to be predicted.
        targets: (M,) what they are, in reading order.
    """

    ids: Tensor
    attention: Tensor
    places: Tensor
    targets: Tensor


def masked_batch(
    sequences: Sequences,
    chosen: np.ndarray,
    options: BertOptions,
    vocabulary: int,
    rng: np.random.Generator,
) -> MaskedBatch:
    """Hide a share of the pieces of some sequences.

    Args:
        sequences: the text.
        chosen: (B,) which of them.
        options: for the share.
        vocabulary: pieces there are.
        rng: draws the places and what stands there.
    """
    rows = [sequences.sequence(int(i)) for i in chosen]
    longest = max(map(len, rows)) + 2
    ids = np.full((len(rows), longest), _PAD, dtype=np.int64)
    real = np.zeros(ids.shape, dtype=bool)
    for r, row in enumerate(rows):
        ids[r, 0], ids[r, len(row) + 1] = _CLS, _SEP
        ids[r, 1 : len(row) + 1] = row
        real[r, 1 : len(row) + 1] = True
    places = real & (rng.random(ids.shape) < options.mask_share)
    if not places.any():
        places[np.nonzero(real)[0][:1], np.nonzero(real)[1][:1]] = True
    targets = ids[places]
    fate = rng.random(len(targets))
    some = rng.integers(len(SPECIAL), vocabulary, len(targets))
    ids[places] = np.where(fate < 0.8, _MASK, np.where(fate < 0.9, some, targets))
    attention = real.copy()
    attention[:, 0] = True
    for r, row in enumerate(rows):
        attention[r, len(row) + 1] = True
    return MaskedBatch(
        torch.from_numpy(ids),
        torch.from_numpy(attention.astype(np.int64)),
        torch.from_numpy(places),
        torch.from_numpy(targets),
    )


class Bert:
    """A BERT in training, its optimizer and its place in the text.

    Args:
        corpus: the text.
        options: shape and training.
        tokenizer: a ``tokenizers.Tokenizer``; see :func:`wordpiece_of`.
    """

    def __init__(self, corpus: EncodedCorpus, options: BertOptions, tokenizer: Any) -> None:
        from transformers import BertConfig, BertForMaskedLM

        self.options = options
        self.tokenizer = tokenizer
        self.vocabulary = self.tokenizer.get_vocab_size()
        if self.vocabulary <= len(SPECIAL):
            raise ConfigError(
                f"the vocabulary has no piece but {' '.join(SPECIAL)}",
                fix="take a larger vocab_size, or give more text",
            )
        pieces = pieces_of_types(corpus, self.tokenizer)
        self.train = pack(corpus.train, pieces, options.max_length - 2)
        self.heldout = pack(corpus.heldout, pieces, options.max_length - 2)
        with torch.random.fork_rng():
            torch.manual_seed(options.seed)
            self.model = BertForMaskedLM(
                BertConfig(
                    vocab_size=self.vocabulary,
                    hidden_size=options.hidden_size,
                    num_hidden_layers=options.num_hidden_layers,
                    num_attention_heads=options.num_attention_heads,
                    intermediate_size=options.intermediate_size,
                    max_position_embeddings=options.max_length,
                    type_vocab_size=1,
                    hidden_dropout_prob=options.dropout,
                    attention_probs_dropout_prob=options.dropout,
                    pad_token_id=_PAD,
                )
            )
        # Tied weights come once.
        self.parameters = dict(self.model.named_parameters())
        self.steps_per_epoch = math.ceil(len(self.train) / options.batch_size)
        self.total_steps = max(1, round(self.steps_per_epoch * options.epochs))
        self.step = 0
        self.pieces = 0
        decayed = [p for p in self.parameters.values() if p.dim() > 1]
        plain = [p for p in self.parameters.values() if p.dim() <= 1]
        self._names = [name for name, p in self.parameters.items() if p.dim() > 1] + [
            name for name, p in self.parameters.items() if p.dim() <= 1
        ]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": options.weight_decay},
                {"params": plain, "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
            betas=(0.9, 0.98),
        )
        self._epoch = -1
        self._order = np.zeros(0, np.int64)

    def rate(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0."""
        warm = max(1, round(self.options.warmup_share * self.total_steps))
        left = (self.total_steps - step) / max(1, self.total_steps - warm)
        return self.options.learning_rate * min(1.0, (step + 1) / warm, left)

    def train_step(self) -> float:
        """One step; returns the mean cross-entropy of a masked piece."""
        options = self.options
        epoch, place = divmod(self.step, self.steps_per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng([options.seed, _ORDER, epoch])
            self._order, self._epoch = rng.permutation(len(self.train)), epoch
        chosen = self._order[place * options.batch_size : (place + 1) * options.batch_size]
        rng = np.random.default_rng([options.seed, _MASKS, self.step])
        batch = masked_batch(self.train, chosen, options, self.vocabulary, rng)
        self.model.train()
        key = np.random.SeedSequence([options.seed, _DROPOUT, self.step])
        with torch.random.fork_rng():
            torch.manual_seed(int(key.generate_state(1)[0]))
            loss = self._loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters.values(), options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.pieces += int(batch.attention.sum())
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ElmobenchError(
                f"the loss is {value} at step {self.step}", fix="use a lower learning_rate"
            )
        return value

    def _loss(self, batch: MaskedBatch) -> Tensor:
        hidden = self.model.bert(batch.ids, attention_mask=batch.attention).last_hidden_state
        # Only hidden pieces are predicted: a seventh of the work of all.
        scores = self.model.cls(hidden[batch.places])
        return nn.functional.cross_entropy(scores, batch.targets)

    @torch.no_grad()
    def heldout_loss(self, most: int | None = None) -> float:
        """Mean cross-entropy of a masked piece of held-out text, with the same masks each time.

        Args:
            most: of so many sequences at most.
        """
        self.model.eval()  # type: ignore[no-untyped-call]
        count = len(self.heldout) if most is None else min(most, len(self.heldout))
        total, masked = 0.0, 0
        for start in range(0, count, self.options.batch_size):
            chosen = np.arange(start, min(count, start + self.options.batch_size))
            rng = np.random.default_rng([_HELD_OUT, start])
            batch = masked_batch(self.heldout, chosen, self.options, self.vocabulary, rng)
            total += float(self._loss(batch)) * len(batch.targets)
            masked += len(batch.targets)
        return total / masked

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on, by name."""
        found: dict[str, Tensor] = {f"weights:{name}": p for name, p in self.parameters.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            for kind, value in moments.items():
                found[f"{kind}:{self._names[index]}"] = torch.as_tensor(value)
        return found

    def load(self, step: int, pieces: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        moments: dict[int, dict[str, Tensor]] = {}
        with torch.no_grad():
            for key, value in tensors.items():
                kind, _, name = key.partition(":")
                if kind == "weights":
                    self.parameters[name].copy_(value)
                else:
                    moments.setdefault(self._names.index(name), {})[kind] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.step, self.pieces = step, pieces

    def export(self, folder: Path) -> None:
        """Write ``config.json``, ``model.safetensors`` and the tokenizer's files to ``folder``."""
        from transformers import BertTokenizerFast  # type: ignore[attr-defined]
        from transformers.utils import logging

        folder.mkdir(parents=True, exist_ok=True)
        # The library's bar would stand in the middle of ours.
        shown = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self.model.save_pretrained(folder, safe_serialization=True)
        finally:
            if shown:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        names = dict(
            zip(
                ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"),
                SPECIAL,
                strict=True,
            )
        )
        tokenizer = BertTokenizerFast(
            tokenizer_object=self.tokenizer,
            do_lower_case=False,
            model_max_length=self.options.max_length,
            **names,
        )
        tokenizer.save_pretrained(folder)


def train_bert(
    corpus: EncodedCorpus,
    options: BertOptions,
    out: Path,
    *,
    threads: int = 2,
    report_steps: int = 50,
    checkpoint_seconds: float = 600.0,
    heldout_sequences: int = 200,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], object] | None = None,
) -> Bert:
    """Train from the last checkpoint in ``out``, or from the start; export at each checkpoint.

    Args:
        corpus: the text.
        options: shape and training.
        out: gets ``checkpoints/``, ``log.jsonl`` and the model.
        threads: torch threads; results depend on them to the bit.
        report_steps: steps between two reports.
        checkpoint_seconds: between two checkpoints.
        heldout_sequences: how much is measured at a checkpoint; at the end everything is.
        stop: asked after each step; a checkpoint is written before returning.
        on_progress: told at each report.

    Raises:
        ConfigError: for options that do not fit the corpus, or the checkpoints in ``out``.
        ElmobenchError: if the loss is no number.
    """
    identity = {
        "kind": "bert",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json"),
    }
    folder = CheckpointFolder(out / "checkpoints", identity)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        last = folder.last()
        wordpiece = wordpiece_of(corpus, options.vocab_size, folder.folder / "wordpiece.json")
        bert = Bert(corpus, options, wordpiece)
        seconds = 0.0
        if last is not None:
            bert.load(last.step, int(last.facts["pieces"]), last.tensors)
            seconds = float(last.facts["seconds"])
        trim_log(out / LOG, bert.step)
        losses: list[float] = []
        read, spent = bert.pieces, 0.0
        checkpointed = time.perf_counter()

        def report(heldout: float | None) -> None:
            nonlocal seconds, spent, read
            seconds += spent
            progress = Progress(
                step=bert.step,
                total=bert.total_steps,
                pieces=bert.pieces,
                loss=float(np.mean(losses)) if losses else math.nan,
                heldout=heldout,
                rate=bert.rate(bert.step),
                pieces_per_second=(bert.pieces - read) / spent if spent else math.nan,
                seconds=seconds,
            )
            losses.clear()
            read, spent = bert.pieces, 0.0
            out.mkdir(parents=True, exist_ok=True)
            row = {k: v for k, v in asdict(progress).items() if v == v}
            with writing(out / LOG), (out / LOG).open("a", encoding="utf-8") as log:
                log.write(json.dumps(row) + "\n")
            if on_progress is not None:
                on_progress(progress)

        while bert.step < bert.total_steps:
            start = time.perf_counter()
            losses.append(bert.train_step())
            spent += time.perf_counter() - start
            if len(losses) >= report_steps:
                report(None)
            stopping = stop()
            due = time.perf_counter() - checkpointed > checkpoint_seconds
            if stopping or due or bert.step == bert.total_steps:
                whole = bert.step == bert.total_steps
                report(bert.heldout_loss(None if whole else heldout_sequences))
                facts = {"seconds": seconds, "pieces": bert.pieces}
                folder.write(bert.step, bert.state(), facts)
                bert.export(out)
                checkpointed = time.perf_counter()
            if stopping:
                break
        return bert
    finally:
        torch.set_num_threads(before)
