"""A small corpus in which each word depends on the previous one, and options of small models."""

from __future__ import annotations

import random
from pathlib import Path

from elmobench.pretraining.bert.options import BertOptions
from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus


def small_corpus(folder: Path, lines: int = 600) -> EncodedCorpus:
    """A corpus in which only two words may follow each word, with equal probability."""
    draw = random.Random(4)
    words = [f"wörd{i}" for i in range(30)]
    lines_of_text = []
    for _ in range(lines):
        index = draw.randrange(30)
        row = []
        for _ in range(draw.randint(3, 12)):
            row.append(words[index])
            index = (2 * index + draw.randrange(2)) % 30
        lines_of_text.append(" ".join(row))
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(lines_of_text) + "\n"
    # Several processes may use the same folder: do not rewrite a file that another one reads.
    if not (folder / "text.txt").exists() or (folder / "text.txt").read_text("utf-8") != text:
        (folder / "text.txt").write_text(text, encoding="utf-8")
    corpus = Corpus.open([folder / "text.txt"])
    return EncodedCorpus.build(corpus, folder / "encoded", heldout=[(20, 6)])


def small_options(**changes: object) -> BilmOptions:
    raw = {
        "char_cnn": {
            "embedding": {"dim": 4},
            "filters": [[1, 8], [2, 8], [3, 16]],
            "n_highway": 1,
            "activation": "relu",
            "max_characters_per_token": 20,
            "n_characters": 261,
        },
        "lstm": {
            "dim": 24,
            "projection_dim": 12,
            "n_layers": 2,
            "cell_clip": 3,
            "proj_clip": 3,
            "use_skip_connections": True,
        },
        "n_tokens_vocab": 31,
        "n_negative_samples_batch": 20,
        "batch_size": 8,
        "unroll_steps": 6,
        "dropout": 0.1,
        "n_epochs": 2,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "n_train_tokens": 768648884,
    }
    return BilmOptions.model_validate({**raw, **changes})


def small_bert_options(**changes: object) -> BertOptions:
    raw = {
        "vocab_size": 60,
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_length": 24,
        "batch_size": 16,
        "epochs": 1,
    }
    return BertOptions.model_validate({**raw, **changes})
