"""Fit the options of a biLM to a text: the words of its softmax, and steps that the text fills."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from elmobench.core.errors import ConfigError, DataError, ElmobenchWarning
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.encoded import EncodedCorpus
from elmobench.pretraining.vocabulary import SPECIAL, Vocabulary


def choose_vocabulary(
    corpus: EncodedCorpus,
    options: BilmOptions,
    *,
    file: Path | None = None,
    min_count: int | None = None,
) -> tuple[EncodedCorpus, BilmOptions]:
    """Choose the words of the softmax; all others are predicted as ``<UNK>``.

    Args:
        corpus: the text.
        options: their ``n_tokens_vocab`` limits the number of words, except those of a file.
        file: a vocabulary file, see :meth:`Vocabulary.read_given`. All its words are in the
            softmax, whatever ``n_tokens_vocab`` says, as in bilm-tf.
        min_count: words that the training part has less often are left out.

    Returns:
        The corpus, numbered by the file if there is one, and the options with the number of words.

    Raises:
        ConfigError: both a file and a minimum count are given, or no word is frequent enough.
        DataError: the file is not a vocabulary, or none of its words is in the text.
    """
    if file is not None and min_count is not None:
        raise ConfigError(
            "a vocabulary file and a minimum count are given, but the file says which words there "
            "are",
            fix="give only one of --vocabulary and --min-count",
        )
    if file is not None:
        return _of_file(corpus, options, file)
    if min_count is None:
        return corpus, options
    frequent = int(np.count_nonzero(corpus.counts[len(SPECIAL) :] >= min_count))
    if not frequent:
        highest = int(corpus.counts[len(SPECIAL) :].max(initial=0))
        raise ConfigError(
            f"no word occurs {min_count} times in the training text; the most frequent one occurs "
            f"{highest} times",
            fix="give a smaller --min-count",
        )
    words = len(SPECIAL) + frequent
    limit = options.n_tokens_vocab or words
    return corpus, options.model_copy(update={"n_tokens_vocab": min(limit, words)})


def _of_file(
    corpus: EncodedCorpus, options: BilmOptions, file: Path
) -> tuple[EncodedCorpus, BilmOptions]:
    vocabulary = Vocabulary.read_given(file)
    renumbered = corpus.renumbered(vocabulary)
    counts = renumbered.counts[len(SPECIAL) : len(vocabulary)]
    if not counts.any():
        raise DataError(
            "no word of the vocabulary is in the training text",
            where=str(file),
            fix="use the vocabulary of this text, with its tokens and its upper and lower case",
        )
    half = len(counts) // 2
    if half and counts[:half].mean() < counts[half:].mean():
        warnings.warn(
            f"{file}: the words do not seem to be in order of frequency: in the training text, "
            "those in the first half occur less often than the others. Negative samples are drawn "
            "by this order",
            ElmobenchWarning,
            stacklevel=2,
        )
    return renumbered, options.model_copy(update={"n_tokens_vocab": len(vocabulary)})


def fit_steps(corpus: EncodedCorpus, options: BilmOptions, processes: int = 1) -> BilmOptions:
    """Options whose steps a short text fills; the given ones if it fills at least one of theirs.

    First the number of rows is reduced, then the length of a row; a warning states the values.

    Args:
        corpus: the text.
        options: of the training.
        processes: that divide the rows of a step evenly.
    """
    # Begin and end of a sentence are tokens too; the first token of a row is not predicted.
    tokens = len(corpus.train.tokens) + 2 * len(corpus.train)
    if tokens // options.batch_size > options.unroll_steps:
        return options
    rows = tokens // (options.unroll_steps + 1) // processes * processes or processes
    fitted = {
        "batch_size": min(options.batch_size, rows),
        "unroll_steps": min(options.unroll_steps, max(1, tokens // rows - 1)),
    }
    warnings.warn(
        f"the text has {tokens} tokens, with begins and ends of sentences: too few for a step of "
        f"batch_size {options.batch_size} and unroll_steps {options.unroll_steps}. Training uses "
        f"batch_size {fitted['batch_size']} and unroll_steps {fitted['unroll_steps']}",
        ElmobenchWarning,
        stacklevel=2,
    )
    return options.model_copy(update=fitted)
