"""Warnings and errors of trainings that learn nothing."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from small_corpus import small_corpus, small_options

from elmobench.core.errors import ElmobenchError
from elmobench.pretraining.bilm.train import train_bilm
from elmobench.pretraining.coverage import warn_of_coverage
from elmobench.pretraining.divergence import LossWatch, check_finite, exp, warn_of_guessing
from elmobench.pretraining.encoded import EncodedCorpus, EncodedPart
from elmobench.pretraining.glove.options import GloveOptions
from elmobench.pretraining.glove.train import Glove, train_glove
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.progress import TrainingProgress
from elmobench.pretraining.vocabulary import SPECIAL, Vocabulary


def messages(call: object) -> list[str]:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        call()  # type: ignore[operator]
    return [str(warning.message) for warning in seen]


def losses(watch: LossWatch, *means: float, steps: int = 50) -> list[str]:
    return messages(lambda: [watch.add(m, steps, 50 * i) for i, m in enumerate(means, 1)])


def test_a_loss_that_grows_is_reported_once() -> None:
    assert losses(LossWatch("bilm"), 5.0, 4.0, 5.4) == []
    (message,) = losses(LossWatch("bilm"), 5.0, 4.0, 5.6, 9.0)
    assert "it was 5 at first and is 5.6 at step 150. Use a lower learning_rate" in message
    # Means of a few steps are noisy, except epochs of GloVe.
    assert losses(LossWatch("bert"), 5.0, 9.0, steps=19) == []
    (message,) = losses(LossWatch("glove"), 0.5, 0.6, steps=1)
    assert "Use a lower eta" in message
    # A training that resumes compares with its beginning.
    watch = LossWatch("bilm", 5.0)
    assert len(losses(watch, 5.6)) == 1
    assert watch.first == 5.0


def test_a_model_that_is_worse_than_guessing_is_reported() -> None:
    uniform = math.log(100)
    assert messages(lambda: warn_of_guessing("bilm", (4.0, 4.8), uniform)) == []
    (message,) = messages(lambda: warn_of_guessing("bilm", (4.0, 5.0), uniform))
    assert messages(lambda: warn_of_guessing("glove", 0.14, 0.1)) == []
    assert len(messages(lambda: warn_of_guessing("glove", 0.16, 0.1))) == 1
    assert "held-out loss is 5, and that of a model that knows nothing 4.605" in message


def test_measures_that_are_not_finite_end_the_training() -> None:
    check_finite((1.0, 2.0), 3)
    for heldout in (math.nan, math.inf, (1.0, math.inf)):
        with pytest.raises(ElmobenchError, match="training has diverged"):
            check_finite(heldout, 3)
    assert (exp(1000.0), exp(0.0)) == (math.inf, 1.0)
    assert math.isnan(exp(math.nan))
    # What no float can hold is left out of the log, which stays JSON.
    values = {"perplexity": math.inf, "rate": math.nan, "tokens": 3}
    row = TrainingProgress("bilm", 1, 2, values, None, 0.5).log_row()
    assert row == {"step": 1, "total": 2, "tokens": 3, "heldout": None, "seconds": 0.5}


def test_glove_with_a_huge_rate_warns_or_ends(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    options = GloveOptions(vector_size=8, min_count=1, window_size=3, epochs=4, batch_size=64)
    loop = LoopOptions(threads=1)
    huge = options.model_copy(update={"eta": 5.0})
    (message,) = messages(lambda: train_glove(corpus, huge, tmp_path / "a", loop))
    assert "worse than guessing" in message
    assert messages(lambda: train_glove(corpus, options, tmp_path / "c", loop)) == []
    with pytest.raises(ElmobenchError, match="use a lower eta, in a new folder"):
        train_glove(corpus, options.model_copy(update={"eta": 1e30}), tmp_path / "b", loop)
    assert not (tmp_path / "b" / "vectors.txt.gz").exists()


def test_vectors_that_are_not_finite_are_not_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = torch.full((40, 8), torch.nan)
    monkeypatch.setattr(Glove, "vectors", lambda self: broken)
    options = GloveOptions(vector_size=8, min_count=1, epochs=1)
    with pytest.raises(ElmobenchError, match="some values of the vectors are not finite"):
        train_glove(small_corpus(tmp_path), options, tmp_path / "o", LoopOptions(threads=1))
    assert not (tmp_path / "o" / "vectors.txt.gz").exists()


def test_a_bilm_with_a_huge_rate_warns(tmp_path: Path) -> None:
    options = small_options(optimizer="adagrad", learning_rate=60.0, n_epochs=1)
    loop = LoopOptions(threads=1, report_steps=20)
    seen = messages(lambda: train_bilm(small_corpus(tmp_path, 300), options, tmp_path / "o", loop))
    assert ["training loss grows" in message for message in seen] == [True, False]
    assert "worse than guessing" in seen[1]


def corpus_of(train: list[int], heldout: list[int], is_train: bool = False) -> EncodedCorpus:
    """A corpus of ten words with ids 3 to 12, and sentences of one word."""
    types = Vocabulary([*SPECIAL, *(f"w{i}" for i in range(10))])
    parts = [
        EncodedPart(np.array(ids, np.int32), np.arange(len(ids) + 1)) for ids in (train, heldout)
    ]
    return EncodedCorpus(types, np.bincount(train, minlength=13), *parts, "d", "c", is_train)


def test_a_vocabulary_that_covers_little_is_reported() -> None:
    train = [3] * 5 + [4] * 3 + [5, 6]
    assert messages(lambda: warn_of_coverage(corpus_of(train, [3]), 4)) == []
    (message,) = messages(lambda: warn_of_coverage(corpus_of(train, [3]), 3))
    assert "covers only 0.0 % of the training tokens" in message
    (message,) = messages(lambda: warn_of_coverage(corpus_of([*train, 7], [3]), 4))
    assert "covers only 45.5 % of the training tokens" in message


def test_held_out_text_of_other_words_is_reported() -> None:
    train = [3] * 8 + [4]
    # Word 9 is no word of the training text; word 4 is outside of the vocabulary.
    assert messages(lambda: warn_of_coverage(corpus_of(train, [3, 3, 9, 4]), 4)) == []
    assert messages(lambda: warn_of_coverage(corpus_of(train, [3, 9, 9, 4]), 13)) == []
    (message,) = messages(lambda: warn_of_coverage(corpus_of(train, [3, 9, 4]), 4))
    assert "only 33.3 % of the held-out tokens" in message
    assert messages(lambda: warn_of_coverage(corpus_of(train, [9], is_train=True), 4)) == []
