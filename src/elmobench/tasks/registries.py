"""The registries of pipelines and heads, apart from their code so that listing is instant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elmobench.core.registry import Registry

if TYPE_CHECKING:
    from elmobench.tasks.base import HeadPreset, Pipeline

PIPELINES: Registry[Pipeline[Any]] = Registry("pipeline", "elmobench.pipelines")
PIPELINES.add_lazy("sentiment", "elmobench.tasks.sentiment.pipeline:PIPELINE", "one label a text")
PIPELINES.add_lazy("ner", "elmobench.tasks.tagging.pipeline:NER", "entity spans as BIO tags")
PIPELINES.add_lazy("pos", "elmobench.tasks.tagging.pipeline:POS", "one part of speech a token")
PIPELINES.add_lazy("nli", "elmobench.tasks.nli.pipeline:PIPELINE", "one label a pair of sentences")
PIPELINES.add_lazy(
    "chunking", "elmobench.tasks.tagging.pipeline:CHUNKING", "base phrases as BIO tags"
)
PIPELINES.add_lazy("srl", "elmobench.tasks.srl.pipeline:PIPELINE", "the arguments of one predicate")
PIPELINES.add_lazy(
    "qa", "elmobench.tasks.qa.pipeline:PIPELINE", "a passage's span that answers a question"
)
PIPELINES.add_lazy(
    "wsd", "elmobench.tasks.wsd.pipeline:PIPELINE", "the senses of words in a sentence"
)

HEADS: Registry[HeadPreset] = Registry("head", "elmobench.heads")
for _preset, _what in {
    "linear": "mean of the token vectors, one linear layer: a probe",
    "mlp": "mean of the token vectors, 256 hidden units",
    "small": "biattentive classification network, affordable sizes",
    "paper": "biattentive classification network as published",
}.items():
    HEADS.add_lazy(
        f"sentiment/{_preset}", f"elmobench.tasks.sentiment.pipeline:{_preset.upper()}", _what
    )
for _preset, _what in {
    "linear": "one linear layer and a CRF: a probe",
    "small": "character CNN, one biLSTM layer, CRF",
    "paper": "character CNN, two biLSTM layers of 200, CRF, as published",
}.items():
    HEADS.add_lazy(f"ner/{_preset}", f"elmobench.tasks.tagging.pipeline:{_preset.upper()}", _what)
    HEADS.add_lazy(
        f"chunking/{_preset}", f"elmobench.tasks.tagging.pipeline:{_preset.upper()}", _what
    )
HEADS.add_lazy(
    "pos/linear",
    "elmobench.tasks.tagging.pipeline:POS_LINEAR",
    "one linear layer, as published: a probe",
)
for _preset, _what in {
    "small": "character CNN, one biLSTM layer, CRF",
    "paper": "character CNN, two biLSTM layers of 200, CRF: the tagger published for NER",
}.items():
    HEADS.add_lazy(f"pos/{_preset}", f"elmobench.tasks.tagging.pipeline:{_preset.upper()}", _what)
for _preset, _what in {
    "linear": "two mean vectors, their distance and product, one linear layer: a probe",
    "small": "enhanced sequential inference model, affordable sizes",
    "paper": "enhanced sequential inference model as published",
}.items():
    HEADS.add_lazy(f"nli/{_preset}", f"elmobench.tasks.nli.pipeline:{_preset.upper()}", _what)
for _preset, _what in {
    "linear": "one linear layer over token, predicate and distance: the least that can",
    "small": "predicate flag, one biLSTM layer",
    "paper": "predicate flag, eight alternating LSTM layers with highways, as published",
}.items():
    HEADS.add_lazy(f"srl/{_preset}", f"elmobench.tasks.srl.pipeline:{_preset.upper()}", _what)
for _preset, _what in {
    "linear": "start and end from token and question mean, linear: a probe",
    "small": "BiDAF with self-attention, affordable sizes",
    "paper": "BiDAF with self-attention as published",
}.items():
    HEADS.add_lazy(f"qa/{_preset}", f"elmobench.tasks.qa.pipeline:{_preset.upper()}", _what)
for _preset, _what in {
    "linear": "one softmax over a lemma's senses: a probe",
    "small": "one biLSTM layer, softmax over a lemma's senses",
    "paper": "nearest neighbour among a lemma's senses, as published; nothing is learned",
    "most-frequent": "a lemma's most frequent sense in training: the baseline",
}.items():
    _attribute = _preset.upper().replace("-", "_")
    HEADS.add_lazy(f"wsd/{_preset}", f"elmobench.tasks.wsd.pipeline:{_attribute}", _what)
PIPELINES.add_lazy("coref", "elmobench.tasks.coref.pipeline:PIPELINE", "clusters of mentions")
for _preset, _what in {
    "linear": "linear mention scores, bilinear pair scores of token vectors: a probe",
    "small": "end-to-end span ranking, one biLSTM layer, singletons",
    "paper": "end-to-end span ranking as published, coarse to fine, twice",
}.items():
    HEADS.add_lazy(f"coref/{_preset}", f"elmobench.tasks.coref.pipeline:{_preset.upper()}", _what)


def get_head(pipeline: str, preset: str) -> HeadPreset:
    """The preset called ``preset`` of ``pipeline``."""
    return HEADS.get(f"{pipeline}/{preset}")
