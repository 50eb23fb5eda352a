"""Write a trained BERT in the format of transformers."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from elmobench.pretraining.bert.wordpiece import SPECIAL
from elmobench.pretraining.run_folder import EXPORT

MODEL_FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "vocab.txt",
)
"""Files of a model; versions of the library differ in which ones they write."""


def export(folder: Path, model: Any, tokenizer: Any, max_length: int) -> None:
    """Write ``config.json``, ``model.safetensors`` and the tokenizer's files to ``folder``.

    Args:
        folder: created if necessary.
        model: a ``BertForMaskedLM``.
        tokenizer: a ``tokenizers.Tokenizer``.
        max_length: pieces in a sequence.

    Raises:
        OSError, SafetensorError: if a file cannot be written. Each file is either old or new.
    """
    unfinished = folder / EXPORT
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        write_model(unfinished, model, tokenizer, max_length)
        for path in sorted(unfinished.iterdir()):
            os.replace(path, folder / path.name)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def write_model(folder: Path, model: Any, tokenizer: Any, max_length: int) -> None:
    """Write all files into an empty folder; see :func:`export`."""
    from transformers import BertTokenizerFast
    from transformers.utils import logging

    # The library's progress bar would appear inside ours.
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        model.save_pretrained(folder, safe_serialization=True)
    finally:
        if shown:
            logging.enable_progress_bar()
    roles = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    fast = BertTokenizerFast(
        tokenizer_object=tokenizer,
        do_lower_case=False,
        model_max_length=max_length,
        **dict(zip(roles, SPECIAL, strict=True)),
    )
    try:
        fast.save_pretrained(folder)
    except Exception as error:
        # The library has no exception class of its own for a file that cannot be written.
        if type(error) is not Exception:
            raise
        raise OSError(str(error)) from error
