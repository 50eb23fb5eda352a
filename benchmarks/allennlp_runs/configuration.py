"""AllenNLP's configurations, written from our cells, so that sizes cannot differ.

The models are those of allennlp-models 2.10.1 and the form of the configurations that of AllenNLP
0.9's ``training_config``, from which our ``paper`` presets are taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.allennlp_runs.comparisons import Comparison
from elmobench.bench.experiment.cells import Cell
from elmobench.tasks.coref.lee import LeeOptions
from elmobench.tasks.head import TrainingOptions
from elmobench.tasks.nli.esim import EsimOptions
from elmobench.tasks.qa.bidaf import BidafOptions
from elmobench.tasks.sentiment.bcn import BcnOptions
from elmobench.tasks.srl.recurrent import AlternatingRolesOptions
from elmobench.tasks.tagging.lstm import LstmTaggerOptions

_ELMO = {"elmo": {"type": "elmo_characters"}}
_READERS: dict[str, dict[str, Any]] = {
    "ner": {"type": "conll2003", "convert_to_coding_scheme": "BIOUL"},
    "sentiment": {"type": "sst_tokens"},
    "nli": {"type": "snli", "tokenizer": {"type": "just_spaces"}},
    "srl": {"type": "srl"},
    "qa": {"type": "squad1", "tokenizer": {"type": "spaces_with_offsets"}},
    "coref": {"type": "coref"},
}
_INFERENCE_START = [
    ["linear_layers.*weight", {"type": "xavier_uniform"}],
    ["linear_layers.*bias", {"type": "constant", "val": 0}],
    ["weight_ih", {"type": "xavier_uniform"}],
    ["weight_hh", {"type": "orthogonal"}],
    ["bias_ih", {"type": "constant", "val": 0}],
    ["bias_hh", {"type": "lstm_hidden_bias"}],
]
_COREFERENCE_START = [
    ["linear_layers.*weight", {"type": "xavier_normal"}],
    ["scorer._module.weight", {"type": "xavier_normal"}],
    ["_distance_embedding.weight", {"type": "xavier_normal"}],
    ["_span_width_embedding.weight", {"type": "xavier_normal"}],
    ["_context_layer._module.weight_ih", {"type": "xavier_normal"}],
    ["_context_layer._module.weight_hh", {"type": "orthogonal"}],
]


@dataclass(frozen=True)
class Elmo:
    """An ELMo in the published format.

    Attributes:
        options, weights: its files.
        dim: width of its vectors.
    """

    options: Path
    weights: Path
    dim: int


def configuration(
    cell: Cell,
    elmo: Elmo,
    files: Mapping[str, Path],
    labels: Sequence[str],
    comparison: Comparison,
) -> dict[str, Any]:
    """The configuration for ``allennlp train``.

    Args:
        cell: our run: its options, training, mix and seed are taken over.
        elmo: the model that our features come from.
        files: split -> file.
        labels: those that our head can predict; AllenNLP's can then predict no others.
        comparison: the score that chooses the epoch, and the output to keep.
    """
    (part,) = cell.parts
    embedder = {
        "type": "elmo_token_embedder",
        "options_file": str(elmo.options),
        "weight_file": str(elmo.weights),
        "do_layer_norm": part.norm == "token",
        "dropout": part.dropout,
    }
    indexers: dict[str, Any] = dict(_ELMO)
    model = _MODELS[cell.pipeline](cell.options, elmo.dim, len(labels), embedder, indexers)
    reader = {**_READERS[cell.pipeline], "token_indexers": indexers}
    if cell.pipeline == "coref":
        reader["max_span_width"] = model["max_span_width"]
    if part.l2:
        penalty = {"type": "l2", "alpha": part.l2}
        model["regularizer"] = {"regexes": [["scalar_parameters", penalty]]}
    return {
        **{name: cell.seed for name in ("random_seed", "numpy_seed", "pytorch_seed")},
        "dataset_reader": reader,
        "train_data_path": str(files["train"]),
        "validation_data_path": str(files["dev"]),
        # Without these it knows only tags that occur in train and dev.
        "vocabulary": {"tokens_to_add": {"labels": list(labels)}},
        "model": model,
        "data_loader": {
            "batch_sampler": {"type": "bucket", "batch_size": cell.training.batch_size}
        },
        "trainer": {
            **_trainer(cell.training, comparison.validation),
            "callbacks": [
                {
                    "type": "measured_run",
                    "test_data_path": str(files["test"]),
                    "output": comparison.output,
                }
            ],
        },
    }


def _trainer(training: TrainingOptions, validation: str) -> dict[str, Any]:
    trainer: dict[str, Any] = {
        "optimizer": {
            "type": training.optimizer,
            "lr": training.lr,
            **training.optimizer_options,
        },
        "num_epochs": training.epochs,
        "patience": training.patience,
        "validation_metric": validation,
        "cuda_device": -1,
    }
    if training.clip_norm is not None:
        trainer["grad_norm"] = training.clip_norm
    if training.clip_value is not None:
        trainer["grad_clipping"] = training.clip_value
    if training.plateau_factor is not None:
        trainer["learning_rate_scheduler"] = {
            "type": "reduce_on_plateau",
            "factor": training.plateau_factor,
            "mode": "max",
            "patience": training.plateau_patience,
        }
    if training.average is not None:
        trainer["moving_average"] = {"type": "exponential", "decay": training.average}
    return trainer


def _tagger(
    options: LstmTaggerOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    embedders: dict[str, Any] = {"elmo": embedder}
    if options.chars:
        indexers["characters"] = {
            "type": "characters",
            "namespace": "characters",
            "min_padding_length": options.char_width,
        }
        embedders["characters"] = {
            "type": "character_encoding",
            "embedding": {"embedding_dim": options.char_dim, "vocab_namespace": "characters"},
            "encoder": _cnn(options.char_dim, options.char_filters, [options.char_width]),
        }
        dim += options.char_filters
    return {
        "type": "crf_tagger",
        "label_encoding": "BIOUL",
        "include_start_end_transitions": False,
        "dropout": options.dropout,
        "text_field_embedder": {"token_embedders": embedders},
        "encoder": _lstm(dim, options.hidden, options.layers, options.dropout),
    }


def _classifier(
    options: BcnOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    elmo = {name: value for name, value in embedder.items() if name != "type"}
    width = 2 * options.encoder
    return {
        "type": "bcn",
        "text_field_embedder": {"token_embedders": {}},
        "elmo": {**elmo, "num_output_representations": 1},
        "use_input_elmo": True,
        "embedding_dropout": options.embedding_dropout,
        "pre_encode_feedforward": {
            "input_dim": dim,
            "num_layers": 1,
            "hidden_dims": [options.feedforward],
            "activations": ["relu"],
            "dropout": [options.feedforward_dropout],
        },
        "encoder": _lstm(options.feedforward, options.encoder),
        "integrator": _lstm(3 * width, options.integrator),
        "integrator_dropout": options.integrator_dropout,
        "output_layer": {
            "input_dim": 8 * options.integrator,
            "num_layers": len(options.maxout) + 1,
            "output_dims": [*options.maxout, labels],
            "pool_sizes": options.pool,
            "dropout": list(options.maxout_dropout),
        },
    }


def _inference(
    options: EsimOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    width = 8 * options.hidden
    layer = {"num_layers": 1, "hidden_dims": options.feedforward, "activations": "relu"}
    return {
        "type": "esim",
        "dropout": options.dropout,
        "text_field_embedder": {"token_embedders": {"elmo": embedder}},
        "encoder": _lstm(dim, options.hidden),
        "matrix_attention": {"type": "dot_product"},
        "projection_feedforward": {"input_dim": width, **layer},
        "inference_encoder": _lstm(options.feedforward, options.hidden),
        "output_feedforward": {"input_dim": width, **layer, "dropout": options.dropout},
        "output_logit": {
            "input_dim": options.feedforward,
            "num_layers": 1,
            "hidden_dims": labels,
            "activations": "linear",
        },
        "initializer": {"regexes": _INFERENCE_START},
    }


def _roles(
    options: AlternatingRolesOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    return {
        "type": "srl",
        "text_field_embedder": {"token_embedders": {"elmo": embedder}},
        "binary_feature_dim": options.flag_dim,
        "encoder": {
            "type": "alternating_lstm",
            "input_size": dim + options.flag_dim,
            "hidden_size": options.hidden,
            "num_layers": options.layers,
            "recurrent_dropout_probability": options.recurrent_dropout,
            "use_highway": True,
            "use_input_projection_bias": options.input_bias,
        },
        "initializer": {"regexes": [["tag_projection_layer.*weight", {"type": "orthogonal"}]]},
    }


def _questions(
    options: BidafOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    indexers["characters"] = {
        "type": "characters",
        "character_tokenizer": {
            "byte_encoding": "utf-8",
            "start_tokens": [259],
            "end_tokens": [260],
        },
        "min_padding_length": options.char_width,
    }
    characters = {
        "type": "character_encoding",
        "embedding": {"num_embeddings": 262, "embedding_dim": options.char_dim},
        "encoder": _cnn(options.char_dim, options.char_filters, [options.char_width]),
        "dropout": options.char_dropout,
    }
    dim += options.char_filters
    states, dropout = 2 * options.hidden, options.dropout
    flow = 4 * states
    return {
        "type": "bidaf",
        "text_field_embedder": {"token_embedders": {"elmo": embedder, "characters": characters}},
        "num_highway_layers": options.highways,
        "phrase_layer": _lstm(dim, options.hidden),
        "matrix_attention": {
            "type": "linear",
            "combination": "x,y,x*y",
            "tensor_1_dim": states,
            "tensor_2_dim": states,
        },
        "modeling_layer": _lstm(flow, options.hidden, 2, dropout),
        "span_end_encoder": _lstm(flow + 3 * states, options.hidden),
        "dropout": dropout,
    }


def _coreference(
    options: LeeOptions,
    dim: int,
    labels: int,
    embedder: dict[str, Any],
    indexers: dict[str, Any],
) -> dict[str, Any]:
    indexers["characters"] = {
        "type": "characters",
        "namespace": "characters",
        "min_padding_length": max(options.char_widths),
    }
    characters = {
        "type": "character_encoding",
        "embedding": {"embedding_dim": options.char_dim, "vocab_namespace": "characters"},
        "encoder": _cnn(options.char_dim, options.char_filters, list(options.char_widths)),
    }
    dim += options.char_filters * len(options.char_widths)
    span = 4 * options.hidden + dim + options.feature_dim
    layers = {
        "num_layers": options.depth,
        "hidden_dims": options.feedforward,
        "activations": "relu",
        "dropout": options.dropout,
    }
    return {
        "type": "coref",
        "text_field_embedder": {"token_embedders": {"elmo": embedder, "characters": characters}},
        "context_layer": _lstm(dim, options.hidden, options.layers, options.lstm_dropout),
        "mention_feedforward": {"input_dim": span, **layers},
        "antecedent_feedforward": {"input_dim": 3 * span + options.feature_dim, **layers},
        "initializer": {"regexes": _COREFERENCE_START},
        "lexical_dropout": options.lexical_dropout,
        "feature_size": options.feature_dim,
        "max_span_width": options.max_width,
        "spans_per_word": options.spans_per_word,
        "max_antecedents": options.antecedents,
    }


def _cnn(width: int, filters: int, windows: list[int]) -> dict[str, Any]:
    return {
        "type": "cnn",
        "embedding_dim": width,
        "num_filters": filters,
        "ngram_filter_sizes": windows,
        "conv_layer_activation": "relu",
    }


def _lstm(width: int, hidden: int, layers: int = 1, dropout: float = 0.0) -> dict[str, Any]:
    return {
        "type": "lstm",
        "bidirectional": True,
        "input_size": width,
        "hidden_size": hidden,
        "num_layers": layers,
        **({"dropout": dropout} if layers > 1 else {}),
    }


_MODELS: dict[str, Any] = {
    "ner": _tagger,
    "sentiment": _classifier,
    "nli": _inference,
    "srl": _roles,
    "qa": _questions,
    "coref": _coreference,
}
