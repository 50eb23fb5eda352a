"""Training of a biLM: network against the exported model, text order, learning, checkpoints."""

from __future__ import annotations

import json
import math
import resource
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import small_corpus, small_options
from torch.nn import functional as F

from elmobench import load_provider
from elmobench.core.errors import ConfigError, DataError, ElmobenchError
from elmobench.pretraining.bilm import stream
from elmobench.pretraining.bilm.evaluate import perplexity
from elmobench.pretraining.bilm.export import export
from elmobench.pretraining.bilm.mixed_precision import has_bf16_products
from elmobench.pretraining.bilm.network import (
    SOFTMAX_BIAS,
    SOFTMAX_WEIGHT,
    CharacterTable,
    initial_weights,
    run_direction,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.stream import batch_epoch
from elmobench.pretraining.bilm.train import BilmTrainer, train_bilm
from elmobench.pretraining.checkpoints import Checkpoint, CheckpointFolder
from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.loop import LOG, LoopOptions
from elmobench.pretraining.vocabulary import Vocabulary


def test_vectors_are_those_of_the_exported_model(tmp_path: Path) -> None:
    options = small_options()
    weights = initial_weights(options, 31)
    generator = torch.Generator().manual_seed(1)
    for weight in weights.values():
        # Larger than at the start, so that both clips take effect.
        weight.mul_(2.0).add_(torch.randn(weight.shape, generator=generator) * 0.2)
    sentence = ["Ein", "Wörtchen", "x" * 40, "", "日本", "."]
    vocabulary = Vocabulary(["<S>", "</S>", "<UNK>", *(f"v{i}" for i in range(28))])
    export(tmp_path / "m", weights, options, vocabulary)
    provider = load_provider(f"elmo:{tmp_path / 'm'}")
    (expected,) = provider.encode([sentence])

    words = ("<S>", *sentence, "</S>")
    table = CharacterTable(words, options.char_cnn.max_characters_per_token)
    vectors = word_vectors(weights, options, *table.rows(np.arange(len(words))))
    p = options.lstm.projection_dim
    np.testing.assert_allclose(vectors[1:-1].numpy(), expected[0][:, :p], atol=5e-6)
    for d, order in enumerate((1, -1)):
        x = vectors.flip(0) if order < 0 else vectors
        out, _ = run_direction(weights, options, d, x.unsqueeze(1), zero_state(options, 1))
        top = out[1:-1, 0]
        top = top.flip(0) if order < 0 else top
        np.testing.assert_allclose(top.numpy(), expected[2][:, d * p : (d + 1) * p], atol=5e-6)
    values = json.loads((tmp_path / "m" / "options.json").read_text())
    assert values["char_cnn"]["n_characters"] == 262
    assert BilmOptions.model_validate(values).lstm == options.lstm


def test_word_vectors_do_not_depend_on_the_batch() -> None:
    options = small_options()
    weights = initial_weights(options, 31)
    words = ("a", "bc", "deffff", "g" * 12, "h" * 30, "<S>", "</S>")
    table = CharacterTable(words, options.char_cnn.max_characters_per_token)
    together = word_vectors(weights, options, *table.rows(np.arange(len(words))))
    for i in range(len(words)):
        alone = word_vectors(weights, options, *table.rows(np.array([i])))
        torch.testing.assert_close(alone[0], together[i], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shuffled", [False, True])
def test_rows_of_an_epoch_equal_a_simple_loop(
    shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "_SENTENCES", 7)
    rng = np.random.default_rng(5)
    sentences = [list(range(3 + 10 * i, 3 + 10 * i + int(rng.integers(1, 7)))) for i in range(40)]
    offsets = np.cumsum([0, *map(len, sentences)])
    part = EncodedPart(np.array([k for s in sentences for k in s], np.int32), offsets)
    order = list(range(40))
    if shuffled:
        order = np.random.default_rng(9).permutation(40).tolist()
    forward, backward = [], []
    for i in order:
        forward += [0, *sentences[i], 1]
        backward += [1, *sentences[i][::-1], 0]
    text = batch_epoch(part, 3, np.random.default_rng(9) if shuffled else None)
    length = len(forward) // 3
    assert text.forward.tolist() == [forward[r * length : (r + 1) * length] for r in range(3)]
    assert text.backward.tolist() == [backward[r * length : (r + 1) * length] for r in range(3)]
    (inputs, following), _ = text.window(1, 5)
    assert inputs.T.tolist() == [row[5:10] for row in text.forward.tolist()]
    assert following.T.tolist() == [row[6:11] for row in text.forward.tolist()]
    with pytest.raises(DataError, match="too few for 1000 rows"):
        batch_epoch(part, 1000)


def test_perplexity_equals_the_full_softmax(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    options = small_options()
    weights = initial_weights(options, 31)
    table = CharacterTable(corpus.types.words, 20)
    text = batch_epoch(corpus.heldout, 2)
    got = perplexity(weights, options, table, text)
    everything = word_vectors(weights, options, *table.rows(np.arange(len(corpus.types))))
    length = text.steps(20) * 20
    for d, ids in enumerate((text.forward, text.backward)):
        x = F.embedding(torch.from_numpy(ids[:, :length].T.astype(np.int64)), everything)
        out, _ = run_direction(weights, options, d, x, zero_state(options, 2))
        following = torch.from_numpy(ids[:, 1 : length + 1].T.astype(np.int64))
        following[following >= 31] = 2
        logits = out @ weights["softmax/W"].t() + weights["softmax/b"]
        loss = F.cross_entropy(logits.flatten(0, 1), following.flatten())
        assert got[d] == pytest.approx(math.exp(float(loss)), rel=1e-5)


@pytest.mark.nightly
@pytest.mark.parametrize("optimizer", ["adam", pytest.param("adagrad", marks=pytest.mark.slow)])
def test_training_learns_from_preceding_words(tmp_path: Path, optimizer: str) -> None:
    corpus = small_corpus(tmp_path)
    rate, epochs = {"adam": (0.02, 3), "adagrad": (0.2, 6)}[optimizer]
    options = small_options(
        optimizer=optimizer, learning_rate=rate, dropout=0.0, n_epochs=epochs, decay="cosine"
    )
    loop = LoopOptions(threads=1, report_steps=40)
    trainer = train_bilm(corpus, options, tmp_path / "out", loop).trainer
    forward, backward = trainer.heldout_perplexity()
    # Without context the text has this perplexity, ends of sentences included.
    counts: Counter[int] = Counter()
    for i in range(len(corpus.heldout)):
        counts.update([0, *corpus.heldout.sentence(i).tolist(), 1])
    total = sum(counts.values())
    unigram = math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))
    # The generator's own: two next words, and where sentences end.
    assert forward < 0.4 * unigram
    assert backward < 0.4 * unigram
    rows = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["heldout"] == [forward, backward]
    assert rows[-1]["tokens"] == rows[-1]["step"] * 48


CODE = """
import os, signal, sys
from pathlib import Path
import torch
sys.path.insert(0, sys.argv[1])
from small_corpus import small_corpus, small_options
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.loop import LoopOptions
root, out, kill_step = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
def kill(progress):
    if progress.step == kill_step and progress.heldout is None:
        os.kill(os.getpid(), signal.SIGKILL)
loop = LoopOptions(threads=2, report_steps=1, checkpoint_seconds=0.0, on_progress=kill)
options = small_options(optimizer=sys.argv[5], n_epochs=1)
trainer = train_bilm(small_corpus(root, 120), options, out, loop, checkpoint_tokens=100).trainer
print(trainer.step, sum(float(w.detach().double().abs().sum()) for w in trainer.weights.values()))
"""


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", [pytest.param("adam", marks=pytest.mark.nightly), "adagrad"])
def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path: Path, optimizer: str) -> None:
    def run(out: str, kill_step: int) -> subprocess.CompletedProcess[str]:
        here = str(Path(__file__).parents[1] / "helpers")
        arguments = [here, str(tmp_path), str(tmp_path / out), str(kill_step), optimizer]
        return subprocess.run(
            [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True
        )

    whole = run("whole", -1)
    assert whole.returncode == 0, whole.stderr
    killed = run("killed", 9)
    assert killed.returncode == -signal.SIGKILL
    resumed = run("killed", -1)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == whole.stdout
    for name in ("weights.hdf5", "softmax.safetensors", "options.json", "vocabulary.txt"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    logs = [
        [json.loads(line)["step"] for line in (tmp_path / out / LOG).read_text().splitlines()]
        for out in ("killed", "whole")
    ]
    # Rows are in order; checkpoints add rows of their own.
    assert all(steps == sorted(steps) for steps in logs)
    assert logs[0][-1] == logs[1][-1]


def test_gradients_that_are_not_finite_do_not_change_the_weights(tmp_path: Path) -> None:
    model = BilmTrainer(small_corpus(tmp_path), small_options(), threads=2)
    with torch.no_grad():
        model.weights["softmax/W"][5] = torch.inf
    before = {name: weight.detach().clone() for name, weight in model.weights.items()}
    with pytest.raises(ElmobenchError, match="lower learning_rate"):
        model.train_step()
    assert model.step == 0
    for name, weight in model.weights.items():
        assert torch.equal(weight, before[name])


def test_gradients_of_a_step_equal_autograd(tmp_path: Path) -> None:
    # With the full softmax the loss is one line, and autograd computes all gradients.
    options = small_options(n_negative_samples_batch=31, dropout=0.0)
    corpus = small_corpus(tmp_path)
    for threads in (1, 2):
        model = BilmTrainer(corpus, options, threads=threads)
        weights = {n: w.detach().clone().requires_grad_() for n, w in model.weights.items()}
        everything = word_vectors(weights, options, *model.table.rows(np.arange(len(corpus.types))))
        loss = torch.zeros(())
        for d, (inputs, following) in enumerate(model.epoch_text(0).window(0, 6)):
            x = F.embedding(torch.from_numpy(inputs.astype(np.int64)), everything)
            out, _ = run_direction(weights, options, d, x, zero_state(options, 8))
            logits = out @ weights["softmax/W"].t() + weights["softmax/b"]
            rows = torch.from_numpy(following.astype(np.int64)).flatten()
            rows[rows >= 31] = 2
            loss = loss + F.cross_entropy(logits.flatten(0, 1), rows) / 2
        (loss * options.unroll_steps).backward()
        got: dict[str, torch.Tensor] = {}

        def keep(step: int, norm: float, model: BilmTrainer = model, got: dict = got) -> None:
            got |= {n: w.grad.to_dense() for n, w in model.weights.items()}

        model.optimizer.step = keep
        assert model.train_step() == pytest.approx(float(loss.detach()), rel=1e-5)
        for name, weight in weights.items():
            torch.testing.assert_close(got[name], weight.grad, atol=2e-6, rtol=1e-4)


def test_stopping_writes_a_checkpoint(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    steps = iter([False, False, True])
    loop = LoopOptions(threads=1, stop_requested=lambda: next(steps))
    result = train_bilm(corpus, small_options(), tmp_path / "out", loop)
    assert result.trainer.step == 3 < result.trainer.total_steps
    assert not result.is_finished
    assert (tmp_path / "out" / "checkpoints" / "step-000000003.safetensors").is_file()
    folder = CheckpointFolder(tmp_path / "out" / "checkpoints", {})
    with pytest.raises(ConfigError, match="belong to another run"):
        folder.last()


def test_checkpoints_of_other_options_are_refused(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    out = tmp_path / "out"
    loop = LoopOptions(threads=1, stop_requested=lambda: True)
    train_bilm(corpus, small_options(), out, loop)
    with pytest.raises(ConfigError, match=r"options\.seed is 1 there and 2 here"):
        train_bilm(corpus, small_options(seed=2), out, loop)
    other = small_corpus(tmp_path / "other", 700)
    with pytest.raises(ConfigError, match="corpus is '"):
        train_bilm(other, small_options(), out, loop)


def _full_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "out"
    corpus = small_corpus(tmp_path, 120)
    options = small_options(n_epochs=1)
    loop = LoopOptions(threads=1, stop_requested=lambda: True)
    done = train_bilm(corpus, options, out, loop).trainer
    here = str(Path(__file__).parents[1] / "helpers")
    result = subprocess.run(
        [sys.executable, "-c", CODE, here, str(tmp_path), str(out), "-1", "adam"],
        capture_output=True,
        text=True,
        preexec_fn=_full_disk,
    )
    assert result.returncode != 0
    assert "cannot be written" in result.stderr
    assert "resumes from the last good checkpoint" in result.stderr
    names = [p.name for p in (out / "checkpoints").glob("*.safetensors")]
    assert names == [f"step-{done.step:09d}.safetensors"]
    loop = LoopOptions(threads=2, stop_requested=lambda: True)
    resumed = train_bilm(corpus, options, out, loop).trainer
    assert resumed.step == done.step + 1


def test_a_text_shorter_than_a_window_is_measured_whole() -> None:
    """Without weights on the vectors, all five words are equally likely at each of the 3 places."""
    options = small_options()
    part = EncodedPart(np.array([3, 4], np.int32), np.array([0, 2]))
    table = CharacterTable(("<S>", "</S>", "<UNK>", "a", "b"), 20)
    weights = initial_weights(options, 5)
    weights[SOFTMAX_WEIGHT] = torch.zeros_like(weights[SOFTMAX_WEIGHT])
    weights[SOFTMAX_BIAS] = torch.tensor([0.0, 1.0, 2.0, 3.0, 4.0])
    got = perplexity(weights, options, table, batch_epoch(part, 1))
    log_sum = math.log(sum(math.exp(k) for k in range(5)))
    # Forward a, b and the end are predicted; backward b, a and the begin.
    assert got[0] == pytest.approx(math.exp(log_sum - (3 + 4 + 1) / 3), rel=1e-5)
    assert got[1] == pytest.approx(math.exp(log_sum - (4 + 3 + 0) / 3), rel=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch_size": 4000}, "too few for 4000 rows"),
        ({"unroll_steps": 3000}, "shorter than one step"),
    ],
)
def test_options_that_do_not_fit_the_corpus(
    tmp_path: Path, changes: dict[str, int], message: str
) -> None:
    with pytest.raises((ConfigError, DataError), match=message):
        BilmTrainer(small_corpus(tmp_path), small_options(**changes), threads=1)


def test_part_of_an_epoch_reads_part_of_the_text(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    whole = BilmTrainer(corpus, small_options(n_epochs=1), threads=1)
    half = BilmTrainer(corpus, small_options(n_epochs=0.5), threads=1)
    assert half.total_steps == round(whole.steps_per_epoch / 2) < whole.total_steps


def test_bf16_products_are_close_to_fp32_and_used_in_training_only(tmp_path: Path) -> None:
    if not has_bf16_products():
        pytest.skip("this processor has no products in bf16")
    corpus = small_corpus(tmp_path)
    models = {
        a: BilmTrainer(corpus, small_options(arithmetic=a), threads=2) for a in ("fp32", "bf16")
    }
    losses = {a: [model.train_step() for _ in range(8)] for a, model in models.items()}
    assert torch.backends.mkldnn.matmul.fp32_precision != "bf16"
    # The weights of the first step are equal: bf16 keeps 8 bits of each factor.
    assert 0 < abs(losses["bf16"][0] - losses["fp32"][0]) < 0.02
    np.testing.assert_allclose(losses["bf16"], losses["fp32"], rtol=0.02)
    # Measuring is always in fp32: equal weights have equal perplexity.
    models["fp32"].load(Checkpoint(0, models["bf16"].state(), {}))
    assert models["fp32"].heldout_perplexity() == models["bf16"].heldout_perplexity()


def test_bf16_is_refused_on_processors_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="no products in bf16"):
        BilmTrainer(small_corpus(tmp_path), small_options(arithmetic="bf16"), threads=1)
