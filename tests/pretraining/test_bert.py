"""Training of a small BERT: packing, masking, learning, resuming, and its vectors."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from small_corpus import small_bert_options as small
from small_corpus import small_corpus
from tokenizers import BertWordPieceTokenizer

from elmobench import load_provider
from elmobench.core.errors import ConfigError, ElmobenchWarning
from elmobench.pretraining.bert.masking import masked_batch
from elmobench.pretraining.bert.train import train_bert
from elmobench.pretraining.bert.wordpiece import (
    SPECIAL,
    Sequences,
    pack,
    wordpiece_of,
    write_wordpiece,
)
from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.progress import TrainingProgress

ONE_STEP = LoopOptions(threads=1, stop_requested=lambda: True)


def test_packing_equals_a_simple_loop() -> None:
    rng = np.random.default_rng(0)
    pieces = [np.arange(10 * k, 10 * k + int(rng.integers(1, 4)), dtype=np.int32) for k in range(9)]
    sentences = [rng.integers(0, 9, int(n)).tolist() for n in rng.integers(1, 9, 60)]
    offsets = np.cumsum([0, *map(len, sentences)])
    part = EncodedPart(np.array([k for s in sentences for k in s], np.int32), offsets)
    expected: list[list[int]] = [[]]
    for sentence in sentences:
        row = [int(p) for k in sentence for p in pieces[k]]
        if len(expected[-1]) + len(row) > 12 and expected[-1]:
            expected.append([])
        while len(row) > 12:
            expected[-1] = row[:12]
            expected.append([])
            row = row[12:]
        expected[-1] += row
    got = pack(part, pieces, 12)
    assert [got.sequence(i).tolist() for i in range(len(got))] == [row for row in expected if row]


def test_masks() -> None:
    rng = np.random.default_rng(1)
    rows = [rng.integers(5, 50, int(n)) for n in rng.integers(1, 20, 400)]
    offsets = np.cumsum([0, *map(len, rows)])
    sequences = Sequences(np.concatenate(rows).astype(np.int32), offsets)
    chosen = rng.permutation(400)
    options = small(mask_share=0.2)
    batch = masked_batch(sequences, chosen, options, 50, np.random.default_rng(2))
    again = masked_batch(sequences, chosen, options, 50, np.random.default_rng(2))
    assert torch.equal(batch.ids, again.ids)
    whole = batch.ids.clone()
    whole[batch.masked] = batch.targets
    for r, i in enumerate(chosen):
        size = len(rows[i])
        assert whole[r, : size + 2].tolist() == [2, *rows[i].tolist(), 3]
        assert not whole[r, size + 2 :].any()
        assert batch.attention[r].tolist() == [1] * (size + 2) + [0] * (len(whole[r]) - size - 2)
    count = len(batch.targets)
    assert abs(count / sum(map(len, rows)) - 0.2) < 0.025
    shown = batch.ids[batch.masked]
    assert abs(float((shown == 4).float().mean()) - 0.8) < 0.05
    assert abs(float((shown == batch.targets).float().mean()) - 0.1) < 0.05
    assert int(shown.min()) >= 4
    single = masked_batch(sequences, chosen[:1], small(mask_share=1e-9), 50, rng)
    assert int(single.masked.sum()) == 1


@pytest.mark.nightly
def test_training_learns_from_the_neighbours(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path, 1500)
    reports: list[TrainingProgress] = []
    options = small(epochs=40, learning_rate=0.003, hidden_size=32, intermediate_size=64)
    # A vocabulary of whole words: training one breaks ties at random.
    vocabulary = {word: i for i, word in enumerate([*SPECIAL, *corpus.types.words[3:]])}
    tokenizer = BertWordPieceTokenizer(vocabulary, lowercase=False, strip_accents=False)
    file = tmp_path / "out" / "checkpoints" / "wordpiece.json"
    write_wordpiece(file, tokenizer, corpus, options.vocab_size)
    loop = LoopOptions(threads=1, report_steps=200, on_progress=reports.append)
    bert = train_bert(corpus, options, tmp_path / "out", loop).trainer
    # Nats per piece without context, compared with the loss given its neighbours.
    assert isinstance(reports[-1].heldout, float)
    counts = np.bincount(bert.heldout.pieces)
    share = counts[counts > 0] / counts.sum()
    alone = float(-(share * np.log(share)).sum())
    assert reports[-1].heldout < alone - 0.3
    assert reports[-1].step == bert.total_steps
    rows = [json.loads(line) for line in (tmp_path / "out" / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["heldout"] == reports[-1].heldout


def test_the_providers_vectors_are_the_trained_ones(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    bert = train_bert(corpus, small(), tmp_path / "out", ONE_STEP).trainer
    bert.model.eval()
    sentence = ["wörd3", "wörd29", "wörd7"]
    provider = load_provider(f"bert:{tmp_path / 'out'}")
    (got,) = provider.encode([sentence])
    encoding = bert.tokenizer.encode(sentence, is_pretokenized=True)
    with torch.no_grad():
        hidden = bert.model.bert(torch.tensor([encoding.ids]), output_hidden_states=True)
    assert got.shape == (3, 3, 16)
    for layer, states in enumerate(hidden.hidden_states):
        for word in range(3):
            places = [i for i, w in enumerate(encoding.word_ids) if w == word]
            expected = states[0, places].mean(0).numpy()
            np.testing.assert_allclose(got[layer, word], expected, atol=5e-6)


CODE = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from small_corpus import small_bert_options as small
from small_corpus import small_corpus
from elmobench.pretraining.bert.train import train_bert
from elmobench.pretraining.loop import LoopOptions
root, out, kill_step = Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4])
def kill(progress):
    if progress.step == kill_step and progress.heldout is None:
        os.kill(os.getpid(), signal.SIGKILL)
loop = LoopOptions(threads=1, report_steps=1, checkpoint_seconds=0.0, on_progress=kill)
options = small(dropout=0.1, epochs=2, batch_size=8)
bert = train_bert(small_corpus(root, 200), options, out, loop).trainer
print(bert.step, sum(float(p.detach().double().abs().sum()) for p in bert.parameters.values()))
"""


@pytest.mark.nightly
def test_killed_and_resumed_is_the_same_to_the_bit(tmp_path: Path) -> None:
    def run(out: str, kill_step: int) -> subprocess.CompletedProcess[str]:
        here = str(Path(__file__).parents[1] / "helpers")
        arguments = [here, str(tmp_path), str(tmp_path / out), str(kill_step)]
        return subprocess.run(
            [sys.executable, "-c", CODE, *arguments], capture_output=True, text=True
        )

    whole = run("whole", -1)
    assert whole.returncode == 0, whole.stderr
    # Training the vocabulary breaks ties at random: both runs use the same one.
    (tmp_path / "killed" / "checkpoints").mkdir(parents=True)
    name = "checkpoints/wordpiece.json"
    (tmp_path / "killed" / name).write_bytes((tmp_path / "whole" / name).read_bytes())
    assert run("killed", 12).returncode == -signal.SIGKILL
    resumed = run("killed", -1)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == whole.stdout
    one, two = (tmp_path / name / "model.safetensors" for name in ("whole", "killed"))
    assert one.read_bytes() == two.read_bytes()


def test_bad_input(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    with pytest.raises(ConfigError, match="vocab_size 12 is too small for the alphabet"):
        train_bert(corpus, small(vocab_size=12), tmp_path / "o")
    with pytest.raises(ValidationError, match="not a multiple of num_attention_heads 3"):
        small(num_attention_heads=3)
    with pytest.raises(ValidationError, match="max_length"):
        small(max_length=2)
    train_bert(corpus, small(), tmp_path / "o", ONE_STEP)
    with pytest.raises(ConfigError, match=r"options\.seed is 1 there and 2 here"):
        train_bert(corpus, small(seed=2), tmp_path / "o", ONE_STEP)


def test_the_vocabulary_is_trained_once(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    file = tmp_path / "w.json"
    one, two = (wordpiece_of(corpus, 60, file) for _ in range(2))
    assert one.get_vocab() == two.get_vocab()
    assert one.get_vocab_size() <= 60
    assert [one.id_to_token(i) for i in range(5)] == list(SPECIAL)
    before = file.read_bytes()
    # Of another size or another text: trained again.
    assert wordpiece_of(corpus, 59, file).get_vocab_size() <= 59
    assert file.read_bytes() != before


def test_a_damaged_vocabulary_is_trained_again_unless_a_checkpoint_has_it(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    first = train_bert(corpus, small(), tmp_path / "o", ONE_STEP).trainer
    file = tmp_path / "o" / "checkpoints" / "wordpiece.json"
    file.write_bytes(file.read_bytes().replace(b"##", b"#!", 1))
    with pytest.warns(ElmobenchWarning, match=r"wordpiece\.json: is damaged.*trained again"):
        wordpiece_of(corpus, 60, file)
    file.unlink()
    again = train_bert(corpus, small(), tmp_path / "o", ONE_STEP).trainer
    assert again.step == first.step + 1
    assert again.tokenizer.to_str() == first.tokenizer.to_str()
    whole = file.read_bytes()
    file.write_bytes(whole[:-9])
    with pytest.warns(ElmobenchWarning, match="The tokenizer is written again"):
        train_bert(corpus, small(), tmp_path / "o", ONE_STEP)
    assert file.read_bytes() == whole
