"""A biLM's training: its network against the frozen one, its text, learning and checkpoints."""

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
from elmobench.core.errors import ConfigError, DataError, ElmobenchError, ModelError
from elmobench.pretraining.bilm import stream
from elmobench.pretraining.bilm.evaluate import perplexity
from elmobench.pretraining.bilm.export import export
from elmobench.pretraining.bilm.mixed_precision import has_bf16_products
from elmobench.pretraining.bilm.network import (
    CharacterTable,
    initial_weights,
    run_direction,
    word_vectors,
    zero_state,
)
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.stream import lay_out
from elmobench.pretraining.bilm.train import LOG, Bilm, train_bilm
from elmobench.pretraining.checkpoints import CheckpointFolder, trim_log
from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.vocabulary import Vocabulary


def test_vectors_are_those_of_the_exported_model(tmp_path: Path) -> None:
    options = small_options()
    weights = initial_weights(options, 31)
    generator = torch.Generator().manual_seed(1)
    for weight in weights.values():
        # Larger than at the start, so that both clips are at work.
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


def test_word_vectors_do_not_depend_on_their_company() -> None:
    options = small_options()
    weights = initial_weights(options, 31)
    words = ("a", "bc", "deffff", "g" * 12, "h" * 30, "<S>", "</S>")
    table = CharacterTable(words, options.char_cnn.max_characters_per_token)
    together = word_vectors(weights, options, *table.rows(np.arange(len(words))))
    for i in range(len(words)):
        alone = word_vectors(weights, options, *table.rows(np.array([i])))
        torch.testing.assert_close(alone[0], together[i], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("shuffled", [False, True])
def test_text_is_laid_out_as_by_hand(shuffled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
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
    text = lay_out(part, 3, np.random.default_rng(9) if shuffled else None)
    length = len(forward) // 3
    assert text.forward.tolist() == [forward[r * length : (r + 1) * length] for r in range(3)]
    assert text.backward.tolist() == [backward[r * length : (r + 1) * length] for r in range(3)]
    (inputs, following), _ = text.stretch(1, 5)
    assert inputs.T.tolist() == [row[5:10] for row in text.forward.tolist()]
    assert following.T.tolist() == [row[6:11] for row in text.forward.tolist()]
    with pytest.raises(DataError, match="too few for 1000 rows"):
        lay_out(part, 1000)


def test_perplexity_by_the_whole_softmax(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    options = small_options()
    weights = initial_weights(options, 31)
    table = CharacterTable(corpus.types.words, 20)
    text = lay_out(corpus.heldout, 2)
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


@pytest.mark.parametrize("optimizer", ["adam", pytest.param("adagrad", marks=pytest.mark.slow)])
def test_it_learns_what_depends_on_the_words_before(tmp_path: Path, optimizer: str) -> None:
    corpus = small_corpus(tmp_path)
    rate, epochs = {"adam": (0.02, 3), "adagrad": (0.2, 6)}[optimizer]
    options = small_options(
        optimizer=optimizer, learning_rate=rate, dropout=0.0, n_epochs=epochs, decay="cosine"
    )
    model = train_bilm(corpus, options, tmp_path / "out", threads=1, report_steps=40)
    forward, backward = model.heldout_perplexity()
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
root, out, victim = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
def told(progress):
    if progress.step == victim and progress.heldout is None:
        os.kill(os.getpid(), signal.SIGKILL)
model = train_bilm(small_corpus(root, 120), small_options(optimizer=sys.argv[5], n_epochs=1),
                   out, threads=2,
                   report_steps=1, checkpoint_seconds=0.0, heldout_tokens=100, on_progress=told)
print(model.step, sum(float(w.detach().double().abs().sum()) for w in model.weights.values()))
"""


@pytest.mark.parametrize("optimizer", ["adam", pytest.param("adagrad", marks=pytest.mark.slow)])
def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path: Path, optimizer: str) -> None:
    def run(out: str, victim: int) -> subprocess.CompletedProcess[str]:
        here = str(Path(__file__).parents[1] / "helpers")
        arguments = [here, str(tmp_path), str(tmp_path / out), str(victim), optimizer]
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
    # Nothing is told twice, and in order; where the checkpoints fell, the log has rows of its own.
    assert all(steps == sorted(steps) for steps in logs)
    assert logs[0][-1] == logs[1][-1]


def test_gradients_that_are_no_numbers_leave_the_weights_alone(tmp_path: Path) -> None:
    model = Bilm(small_corpus(tmp_path), small_options(), 2)
    with torch.no_grad():
        model.weights["softmax/W"][5] = torch.inf
    before = {name: weight.detach().clone() for name, weight in model.weights.items()}
    with pytest.raises(ElmobenchError, match="lower learning_rate"):
        model.train_step()
    assert model.step == 0
    for name, weight in model.weights.items():
        assert torch.equal(weight, before[name])


def test_gradients_of_a_step_are_those_of_its_definition(tmp_path: Path) -> None:
    # The whole softmax, so that the loss is one line, and autograd for all of it.
    options = small_options(n_negative_samples_batch=31, dropout=0.0)
    corpus = small_corpus(tmp_path)
    for threads in (1, 2):
        model = Bilm(corpus, options, threads)
        weights = {n: w.detach().clone().requires_grad_() for n, w in model.weights.items()}
        everything = word_vectors(weights, options, *model.table.rows(np.arange(len(corpus.types))))
        loss = torch.zeros(())
        for d, (inputs, following) in enumerate(model._lay_out(0).stretch(0, 6)):
            x = F.embedding(torch.from_numpy(inputs.astype(np.int64)), everything)
            out, _ = run_direction(weights, options, d, x, zero_state(options, 8))
            logits = out @ weights["softmax/W"].t() + weights["softmax/b"]
            rows = torch.from_numpy(following.astype(np.int64)).flatten()
            rows[rows >= 31] = 2
            loss = loss + F.cross_entropy(logits.flatten(0, 1), rows) / 2
        (loss * options.unroll_steps).backward()
        got: dict[str, torch.Tensor] = {}

        def keep(step: int, norm: float, model: Bilm = model, got: dict = got) -> None:
            got |= {n: w.grad.to_dense() for n, w in model.weights.items()}

        model.optimizer.step = keep
        assert model.train_step() == pytest.approx(float(loss.detach()), rel=1e-5)
        for name, weight in weights.items():
            torch.testing.assert_close(got[name], weight.grad, atol=2e-6, rtol=1e-4)


def test_stopping_writes_a_checkpoint(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    steps = iter([False, False, True])
    model = train_bilm(
        corpus, small_options(), tmp_path / "out", threads=1, stop=lambda: next(steps)
    )
    assert 0 < model.step < model.total_steps
    again = Bilm(corpus, small_options(), 1)
    folder = CheckpointFolder(tmp_path / "out" / "checkpoints", {})
    with pytest.raises(ConfigError, match="checkpoints of another run"):
        folder.last()
    assert again.step == 0


def test_checkpoints_of_other_options_are_refused(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    out = tmp_path / "out"
    train_bilm(corpus, small_options(), out, threads=1, stop=lambda: True)
    with pytest.raises(ConfigError, match=r"options\.seed is 1 there and 2 here"):
        train_bilm(corpus, small_options(seed=2), out, threads=1)
    other = small_corpus(tmp_path / "other", 700)
    with pytest.raises(ConfigError, match="corpus is '"):
        train_bilm(other, small_options(), out, threads=1)


def test_the_last_whole_checkpoint_counts(tmp_path: Path) -> None:
    folder = CheckpointFolder(tmp_path, {"kind": "test"})
    assert folder.last() is None
    for step in (1, 2, 3):
        folder.write(step, {"x": torch.full((100,), float(step))}, {"seconds": step / 2})
    assert [p.name for p in sorted(tmp_path.iterdir())] == [
        f"step-00000000{step}.safetensors" for step in (2, 3)
    ]
    last = tmp_path / "step-000000003.safetensors"
    last.write_bytes(last.read_bytes()[:-50])
    found = folder.last()
    assert found is not None
    assert (found.step, float(found.tensors["x"][0]), found.facts) == (2, 2.0, {"seconds": 1.0})
    (tmp_path / "step-000000002.safetensors").write_bytes(b"")
    with pytest.raises(ModelError, match="not whole"):
        folder.last()


def _full_disk() -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    out = tmp_path / "out"
    corpus = small_corpus(tmp_path, 120)
    options = small_options(n_epochs=1)
    done = train_bilm(corpus, options, out, threads=1, stop=lambda: True)
    here = str(Path(__file__).parents[1] / "helpers")
    result = subprocess.run(
        [sys.executable, "-c", CODE, here, str(tmp_path), str(out), "-1", "adam"],
        capture_output=True,
        text=True,
        preexec_fn=_full_disk,
    )
    assert result.returncode != 0
    assert "could not be written" in result.stderr
    assert "goes on from the last good checkpoint" in result.stderr
    names = [p.name for p in (out / "checkpoints").iterdir()]
    assert names == [f"step-{done.step:09d}.safetensors"]
    resumed = train_bilm(corpus, options, out, threads=2, stop=lambda: True)
    assert resumed.step == done.step + 1


def test_too_little_text_to_measure_on() -> None:
    options = small_options()
    part = EncodedPart(np.array([3, 4], np.int32), np.array([0, 2]))
    table = CharacterTable(("<S>", "</S>", "<UNK>", "a", "b"), 20)
    with pytest.raises(DataError, match="4 tokens are too few to measure"):
        perplexity(initial_weights(options, 5), options, table, lay_out(part, 1))


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
        Bilm(small_corpus(tmp_path), small_options(**changes), 1)


def test_part_of_an_epoch_reads_part_of_the_text(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    whole = Bilm(corpus, small_options(n_epochs=1), 1)
    half = Bilm(corpus, small_options(n_epochs=0.5), 1)
    assert half.total_steps == round(whole.steps_per_epoch / 2) < whole.total_steps


def test_bf16_products_are_near_and_only_in_training(tmp_path: Path) -> None:
    if not has_bf16_products():
        pytest.skip("this processor has no products in bf16")
    corpus = small_corpus(tmp_path)
    models = {a: Bilm(corpus, small_options(arithmetic=a), 2) for a in ("fp32", "bf16")}
    losses = {a: [model.train_step() for _ in range(8)] for a, model in models.items()}
    assert torch.backends.mkldnn.matmul.fp32_precision != "bf16"
    # The first step's loss is of the same weights: bf16 keeps 8 bits of each factor.
    assert 0 < abs(losses["bf16"][0] - losses["fp32"][0]) < 0.02
    np.testing.assert_allclose(losses["bf16"], losses["fp32"], rtol=0.02)
    # Measuring is in fp32 whatever training was: equal weights have equal perplexity.
    models["fp32"].load(0, models["bf16"].state())
    assert models["fp32"].heldout_perplexity() == models["bf16"].heldout_perplexity()


def test_bf16_is_refused_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    with pytest.raises(ConfigError, match="no products in bf16"):
        Bilm(small_corpus(tmp_path), small_options(arithmetic="bf16"), 1)


def test_a_log_is_cut_where_training_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    trim_log(log, 3)
    assert not log.exists()
    rows = [{"step": step, "heldout": None} for step in (2, 3, 3, 5)]
    log.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 6, "hel')
    trim_log(log, 3)
    assert [json.loads(line)["step"] for line in log.read_text().splitlines()] == [2, 3, 3]
