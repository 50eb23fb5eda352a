"""Combine the stored layers of all parts of a features spec into one vector per token."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError
from elmobench.nn.layer_mix import LayerMix, LayerNorm, MixReport
from elmobench.nn.mix_mode import MixMode
from elmobench.nn.scaling import padded_rows, scaled_and_standardized
from elmobench.nn.standardizer import RunningMoments, Standardizer


@dataclass(frozen=True, slots=True)
class PartConfig:
    """How one part of a features spec (``a`` in ``a+b``) is used in a head.

    Attributes:
        name: unique within the mixer; the key of its report.
        num_layers: L, number of layers of its provider.
        dim: D, values per layer.
        mix_mode: mode of its :class:`LayerMix`.
        gamma: whether to learn γ.
        norm: ``none`` or ``token``; see :class:`LayerMix`.
        l2: λ of the penalty λ Σ w².
        dropout: dropout on the output of the part.
        trainable: whether a trainable embedding over the words of the data replaces its vectors.
        unit: whether its vectors are scaled to length 1 (zero stays zero).
        static: whether the part has one vector per word.
    """

    name: str
    num_layers: int
    dim: int
    mix_mode: MixMode | str = "learned"
    gamma: bool = True
    norm: LayerNorm = "none"
    l2: float = 0.0
    dropout: float = 0.0
    trainable: bool = False
    unit: bool = False
    static: bool = False


MadeTensors = MutableMapping[Hashable, Tensor]
"""What mixers computed for one slot of one batch."""


class SlotTensors(Protocol):
    """The tensors of one text slot (premise, hypothesis, …) of a batch that fitting needs.

    ``tasks.head.SlotBatch`` is one.
    """

    @property
    def parts(self) -> list[Tensor]:
        """One (B, L', T, D) tensor per part, of all its L layers or only those needed."""

    @property
    def mask(self) -> Tensor:
        """(B, T) bool, true at real tokens."""

    @property
    def word_ids(self) -> Tensor | None:
        """(B, T) int64 ids in the vocabulary; 0 for padding and for words outside it."""


_Padding = tuple[Tensor, Tensor | None]
"""The (B, T) mask of a slot and its :func:`padded_rows`."""


class _Part(nn.Module):
    """One part: embedding or mix, then standardisation, zeros at padding, then dropout."""

    embedding: nn.Embedding | None
    standardizer: Standardizer | None

    def __init__(self, config: PartConfig, standardize: bool, initial: Tensor | None) -> None:
        super().__init__()
        self.config = config
        self.mix = LayerMix(config.num_layers, config.mix_mode, config.gamma, config.norm)
        self.out_dim = self.mix.width(config.dim)
        self.embedding = _embedding(config, initial)
        self.standardizer = Standardizer(self.out_dim) if standardize else None
        self.dropout = nn.Dropout(config.dropout)

    def raw(self, layers: Tensor, word_ids: Tensor | None) -> Tensor:
        """(B, T, out_dim) vectors of the part before standardisation and dropout."""
        mixed = self._vectors(self.mix(layers), word_ids)
        return _unit_length(mixed) if self.config.unit else mixed

    def _vectors(self, mixed: Tensor, word_ids: Tensor | None) -> Tensor:
        if self.embedding is None:
            return mixed
        if word_ids is None:
            raise ValueError(f"part {self.config.name!r} is trainable and needs word ids")
        seen = (word_ids > 0).unsqueeze(-1)
        return torch.where(seen, self.embedding(word_ids), mixed)

    @property
    def key(self) -> tuple[PartConfig, int | None]:
        """The same for parts that give the same vectors, if they are :attr:`fixed`."""
        return self.config, None if self.standardizer is None else id(self.standardizer)

    @property
    def fixed(self) -> bool:
        """Whether the output before dropout is the same whatever was learned."""
        return self.embedding is None and not any(True for _ in self.mix.parameters())

    def before_dropout(
        self,
        layers: Tensor,
        word_ids: Tensor | None,
        padding: _Padding,
        made: MadeTensors | None,
    ) -> Tensor:
        """The standardised vectors, zero at padding; from ``made`` if they are fixed and there."""
        if made is None or not self.fixed:
            return self._standardized(layers, word_ids, padding)
        if self.key not in made:
            made[self.key] = self._standardized(layers, word_ids, padding)
        return made[self.key]

    def _standardized(self, layers: Tensor, word_ids: Tensor | None, padding: _Padding) -> Tensor:
        if self.embedding is None and not self.config.unit:
            x, gamma = self.mix.unscaled(layers), self.mix.gamma
        else:
            x, gamma = self.raw(layers, word_ids), None
        known = self.standardizer
        mean, std = (None, None) if known is None else (known.mean, known.std)
        return scaled_and_standardized(x, gamma, mean, std, *padding)


def _embedding(config: PartConfig, initial: Tensor | None) -> nn.Embedding | None:
    where = f"part {config.name!r}"
    if not config.trainable:
        if initial is not None:
            raise ConfigError("initial vectors were given for a frozen part", where=where)
        return None
    if config.num_layers != 1:
        raise ConfigError(
            f"a trainable part must have one layer, this part has {config.num_layers}",
            where=where,
            fix="remove (trainable)",
        )
    if initial is None or initial.dim() != 2 or initial.shape[1] != config.dim:
        shape = None if initial is None else tuple(initial.shape)
        raise ConfigError(
            f"a trainable part needs initial vectors (V + 1, {config.dim}), got {shape}",
            where=where,
        )
    weight = initial.clone()
    weight[0] = 0.0
    # This draws no random number: how many words there are must not change how the head starts.
    embedding: nn.Embedding = nn.Embedding.from_pretrained(  # type: ignore[no-untyped-call]
        weight, freeze=False, padding_idx=0
    )
    return embedding


def _rows(mask: Tensor, made: MadeTensors | None) -> Tensor | None:
    """The :func:`padded_rows` of ``mask``, found once for all mixers that share ``made``."""
    if made is None or mask.device.type != "cpu":
        return padded_rows(mask)
    if "padded rows" not in made:
        rows = padded_rows(mask)
        assert rows is not None
        made["padded rows"] = rows
    return made["padded rows"]


def _unit_length(x: Tensor) -> Tensor:
    """Scale vectors to length 1. A zero vector stays zero and gets no gradient.

    The gradient of torch's ``normalize`` is 1e12 times too large there.
    """
    norm: Tensor = x.norm(dim=-1, keepdim=True)
    return x / norm.masked_fill(norm == 0, torch.inf)


class FeatureMixer(nn.Module):
    """All parts of one placement, mixed and concatenated: (B, T, ΣD), zero at padding.

    Each part is mixed (:class:`LayerMix`), standardised if requested, and put through its dropout;
    then all are concatenated. All slots of an example (premise and hypothesis, …) share one mixer.

    Standardisation subtracts a fixed mean from each dimension of a part's output and divides by a
    fixed standard deviation. Both are computed once, before training, over the real training
    tokens with the initial weights of the mix. They do not change with the mix, since a scale that
    changed with it would undo γ. A dimension that is constant over the training tokens is only
    centred.

    Args:
        parts: the parts in the order in which their vectors are concatenated.
        standardize: see above; :meth:`fit_standardizer` must then be called (or a state be loaded)
            before the first forward pass.
        initial: for the name of each trainable part the vectors that training starts from,
            (V + 1, D), row i for word id i. Row 0 is ignored: padding is zero, and words outside
            the vocabulary keep their frozen vectors. Before a saved state is loaded, zeros of the
            same shape can be given.

    Raises:
        ConfigError: for two parts with the same name, a mix that does not fit its part, or a
            trainable part that has several layers or no initial vectors.
    """

    def __init__(
        self,
        parts: Sequence[PartConfig],
        standardize: bool = False,
        initial: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        initial = initial or {}
        names = [part.name for part in parts]
        if len(set(names)) != len(names):
            raise ConfigError(f"two parts have the same name: {', '.join(names)}")
        if unknown := set(initial) - set(names):
            raise ConfigError(f"initial vectors for unknown parts: {', '.join(sorted(unknown))}")
        self._parts = [_Part(part, standardize, initial.get(part.name)) for part in parts]
        self.parts = nn.ModuleList(self._parts)
        self.standardize = standardize
        self.out_dim = sum(part.out_dim for part in self._parts)

    @property
    def static_columns(self) -> tuple[bool, ...]:
        """For each dimension of the output whether it belongs to a static part."""
        return tuple(part.config.static for part in self._parts for _ in range(part.out_dim))

    @property
    def layers_needed(self) -> list[tuple[int, ...]]:
        """For each part the layers that are needed, ascending; forward accepts only these, too."""
        return [part.mix.layers_needed for part in self._parts]

    def forward(
        self,
        parts: Sequence[Tensor],
        mask: Tensor,
        word_ids: Tensor | None = None,
        made: MadeTensors | None = None,
    ) -> Tensor:
        """(B, T, ΣD) features of one slot of a batch.

        Args:
            parts: for each part all of its layers (B, L, T, D), or only those needed.
            mask: (B, T) bool, true at real tokens.
            word_ids: (B, T) int64 ids in the vocabulary, 0 for padding and for words outside it;
                required if a part is trainable.
            made: gets vectors that no training changes, for other mixers of the same parts and
                standardizers that read the same batch.
        """
        if made is None or not self._fixed:
            return self._mixed(parts, mask, word_ids, made)
        key = tuple(part.key for part in self._parts)
        if key not in made:
            made[key] = self._mixed(parts, mask, word_ids, made)
        return made[key]

    @property
    def _fixed(self) -> bool:
        """Whether the output is the same whatever was learned, and whenever it is computed."""
        return all(
            part.fixed and (part.config.dropout == 0 or not self.training) for part in self._parts
        )

    def _mixed(
        self,
        parts: Sequence[Tensor],
        mask: Tensor,
        word_ids: Tensor | None,
        made: MadeTensors | None,
    ) -> Tensor:
        for part in self._parts:
            if part.standardizer is not None and not part.standardizer.is_fitted:
                raise RuntimeError("call fit_standardizer before the mixer is used")
        padding = (mask, _rows(mask, made))
        outputs: list[Tensor] = [
            part.dropout(part.before_dropout(layers, word_ids, padding, made))
            for part, layers in zip(self._parts, parts, strict=True)
        ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=-1)

    @torch.no_grad()
    def fit_standardizer(self, batches: Iterable[SlotTensors]) -> None:
        """Compute means and standard deviations over the real tokens of ``batches``.

        Call it once, before training. It reads the batches once and computes in float64. Without
        ``standardize`` it does nothing.

        Raises:
            ValueError: if the batches have no tokens.
        """
        if not self.standardize:
            return
        moments = [RunningMoments(part.out_dim) for part in self._parts]
        for batch in batches:
            for part, layers, running in zip(self._parts, batch.parts, moments, strict=True):
                running.add(part.raw(layers, batch.word_ids)[batch.mask])
        for part, running in zip(self._parts, moments, strict=True):
            if running.count == 0:
                raise ValueError("there are no training tokens to standardise on")
            assert part.standardizer is not None
            part.standardizer.set(running)

    @torch.no_grad()
    def copy_standardizer(self, other: FeatureMixer) -> None:
        """Use the means and standard deviations of ``other``, a mixer of the same parts.

        Both have one object for them afterwards, and share what follows from them; see ``made`` in
        :meth:`forward`.
        """
        for part, theirs in zip(self._parts, other._parts, strict=True):
            if part.standardizer is not None:
                part.standardizer = theirs.standardizer

    def penalty(self) -> Tensor:
        """The sum of the parts' penalties λ Σ w², a scalar to be added to the loss of the head."""
        mixes = [(part.mix, part.config.l2) for part in self._parts]
        terms = [mix.penalty(l2) for mix, l2 in mixes if mix.w is not None and l2]
        return torch.stack(terms).sum() if terms else torch.zeros(())

    def report(self) -> dict[str, MixReport]:
        """The current mix of each part, by name."""
        return {part.config.name: part.mix.report() for part in self._parts}
