"""Which words a biLM predicts, and training on a text that is shorter than a step."""

from __future__ import annotations

import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from small_corpus import small_corpus, small_options

from elmobench.core.errors import ConfigError, DataError, ElmobenchWarning
from elmobench.pretraining.bilm.evaluate import targets
from elmobench.pretraining.bilm.fitting import choose_vocabulary, fit_steps
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.bilm.train import BilmTrainer, train_bilm
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.loop import LoopOptions
from elmobench.pretraining.runs import Pretraining, fit_to_text
from elmobench.pretraining.vocabulary import Vocabulary

SPECIAL = "<S>\n</S>\n<UNK>\n"


def encoded(folder: Path, lines: list[str]) -> EncodedCorpus:
    (folder / "t").write_text("".join(f"{line}\n" for line in lines))
    return EncodedCorpus.build(Corpus.open([folder / "t"]), folder / "e")


def vocabulary_file(folder: Path, text: str) -> Path:
    (folder / "vocab.txt").write_text(text)
    return folder / "vocab.txt"


@pytest.mark.parametrize("min_count", [1, 2, 3, 4])
@pytest.mark.parametrize("limit", [None, 5, 100])
def test_a_minimum_count_equals_a_plain_count(
    tmp_path: Path, min_count: int, limit: int | None
) -> None:
    lines = ["a b c d", "a b c", "a b", "a a"]
    corpus, options = choose_vocabulary(
        encoded(tmp_path, lines), small_options(n_tokens_vocab=limit), min_count=min_count
    )
    counts = Counter(word for line in lines for word in line.split())
    frequent = [word for word, count in counts.most_common() if count >= min_count]
    trainer_words = corpus.types.words[: options.n_tokens_vocab]
    assert list(trainer_words[3:]) == frequent[: None if limit is None else limit - 3]


def test_a_minimum_count_that_no_word_has_is_an_error(tmp_path: Path) -> None:
    corpus = encoded(tmp_path, ["a b", "a c"])
    with pytest.raises(ConfigError, match=r"no word occurs 3 times.*most frequent one occurs 2"):
        choose_vocabulary(corpus, small_options(), min_count=3)


def test_without_a_choice_nothing_changes(tmp_path: Path) -> None:
    corpus, options = small_corpus(tmp_path), small_options()
    chosen = choose_vocabulary(corpus, options)
    assert chosen[0] is corpus
    assert chosen[1] is options
    assert fit_steps(corpus, options) is options


def test_words_of_a_file_have_its_numbers_and_others_are_unknown(tmp_path: Path) -> None:
    file = vocabulary_file(tmp_path, SPECIAL + "b\nabsent\na\n")
    corpus, options = choose_vocabulary(
        encoded(tmp_path, ["a b c", "b a d"]), small_options(n_tokens_vocab=4), file=file
    )
    assert options.n_tokens_vocab == 6
    ids = {"<S>": 0, "</S>": 1, "<UNK>": 2, "b": 3, "absent": 4, "a": 5}
    assert targets(corpus.train.sentence(0), 6).tolist() == [ids["a"], ids["b"], 2]
    assert targets(corpus.train.sentence(1), 6).tolist() == [ids["b"], ids["a"], 2]
    # The character CNN still reads the spelling of the others.
    assert {corpus.types.words[k] for k in corpus.train.tokens} == {"a", "b", "c", "d"}


def test_a_file_with_the_text_s_own_words_trains_the_same_model(tmp_path: Path) -> None:
    corpus = small_corpus(tmp_path)
    plain = small_options(n_tokens_vocab=20, n_epochs=0.3)
    own = Vocabulary(corpus.types.words[:20])
    own.write(tmp_path / "own.txt")
    numbered, options = choose_vocabulary(
        corpus, small_options(n_epochs=0.3), file=tmp_path / "own.txt"
    )
    one, other = (
        train_bilm(text, chosen, tmp_path / name, LoopOptions(threads=1)).trainer
        for text, chosen, name in ((corpus, plain, "one"), (numbered, options, "other"))
    )
    assert one.vocabulary.words == other.vocabulary.words
    for name, weight in one.weights.items():
        assert torch.equal(weight, other.weights[name]), name
    assert one.heldout_perplexity() == other.heldout_perplexity()


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", "", "begins with"),
        ("a\nb\n", "", "must be <S>, </S> and <UNK>"),
        ("</S>\n<S>\n<UNK>\na\n", "", "must be <S>, </S> and <UNK>"),
        (SPECIAL, "", "no words after"),
        (SPECIAL + "a 12\n", ":4", "a space or tab in 'a 12'"),
        (SPECIAL + "a\nb\t3\n", ":5", "a space or tab"),
        (SPECIAL + "a\n\nb\n", ":5", "an empty line"),
        (SPECIAL + "a\nb\na\n", ":6", "'a' appears twice, first in line 4"),
        (SPECIAL + "A\nB\n", "", "no word of the vocabulary is in the training text"),
    ],
)
def test_bad_vocabularies_name_file_and_line(
    tmp_path: Path, text: str, line: str, message: str
) -> None:
    file = vocabulary_file(tmp_path, text)
    with pytest.raises(DataError) as error:
        choose_vocabulary(encoded(tmp_path, ["a b", "b a"]), small_options(), file=file)
    assert f"vocab.txt{line}: " in str(error.value)
    assert message in str(error.value)


def test_other_bad_vocabularies(tmp_path: Path) -> None:
    corpus, options = encoded(tmp_path, ["a b", "b a"]), small_options()
    with pytest.raises(DataError, match=r"none\.txt: cannot be read: No such file"):
        choose_vocabulary(corpus, options, file=tmp_path / "none.txt")
    (tmp_path / "latin").write_bytes(SPECIAL.encode() + b"gr\xfcn\n")
    with pytest.raises(DataError, match=r"latin:4: is not UTF-8"):
        choose_vocabulary(corpus, options, file=tmp_path / "latin")
    with pytest.raises(ConfigError, match="only one of --vocabulary and --min-count"):
        choose_vocabulary(corpus, options, file=tmp_path / "latin", min_count=2)


@pytest.mark.parametrize(("words", "warned"), [("a b c d", False), ("d c b a", True)])
def test_a_vocabulary_in_another_order_is_reported(
    tmp_path: Path, words: str, warned: bool
) -> None:
    corpus = encoded(tmp_path, ["a a a a b b b c c d"])
    file = vocabulary_file(tmp_path, SPECIAL + words.replace(" ", "\n") + "\n")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        choose_vocabulary(corpus, small_options(), file=file)
    assert ["order of frequency" in str(warning.message) for warning in seen] == [True] * warned


@pytest.mark.parametrize(
    ("batch_size", "unroll_steps", "processes", "expected"),
    [
        # 4 lines of 3 words have 20 tokens with begins and ends.
        (4, 4, 1, None),
        (5, 4, 1, (4, 4)),
        (128, 20, 1, (1, 19)),
        (128, 6, 1, (2, 6)),
        (128, 4, 1, (4, 4)),
        (128, 4, 2, (4, 4)),
        (9, 4, 3, (3, 4)),
        (128, 20, 2, (2, 9)),
    ],
)
def test_a_step_is_as_long_as_the_text_allows(
    tmp_path: Path,
    batch_size: int,
    unroll_steps: int,
    processes: int,
    expected: tuple[int, int] | None,
) -> None:
    corpus = encoded(tmp_path, ["a b c"] * 4)
    options = small_options(batch_size=batch_size, unroll_steps=unroll_steps)
    if expected is None:
        assert fit_steps(corpus, options, processes) is options
        fitted = options
    else:
        with pytest.warns(ElmobenchWarning, match="the text has 20 tokens") as seen:
            fitted = fit_steps(corpus, options, processes)
        assert (fitted.batch_size, fitted.unroll_steps) == expected
        assert f"batch_size {expected[0]} and unroll_steps {expected[1]}" in str(seen[0].message)
    assert fitted.batch_size % processes == 0
    assert BilmTrainer(corpus, fitted, threads=1).steps_per_epoch >= 1


@pytest.mark.parametrize("lines", [["a"], ["a b", "c", "a"], ["The rain ended ."] * 4])
def test_the_shortest_texts_train_and_give_vectors(tmp_path: Path, lines: list[str]) -> None:
    run = run_of(tmp_path, encoded(tmp_path, lines), small_options(n_epochs=2))
    with pytest.warns(ElmobenchWarning) as seen:
        run = fit_to_text(run)
    assert "too few for a useful model" in str(seen[0].message)
    assert isinstance(run.options, BilmOptions)
    result = train_bilm(run.encoded, run.options, run.out, LoopOptions(threads=1))
    assert result.is_finished
    assert all(value > 0 for value in result.trainer.heldout_perplexity())
    # The checkpoints belong to the fitted options, so the same command resumes.
    again = train_bilm(run.encoded, fitted_again(run), run.out, LoopOptions(threads=1))
    assert again.trainer.step == result.trainer.step


def fitted_again(run: Pretraining) -> Any:
    with pytest.warns(ElmobenchWarning):
        return fit_to_text(run).options


def run_of(folder: Path, corpus: EncodedCorpus, options: BilmOptions) -> Pretraining:
    return Pretraining(
        name="m",
        out=folder / "m",
        corpus=Corpus.open([folder / "t"]),
        encoded=corpus,
        options=options,
    )


def test_a_long_text_gives_no_warning(tmp_path: Path) -> None:
    corpus, options = small_corpus(tmp_path), small_options()
    (tmp_path / "t").write_text("a\n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = fit_to_text(run_of(tmp_path, corpus, options))
    assert (run.encoded, run.options) == (corpus, options)
