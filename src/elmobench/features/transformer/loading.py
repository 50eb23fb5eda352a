"""Load a network and its tokenizer from local files, and check that they are complete."""

from __future__ import annotations

import inspect
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import torch
from safetensors import safe_open
from torch import nn

from elmobench.core.errors import ConfigError, ModelError
from elmobench.core.parsing import check_is_file
from elmobench.features.transformer.checks import (
    check_json_files,
    check_network,
    library_errors,
)
from elmobench.features.transformer.files import check_complete, is_weights
from elmobench.features.transformer.mapped_files import MappedFiles
from elmobench.features.transformer.packed import pack_linears
from elmobench.features.transformer.untrained import draw_weights

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_DTYPES: Final = {"fp32": torch.float32, "bf16": torch.bfloat16}

# The memory of longer windows grows with the square of their length.
LARGEST_WINDOW: Final = 2048
# For models with relative positions that give no maximum length.
_UNSTATED_WINDOW: Final = 512

_SAVE_AGAIN: Final = "fetch or save the model again"


@dataclass(frozen=True)
class LoadedModel:
    """A network with its tokenizer, as returned by :func:`load_model`.

    Attributes:
        network: in evaluation mode, on its device; returns ``hidden_states``.
        tokenizer: the tokenizer of the ``tokenizers`` library, without its wrapper.
        kind: the configuration's ``model_type``.
        window: maximum number of pieces encoded at once, special tokens included.
        pad_id: a valid id for padding.
    """

    network: nn.Module
    tokenizer: Tokenizer
    kind: str
    window: int
    pad_id: int


def load_model(
    files: Mapping[str, Path],
    where: str,
    *,
    arithmetic: str = "fp32",
    device: str = "cpu",
    untrained: int | None = None,
    packed: bool = True,
) -> LoadedModel:
    """Load a model from its files, named as by ``save_pretrained``.

    Only code of the installed transformers library runs. Of an encoder-decoder only the encoder is
    kept, and layers after the last block (poolers, heads) are left out.

    Args:
        files: by name.
        where: the features, for messages.
        arithmetic: ``fp32`` or ``bf16``.
        device: of the network.
        untrained: number of a draw of random weights that replace those of the files; None for
            the weights of the files.
        packed: whether products are made independent of the batch, which excludes gradients.

    Raises:
        ModelError: files are missing, damaged or do not match, or this version of transformers
            does not have the architecture. The network raises it as well, when it is used after
            a file of its weights was written to.
        ConfigError: the device does not exist, or untrained models of this kind are not known.
    """
    check_complete(files, where)
    _check_device(device, where)
    check_json_files(files, where)
    for name, path in files.items():
        if name.endswith(".safetensors"):
            _check_safetensors(path, where)
    # Drawn weights, those on a GPU, and those that are trained, are copies.
    mapped = [path for name, path in files.items() if is_weights(name)]
    is_mapped = packed and untrained is None and device.partition(":")[0] == "cpu"
    opened = MappedFiles(mapped if is_mapped else [], where)
    with _folder_of(files) as folder, _quiet():
        network, kind = _load_network(folder, where, _DTYPES[arithmetic])
        if untrained is not None:
            draw_weights(network, untrained, where)
        tokenizer = _load_tokenizer(folder, where)
    with library_errors("its tokenizer or its vectors cannot be used", where, _SAVE_AGAIN):
        rows = network.get_input_embeddings().weight.shape[0]
        largest = max(tokenizer.get_vocab().values(), default=-1)
    if largest >= rows:
        raise ModelError(
            f"its tokenizer has pieces up to {largest}, but the model has only {rows} vectors",
            where=where,
            fix="use the tokenizer that the model was trained with",
        )
    check_network(network, where)
    network = network.to(device)
    if packed:
        pack_linears(network)
    else:
        for weight in network.parameters():
            weight.data = weight.data.clone()  # those of the file are only read
    opened.watch(network)
    pad = tokenizer.pad_token_id
    return LoadedModel(
        network=network,
        tokenizer=tokenizer.backend_tokenizer,
        kind=kind,
        window=_window(network, tokenizer, where),
        # GPT-2 has no padding id; any id is possible, since padding is masked.
        pad_id=pad if isinstance(pad, int) and 0 <= pad < rows else 0,
    )


def _load_network(folder: str, where: str, dtype: torch.dtype) -> tuple[Any, str]:
    from transformers import AutoConfig, AutoModel
    from transformers.models.auto.modeling_auto import MODEL_MAPPING

    trust = {"trust_remote_code": False, "local_files_only": True}
    with library_errors(
        "config.json does not describe a model that transformers supports",
        where,
        "models with code of their own are not run; else transformers may be too old",
    ):
        config = AutoConfig.from_pretrained(folder, **trust)
        architecture: Any = MODEL_MAPPING[type(config)]
    config.use_cache = False
    extra = {}
    if "add_pooling_layer" in inspect.signature(architecture).parameters:
        # The pooler affects no hidden state, and many checkpoints do not have it.
        extra["add_pooling_layer"] = False
    with library_errors("its weights cannot be read", where, _SAVE_AGAIN):
        model, info = AutoModel.from_pretrained(
            folder,
            config=config,
            dtype=dtype,
            weights_only=True,
            # In the other implementations, sums depend on the padding.
            attn_implementation="eager",
            output_loading_info=True,
            **extra,
            **trust,
        )
    network = model.get_encoder() if config.is_encoder_decoder else model
    _check_weights(model, network, info, where)
    return network.eval(), str(config.model_type)


def _check_weights(model: Any, network: nn.Module, info: Mapping[str, Any], where: str) -> None:
    """Raise ModelError if a used weight is missing from the file; it would be random."""
    used = {id(tensor) for tensor in network.state_dict(keep_vars=True).values()}
    own = model.state_dict(keep_vars=True)
    missing = sorted(k for k in info["missing_keys"] if k not in own or id(own[k]) in used)
    mismatched = sorted(map(str, info.get("mismatched_keys", ())))
    problems = [*missing, *mismatched, *map(str, info.get("error_msgs", ()))]
    if problems:
        shown = ", ".join(problems[:5]) + (" …" if len(problems) > 5 else "")
        raise ModelError(
            f"its weights do not match its config.json; {len(problems)} are missing or have "
            f"another shape: {shown}",
            where=where,
            fix="use the configuration that was saved with these weights",
        )


def _load_tokenizer(folder: str, where: str) -> Any:
    from transformers import AutoTokenizer

    with library_errors(
        "its tokenizer cannot be read",
        where,
        "save it as tokenizer.json (a fast tokenizer) in the model's folder",
    ):
        tokenizer = AutoTokenizer.from_pretrained(
            folder, use_fast=True, trust_remote_code=False, local_files_only=True
        )
    if not tokenizer.is_fast:
        raise ModelError(
            f"its tokenizer ({type(tokenizer).__name__}) does not map pieces to words",
            where=where,
            fix="save a fast tokenizer: tokenizer.json in the model's folder",
        )
    return tokenizer


def _window(network: nn.Module, tokenizer: Any, where: str) -> int:
    """Maximum number of pieces per window: the smallest of all limits. Raises ModelError for 0."""
    config: Any = network.config
    bounds = [LARGEST_WINDOW]
    stated = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", 0)
    if isinstance(stated, int) and stated > 0:
        bounds.append(stated)
    if isinstance(tokenizer.model_max_length, int) and tokenizer.model_max_length < 10**9:
        bounds.append(tokenizer.model_max_length)
    if len(bounds) == 1:
        bounds.append(_UNSTATED_WINDOW)
    for name, module in network.named_modules():
        # RoBERTa and similar models number positions after the padding index.
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            offset = 0 if module.padding_idx is None else module.padding_idx + 1
            bounds.append(module.num_embeddings - offset)
    if min(bounds) < 1:
        raise ModelError(
            f"its configuration or its tokenizer allows texts of {min(bounds)} pieces",
            where=where,
            fix=_SAVE_AGAIN,
        )
    return min(bounds)


def _check_device(device: str, where: str) -> None:
    kind = device.partition(":")[0]
    count = torch.cuda.device_count() if kind == "cuda" else 1
    number = device.partition(":")[2] or "0"
    if not number.isdecimal() or int(number) >= count:
        raise ConfigError(
            f"there is no device {device!r}; torch finds {count} CUDA devices",
            where=where,
            fix="leave the setting out to use the CPU, or install a torch built for CUDA",
        )


def _check_safetensors(path: Path, where: str) -> None:
    what = f"{path} is not a complete safetensors file"
    with library_errors(what, where, "fetch or save it again"):
        check_is_file(path)
        with safe_open(path, framework="pt"):
            pass


@contextmanager
def _folder_of(files: Mapping[str, Path]) -> Iterator[str]:
    """Provide a folder with links to exactly these files."""
    with tempfile.TemporaryDirectory(prefix="elmobench-") as folder:
        for name, path in files.items():
            os.symlink(path.resolve(), Path(folder) / name)
        yield folder


@contextmanager
def _quiet() -> Iterator[None]:
    """Disable transformers' progress bars and reports; loading is checked here instead."""
    from transformers.utils import logging as library

    logging: Any = library
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
