"""ELMo as a PyTorch module: AllenNLP's interface on this project's frozen biLM.

Source: ``allennlp.modules.elmo.Elmo`` (AllenNLP 2.10.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, TypedDict

import numpy as np
import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError, DigestError
from elmobench.data.download.cache import expected_of, fetch
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.model_files import find_model_path
from elmobench.features.elmo.allennlp_weights import allennlp_weights
from elmobench.features.elmo.frozen_bilm import FrozenBiLm
from elmobench.nn.scalar_mix import ScalarMix

# AllenNLP's name of the biLM, whose weights its state dicts contain.
_ALLENNLP_BILM: Final = "_elmo_lstm."


class ElmoOutput(TypedDict):
    """What :class:`Elmo` returns.

    ``elmo_representations`` has one (B, T, D) tensor per mix; ``mask`` is (B, T) bool, true at
    tokens.
    """

    elmo_representations: list[Tensor]
    mask: Tensor


class Elmo(nn.Module):
    """Compute ELMo's vectors with mixes that train inside a network of yours.

    A replacement for ``allennlp.modules.elmo.Elmo``: the same signature and, to 5e-6, the same
    vectors, except that AllenNLP passes LSTM states from one batch to the next, while here every
    sentence starts from zeros and its vectors do not depend on the batch. They equal AllenNLP's
    after its ``reset_states()``.

    The biLM is frozen, always float32, and runs on the module's device, a CPU or a CUDA device. It
    is built there at the first call. The trainable parameters are those of the mixes, with
    AllenNLP's names (``scalar_mix_0.gamma``, ``scalar_mix_0.scalar_parameters.0``). A state dict
    holds them and a digest of the biLM, which is compared when it is loaded; a state dict of
    AllenNLP's module can be loaded as well. Copies share the biLM.

    >>> from importlib.resources import files
    >>> from elmobench import Elmo, batch_to_ids
    >>> model = files("elmobench") / "models" / "elmo-mini"
    >>> elmo = Elmo(model / "options.json", model / "weights.hdf5", 1, dropout=0.0)
    >>> output = elmo(batch_to_ids([["The", "river", "bank"], ["Hello"]]))
    >>> output["elmo_representations"][0].shape
    torch.Size([2, 3, 256])
    >>> output["mask"].tolist()
    [[True, True, True], [True, False, False]]

    Args:
        options_file: path of the biLM's options, or an address; see ``weight_file``.
        weight_file: path of its HDF5 file, relative to the current folder or to a folder of
            ``ELMOBENCH_MODELS``. An address is downloaded once; the digest must be known, from
            the catalog or from ``elmobench models fetch NAME --trust-first``.
        num_output_representations: number of mixes, each with its own weights.
        requires_grad: only False, since the biLM is frozen.
        do_layer_norm: normalise each layer before it is mixed, as AllenNLP does: over the batch,
            so that vectors depend on the other sentences of the batch.
        dropout: probability for the mixed vectors while training.
        vocab_to_cache: only None; distinct words of a batch are computed once in any case.
        keep_sentence_boundaries: whether the results contain the vectors of both boundaries, at
            T + 2 positions.
        scalar_mix_parameters: raw weights (before the softmax), one per layer; they and γ are not
            trained then.
        module: only None.

    Raises:
        ConfigError: for an option that is not supported.
        ModelError: if a file is missing or damaged, or the two disagree.
        DigestError, DownloadError: if an address cannot be used.
    """

    def __init__(
        self,
        options_file: str | PathLike[str],
        weight_file: str | PathLike[str],
        num_output_representations: int,
        requires_grad: bool = False,
        do_layer_norm: bool = False,
        dropout: float = 0.5,
        vocab_to_cache: Sequence[str] | None = None,
        keep_sentence_boundaries: bool = False,
        scalar_mix_parameters: Sequence[float] | None = None,
        module: nn.Module | None = None,
    ) -> None:
        super().__init__()
        _refuse_unsupported(
            requires_grad, vocab_to_cache, module, num_output_representations, dropout
        )
        self._bilm = FrozenBiLm(_local(options_file), _local(weight_file))
        self._do_layer_norm = do_layer_norm
        self._keep_sentence_boundaries = keep_sentence_boundaries
        self._dropout = nn.Dropout(dropout)
        for i in range(num_output_representations):
            mix = ScalarMix(
                self._bilm.num_layers,
                do_layer_norm,
                scalar_mix_parameters,
                trainable=scalar_mix_parameters is None,
            )
            self.add_module(f"scalar_mix_{i}", mix)
        self._mixes = num_output_representations
        # Its device is the device of the module.
        digest = torch.tensor(list(bytes.fromhex(self._bilm.digest)), dtype=torch.uint8)
        self.bilm_digest: Tensor
        self.register_buffer("bilm_digest", digest)

    def get_output_dim(self) -> int:
        """Return D, the number of values per token: both directions of the biLM."""
        return self._bilm.dim

    def forward(self, inputs: Tensor, word_inputs: Tensor | None = None) -> ElmoOutput:
        """Return the mixed vectors of a batch, zero at padding.

        Args:
            inputs: (B, T, 50) character ids from :func:`elmobench.batch_to_ids`, on any device; or
                (…, T, 50), for results of (…, T, D). The last axis is as long as the options'
                max_characters_per_token, which is 50 in the published models.
            word_inputs: only None.

        Raises:
            ConfigError: if ``word_inputs`` is given, on a device that is not supported, or if
                float32 products are set to a lower precision.
            TypeError: if ``inputs`` are not a tensor.
            ValueError: if ``inputs`` are not character ids.
        """
        if word_inputs is not None:
            raise ConfigError(
                "word ids (word_inputs) are not supported",
                where="Elmo",
                fix="pass character ids alone: each distinct word of a batch is computed once",
            )
        if not isinstance(inputs, Tensor):
            raise TypeError(
                f"expected a tensor of character ids, got {type(inputs).__name__}; batch_to_ids "
                "makes them from tokenised sentences"
            )
        if inputs.dim() < 3:
            raise ValueError(
                f"expected character ids (sentences, tokens, characters), got "
                f"{tuple(inputs.shape)}; batch_to_ids makes them"
            )
        keep = self._keep_sentence_boundaries
        # The statistics of the layer normalisation include the boundaries.
        with_boundaries = keep or self._do_layer_norm
        outer = inputs.shape[:-2]
        ids = inputs.flatten(0, -3)
        padded = self._bilm(ids, self.bilm_digest.device, with_boundaries)
        mask = padded.mask
        representations = []
        for i in range(self._mixes):
            mixed = self.get_submodule(f"scalar_mix_{i}")(padded.layers, padded.mask)
            if with_boundaries and not keep:
                mask = padded.mask[:, 2:]
                # The end of a sentence is where the first padding token will be.
                mixed = mixed[:, 1:-1].masked_fill(~mask.unsqueeze(-1), 0.0)
            dropped = self._dropout(mixed)
            representations.append(dropped.view(*outer, *dropped.shape[1:]))
        return {
            "elmo_representations": representations,
            "mask": mask.view(*outer, mask.shape[1]),
        }

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *rest: Any, **named: Any
    ) -> None:
        """Load the mixes, after checking that they were trained on the same biLM.

        A state dict of AllenNLP's module has the biLM's weights instead of a digest.
        """
        *_, error_msgs = rest
        foreign = prefix + _ALLENNLP_BILM
        weights = {k[len(foreign) :]: v for k, v in state_dict.items() if k.startswith(foreign)}
        own = {key: v for key, v in state_dict.items() if not key.startswith(foreign)}
        digest = prefix + "bilm_digest"
        same = True
        if weights:
            same = self._equals(weights)
            own.setdefault(digest, self.bilm_digest)
        elif digest in own:
            same = torch.equal(own[digest].cpu(), self.bilm_digest.cpu())
        if not same:
            error_msgs.append(
                f"{prefix or 'this module'}: the state was saved with another biLM than the weight "
                "file of this Elmo (or with a fine-tuned one); make Elmo from the files that the "
                "saved module had"
            )
            own[digest] = self.bilm_digest
        super()._load_from_state_dict(own, prefix, *rest, **named)

    def _equals(self, weights: dict[str, Tensor]) -> bool:
        """Whether these weights of AllenNLP's biLM are those of the weight file."""
        expected = allennlp_weights(self._bilm.arrays())
        return weights.keys() == expected.keys() and all(
            np.array_equal(weights[name].detach().cpu().numpy(), array)
            for name, array in expected.items()
        )


def _refuse_unsupported(
    requires_grad: bool,
    vocab_to_cache: Sequence[str] | None,
    module: nn.Module | None,
    num_output_representations: int,
    dropout: float,
) -> None:
    """Raise ConfigError for an argument of AllenNLP's that this module does not support."""
    refused = None
    if requires_grad:
        refused = (
            "requires_grad=True is not supported: the biLM is frozen and only the mixes train",
            "leave it out; to fine-tune the biLM itself use AllenNLP's Elmo, or train a biLM on "
            "your own text with `elmobench pretrain bilm`",
        )
    elif vocab_to_cache is not None:
        refused = (
            "vocab_to_cache is not supported",
            "leave it out and pass character ids: each distinct word of a batch is computed once",
        )
    elif module is not None:
        refused = (
            "a module in place of the biLM is not supported",
            "mix the layers of your own module with elmobench.nn.scalar_mix.ScalarMix",
        )
    elif not isinstance(num_output_representations, int) or num_output_representations < 1:
        refused = (
            f"num_output_representations is {num_output_representations!r}",
            "give the number of mixes, 1 or more",
        )
    elif not isinstance(dropout, int | float) or not 0 <= dropout <= 1:  # false for NaN as well
        refused = (f"dropout is {dropout!r}", "give a probability from 0 to 1")
    if refused is not None:
        raise ConfigError(refused[0], where="Elmo", fix=refused[1])


def _local(file: str | PathLike[str]) -> Path:
    """The local path of a file that is given as a path or as an address."""
    name = fspath(file)
    if name.startswith(("http://", "https://")):
        if expected_of(name).key is None:
            raise DigestError(
                "the digest of this address is not known", where=name, fix=_how_to_pin(name)
            )
        return fetch(name)
    return find_model_path(name, None, "Elmo")


def _how_to_pin(address: str) -> str:
    """What to do about an address without a digest, by the catalog's model with this file.

    A file of the catalog may have other addresses as well, such as those of AllenNLP before 1.0.
    """
    catalog = ModelCatalog()
    known = {
        file.url: name
        for name in catalog.names()
        for file in catalog.entry(name).files.values()
        if file.url is not None
    }
    own = "download the file and give its path"
    for url, name in known.items():
        command = f"`elmobench models fetch {name} --trust-first`"
        if url == address:
            return f"run {command} once, which pins it, or {own}"
        if url.rpartition("/")[2] == address.rpartition("/")[2]:
            return f"run {command} once and give the address {url}, or {own}"
    return own
