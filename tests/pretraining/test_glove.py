"""GloVe: counts by a double loop, the loss by autograd, learning, and resuming."""

from __future__ import annotations

import gzip
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import small_corpus

from elmobench import load_provider
from elmobench.core.errors import ConfigError, DataError, ElmobenchWarning
from elmobench.pretraining.encoded import EncodedPart
from elmobench.pretraining.glove import cooccurrence
from elmobench.pretraining.glove.cooccurrence import count_cooccurrences
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.glove.train import Glove, train_glove
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.progress import TrainingProgress


def counts_by_double_loop(
    sentences: list[list[int]], words: int, window: int
) -> dict[tuple[int, int], float]:
    """The full symmetric matrix, cell by cell."""
    counts: dict[tuple[int, int], float] = defaultdict(float)
    for sentence in sentences:
        known = [k for k in sentence if 3 <= k < words]
        for i, a in enumerate(known):
            for j in range(max(0, i - window), min(len(known), i + window + 1)):
                if j != i:
                    counts[(a, known[j])] += 1 / abs(i - j)
    return counts


@pytest.mark.parametrize("low_memory", [False, True])
def test_counts_are_those_of_a_double_loop(
    low_memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    sentences = [rng.integers(3, 25, int(n)).tolist() for n in rng.integers(1, 30, 300)]
    offsets = np.cumsum([0, *map(len, sentences)])
    part = EncodedPart(np.array([k for s in sentences for k in s], np.int32), offsets)
    if low_memory:
        # So little memory that there are several runs, merged in several ranges.
        monkeypatch.setattr(cooccurrence, "_BYTES_PER_PAIR", 1 << 17)
    chunks: list[int] = []
    spill = cooccurrence.write_run
    monkeypatch.setattr(
        cooccurrence, "write_run", lambda *run: chunks.append(len(run[1])) or spill(*run)
    )
    memory = 1 if low_memory else 64
    got = count_cooccurrences(part, words=20, window=5, folder=tmp_path, memory_mb=memory)
    assert not list(tmp_path.iterdir())
    assert all(chunks)
    assert (len(chunks) > 1) == low_memory
    expected = counts_by_double_loop(sentences, 20, 5)
    assert all(got.rows <= got.columns)
    keys = list(zip(got.rows.tolist(), got.columns.tolist(), strict=True))
    assert keys == sorted(keys)
    assert set(keys) == {(a, b) for a, b in expected if a <= b}
    for (a, b), value in zip(keys, got.values, strict=True):
        assert value == pytest.approx(expected[(a, b)])
        assert value == pytest.approx(expected[(b, a)])


def test_an_update_equals_a_step_of_adagrad() -> None:
    options = GloveOptions(vector_size=4, x_max=10.0, eta=0.1, seed=3)
    model = Glove(9, options)
    tables = [torch.nn.Parameter(table.clone()) for table in model.tables]
    optimizer = torch.optim.Adagrad(tables, lr=0.1, initial_accumulator_value=1.0)
    rows, columns = torch.tensor([3, 4, 3, 8]), torch.tensor([4, 3, 5, 8])
    values = torch.tensor([2.0, 2.0, 50.0, 0.5])
    for _ in range(3):
        main, context = tables[0][rows], tables[1][columns]
        weight = torch.tensor([(min(float(x), 10.0) / 10) ** 0.75 for x in values])
        error = (main[:, :4] * context[:, :4]).sum(1) + main[:, 4] + context[:, 4] - values.log()
        loss = (weight * error**2).sum()
        optimizer.zero_grad()
        (loss / 2).backward()
        got = model.update(rows, columns, values)
        assert got == pytest.approx(float(loss.detach()), rel=1e-5)
        optimizer.step()
    for ours, theirs in zip(model.tables, tables, strict=True):
        torch.testing.assert_close(ours, theirs.detach(), atol=1e-6, rtol=1e-5)


def test_training_learns_and_resumes_to_the_bit(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    options = GloveOptions(
        vector_size=8, min_count=1, window_size=3, epochs=6, batch_size=64, eta=0.1
    )
    reports: list[TrainingProgress] = []
    loop = LoopOptions(threads=1, on_progress=reports.append)
    whole = train_glove(corpus, options, tmp_path / "a", loop).trainer
    assert [report.step for report in reports] == [1, 2, 3, 4, 5, 6]
    first_report, last_report = reports[0], reports[-1]
    assert last_report.values["loss"] < 0.5 * first_report.values["loss"]
    assert isinstance(first_report.heldout, float)
    assert isinstance(last_report.heldout, float)
    assert last_report.heldout < first_report.heldout

    answers = iter([False, False, True])
    stopping = LoopOptions(threads=1, stop_requested=lambda: next(answers))
    first = train_glove(corpus, options, tmp_path / "b", stopping)
    assert first.measured is not None
    assert first.measured["step"] == first.trainer.step == 2
    assert not first.is_finished
    loop = LoopOptions(threads=1)
    second = train_glove(corpus, options, tmp_path / "b", loop)
    assert torch.equal(second.trainer.model.vectors(), whole.model.vectors())
    one, two = (tmp_path / name / "vectors.txt.gz" for name in ("a", "b"))
    assert one.read_bytes() == two.read_bytes()
    again = train_glove(corpus, options, tmp_path / "b", loop)
    assert again.measured == second.measured
    # The checkpoint has the measurement, whatever happened to the log.
    (tmp_path / "b" / "log.jsonl").unlink()
    with pytest.warns(ElmobenchWarning, match="A new log begins"):
        old = train_glove(corpus, options, tmp_path / "b", loop)
    assert old.measured is not None
    assert old.measured["heldout"] == second.measured["heldout"]

    provider = load_provider(f"static:{one}")
    (vectors,) = provider.encode([["wörd0", "wörd7", "never"]])
    index = [whole.words.index(word) + 3 for word in ("wörd0", "wörd7")]
    np.testing.assert_allclose(vectors[0, :2], whole.model.vectors()[index], atol=5.1e-4)
    assert not vectors[0, 2].any()


def test_a_stop_requested_while_counting_ends_before_the_first_epoch(tmp_path: Path) -> None:
    options = GloveOptions(vector_size=4, min_count=1)
    stopping = LoopOptions(threads=1, stop_requested=lambda: True)
    result = train_glove(small_corpus(tmp_path), options, tmp_path / "o", stopping)
    assert (result.trainer.step, result.measured) == (0, None)


def test_bad_input(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    with pytest.raises(DataError, match="0 words occur at least 5000 times"):
        train_glove(corpus, GloveOptions(min_count=5000), tmp_path / "o")
    with pytest.raises(DataError, match="1 words occur at least 1 times"):
        train_glove(corpus, GloveOptions(min_count=1, vocab_size=4), tmp_path / "o")
    options = GloveOptions(vector_size=4, min_count=1, epochs=1)
    train_glove(corpus, options, tmp_path / "o", LoopOptions(threads=1))
    with pytest.raises(ConfigError, match=r"options\.vector_size is 4 there and 5 here"):
        train_glove(corpus, options.model_copy(update={"vector_size": 5}), tmp_path / "o")
    text = gzip.decompress((tmp_path / "o" / "vectors.txt.gz").read_bytes()).decode()
    header, *lines = text.splitlines()
    assert header == f"{len(lines)} 4"
    assert all(math.isfinite(float(v)) for line in lines for v in line.split(" ")[1:])
