"""elmobench: compare frozen word representations on downstream language tasks.

The names below are the stable Python interface; each is imported when first used, so
that ``import elmobench`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from elmobench.api.claims import claims
    from elmobench.api.comparison import compare
    from elmobench.api.names import list_features, list_tasks
    from elmobench.api.report import report
    from elmobench.api.results import load_results
    from elmobench.api.run import run
    from elmobench.features.catalog.catalog import load_provider
    from elmobench.features.elmo.batch_ids import batch_to_ids
    from elmobench.features.frozen_features import FrozenFeatures
    from elmobench.features.functions import Model, SentenceModel
    from elmobench.features.store.feature_store import FeatureStore
    from elmobench.metrics.base import get_metric
    from elmobench.nn.elmo import Elmo
    from elmobench.tasks.task import load_task

__version__ = "0.2.0"

_PUBLIC = {
    "Elmo": "elmobench.nn.elmo",
    "FeatureStore": "elmobench.features.store.feature_store",
    "FrozenFeatures": "elmobench.features.frozen_features",
    "Model": "elmobench.features.functions",
    "SentenceModel": "elmobench.features.functions",
    "batch_to_ids": "elmobench.features.elmo.batch_ids",
    "claims": "elmobench.api.claims",
    "compare": "elmobench.api.comparison",
    "get_metric": "elmobench.metrics.base",
    "list_features": "elmobench.api.names",
    "list_tasks": "elmobench.api.names",
    "load_provider": "elmobench.features.catalog.catalog",
    "load_results": "elmobench.api.results",
    "load_task": "elmobench.tasks.task",
    "report": "elmobench.api.report",
    "run": "elmobench.api.run",
}

__all__ = [
    "Elmo",
    "FeatureStore",
    "FrozenFeatures",
    "Model",
    "SentenceModel",
    "batch_to_ids",
    "claims",
    "compare",
    "get_metric",
    "list_features",
    "list_tasks",
    "load_provider",
    "load_results",
    "load_task",
    "report",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'elmobench' has no attribute {name!r}")
    return getattr(import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    """The public names too, so that shells and notebooks complete them."""
    return sorted({*globals(), *__all__})
