"""The registries of pipelines and heads, apart from their code so that listing is instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elmobench.registry import Registry

if TYPE_CHECKING:
    from elmobench.tasks.base import HeadPreset, Pipeline

PIPELINES: Registry[Pipeline[Any]] = Registry("pipeline", "elmobench.pipelines")
PIPELINES.add_lazy("sentiment", "elmobench.tasks.sentiment:PIPELINE", "one label a text")
PIPELINES.add_lazy("ner", "elmobench.tasks.tagging:NER", "entity spans as BIO tags")

HEADS: Registry[HeadPreset] = Registry("head", "elmobench.heads")
for _preset, _what in {
    "linear": "mean of the token vectors, one linear layer: a probe",
    "mlp": "mean of the token vectors, 256 hidden units",
    "small": "biattentive classification network, affordable sizes",
    "paper": "biattentive classification network as published",
}.items():
    HEADS.add_lazy(f"sentiment/{_preset}", f"elmobench.tasks.sentiment:{_preset.upper()}", _what)
for _preset, _what in {
    "linear": "one linear layer and a CRF: a probe",
    "small": "character CNN, one biLSTM layer, CRF",
    "paper": "character CNN, two biLSTM layers of 200, CRF, as published",
}.items():
    HEADS.add_lazy(f"ner/{_preset}", f"elmobench.tasks.tagging:{_preset.upper()}", _what)
PIPELINES.add_lazy("coref", "elmobench.tasks.coref:PIPELINE", "clusters of mentions")
for _preset, _what in {
    "linear": "linear mention scores, bilinear pair scores of token vectors: a probe",
    "small": "end-to-end span ranking, one biLSTM layer, singletons",
    "paper": "end-to-end span ranking as published, coarse to fine, twice",
}.items():
    HEADS.add_lazy(f"coref/{_preset}", f"elmobench.tasks.coref:{_preset.upper()}", _what)


def get_head(pipeline: str, preset: str) -> HeadPreset:
    """The preset called ``preset`` of ``pipeline``."""
    return HEADS.get(f"{pipeline}/{preset}")
