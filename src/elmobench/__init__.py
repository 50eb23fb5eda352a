"""elmobench: compare frozen word representations on downstream language tasks.

The names below are the stable Python interface; each is imported when first used, so
that ``import elmobench`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmobench.analysis.tables.results_frame import load_results
    from elmobench.api import run
    from elmobench.features.catalog.catalog import load_provider
    from elmobench.features.elmo.batch_ids import batch_to_ids
    from elmobench.features.frozen_features import FrozenFeatures
    from elmobench.features.functions import Model, SentenceModel
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.metrics.base import get_metric
    from elmobench.nn.elmo import Elmo
    from elmobench.tasks.task import load_task

__version__ = "0.1.0"

_PUBLIC = {
    "Elmo": "elmobench.nn.elmo",
    "FeatureStore": "elmobench.features.store.feature_store",
    "FrozenFeatures": "elmobench.features.frozen_features",
    "Model": "elmobench.features.functions",
    "SentenceModel": "elmobench.features.functions",
    "batch_to_ids": "elmobench.features.elmo.batch_ids",
    "get_metric": "elmobench.metrics.base",
    "load_provider": "elmobench.features.catalog.catalog",
    "load_results": "elmobench.analysis.tables.results_frame",
    "load_task": "elmobench.tasks.task",
    "run": "elmobench.api",
}

__all__ = [
    "Elmo",
    "FeatureStore",
    "FrozenFeatures",
    "Model",
    "SentenceModel",
    "batch_to_ids",
    "get_metric",
    "load_provider",
    "load_results",
    "load_task",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'elmobench' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)
