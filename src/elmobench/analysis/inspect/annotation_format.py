"""Annotations of recorded runs as text, by the pipeline that made them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from elmobench.tasks.registries import PIPELINES


def format_annotation(pipeline: str, annotation: Any, tokens: Sequence[str] | None = None) -> str:
    """A gold annotation or a prediction of ``pipeline`` as one line.

    Records may come from a machine with more packages: an annotation of a pipeline that is not
    registered here is shown as JSON.

    >>> format_annotation("ner", ["B-PER", "O"], ["Ann", "slept"])
    '[PER Ann] slept'

    Args:
        pipeline: its registered name.
        annotation: as the metric reads it.
        tokens: the example's tokens, if its data are on this machine.
    """
    if pipeline not in PIPELINES:
        return json.dumps(annotation, ensure_ascii=False)
    return PIPELINES.get(pipeline).format_annotation(annotation, tokens)
