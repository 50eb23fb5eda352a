"""Which cells can have a model that is trained together with the head."""

from __future__ import annotations

from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.parts import PartSettings
from elmobench.core.errors import ConfigError
from elmobench.features.provider import FeatureProvider
from elmobench.finetuning.start import check_trainable
from elmobench.nn.mix_mode import MixMode


def check_finetuned(cell: Cell, part: PartSettings, provider: FeatureProvider) -> None:
    """Check that the model of ``part`` can be trained with the head of ``cell``.

    Raises:
        ConfigError: if it cannot, or if the cell judges a probe of frozen vectors.
    """
    where = f"features {cell.features}"
    check_trainable(provider, where)
    mode, what = MixMode.parse(part.mix), None
    if mode.kind not in ("learned", "uniform", "concat"):
        what = f"the mix {mode}, since the model is trained as a whole"
    elif cell.labels == "control":
        what = "control labels, which judge probes of frozen vectors"
    elif cell.training.online_code:
        what = "an online code, which judges probes of frozen vectors"
    if what is not None:
        raise ConfigError(
            f"{part.name}(finetuned) does not go with {what}",
            where=where,
            fix="leave that out for these features, or remove (finetuned)",
        )
