"""A small corpus in which words depend on the words before them, and a biLM of its size."""

from __future__ import annotations

import random
from pathlib import Path

from elmobench.pretraining.bilm.options import BilmOptions
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus


def small_corpus(folder: Path, lines: int = 600) -> EncodedCorpus:
    """Each word says which two words may come next: two bits a word at most."""
    draw = random.Random(4)
    words = [f"wörd{i}" for i in range(30)]
    rows = []
    for _ in range(lines):
        at = draw.randrange(30)
        row = []
        for _ in range(draw.randint(3, 12)):
            row.append(words[at])
            at = (2 * at + draw.randrange(2)) % 30
        rows.append(" ".join(row))
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(rows) + "\n"
    # Several processes may ask for the same one: none writes under the eyes of another.
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
