"""Train a biLM; a run can be interrupted and resumed to the same bits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.core.parsing import parsing
from elmobench.features.elmo.loading import check_size, expected_shapes
from elmobench.pretraining.bilm.evaluate import perplexity, targets
from elmobench.pretraining.bilm.export import OPTIONS, WEIGHTS, export
from elmobench.pretraining.bilm.mixed_precision import check_arithmetic, products
from elmobench.pretraining.bilm.network import (
    SOFTMAX_BIAS,
    SOFTMAX_WEIGHT,
    CharacterTable,
    State,
    elmo_options,
    initial_weights,
    run_direction,
    weight_count,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.optimizer import Optimizer
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.sampled_softmax import (
    SampledLoss,
    draw_log_uniform,
    sampled_softmax,
)
from elmobench.pretraining.bilm.start import read_start
from elmobench.pretraining.bilm.stream import EpochText, batch_epoch
from elmobench.pretraining.bilm.thread_pair import ThreadPair
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.device import CPU, generator_on, identity_of_device, training_on
from elmobench.pretraining.distributed import ProcessGroup
from elmobench.pretraining.divergence import exp
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.loop import LoopOptions, TrainingResult, train
from elmobench.pretraining.memory import check_memory
from elmobench.pretraining.progress import Heldout
from elmobench.pretraining.run_folder import CHECKPOINTS
from elmobench.pretraining.summary import ModelSummary
from elmobench.pretraining.vocabulary import Vocabulary

CHECKPOINT_TOKENS = 20_000
"""Tokens of the held-out part that are measured at a checkpoint; at the end all are."""
_HELD_OUT_ROWS = 16
_ORDER, _NEGATIVES, _DROPOUT = 1, 2, 3


class BilmTrainer:
    """A biLM in training: its weights, its optimizer and its position in the text.

    Args:
        corpus: the training text.
        options: shape and training.
        threads: torch threads; results depend on their number in the last bits.
        device: where it is trained, inside :func:`training_on`.
        start: folder of a trained model to start from; see :func:`read_start`.
        group: processes that divide the rows of each step.
        checkpoint_tokens: how many held-out tokens are measured at a checkpoint; at the end all
            are.

    Raises:
        ConfigError: for options that do not fit the corpus, the group or this machine (its
            processor or its memory).
        DataError: if there is too little text for ``batch_size`` rows.
        ModelError: if the model to start from is damaged, or the options give one that is too large
            to be read again.
    """

    kind: ClassVar[str] = "bilm"

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: BilmOptions,
        *,
        threads: int = 2,
        device: torch.device = CPU,
        start: Path | None = None,
        group: ProcessGroup | None = None,
        checkpoint_tokens: int = CHECKPOINT_TOKENS,
    ) -> None:
        check_arithmetic(options.arithmetic, device)
        self.device = device
        self.options = options
        self.corpus = corpus
        self.group = group or ProcessGroup()
        if options.batch_size % self.group.size:
            raise ConfigError(
                f"batch_size {options.batch_size} cannot be divided evenly between "
                f"{self.group.size} processes",
                fix="use a multiple of the number of processes",
            )
        words = min(options.n_tokens_vocab or len(corpus.types), len(corpus.types))
        self.vocabulary = Vocabulary(corpus.types.words[:words])
        negatives = min(options.n_negative_samples_batch, words)
        characters = len(corpus.types) * options.char_cnn.max_characters_per_token
        check_memory(
            weight_count(options, words),
            min(options.positions_per_step, len(corpus.train.tokens)) * negatives + 2 * characters,
            device,
        )
        # A larger one could be trained and written, but no longer read.
        check_size(expected_shapes(elmo_options(options)), "the options")
        self.weights = initial_weights(options, words)
        if start is not None:
            self.weights = read_start(start, options, self.vocabulary, self.weights)
        # Drawn on the processor: every device starts from the same weights.
        self.weights = {
            name: weight.to(device).requires_grad_() for name, weight in self.weights.items()
        }
        self.table = CharacterTable(corpus.types.words, options.char_cnn.max_characters_per_token)
        self.step = 0
        self._checkpoint_tokens = checkpoint_tokens
        # One thread is enough to keep a GPU busy.
        self._pair = ThreadPair(threads if device.type == "cpu" else 1)
        self._character_weights = [
            name for name in self.weights if not name.startswith(("RNN_", "softmax/"))
        ]
        self._epoch = -1
        self._text = self.epoch_text(0)
        self.steps_per_epoch = self._text.steps(options.unroll_steps)
        if self.steps_per_epoch == 0:
            raise ConfigError(
                "the corpus is shorter than one step",
                fix="give more text, or a smaller batch_size or unroll_steps",
            )
        self.total_steps = max(1, round(self.steps_per_epoch * options.n_epochs))
        self.optimizer = Optimizer(self.weights, options, self.total_steps)
        rows = options.batch_size // self.group.size
        self.states = [zero_state(options, rows, device) for _ in range(2)]

    def epoch_text(self, epoch: int) -> EpochText:
        """The text of an epoch, in this epoch's random order of sentences."""
        if epoch != self._epoch:
            rng = np.random.default_rng([self.options.seed, _ORDER, epoch])
            self._text = batch_epoch(self.corpus.train, self.options.batch_size, rng)
            self._epoch = epoch
        return self._text

    @property
    def units_read(self) -> int:
        """Tokens that each direction has read."""
        return self.step * self.options.positions_per_step

    def train_step(self) -> float:
        """Do one step. Returns the mean sampled cross-entropy per token, in nats.

        Raises:
            ElmobenchError: if loss or gradients are not finite; the weights are then unchanged.
        """
        with self._pair.half_of_threads():
            return self._train_step()

    # Long: the parts of one step share too many tensors to be split up.
    def _train_step(self) -> float:
        """See :meth:`train_step`."""
        options = self.options
        epoch, step_of_epoch = divmod(self.step, self.steps_per_epoch)
        my_rows = self.group.my_rows(options.batch_size)
        batches = [
            (inputs[:, my_rows], following[:, my_rows])
            for inputs, following in self.epoch_text(epoch).window(
                step_of_epoch, options.unroll_steps
            )
        ]
        types, inverse = np.unique(
            np.concatenate([inputs for inputs, _ in batches]), return_inverse=True
        )
        # Each thread takes every other word, so that both get long words and short ones.
        parts = min(self._pair.size, len(types))
        vector_parts = self._pair.map(
            lambda k: word_vectors(self.weights, options, *self.table.rows(types[k::parts])),
            parts,
        )
        vectors = torch.empty(len(types), options.lstm.projection_dim, device=self.device)
        for k, part in enumerate(vector_parts):
            vectors[k::parts] = part.detach()
        shape = (2, options.unroll_steps, my_rows.stop - my_rows.start)
        vector_ids = torch.from_numpy(inverse.reshape(shape)).to(self.device)
        # As in bilm-tf: the mean over positions and directions, times the unrolled steps.
        scale = options.unroll_steps / (2 * options.positions_per_step)

        def direction(d: int) -> tuple[SampledLoss, Tensor, State]:
            leaf = vectors.clone().requires_grad_()
            out, state = run_direction(
                self.weights,
                options,
                d,
                F.embedding(vector_ids[d], leaf),
                self.states[d],
                self._generator(d),
            )
            words = len(self.vocabulary)
            loss = sampled_softmax(
                out.detach().flatten(0, 1),
                targets(batches[d][1], words),
                self.weights[SOFTMAX_WEIGHT].detach(),
                self.weights[SOFTMAX_BIAS].detach(),
                draw_log_uniform(
                    min(options.n_negative_samples_batch, words),
                    words,
                    np.random.default_rng([options.seed, _NEGATIVES, self.step, d]),
                ),
            )
            out.backward(loss.positions.mul_(scale).view_as(out))  # type: ignore[no-untyped-call]
            assert leaf.grad is not None
            return loss, leaf.grad, state

        # The character CNN is outside of this block: the shapes of its products differ between
        # steps, and each shape would be compiled anew.
        with products(options.arithmetic):
            results = self._pair.map(direction, 2)
        vector_grad = results[0][1] + results[1][1]
        character_weights = [self.weights[name] for name in self._character_weights]
        grads = self._pair.map(
            lambda k: torch.autograd.grad(
                vector_parts[k], character_weights, vector_grad[k::parts]
            ),
            parts,
        )
        for weight, *terms in zip(character_weights, *grads, strict=True):
            weight.grad = sum(terms[1:], start=terms[0])
        losses = [result[0] for result in results]
        total = losses[0].loss + losses[1].loss
        self.group.all_reduce([total])
        norm = self.optimizer.gather(losses, scale, self.group)
        mean = float(total) / (2 * options.positions_per_step)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            # Before the update, so that the weights, and a checkpoint of them, stay good.
            raise ElmobenchError(
                f"the loss is {mean} and the norm of its gradients {norm} at step {self.step}",
                fix="use a lower learning_rate, or more warmup_steps, in a new folder",
            )
        self.optimizer.step(self.step, norm)
        self.states = [result[2] for result in results]
        self.step += 1
        return mean

    def _generator(self, direction: int) -> torch.Generator:
        """The random stream of dropout; depends on step, direction and process only."""
        place = [self.step, direction, *([self.group.rank] if self.group.size > 1 else [])]
        key = np.random.SeedSequence([self.options.seed, _DROPOUT, *place])
        return generator_on(self.device, int(key.generate_state(1, np.uint64)[0] >> 1))

    def progress_values(self, loss: float, units_per_second: float) -> dict[str, float]:
        """See :attr:`TrainingProgress.values`."""
        return {
            "tokens": self.units_read,
            "perplexity": exp(loss),
            "rate": self.optimizer.rate(self.step),
            "tokens_per_second": units_per_second,
        }

    def measure_heldout(self) -> tuple[float, float]:
        """Perplexities, forward and backward; of the whole held-out part at the last step."""
        finished = self.step == self.total_steps
        return self.heldout_perplexity(None if finished else self._checkpoint_tokens)

    def heldout_perplexity(self, limit: int | None = None) -> tuple[float, float]:
        """Exact perplexities, forward and backward, on about the first ``limit`` held-out tokens,
        or on all of them."""
        heldout = self.corpus.heldout
        tokens = len(heldout.tokens) + 2 * len(heldout)
        # A short text is divided into fewer rows, so that each has some length.
        text = batch_epoch(heldout, max(1, min(_HELD_OUT_ROWS, tokens // 100)))
        with self._pair.half_of_threads():
            return perplexity(
                self.weights, self.options, self.table, text, limit=limit, pair=self._pair
            )

    def state(self) -> dict[str, Tensor]:
        """All tensors that resuming needs, by name. Every process of the group must call it."""
        tensors = {f"weights:{name}": weight for name, weight in self.weights.items()}
        tensors |= {f"optimizer:{name}": value for name, value in self.optimizer.state().items()}
        for d, layers in enumerate(self.states):
            for layer, (h, c) in enumerate(layers):
                tensors[f"state:{d}:{layer}:h"] = self.group.all_gather(h)
                tensors[f"state:{d}:{layer}:c"] = self.group.all_gather(c)
        return tensors

    @property
    def guessing(self) -> float | None:
        """See :attr:`Trainer.guessing`; None for a text so short that nothing is held out."""
        return None if self.corpus.heldout_is_train else math.log(len(self.vocabulary))

    def comparable(self, heldout: Heldout) -> Heldout:
        """See :meth:`Trainer.comparable`; the measurement is a pair of perplexities."""
        forward, backward = heldout if isinstance(heldout, tuple) else (heldout, heldout)
        return math.log(forward), math.log(backward)

    def checkpoint_facts(self) -> dict[str, Any]:
        """See :meth:`Trainer.checkpoint_facts`."""
        return {}

    def load(self, checkpoint: Checkpoint) -> None:
        """Resume from the result of :meth:`state`."""
        kinds: dict[str, dict[str, Tensor]] = {"weights": {}, "optimizer": {}, "state": {}}
        for name, tensor in checkpoint.tensors.items():
            kind, _, rest = name.partition(":")
            kinds[kind][rest] = tensor
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(kinds["weights"][name])
        self.optimizer.load(kinds["optimizer"])
        my_rows = self.group.my_rows(self.options.batch_size)
        states = kinds["state"]
        self.states = [
            [
                (
                    states[f"{d}:{layer}:h"][my_rows].to(self.device),
                    states[f"{d}:{layer}:c"][my_rows].to(self.device),
                )
                for layer in range(self.options.lstm.n_layers)
            ]
            for d in range(2)
        ]
        self.step = checkpoint.step

    def export(self, folder: Path) -> None:
        """Write the model as it is; see :func:`~elmobench.pretraining.bilm.export.export`."""
        export(folder, self.weights, self.options, self.vocabulary)

    def summary(self, measured: Mapping[str, Any], folder: Path) -> ModelSummary:
        """Facts for the model card; see :meth:`Trainer.summary`."""
        softmax = sum(w.numel() for n, w in self.weights.items() if n.startswith("softmax/"))
        total = sum(w.numel() for w in self.weights.values())
        lstm = self.options.lstm
        return ModelSummary(
            provider="elmo",
            files={"options": OPTIONS, "weights": WEIGHTS},
            dim=2 * lstm.projection_dim,
            layers=lstm.n_layers + 1,
            description=f"ELMo: {lstm.n_layers} layers of {lstm.dim} cells and "
            f"{lstm.projection_dim} values per direction",
            tokens_seen=measured["tokens"],
            updates=self.step,
            parameters={"model": total - softmax, "softmax, in training only": softmax},
            heldout={
                "perplexity forward": measured["heldout"][0],
                "perplexity backward": measured["heldout"][1],
            },
            seconds=measured["seconds"],
        )


def train_bilm(
    corpus: EncodedCorpus,
    options: BilmOptions,
    out: Path,
    loop: LoopOptions | None = None,
    *,
    start: Path | None = None,
    group: ProcessGroup | None = None,
    checkpoint_tokens: int = CHECKPOINT_TOKENS,
) -> TrainingResult[BilmTrainer]:
    """Train from the last checkpoint in ``out``, or from the start.

    Args:
        corpus: the training text.
        options: shape and training.
        out: receives ``checkpoints/``, ``log.jsonl`` and, at each checkpoint, the model.
        loop: threads, reports, checkpoints and stopping.
        start: folder of a trained model to start from.
        group: processes that train together; the first one measures and writes.
        checkpoint_tokens: how many held-out tokens are measured at a checkpoint; at the end all
            are.

    Raises:
        ConfigError: for options that do not fit the corpus, or the checkpoints in ``out``.
        ModelError: if something cannot be written.
        ElmobenchError: if loss or gradients are not finite.
    """
    loop = loop or LoopOptions()
    identity = {
        "kind": "bilm",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json"),
        "start": None if start is None else _weights_digest(start),
        **identity_of_device(loop.device),
    }
    folder = CheckpointFolder(out / CHECKPOINTS, identity)
    with training_on(loop.device, loop.threads) as device:
        checkpoint = folder.last()
        trainer = BilmTrainer(
            corpus,
            options,
            threads=loop.threads,
            device=device,
            start=start,
            group=group,
            checkpoint_tokens=checkpoint_tokens,
        )
        return train(
            trainer,
            loop,
            out=out,
            folder=folder,
            checkpoint=checkpoint,
            export=lambda: trainer.export(out),
            group=trainer.group,
        )


def _weights_digest(folder: Path) -> str:
    with parsing(folder / WEIGHTS, ModelError, fix="give the folder of a trained biLM"):
        return file_sha256(folder / WEIGHTS)
