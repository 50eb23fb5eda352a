"""From the stored layers of a features spec's parts to one vector a token."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from elmobench.core.errors import ConfigError
from elmobench.nn.layer_mix import LayerMix, LayerNorm, MixReport
from elmobench.nn.mix_mode import MixMode
from elmobench.nn.standardizer import RunningMoments, Standardizer


@dataclass(frozen=True, slots=True)
class PartConfig:
    """How one part of a features spec (the ``a`` of ``a+b``) enters a head.

    Attributes:
        name: unique within the mixer; the key of its report.
        num_layers: L, the layers of its provider.
        dim: D, values a layer.
        mix_mode: mode of its :class:`LayerMix`.
        gamma: learn γ.
        norm: ``none`` or ``token``.
        l2: λ of the penalty λ Σ w².
        dropout: on the part's output.
        trainable: an embedding over the training vocabulary takes the place of its vectors.
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


class UnitTensors(Protocol):
    """What fitting reads of a batch's slot; ``tasks.head.SlotBatch`` is one."""

    @property
    def parts(self) -> list[Tensor]:
        """One (B, L', T, D) tensor a part."""

    @property
    def mask(self) -> Tensor:
        """(B, T) bool."""

    @property
    def word_ids(self) -> Tensor | None:
        """(B, T) ids in the training vocabulary, 0 for padding and unseen words."""


class _Part(nn.Module):
    """One part: embedding or mix, then the fixed affine, then dropout."""

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
        """The part's vectors before the affine and dropout."""
        mixed: Tensor = self.mix(layers)
        if self.embedding is None:
            return mixed
        if word_ids is None:
            raise ValueError(f"part {self.config.name!r} is trainable and needs word ids")
        seen = (word_ids > 0).unsqueeze(-1)
        return torch.where(seen, self.embedding(word_ids), mixed)

    def forward(self, layers: Tensor, word_ids: Tensor | None) -> Tensor:
        x = self.raw(layers, word_ids)
        if self.standardizer is not None:
            x = self.standardizer(x)
        out: Tensor = self.dropout(x)
        return out


def _embedding(config: PartConfig, initial: Tensor | None) -> nn.Embedding | None:
    where = f"part {config.name!r}"
    if not config.trainable:
        if initial is not None:
            raise ConfigError("initial vectors were given for a frozen part", where=where)
        return None
    if config.num_layers != 1:
        raise ConfigError(
            f"only vectors of one layer can be trained, this part has {config.num_layers}",
            where=where,
            fix="leave out (trainable)",
        )
    if initial is None or initial.dim() != 2 or initial.shape[1] != config.dim:
        shape = None if initial is None else tuple(initial.shape)
        raise ConfigError(
            f"a trainable part needs initial vectors (V + 1, {config.dim}), got {shape}",
            where=where,
        )
    embedding = nn.Embedding(initial.shape[0], config.dim, padding_idx=0)
    with torch.no_grad():
        embedding.weight.copy_(initial)
        embedding.weight[0] = 0.0
    return embedding


class FeatureMixer(nn.Module):
    """All parts of one placement, mixed and concatenated: (B, T, ΣD), zero at padding.

    Each part is mixed (:class:`LayerMix`), standardised if asked, put through its dropout, then
    set beside the others. All units of an example (premise and hypothesis, …) share one mixer.

    Standardising is a fixed affine, one mean and standard deviation a dimension of a part's
    output. They are fitted once, before training, over the real training tokens with the mix at
    its initial weights, and do not follow the mix as it learns: a scale that moved with it would
    undo γ. A dimension that is constant over the training tokens is only centred.

    Args:
        parts: the parts in the order in which their vectors are concatenated.
        standardize: see above; :meth:`fit_standardizer` must then run (or a state be loaded)
            before the first forward pass.
        initial: for each trainable part's name the provider's vectors of the training
            vocabulary, (V + 1, D), row i for word id i. Row 0 (padding and unseen words) is
            ignored: there the part's own frozen vector is used. When a saved mixer is built
            again, zeros of the same shape will do.

    Raises:
        ConfigError: for two parts of one name, a mix that does not fit its part, or a trainable
            part that has several layers or no initial vectors.
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
    def layers_needed(self) -> list[tuple[int, ...]]:
        """For each part the layers that must be read, ascending; forward takes only these too."""
        return [part.mix.layers_needed for part in self._parts]

    def forward(
        self, parts: Sequence[Tensor], mask: Tensor, word_ids: Tensor | None = None
    ) -> Tensor:
        """Mix a unit's batch.

        Args:
            parts: for each part all of its layers (B, L, T, D), or only those needed.
            mask: (B, T) bool, true at real tokens.
            word_ids: (B, T) ids in the training vocabulary, 0 for padding and unseen words;
                required if a part is trainable.
        """
        for part in self._parts:
            if part.standardizer is not None and not bool(part.standardizer.fitted):
                raise RuntimeError("fit_standardizer must run before the mixer is used")
        outputs = [part(layers, word_ids) for part, layers in zip(self._parts, parts, strict=True)]
        # torch.where rather than a product: the affine moves padding away from zero, and a
        # product would let an infinity through.
        return torch.where(mask.unsqueeze(-1), torch.cat(outputs, dim=-1), 0.0)

    @torch.no_grad()
    def fit_standardizer(self, batches: Iterable[UnitTensors]) -> None:
        """Fit the affine over the real tokens of ``batches``, once, before training.

        Moments are gathered in one pass in float64. Does nothing without ``standardize``.

        Raises:
            ValueError: if the batches hold no token.
        """
        if not self.standardize:
            return
        moments = [RunningMoments(part.out_dim) for part in self._parts]
        for batch in batches:
            for part, layers, running in zip(self._parts, batch.parts, moments, strict=True):
                running.add(part.raw(layers, batch.word_ids)[batch.mask])
        for part, running in zip(self._parts, moments, strict=True):
            if running.count == 0:
                raise ValueError("there is no training token to standardise on")
            assert part.standardizer is not None
            part.standardizer.set(running)

    def penalty(self) -> Tensor:
        """Σ over parts of λ Σ w², to be added to the head's loss."""
        mixes = [(part.mix, part.config.l2) for part in self._parts]
        terms = [mix.penalty(l2) for mix, l2 in mixes if mix.w is not None]
        return torch.stack(terms).sum() if terms else torch.zeros(())

    def report(self) -> dict[str, MixReport]:
        """The current mix of each part, by name."""
        return {part.config.name: part.mix.report() for part in self._parts}
