"""fastText: pairs by two loops, an update by autograd, and the exported file as others read it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from elmobench import load_provider
from elmobench.core.errors import DataError
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.fasttext.options import FastTextOptions
from elmobench.pretraining.fasttext.pairs import (
    blocks_of,
    keep_probability,
    negative_table,
    negatives_of,
    pairs_of,
)
from elmobench.pretraining.fasttext.train import FastText, train_fasttext
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.vocabulary import SPECIAL

WORDS = ("cat", "cats", "naïve", "東京都", "ab", "x")
SMALL = FastTextOptions(
    dim=5, bucket=11, minn=2, maxn=4, min_count=1, batch_tokens=60, epochs=2, t=1.0, eta=0.2
)


def fnv(ngram: str) -> int:
    value = 2166136261
    for byte in ngram.encode():
        value = ((value ^ (byte if byte < 128 else byte + 0xFFFFFF00)) * 16777619) % 2**32
    return value


def rows_by_definition(word: str, row: int) -> list[int]:
    marked = f"<{word}>"
    ngrams = [
        marked[i : i + n]
        for i in range(len(marked))
        for n in range(SMALL.minn, SMALL.maxn + 1)
        if i + n <= len(marked)
    ]
    return [row, *(len(WORDS) + fnv(ngram) % SMALL.bucket for ngram in ngrams)]


@pytest.fixture
def corpus(tmp_path: Path) -> EncodedCorpus:
    draw = random.Random(2)
    words = ["Katze", "Katzen", "Hund", "sieht", "die", "eine", "grüne", "Maus"]
    lines = [" ".join(draw.choices(words, k=draw.randint(3, 9))) for _ in range(200)]
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return EncodedCorpus.build(Corpus.open([path], None), tmp_path / "encoded")


def test_a_word_is_the_mean_of_its_row_and_its_ngrams() -> None:
    model = FastText(WORDS, SMALL)
    ids = torch.tensor([3, 0, 5])
    rows, lengths = model.rows_of(ids)
    expected = [rows_by_definition(WORDS[i], i) for i in ids.tolist()]
    assert sorted(rows.tolist()) == sorted(row for one in expected for row in one)
    assert lengths.tolist() == [len(one) for one in expected]
    means = [model.tables[0][one].mean(0) for one in expected]
    assert torch.allclose(model.vectors(ids), torch.stack(means), atol=1e-6)


def test_an_update_is_a_step_of_adagrad_by_autograd() -> None:
    model = FastText(WORDS, SMALL)
    generator = torch.Generator().manual_seed(3)
    model.tables[1].normal_(generator=generator)
    centres = torch.tensor([0, 1, 0, 4])
    targets = torch.tensor([[1, 2, 2], [0, 3, 5], [3, 0, 3], [5, 5, 1]])
    counted = torch.tensor([[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 0, 1]], dtype=torch.bool)
    own, context = (table.double().requires_grad_() for table in model.tables)
    loss = torch.zeros((), dtype=torch.float64)
    for i, row in enumerate(centres.tolist()):
        vector = own[rows_by_definition(WORDS[row], row)].mean(0)
        for k, target in enumerate(targets[i].tolist()):
            if counted[i, k]:
                score = vector @ context[target]
                loss = loss - torch.nn.functional.logsigmoid(score if k == 0 else -score)
    loss.backward()
    expected = []
    for weight, sums in zip((own, context), model.sums, strict=True):
        assert weight.grad is not None
        total = sums + weight.grad**2
        expected.append((weight - 0.3 * weight.grad / total.sqrt()).detach())
    found = model.update(centres, targets, counted, 0.3)
    assert float(found) == pytest.approx(loss.item(), abs=1e-5)
    for table, values in zip(model.tables, expected, strict=True):
        assert (table - values).abs().max() < 1e-5


def test_pairs_are_those_of_two_loops(corpus: EncodedCorpus) -> None:
    part, ws = corpus.train, 3
    keep = np.full(6, 0.7)  # two of the eight words are outside of the vocabulary
    found = pairs_of(part, 2, 9, keep, ws, np.random.default_rng(5))
    rng = np.random.default_rng(5)
    sentences = [
        [t - len(SPECIAL) for t in part.sentence(i).tolist() if t - len(SPECIAL) < 6]
        for i in range(2, 9)
    ]
    chance = iter(rng.random(sum(map(len, sentences))))
    sentences = [[t for t in sentence if next(chance) < 0.7] for sentence in sentences]
    windows = iter(rng.integers(1, ws + 1, sum(map(len, sentences))))
    expected = []
    for sentence in sentences:
        for i, centre in enumerate(sentence):
            reach = next(windows)
            expected += [
                (centre, other)
                for j, other in enumerate(sentence)
                if j != i and abs(i - j) <= reach
            ]
    assert sorted(zip(*(array.tolist() for array in found), strict=True)) == sorted(expected)
    assert len(expected) > 40


def test_blocks_chances_and_negatives(corpus: EncodedCorpus) -> None:
    blocks = blocks_of(corpus.train, 60)
    assert (blocks[0], blocks[-1]) == (0, len(corpus.train))
    sizes = np.diff(corpus.train.offsets[blocks])
    assert sizes.min() > 0
    assert sizes.max() <= 60 + 2 * 9
    counts = np.array([900, 90, 10])
    shares = counts / 1000
    expected = np.minimum(1, np.sqrt(0.05 / shares) + 0.05 / shares)
    assert keep_probability(counts, 0.05) == pytest.approx(expected)
    contexts = np.zeros(40_000, np.int64)
    drawn, differ = negatives_of(contexts, 1, negative_table(counts), np.random.default_rng(1))
    found = np.bincount(drawn.ravel(), minlength=3) / len(contexts)
    assert found == pytest.approx(np.sqrt(counts) / np.sqrt(counts).sum(), abs=0.01)
    assert np.array_equal(differ, drawn != 0)


def test_training_learns_and_resumes_to_the_bit(corpus: EncodedCorpus, tmp_path: Path) -> None:
    loop = LoopOptions(threads=1)
    whole = train_fasttext(corpus, SMALL, tmp_path / "whole", loop)
    assert whole.is_finished
    measured = whole.measured
    assert measured is not None
    assert 0 < measured["heldout"] < (1 + SMALL.neg) * math.log(2)
    calls = iter(range(100))
    stopping = replace(loop, stop_requested=lambda: next(calls) == 7)
    assert not train_fasttext(corpus, SMALL, tmp_path / "parts", stopping).is_finished
    resumed = train_fasttext(corpus, SMALL, tmp_path / "parts", loop)
    files = [(tmp_path / name / "vectors.bin").read_bytes() for name in ("whole", "parts")]
    assert files[0] == files[1]
    facts = [result.trainer.summary(result.measured or {}, tmp_path) for result in (whole, resumed)]
    assert replace(facts[0], seconds=0) == replace(facts[1], seconds=0)
    read = 2 * len(corpus.train.tokens)
    assert facts[0].tokens_seen == pytest.approx(read, rel=0.01)
    few = SMALL.model_copy(update={"min_count": 10_000})
    with pytest.raises(DataError, match="too few"):
        train_fasttext(corpus, few, tmp_path / "few", loop)


def test_the_file_is_what_this_program_and_gensim_read(
    corpus: EncodedCorpus, tmp_path: Path
) -> None:
    gensim = pytest.importorskip("gensim.models.fasttext")
    model = train_fasttext(corpus, SMALL, tmp_path, LoopOptions(threads=1)).trainer.model
    provider = load_provider(f"static:{tmp_path / 'vectors.bin'}")
    loaded = gensim.load_facebook_vectors(str(tmp_path / "vectors.bin"))
    words = list(corpus.types.words[len(SPECIAL) :])
    own = model.vectors(torch.arange(len(words))).numpy()
    (found,) = provider.encode_types([*words, "Hündchen"])
    assert found[:-1] == pytest.approx(own, abs=1e-6)
    assert provider.parameters == (len(words) + SMALL.bucket) * SMALL.dim
    for word, vector in zip([*words, "Hündchen"], found, strict=True):
        assert loaded[word] == pytest.approx(vector, abs=1e-5)
