"""Train a small BERT as a masked language model; resumable to the same bits."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError, DataError, ElmobenchError, ElmobenchWarning
from elmobench.pretraining.bert.export import MODEL_FILES, export
from elmobench.pretraining.bert.masking import PAD, MaskedBatch, masked_batch
from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bert.wordpiece import (
    SPECIAL,
    UNKNOWN,
    pack,
    pieces_of_types,
    tokenizer_json,
    wordpiece_of,
)
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.coverage import LEAST
from elmobench.pretraining.device import CPU, identity_of_device, training_on
from elmobench.pretraining.divergence import exp
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.loop import LoopOptions, TrainingResult, train
from elmobench.pretraining.memory import check_memory
from elmobench.pretraining.progress import Heldout
from elmobench.pretraining.run_folder import CHECKPOINTS
from elmobench.pretraining.summary import ModelSummary

CHECKPOINT_SEQUENCES = 200
"""Held-out sequences that are measured at a checkpoint; at the end all are."""
WORDPIECE = "wordpiece.json"
_ORDER, _MASKS, _DROPOUT, _HELD_OUT = 1, 2, 3, 4


class BertTrainer:
    """A BERT in training: its weights, its optimizer and its position in the text.

    Args:
        corpus: the training text.
        options: shape and training.
        tokenizer: a ``tokenizers.Tokenizer``; see :func:`wordpiece_of`.
        device: where it is trained, inside :func:`training_on`.
        checkpoint_sequences: number of held-out sequences on which the loss is measured at a
            checkpoint; after the last step it is measured on all of them.

    Raises:
        ConfigError: if the vocabulary has only special pieces, or the memory is too small.
        DataError: if the training text or the held-out text has no pieces.
    """

    kind: ClassVar[str] = "bert"

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: BertOptions,
        tokenizer: Any,
        *,
        device: torch.device = CPU,
        checkpoint_sequences: int = CHECKPOINT_SEQUENCES,
    ) -> None:
        from transformers import BertConfig, BertForMaskedLM

        self.options = options
        self.device = device
        self.corpus = corpus
        self.tokenizer = tokenizer
        self.vocabulary = self.tokenizer.get_vocab_size()
        if self.vocabulary <= len(SPECIAL):
            raise ConfigError(
                f"the vocabulary has no piece except {' '.join(SPECIAL)}",
                fix="use a larger vocab_size, or give more text",
            )
        pieces = pieces_of_types(corpus, self.tokenizer)
        self.train = pack(corpus.train, pieces, options.max_length - 2)
        self.heldout = pack(corpus.heldout, pieces, options.max_length - 2)
        for name, part in (("training", self.train), ("held-out", self.heldout)):
            if not len(part):
                raise DataError(
                    f"the {name} text has no word pieces: its words are control characters only",
                    where="the corpus",
                    fix="give text of words",
                )
        self._check_memory()
        with torch.random.fork_rng(self._gpus()):
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
                    pad_token_id=PAD,
                )
            )
        # Initialised on the processor: every device starts from the same weights.
        self.model.to(device)
        # Tied weights appear once.
        self.parameters = dict(self.model.named_parameters())
        self.steps_per_epoch = math.ceil(len(self.train) / options.batch_size)
        self.total_steps = max(1, round(self.steps_per_epoch * options.epochs))
        self.step = 0
        self.units_read = 0
        self._checkpoint_sequences = checkpoint_sequences
        self._names = [name for name, p in self.parameters.items() if p.dim() > 1] + [
            name for name, p in self.parameters.items() if p.dim() <= 1
        ]
        matrices = [p for p in self.parameters.values() if p.dim() > 1]
        vectors = [p for p in self.parameters.values() if p.dim() <= 1]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": options.weight_decay},
                {"params": vectors, "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
            betas=(0.9, 0.98),
        )
        self._epoch = -1
        self._order = np.zeros(0, np.int64)

    def _check_memory(self) -> None:
        options, width = self.options, self.options.hidden_size
        per_layer = 4 * width * width + 2 * width * options.intermediate_size
        weights = width * (self.vocabulary + options.max_length)
        weights += options.num_hidden_layers * per_layer
        length = 2 + int(max(np.diff(part.offsets).max() for part in (self.train, self.heldout)))
        rows = min(options.batch_size, max(len(self.train), len(self.heldout)))
        per_row = length * (
            width + options.intermediate_size + length * options.num_attention_heads
        )
        check_memory(weights, rows * per_row * options.num_hidden_layers, self.device)

    def _gpus(self) -> list[int]:
        """The GPUs whose random numbers are used."""
        return [torch.cuda.current_device()] if self.device.type == "cuda" else []

    def rate(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0."""
        warm = max(1, round(self.options.warmup_share * self.total_steps))
        left = (self.total_steps - step) / max(1, self.total_steps - warm)
        return self.options.learning_rate * min(1.0, (step + 1) / warm, left)

    def train_step(self) -> float:
        """Do one step. Returns the mean cross-entropy per masked piece, in nats.

        Raises:
            ElmobenchError: if the loss is not finite.
        """
        options = self.options
        epoch, step_of_epoch = divmod(self.step, self.steps_per_epoch)
        if epoch != self._epoch:
            rng = np.random.default_rng([options.seed, _ORDER, epoch])
            self._order, self._epoch = rng.permutation(len(self.train)), epoch
        first = step_of_epoch * options.batch_size
        chosen = self._order[first : first + options.batch_size]
        rng = np.random.default_rng([options.seed, _MASKS, self.step])
        batch = masked_batch(self.train, chosen, options, self.vocabulary, rng)
        self.model.train()
        key = np.random.SeedSequence([options.seed, _DROPOUT, self.step])
        with torch.random.fork_rng(self._gpus()):
            torch.manual_seed(int(key.generate_state(1)[0]))
            loss = self._loss(batch)
            loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.parameters.values(), options.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        self.units_read += int(batch.attention.sum())
        value = float(loss.detach())
        if not math.isfinite(value):
            raise ElmobenchError(
                f"the loss is {value} at step {self.step}",
                fix="use a lower learning_rate, in a new folder",
            )
        return value

    def _loss(self, batch: MaskedBatch) -> Tensor:
        ids, attention, masked, targets = (
            tensor.to(self.device)
            for tensor in (
                batch.ids,
                batch.attention,
                # Their places, which a GPU's host would wait for.
                batch.masked.flatten().nonzero()[:, 0],
                batch.targets,
            )
        )
        hidden = self.model.bert(ids, attention_mask=attention).last_hidden_state
        # Scores of masked pieces only, which is a seventh of the work for all.
        scores = self.model.cls(hidden.flatten(0, 1)[masked])
        return nn.functional.cross_entropy(scores, targets)

    def progress_values(self, loss: float, units_per_second: float) -> dict[str, float]:
        """See :attr:`TrainingProgress.values`."""
        return {
            "pieces": self.units_read,
            "loss": loss,
            "rate": self.rate(self.step),
            "pieces_per_second": units_per_second,
        }

    def measure_heldout(self) -> float:
        """Held-out loss; of the whole held-out part at the last step."""
        finished = self.step == self.total_steps
        return self.heldout_loss(None if finished else self._checkpoint_sequences)

    @torch.no_grad()
    def heldout_loss(self, limit: int | None = None) -> float:
        """Mean cross-entropy per masked piece of held-out text in nats, with fixed masks.

        Args:
            limit: measure at most this many sequences.
        """
        self.model.eval()
        count = len(self.heldout) if limit is None else min(limit, len(self.heldout))
        total, masked = 0.0, 0
        for start in range(0, count, self.options.batch_size):
            chosen = np.arange(start, min(count, start + self.options.batch_size))
            rng = np.random.default_rng([_HELD_OUT, start])
            batch = masked_batch(self.heldout, chosen, self.options, self.vocabulary, rng)
            total += float(self._loss(batch)) * len(batch.targets)
            masked += len(batch.targets)
        return total / masked

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name."""
        tensors: dict[str, Tensor] = {f"weights:{name}": p for name, p in self.parameters.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            for kind, value in moments.items():
                tensors[f"{kind}:{self._names[index]}"] = torch.as_tensor(value)
        return tensors

    @property
    def guessing(self) -> float | None:
        """See :attr:`Trainer.guessing`; None for a text so short that nothing is held out."""
        return None if self.corpus.heldout_is_train else math.log(self.vocabulary)

    def comparable(self, heldout: Heldout) -> Heldout:
        """See :meth:`Trainer.comparable`; the measurement is in nats."""
        return heldout

    def checkpoint_facts(self) -> dict[str, Any]:
        """See :meth:`Trainer.checkpoint_facts`."""
        return {"pieces": self.units_read, "tokenizer": tokenizer_json(self.tokenizer)}

    def load(self, checkpoint: Checkpoint) -> None:
        """Resume from the result of :meth:`state`."""
        moments: dict[int, dict[str, Tensor]] = {}
        with torch.no_grad():
            for key, value in checkpoint.tensors.items():
                kind, _, name = key.partition(":")
                if kind == "weights":
                    self.parameters[name].copy_(value)
                else:
                    moments.setdefault(self._names.index(name), {})[kind] = value
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": moments})
        self.step, self.units_read = checkpoint.step, int(checkpoint.facts["pieces"])

    def export(self, folder: Path) -> None:
        """Write the model as it is; see :func:`~elmobench.pretraining.bert.export.export`."""
        export(folder, self.model, self.tokenizer, self.options.max_length)

    def summary(self, measured: Mapping[str, Any], folder: Path) -> ModelSummary:
        """Facts for the model card; see :meth:`Trainer.summary`."""
        options = self.options
        head = sum(p.numel() for n, p in self.parameters.items() if n.startswith("cls."))
        total = sum(p.numel() for p in self.parameters.values())
        return ModelSummary(
            provider="transformer",
            files={name: name for name in MODEL_FILES if (folder / name).is_file()},
            dim=options.hidden_size,
            layers=options.num_hidden_layers + 1,
            description=f"BERT: {options.num_hidden_layers} layers of {options.hidden_size} "
            f"values, {self.vocabulary:,} word pieces, cased",
            tokens_seen=round(len(self.corpus.train.tokens) * options.epochs),
            updates=self.step,
            parameters={"model": total - head, "prediction head, in training only": head},
            heldout={
                "masked cross-entropy (nats a piece)": measured["heldout"],
                "exp of it (no perplexity of a text)": exp(measured["heldout"]),
            },
            seconds=measured["seconds"],
        )


def train_bert(
    corpus: EncodedCorpus,
    options: BertOptions,
    out: Path,
    loop: LoopOptions | None = None,
    *,
    checkpoint_sequences: int = CHECKPOINT_SEQUENCES,
) -> TrainingResult[BertTrainer]:
    """Train from the last checkpoint in ``out``, or from the start.

    Args:
        corpus: the training text.
        options: shape and training.
        out: receives ``checkpoints/``, ``log.jsonl`` and, at each checkpoint, the model.
        loop: threads, reports, checkpoints and stopping.
        checkpoint_sequences: number of held-out sequences on which the loss is measured at a
            checkpoint; after the last step it is measured on all of them.

    Raises:
        ConfigError: if the options do not fit the corpus, or differ from those of the checkpoints
            in ``out``.
        ModelError: if something cannot be written, or the stored tokenizer is damaged.
        ElmobenchError: if the loss is not finite.
    """
    loop = loop or LoopOptions()
    identity = {
        "kind": "bert",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json"),
        **identity_of_device(loop.device),
    }
    folder = CheckpointFolder(out / CHECKPOINTS, identity)
    with training_on(loop.device, loop.threads) as device:
        checkpoint = folder.last()
        trainer = BertTrainer(
            corpus,
            options,
            wordpiece_of(
                corpus,
                options.vocab_size,
                folder.folder / WORDPIECE,
                None if checkpoint is None else checkpoint.facts["tokenizer"],
            ),
            device=device,
            checkpoint_sequences=checkpoint_sequences,
        )
        unknown = float((trainer.train.pieces == UNKNOWN).mean())
        if unknown > 1 - LEAST:
            warnings.warn(
                f"{100 * unknown:.1f} % of the pieces of the text are [UNK]: the vocabulary has "
                "few of its characters. Use a larger vocab_size",
                ElmobenchWarning,
                stacklevel=2,
            )
        return train(
            trainer,
            loop,
            out=out,
            folder=folder,
            checkpoint=checkpoint,
            export=lambda: trainer.export(out),
        )
