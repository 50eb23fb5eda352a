"""Training a biLM: interruptible, resumable to the bit."""

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
from torch import Tensor
from torch.nn import functional as F

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.pretraining.bilm.evaluate import perplexity, targets
from elmobench.pretraining.bilm.export import WEIGHTS, export
from elmobench.pretraining.bilm.mixed_precision import check_arithmetic, products
from elmobench.pretraining.bilm.network import (
    SOFTMAX_BIAS,
    SOFTMAX_WEIGHT,
    CharacterTable,
    State,
    initial_weights,
    run_direction,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.optimizer import Optimizer
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.pair import Pair
from elmobench.pretraining.bilm.sampled_softmax import (
    SampledLoss,
    draw_log_uniform,
    sampled_softmax,
)
from elmobench.pretraining.bilm.start import read_start
from elmobench.pretraining.bilm.stream import EpochText, lay_out
from elmobench.pretraining.checkpoints import CheckpointFolder, trim_log, writing
from elmobench.pretraining.distributed import Group
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.vocabulary import Vocabulary

LOG = "log.jsonl"
CHECKPOINT_HELDOUT = 20_000
"""Tokens of the held-out part that are measured at a checkpoint; at the end all of it is."""
_HELD_OUT_ROWS = 16
_ORDER, _NEGATIVES, _DROPOUT = 1, 2, 3


@dataclass(frozen=True)
class Progress:
    """Where training stands.

    Attributes:
        step: steps done, of ``total``.
        total: steps of the whole run.
        tokens: tokens read by each direction so far.
        perplexity: of training, by the sampled softmax, since the last report.
        heldout: exact perplexities forward and backward, where they were just measured.
        rate: the learning rate.
        tokens_per_second: since the last report, measuring left out.
        seconds: of training in all, over all its parts.
    """

    step: int
    total: int
    tokens: int
    perplexity: float
    heldout: tuple[float, float] | None
    rate: float
    tokens_per_second: float
    seconds: float


class Bilm:
    """The weights of a biLM in training, its optimizer and its place in the text.

    Args:
        corpus: what it is trained on.
        options: shape and training.
        threads: torch threads; results depend on them to the bit.
        start: folder of a trained model to go on from; see :func:`read_start`.
        group: processes that share the rows of each step.
    """

    def __init__(
        self,
        corpus: EncodedCorpus,
        options: BilmOptions,
        threads: int,
        start: Path | None = None,
        group: Group | None = None,
    ) -> None:
        check_arithmetic(options.arithmetic)
        self.options = options
        self.corpus = corpus
        self.group = group or Group()
        if options.batch_size % self.group.size:
            raise ConfigError(
                f"batch_size {options.batch_size} cannot be shared out to "
                f"{self.group.size} processes",
                fix="take a multiple of the number of processes",
            )
        words = min(options.n_tokens_vocab or len(corpus.types), len(corpus.types))
        self.vocabulary = Vocabulary(corpus.types.words[:words])
        self.weights = initial_weights(options, words)
        if start is not None:
            self.weights = read_start(start, options, self.vocabulary, self.weights)
        for weight in self.weights.values():
            weight.requires_grad_()
        self.table = CharacterTable(corpus.types.words, options.char_cnn.max_characters_per_token)
        self.step = 0
        self._pair = Pair(threads)
        self._spelling = [
            name for name in self.weights if not name.startswith(("RNN_", "softmax/"))
        ]
        self._epoch = -1
        self._text = self._lay_out(0)
        self.steps_per_epoch = self._text.steps(options.unroll_steps)
        if self.steps_per_epoch == 0:
            raise ConfigError(
                "the corpus is shorter than one step",
                fix="give more text, or a smaller batch_size or unroll_steps",
            )
        self.total_steps = max(1, round(self.steps_per_epoch * options.n_epochs))
        self.optimizer = Optimizer(self.weights, options, self.total_steps)
        rows = options.batch_size // self.group.size
        self.states = [zero_state(options, rows) for _ in range(2)]

    def _lay_out(self, epoch: int) -> EpochText:
        if epoch != self._epoch:
            rng = np.random.default_rng([self.options.seed, _ORDER, epoch])
            self._text = lay_out(self.corpus.train, self.options.batch_size, rng)
            self._epoch = epoch
        return self._text

    def train_step(self) -> float:
        """One step; returns the mean sampled cross-entropy a token, in nats.

        Raises:
            ElmobenchError: if loss or gradients are no numbers; the weights are then as before.
        """
        with self._pair.threads():
            return self._train_step()

    def _train_step(self) -> float:
        options = self.options
        epoch, place = divmod(self.step, self.steps_per_epoch)
        mine = self.group.mine(options.batch_size)
        pairs = [
            (inputs[:, mine], following[:, mine])
            for inputs, following in self._lay_out(epoch).stretch(place, options.unroll_steps)
        ]
        types, where = np.unique(np.concatenate([p[0] for p in pairs]), return_inverse=True)
        # Every other word is a thread's, so that both get long words and short ones.
        parts = min(self._pair.size, len(types))
        shares = self._pair.map(
            lambda k: word_vectors(self.weights, options, *self.table.rows(types[k::parts])),
            parts,
        )
        vectors = torch.empty(len(types), options.lstm.projection_dim)
        for k, share in enumerate(shares):
            vectors[k::parts] = share.detach()
        shape = (2, options.unroll_steps, mine.stop - mine.start)
        places = torch.from_numpy(where.reshape(shape))
        # As bilm-tf: the mean over positions and directions, times the steps of a stretch.
        scale = options.unroll_steps / (2 * options.positions_per_step)

        def direction(d: int) -> tuple[SampledLoss, Tensor, State]:
            leaf = vectors.clone().requires_grad_()
            out, state = run_direction(
                self.weights,
                options,
                d,
                F.embedding(places[d], leaf),
                self.states[d],
                self._generator(d),
            )
            words = len(self.vocabulary)
            loss = sampled_softmax(
                out.detach().flatten(0, 1),
                targets(pairs[d][1], words),
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

        # The character CNN stays outside: its products have other shapes in every step, and each
        # shape would be compiled anew.
        with products(options.arithmetic):
            results = self._pair.map(direction, 2)
        grad = results[0][1] + results[1][1]
        spelling = [self.weights[name] for name in self._spelling]
        found = self._pair.map(
            lambda k: torch.autograd.grad(shares[k], spelling, grad[k::parts]), parts
        )
        for weight, *terms in zip(spelling, *found, strict=True):
            weight.grad = sum(terms[1:], start=terms[0])
        total = torch.tensor([sum(result[0].loss for result in results)], dtype=torch.float64)
        self.group.add_up([total])
        mean = float(total) / (2 * options.positions_per_step)
        losses = [result[0] for result in results]
        norm = self.optimizer.gather(losses, scale, self.group)
        if not (math.isfinite(mean) and math.isfinite(norm)):
            # Before the update: the weights, and a checkpoint of them, stay good.
            raise ElmobenchError(
                f"the loss is {mean} and the norm of its gradients {norm} at step {self.step}",
                fix="use a lower learning_rate, or more warmup_steps",
            )
        self.optimizer.step(self.step, norm)
        self.states = [result[2] for result in results]
        self.step += 1
        return mean

    def _generator(self, direction: int) -> torch.Generator:
        """Dropout of this step and direction, whatever was drawn before."""
        place = [self.step, direction, *([self.group.rank] if self.group.size > 1 else [])]
        key = np.random.SeedSequence([self.options.seed, _DROPOUT, *place])
        return torch.Generator().manual_seed(int(key.generate_state(1, np.uint64)[0] >> 1))

    def heldout_perplexity(self, most: int | None = None) -> tuple[float, float]:
        """Exact perplexities, forward and backward, on the held-out part or its beginning."""
        heldout = self.corpus.heldout
        tokens = len(heldout.tokens) + 2 * len(heldout)
        # A short text gets fewer rows, each of some length.
        text = lay_out(heldout, max(1, min(_HELD_OUT_ROWS, tokens // 100)))
        with self._pair.threads():
            return perplexity(self.weights, self.options, self.table, text, most, self._pair)

    def state(self) -> dict[str, Tensor]:
        """All that is needed to go on, by name; of all processes, so all must ask for it."""
        found = {f"weights:{name}": weight for name, weight in self.weights.items()}
        found |= {f"optimizer:{name}": value for name, value in self.optimizer.state().items()}
        for d, layers in enumerate(self.states):
            for layer, (h, c) in enumerate(layers):
                found[f"state:{d}:{layer}:h"] = self.group.concatenated(h)
                found[f"state:{d}:{layer}:c"] = self.group.concatenated(c)
        return found

    def load(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Go on where :meth:`state` was taken."""
        kinds: dict[str, dict[str, Tensor]] = {"weights": {}, "optimizer": {}, "state": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(":")
            kinds[kind][rest] = tensor
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(kinds["weights"][name])
        self.optimizer.load(kinds["optimizer"])
        mine = self.group.mine(self.options.batch_size)
        self.states = [
            [
                (kinds["state"][f"{d}:{layer}:h"][mine], kinds["state"][f"{d}:{layer}:c"][mine])
                for layer in range(self.options.lstm.n_layers)
            ]
            for d in range(2)
        ]
        self.step = step


def train_bilm(
    corpus: EncodedCorpus,
    options: BilmOptions,
    out: Path,
    *,
    start: Path | None = None,
    group: Group | None = None,
    threads: int = 2,
    report_steps: int = 50,
    checkpoint_seconds: float = 600.0,
    heldout_tokens: int = CHECKPOINT_HELDOUT,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Progress], object] | None = None,
) -> Bilm:
    """Train from the last checkpoint in ``out``, or from the start; export at the end.

    Args:
        corpus: the text.
        options: shape and training.
        out: gets ``checkpoints/``, ``log.jsonl`` and, at each checkpoint, the model.
        start: folder of a trained model to go on from, on this text.
        group: processes that train together; the first one measures and writes.
        threads: torch threads; two let a direction have one each.
        report_steps: steps between two reports.
        checkpoint_seconds: between two checkpoints.
        heldout_tokens: how much of the held-out part is measured at a checkpoint; at the end
            all of it is.
        stop: asked after each step; a checkpoint is written before returning.
        on_progress: told at each report.

    Raises:
        ConfigError: for options that do not fit the corpus, or the checkpoints in ``out``.
        ModelError: if something cannot be written.
        ElmobenchError: if loss or gradients are no numbers.
    """
    identity = {
        "kind": "bilm",
        "corpus": corpus.digest,
        "options": options.model_dump(mode="json"),
        "start": None if start is None else file_sha256(start / WEIGHTS),
    }
    folder = CheckpointFolder(out / "checkpoints", identity)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        model = Bilm(corpus, options, threads, start, group)
        seconds = 0.0
        if (last := folder.last()) is not None:
            model.load(last.step, last.tensors)
            seconds = float(last.facts["seconds"])
        if model.group.first:
            trim_log(out / LOG, model.step)
        run = _Run(model, folder, out, seconds, on_progress)
        while model.step < model.total_steps:
            run.train_step(report_steps)
            done = model.step == model.total_steps
            stopping = model.group.any(stop())
            if model.group.any(stopping or done or run.since_checkpoint > checkpoint_seconds):
                run.checkpoint(None if done else heldout_tokens)
            if stopping:
                break
        return model
    finally:
        torch.set_num_threads(before)


class _Run:
    """Clocks and logs of a training run."""

    def __init__(
        self,
        model: Bilm,
        folder: CheckpointFolder,
        out: Path,
        seconds: float,
        on_progress: Callable[[Progress], object] | None,
    ) -> None:
        self._model, self._folder, self._out = model, folder, out
        self._on_progress = on_progress
        self._seconds = seconds
        self._checkpointed = time.perf_counter()
        self._losses: list[float] = []
        self._spent = 0.0
        self._rate = 0.0

    @property
    def since_checkpoint(self) -> float:
        """Seconds since the last one."""
        return time.perf_counter() - self._checkpointed

    def train_step(self, report_steps: int) -> None:
        """One step, and a report where one is due."""
        start = time.perf_counter()
        self._losses.append(self._model.train_step())
        self._spent += time.perf_counter() - start
        if len(self._losses) >= report_steps:
            self.report()

    def report(self, heldout: tuple[float, float] | None = None) -> None:
        """Log where training stands."""
        model = self._model
        if self._losses:
            self._rate = (
                len(self._losses) * model.options.positions_per_step / max(self._spent, 1e-9)
            )
        self._seconds += self._spent
        progress = Progress(
            step=model.step,
            total=model.total_steps,
            tokens=model.step * model.options.positions_per_step,
            perplexity=math.exp(float(np.mean(self._losses))) if self._losses else math.nan,
            heldout=heldout,
            rate=model.optimizer.rate(model.step),
            tokens_per_second=self._rate,
            seconds=self._seconds,
        )
        self._losses, self._spent = [], 0.0
        if not model.group.first:
            return
        self._out.mkdir(parents=True, exist_ok=True)
        row: dict[str, Any] = {k: v for k, v in asdict(progress).items() if v == v}
        with writing(self._out / LOG), (self._out / LOG).open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
        if self._on_progress is not None:
            self._on_progress(progress)

    def checkpoint(self, heldout_tokens: int | None) -> None:
        """Measure, write the state, then the model as it is now."""
        model = self._model
        state = model.state()
        if model.group.first:
            self.report(model.heldout_perplexity(heldout_tokens))
            self._folder.write(model.step, state, {"seconds": self._seconds})
            with writing(self._out):
                export(self._out, model.weights, model.options, model.vocabulary)
        else:
            self.report()
        model.group.wait()
        self._checkpointed = time.perf_counter()
