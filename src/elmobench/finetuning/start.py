"""From a frozen provider to a model that is trained with a task's head."""

from __future__ import annotations

from elmobench.core.errors import ConfigError
from elmobench.features.provider import FeatureProvider
from elmobench.finetuning.encoder import TrainableEncoder


def check_trainable(provider: FeatureProvider, where: str) -> None:
    """Check that the model of ``provider`` can be trained with a head.

    Raises:
        ConfigError: if it is no transformer or biLM, has no trained weights to start from, or has
            options that only a frozen model can have.
    """
    # Imported here, since most runs train no model.
    from elmobench.features.elmo.provider import ElmoProvider
    from elmobench.features.transformer.provider import TransformerProvider

    why = None
    if not isinstance(provider, TransformerProvider | ElmoProvider):
        why = "it is neither a transformer nor a biLM whose weights are here"
    elif not provider.files:
        why = "its weights are random, so it would be trained from the start"
    elif provider.arithmetic != "fp32":
        why = "weights are trained in float32, and its arithmetic is another"
    elif isinstance(provider, ElmoProvider) and provider.state != "zero":
        why = "every sentence starts from zeros in training"
    if why is not None:
        raise ConfigError(
            f"{provider.name}(finetuned): this model cannot be trained with a head: {why}",
            where=where,
            fix="remove (finetuned); static vectors can be (trainable)",
        )


def trainable_encoder(provider: FeatureProvider, where: str) -> TrainableEncoder:
    """A module with the weights of ``provider``'s files, which are only read.

    Args:
        provider: of a transformer or a biLM.
        where: the features, for errors.

    Raises:
        ConfigError: see :func:`check_trainable`.
        ModelError: if a file is missing or damaged.
    """
    from elmobench.features.elmo.provider import ElmoProvider
    from elmobench.features.transformer.provider import TransformerProvider

    check_trainable(provider, where)
    if isinstance(provider, TransformerProvider):
        from elmobench.finetuning.transformer import TrainableTransformer

        return TrainableTransformer(provider, where)
    assert isinstance(provider, ElmoProvider)
    assert provider.files is not None
    from elmobench.finetuning.bilm import TrainableBilm

    return TrainableBilm(*provider.files)
