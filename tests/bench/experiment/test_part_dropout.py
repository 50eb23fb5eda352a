"""The dropout of each part of a features spec: preset, axis, suffix, and what is contextual."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.parts import PartSettings
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.tasks.head import HeadPreset
from elmobench.tasks.registries import HEADS

PRESETS = HEADS.names()


def resolved(pipeline: str, features: str, head: str = "paper", **changes) -> list[PartSettings]:
    raw = {"name": "t", "tasks": ["t"], "features": [features], "heads": [head], **changes}
    (cell,) = grid(parse_experiment({"seeds": [1], **raw}), {"t": pipeline})
    return list(cell.parts)


def dropouts(pipeline: str, features: str, head: str = "paper", **changes) -> list[float]:
    return [part.dropout for part in resolved(pipeline, features, head, **changes)]


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_states_both_dropouts(name: str) -> None:
    preset: HeadPreset = HEADS.get(name)
    stated = {"dropout", "static_dropout"}
    if name.endswith("/paper"):
        stated |= {"trainable_lowercase", "trainable_unknown"}
    assert stated <= preset.mix.model_fields_set


@pytest.mark.parametrize(
    ("pipeline", "static", "contextual"),
    [
        ("sentiment", 0.0, 0.0),
        ("ner", 0.0, 0.0),
        ("chunking", 0.0, 0.0),
        ("pos", 0.0, 0.0),
        ("srl", 0.0, 0.1),
        ("nli", 0.0, 0.0),
        ("qa", 0.0, 0.5),
        ("coref", 0.0, 0.0),
        ("wsd", 0.0, 0.0),
        ("edges", 0.0, 0.0),
        ("tree-distance", 0.0, 0.0),
        ("tree-depth", 0.0, 0.0),
    ],
)
def test_paper_presets_with_the_papers_features(
    pipeline: str, static: float, contextual: float
) -> None:
    """The catalog alone knows which part is which: no file of these models is on this machine."""
    features = "glove-840b-300d+elmo-original"
    assert dropouts(pipeline, features) == [static, contextual]
    assert dropouts(pipeline, "glove-840b-300d") == [static]


def test_paper_presets_are_all_above() -> None:
    tested = {"sentiment", "ner", "chunking", "pos", "srl", "nli", "qa", "coref", "wsd", "edges"}
    tested |= {"tree-distance", "tree-depth"}
    assert {name.split("/")[0] for name in PRESETS if name.endswith("/paper")} == tested


@pytest.mark.parametrize(
    ("pipeline", "lowercase", "unknown"),
    [
        ("sentiment", False, "normal"),
        ("ner", True, "normal"),
        ("srl", False, "normal"),
        ("nli", True, "normal"),
        ("qa", False, "zero"),
        ("coref", False, "zero"),
    ],
)
def test_trainable_parts_of_the_paper_presets(pipeline: str, lowercase: bool, unknown: str) -> None:
    trained, frozen = resolved(pipeline, "glove-6b-50d(trainable)+glove-6b-100d")
    assert (trained.lowercase, trained.unknown) == (lowercase, unknown)
    assert (frozen.lowercase, frozen.unknown) == (None, None)
    changed = [{"set": {"mix.trainable_lowercase": not lowercase, "mix.trainable_unknown": "zero"}}]
    (trained,) = resolved(pipeline, "glove-6b-50d(trainable)", overrides=changed)
    assert (trained.lowercase, trained.unknown) == (not lowercase, "zero")


def test_the_axis_is_about_contextual_parts() -> None:
    axes = {"mix_dropout": [0.3]}
    assert dropouts("qa", "glove-6b-50d+elmo-small", axes=axes) == [0.0, 0.3]
    assert dropouts("qa", "random+bert-base-cased", "small", axes=axes) == [0.0, 0.3]
    assert dropouts("ner", "elmo-random+random", "small", axes=axes) == [0.3, 0.0]


def test_a_suffix_is_about_its_part() -> None:
    assert dropouts("qa", "glove-6b-50d@dropout=0.4+elmo-small") == [0.4, 0.5]
    assert dropouts("qa", "glove-6b-50d+elmo-small@dropout=0.0") == [0.0, 0.0]
    axes = {"mix_dropout": [0.3]}
    assert dropouts("qa", "random@dropout=0.4+elmo-small@dropout=0.2", axes=axes) == [0.4, 0.2]


def test_an_override_is_about_its_kind() -> None:
    changed = [{"set": {"mix.static_dropout": 0.2}}]
    assert dropouts("qa", "glove-6b-50d+elmo-small", overrides=changed) == [0.2, 0.5]


def test_one_layer_of_elmo_is_contextual() -> None:
    """Layer 0 is context-free, but it is ELMo's."""
    assert dropouts("qa", "elmo-small@layer=0+glove-6b-50d") == [0.5, 0.0]


def test_models_that_are_named_by_a_path(tmp_path: Path) -> None:
    """The word before the colon decides; the file is not looked at."""
    assert dropouts("qa", f"static:{tmp_path}/vectors.txt+elmo:{tmp_path}") == [0.0, 0.5]
    assert dropouts("qa", "bert:org/name") == [0.5]


def test_models_of_the_experiment() -> None:
    models = {
        "mine": {"provider": "elmo-random", "options": {"seed": 3}},
        "words": {"provider": "random", "options": {"dim": 7}},
    }
    assert dropouts("qa", "words+mine", models=models) == [0.0, 0.5]
