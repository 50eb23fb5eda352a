"""The registries of pipelines and heads, apart from their code so that listing is instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elmobench.registry import Registry

if TYPE_CHECKING:
    from elmobench.tasks.base import HeadPreset, Pipeline

PIPELINES: Registry[Pipeline[Any]] = Registry("pipeline", "elmobench.pipelines")
PIPELINES.add_lazy("sentiment", "elmobench.tasks.sentiment:PIPELINE", "one label a text")
PIPELINES.add_lazy("ner", "elmobench.tasks.tagging:NER", "entity spans as BIO tags")
PIPELINES.add_lazy("wsd", "elmobench.tasks.wsd:PIPELINE", "the senses of words in a sentence")

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
for _preset, _what in {
    "linear": "one softmax over a lemma's senses: a probe",
    "small": "one biLSTM layer, softmax over a lemma's senses",
    "paper": "nearest neighbour among a lemma's senses, as published; nothing is learned",
    "most-frequent": "a lemma's most frequent sense in training: the baseline",
}.items():
    _attribute = _preset.upper().replace("-", "_")
    HEADS.add_lazy(f"wsd/{_preset}", f"elmobench.tasks.wsd:{_attribute}", _what)


def get_head(pipeline: str, preset: str) -> HeadPreset:
    """The preset called ``preset`` of ``pipeline``."""
    return HEADS.get(f"{pipeline}/{preset}")
