"""The registries of pipelines and of head presets, as tables.

Targets are imported when an entry is first asked for, so listing the names is instant. Other
packages add entries under the entry point groups ``elmobench.pipelines`` and ``elmobench.heads``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elmobench.core.registry import Registry

if TYPE_CHECKING:
    from elmobench.tasks.base import Pipeline
    from elmobench.tasks.head import HeadPreset

PIPELINES: Registry[Pipeline[Any]] = Registry("pipeline", "elmobench.pipelines")
HEADS: Registry[HeadPreset] = Registry("head", "elmobench.heads")

# name, target, description
_PIPELINE_TABLE = (
    ("sentiment", "elmobench.tasks.sentiment.pipeline:PIPELINE", "one label per text"),
    (
        "multilabel",
        "elmobench.tasks.multilabel.pipeline:PIPELINE",
        "any number of labels per text",
    ),
    ("ner", "elmobench.tasks.tagging.pipeline:NER", "entity spans as BIO tags"),
    ("chunking", "elmobench.tasks.tagging.pipeline:CHUNKING", "base phrases as BIO tags"),
    ("pos", "elmobench.tasks.tagging.pipeline:POS", "one part of speech per token"),
    ("nli", "elmobench.tasks.nli.pipeline:PIPELINE", "one label per pair of sentences"),
    ("regression", "elmobench.tasks.regression.pipeline:TEXT_PIPELINE", "one number per text"),
    (
        "pair-regression",
        "elmobench.tasks.regression.pipeline:PAIR_PIPELINE",
        "one number per pair of texts",
    ),
    ("srl", "elmobench.tasks.srl.pipeline:PIPELINE", "the arguments of one predicate"),
    ("qa", "elmobench.tasks.qa.pipeline:PIPELINE", "a passage's span that answers a question"),
    ("wsd", "elmobench.tasks.wsd.pipeline:PIPELINE", "the senses of words in a sentence"),
    ("wic", "elmobench.tasks.wic.pipeline:PIPELINE", "does a word mean the same in two sentences"),
    ("edges", "elmobench.tasks.edges.pipeline:PIPELINE", "the labels of one span, or of two"),
    (
        "tree-distance",
        "elmobench.tasks.trees.pipeline:DISTANCE",
        "distances between the words of a dependency tree",
    ),
    (
        "tree-depth",
        "elmobench.tasks.trees.pipeline:DEPTH",
        "depths of the words of a dependency tree",
    ),
    ("coref", "elmobench.tasks.coref.pipeline:PIPELINE", "clusters of mentions"),
)

# pipeline/preset, target, description
_HEAD_TABLE = (
    (
        "sentiment/linear",
        "elmobench.tasks.sentiment.presets:LINEAR",
        "mean of the token vectors, one linear layer: a probe",
    ),
    (
        "sentiment/mlp",
        "elmobench.tasks.sentiment.presets:MLP",
        "mean of the token vectors, 256 hidden units",
    ),
    (
        "sentiment/small",
        "elmobench.tasks.sentiment.presets:SMALL",
        "biattentive classification network, affordable sizes",
    ),
    (
        "sentiment/paper",
        "elmobench.tasks.sentiment.presets:PAPER",
        "biattentive classification network as published",
    ),
    (
        "sentiment/majority",
        "elmobench.tasks.sentiment.presets:MAJORITY",
        "the most frequent label of a text, or of all: a baseline without vectors",
    ),
    (
        "multilabel/linear",
        "elmobench.tasks.multilabel.presets:LINEAR",
        "mean of the token vectors, one linear layer: a probe",
    ),
    (
        "multilabel/mlp",
        "elmobench.tasks.multilabel.presets:MLP",
        "mean of the token vectors, 256 hidden units",
    ),
    (
        "multilabel/small",
        "elmobench.tasks.multilabel.presets:SMALL",
        "one biLSTM layer, maximum over the tokens, 256 hidden units",
    ),
    (
        "multilabel/majority",
        "elmobench.tasks.multilabel.presets:MAJORITY",
        "the most frequent set of labels of a text, or of all: a baseline without vectors",
    ),
    (
        "ner/linear",
        "elmobench.tasks.tagging.presets:LINEAR",
        "one linear layer and a CRF: a probe",
    ),
    (
        "ner/softmax",
        "elmobench.tasks.tagging.presets:SOFTMAX",
        "one linear layer per token, without a CRF: a probe",
    ),
    (
        "ner/small",
        "elmobench.tasks.tagging.presets:SMALL",
        "character CNN, one biLSTM layer, CRF",
    ),
    (
        "ner/paper",
        "elmobench.tasks.tagging.presets:PAPER",
        "character CNN, two biLSTM layers of 200, CRF, as published",
    ),
    (
        "ner/majority",
        "elmobench.tasks.tagging.presets:MAJORITY",
        "the most frequent tag of each word: a baseline without vectors",
    ),
    (
        "chunking/linear",
        "elmobench.tasks.tagging.presets:LINEAR",
        "one linear layer and a CRF: a probe",
    ),
    (
        "chunking/softmax",
        "elmobench.tasks.tagging.presets:SOFTMAX",
        "one linear layer per token, without a CRF: a probe",
    ),
    (
        "chunking/small",
        "elmobench.tasks.tagging.presets:SMALL",
        "character CNN, one biLSTM layer, CRF",
    ),
    (
        "chunking/paper",
        "elmobench.tasks.tagging.presets:PAPER",
        "character CNN, two biLSTM layers of 200, CRF, as published",
    ),
    (
        "chunking/majority",
        "elmobench.tasks.tagging.presets:MAJORITY",
        "the most frequent tag of each word: a baseline without vectors",
    ),
    (
        "pos/linear",
        "elmobench.tasks.tagging.presets:POS_LINEAR",
        "one linear layer, as published: a probe",
    ),
    (
        "pos/small",
        "elmobench.tasks.tagging.presets:SMALL",
        "character CNN, one biLSTM layer, CRF",
    ),
    (
        "pos/paper",
        "elmobench.tasks.tagging.presets:PAPER",
        "character CNN, two biLSTM layers of 200, CRF: the tagger published for NER",
    ),
    (
        "pos/majority",
        "elmobench.tasks.tagging.presets:MAJORITY",
        "the most frequent tag of each word: a baseline without vectors",
    ),
    (
        "nli/linear",
        "elmobench.tasks.nli.presets:LINEAR",
        "two mean vectors, their distance and product, one linear layer: a probe",
    ),
    (
        "nli/small",
        "elmobench.tasks.nli.presets:SMALL",
        "enhanced sequential inference model, affordable sizes",
    ),
    (
        "nli/paper",
        "elmobench.tasks.nli.presets:PAPER",
        "enhanced sequential inference model as published",
    ),
    (
        "nli/majority",
        "elmobench.tasks.nli.presets:MAJORITY",
        "the most frequent label of a pair, or of all: a baseline without vectors",
    ),
    (
        "regression/linear",
        "elmobench.tasks.regression.presets:LINEAR",
        "mean of the token vectors, one linear layer: a probe",
    ),
    (
        "regression/mlp",
        "elmobench.tasks.regression.presets:MLP",
        "mean of the token vectors, 256 hidden units",
    ),
    (
        "regression/small",
        "elmobench.tasks.regression.presets:SMALL",
        "one biLSTM layer, maximum over the tokens, 256 hidden units",
    ),
    (
        "pair-regression/linear",
        "elmobench.tasks.regression.presets:PAIR_LINEAR",
        "distance and product of two mean vectors, one linear layer: a probe",
    ),
    (
        "pair-regression/mlp",
        "elmobench.tasks.regression.presets:PAIR_MLP",
        "distance and product of two mean vectors, 256 hidden units",
    ),
    (
        "pair-regression/small",
        "elmobench.tasks.regression.presets:PAIR_SMALL",
        "distance and product of two biLSTM vectors, 256 hidden units",
    ),
    (
        "srl/linear",
        "elmobench.tasks.srl.presets:LINEAR",
        "one linear layer over token, predicate and distance: the simplest possible head",
    ),
    (
        "srl/small",
        "elmobench.tasks.srl.presets:SMALL",
        "predicate flag, one biLSTM layer",
    ),
    (
        "srl/paper",
        "elmobench.tasks.srl.presets:PAPER",
        "predicate flag, eight alternating LSTM layers with highways, as published",
    ),
    (
        "qa/linear",
        "elmobench.tasks.qa.presets:LINEAR",
        "start and end from token and question mean, linear: a probe",
    ),
    (
        "qa/small",
        "elmobench.tasks.qa.presets:SMALL",
        "BiDAF with self-attention, affordable sizes",
    ),
    (
        "qa/paper",
        "elmobench.tasks.qa.presets:PAPER",
        "BiDAF with self-attention as in document-qa",
    ),
    (
        "qa/bidaf",
        "elmobench.tasks.qa.presets:BIDAF",
        "BiDAF as in AllenNLP's configuration",
    ),
    (
        "wsd/linear",
        "elmobench.tasks.wsd.presets:LINEAR",
        "one softmax over a lemma's senses: a probe",
    ),
    (
        "wsd/small",
        "elmobench.tasks.wsd.presets:SMALL",
        "one biLSTM layer, softmax over a lemma's senses",
    ),
    (
        "wsd/paper",
        "elmobench.tasks.wsd.presets:PAPER",
        "nearest neighbour among a lemma's senses, as published; nothing is learned",
    ),
    (
        "wsd/most-frequent",
        "elmobench.tasks.wsd.presets:MOST_FREQUENT",
        "a lemma's most frequent sense in training: the baseline",
    ),
    (
        "wsd/first-sense",
        "elmobench.tasks.wsd.presets:FIRST_SENSE",
        "the first sense of the card's inventory, such as WordNet's: a baseline",
    ),
    (
        "wic/linear",
        "elmobench.tasks.wic.presets:LINEAR",
        "distance and product of the two words' vectors, one linear layer: a probe",
    ),
    (
        "wic/mlp",
        "elmobench.tasks.wic.presets:MLP",
        "distance and product of the two words' vectors, 256 hidden units",
    ),
    (
        "wic/small",
        "elmobench.tasks.wic.presets:SMALL",
        "one biLSTM layer; distance and product of the two words' states",
    ),
    (
        "wic/threshold",
        "elmobench.tasks.wic.presets:THRESHOLD",
        "a threshold on the cosine of the two words' vectors; no gradients",
    ),
    (
        "wic/majority",
        "elmobench.tasks.wic.presets:MAJORITY",
        "the most frequent label of two marked words: a baseline without vectors",
    ),
    (
        "edges/linear",
        "elmobench.tasks.edges.presets:LINEAR",
        "mean vectors of the spans, one linear layer: a probe",
    ),
    (
        "edges/small",
        "elmobench.tasks.edges.presets:SMALL",
        "one biLSTM layer, maximum over the spans, 256 hidden units",
    ),
    (
        "edges/paper",
        "elmobench.tasks.edges.presets:PAPER",
        "self-attentive pooling of projected spans, 256 hidden units, as published",
    ),
    (
        "edges/majority",
        "elmobench.tasks.edges.presets:MAJORITY",
        "the most frequent labels of the spans' words: a baseline without vectors",
    ),
    (
        "tree-distance/linear",
        "elmobench.tasks.trees.presets:DISTANCE_LINEAR",
        "squared distances after a linear map of rank 64: a structural probe",
    ),
    (
        "tree-distance/paper",
        "elmobench.tasks.trees.presets:DISTANCE_PAPER",
        "squared distances after a linear map of full rank, as published",
    ),
    (
        "tree-depth/linear",
        "elmobench.tasks.trees.presets:DEPTH_LINEAR",
        "squared norms after a linear map of rank 64: a structural probe",
    ),
    (
        "tree-depth/paper",
        "elmobench.tasks.trees.presets:DEPTH_PAPER",
        "squared norms after a linear map of full rank, as published",
    ),
    (
        "coref/linear",
        "elmobench.tasks.coref.presets:LINEAR",
        "linear mention scores, bilinear pair scores of token vectors: a probe",
    ),
    (
        "coref/linear-pairs",
        "elmobench.tasks.coref.presets:LINEAR_PAIRS",
        "linear mention scores, pair scores linear in the spans' product: a probe",
    ),
    (
        "coref/small",
        "elmobench.tasks.coref.presets:SMALL",
        "end-to-end span ranking, one biLSTM layer, singletons",
    ),
    (
        "coref/paper",
        "elmobench.tasks.coref.presets:PAPER",
        "end-to-end span ranking as published in 2017, the ELMo paper's model",
    ),
    (
        "coref/paper-2018",
        "elmobench.tasks.coref.presets:PAPER_2018",
        "end-to-end span ranking as published in 2018: coarse to fine, second order",
    ),
)

for _name, _target, _description in _PIPELINE_TABLE:
    PIPELINES.add_lazy(_name, _target, _description)
for _name, _target, _description in _HEAD_TABLE:
    HEADS.add_lazy(_name, _target, _description)


def get_head(pipeline: str, preset: str) -> HeadPreset:
    """The preset called ``preset`` of ``pipeline``; one that is not registered is an error.

    >>> get_head("ner", "paper").placements
    ('input',)

    Raises:
        UnknownNameError: there is no such preset.
    """
    return HEADS.get(f"{pipeline}/{preset}")
