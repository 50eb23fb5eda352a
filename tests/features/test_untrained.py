"""Fair representations: random vectors of any width, and untrained models of a model's shape."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from served_models import write_elmo
from tiny_transformers import FAMILIES

from elmobench import load_provider
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.core.errors import ConfigError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.elmo.options import parse_options, read_options
from elmobench.features.elmo.provider import ElmoProvider
from elmobench.features.spec import expand_draws
from elmobench.features.static.random_vectors import hashed_vectors
from elmobench.features.transformer.loading import load_model
from elmobench.features.transformer.untrained import draw_weights

SENTENCES = [["The", "bank", "of", "the", "river"], ["A", "bank"]]


def test_random_vectors_of_a_width() -> None:
    provider = load_provider("random@width=5@seed=3")
    assert provider.dim == 5
    assert np.array_equal(provider.encode_types(["bank"])[0], hashed_vectors(["bank"], 5, 3))
    with pytest.raises(ConfigError, match="width"):
        load_provider("elmo-random@width=5")


def test_an_untrained_elmo_is_the_random_one_of_the_same_options() -> None:
    trained, untrained = load_provider("elmo-mini"), load_provider("elmo-mini@untrained=2")
    options = parse_options(trained.options.model_dump(), "elmo-mini")  # type: ignore[attr-defined]
    random = ElmoProvider.random(options, 2)
    assert untrained.fingerprint == random.fingerprint != trained.fingerprint
    assert (untrained.parameters, untrained.dim) == (trained.parameters, trained.dim)
    found, expected = untrained.encode(SENTENCES), random.encode(SENTENCES)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))


def test_an_untrained_elmo_needs_no_weights(tmp_path) -> None:
    options, _ = write_elmo(tmp_path)
    files = {"options": {"path": "options.json"}, "weights": {"url": "http://127.0.0.1:9/w"}}
    catalog = ModelCatalog({"far": {"provider": "elmo", "files": files}}, tmp_path)
    assert [state.role for state in catalog.to_download("far")] == ["weights"]
    for draw in ("2", "run"):
        assert catalog.to_download("far", {"untrained": draw}) == []
    expected = ElmoProvider.random(read_options(options), 2).fingerprint
    assert catalog.load("far", {"untrained": "2"}).fingerprint == expected


def test_untrained_static_vectors_have_the_words_and_scale_of_the_file(tmp_path) -> None:
    path = tmp_path / "vectors.txt"
    rows = {"rome": [1, 2], "Rome": [3, 8], "paris": [5, 5]}
    path.write_text("".join(f"{w} {a} {b}\n" for w, (a, b) in rows.items()), "utf-8")
    words = ["Rome", "PARIS", "gone"]
    found = load_provider(f"static:{path}@untrained=4").encode_types(words)[0]
    values = np.array(list(rows.values()), float)
    drawn = hashed_vectors(["Rome", "paris"], 2, 4)
    expected = values.mean(0) + values.std(0) * drawn
    assert found[:2] == pytest.approx(expected, abs=1e-6)
    assert not found[2].any()  # a word without a vector has none here either
    other = load_provider(f"static:{path}@untrained=5")
    assert np.abs(other.encode_types(words)[0][:2] - found[:2]).min() > 1e-3


def test_an_untrained_bert_has_the_published_initial_weights(tmp_path) -> None:
    folder = FAMILIES["bert"](tmp_path / "bert")
    files = {path.name: path for path in folder.iterdir()}
    network = load_model(files, "it", untrained=3).network
    again = load_model(files, "it", untrained=3).network.state_dict()
    scale = network.config.initializer_range
    for name, weight in network.state_dict().items():
        assert torch.equal(weight, again[name])
        if name.endswith("bias"):
            assert not weight.any(), name
        elif "LayerNorm" in name or "layer_norm" in name:
            assert (weight == 1).all(), name
        elif weight.is_floating_point():
            assert float(weight.abs().max()) <= math.sqrt(3) * scale * 1.0001, name
            if weight.numel() > 500:
                assert float(weight.std()) == pytest.approx(scale, rel=0.1), name


def test_what_the_vectors_of_an_untrained_bert_depend_on(tmp_path) -> None:
    folder = FAMILIES["bert"](tmp_path / "bert")
    prints = {load_provider(f"bert:{folder}@untrained={n}").fingerprint for n in (1, 2)}
    trained = load_provider(f"bert:{folder}")
    assert len(prints | {trained.fingerprint}) == 3
    first = load_provider(f"bert:{folder}@untrained=1")
    assert first.parameters == trained.parameters
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    other = load_provider(f"bert:{folder}@untrained=1")
    assert other.fingerprint == first.fingerprint
    pairs = zip(first.encode(SENTENCES), other.encode(SENTENCES), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_golden_values_of_an_untrained_bert() -> None:
    """These move only with UNTRAINED_VERSION."""
    found = load_provider("bert-mini@untrained=1").encode([["The", "bank"]])[0]
    expected = [
        [-0.950853, 0.012485, -0.926792],
        [-0.772675, 0.022079, -0.906220],
        [-0.823023, 0.157906, -0.882464],
        [-0.941505, 0.071408, -0.711102],
        [-0.937980, -0.090553, -0.706702],
    ]
    assert np.abs(found[:, 1, :3] - expected).max() < 5e-6


def test_other_transformers_and_other_layers_are_refused(tmp_path) -> None:
    with pytest.raises(ConfigError, match="'gpt2' is not known"):
        load_provider(f"bert:{FAMILIES['gpt2'](tmp_path / 'gpt2')}@untrained=1")
    network = load_model(
        {path.name: path for path in FAMILIES["bert"](tmp_path / "bert").iterdir()}, "it"
    ).network
    network.extra = torch.nn.Conv1d(1, 1, 1)
    with pytest.raises(ConfigError, match=r"how to initialise extra\.\w+, of a Conv1d"):
        draw_weights(network, 1, "it")


def test_ranges_of_draws() -> None:
    assert expand_draws("random@seed=1..2+a@untrained=3..4@layer=0") == [
        f"random@seed={i}+a@untrained={j}@layer=0" for i in (1, 2) for j in (3, 4)
    ]
    names = expand_draws("my-elmo-seed9..11(trainable)@layer=0+glove-mini")
    assert names == [f"my-elmo-seed{i}(trainable)@layer=0+glove-mini" for i in (9, 10, 11)]
    assert expand_draws("static:a@1..2") == ["static:a@1..2"]
    for wrong in ("random@seed=3..1", "random@seed=0..1000"):
        with pytest.raises(ConfigError, match="draws"):
            expand_draws(wrong)


def _cells(*features: str):
    raw = {"name": "x", "tasks": ["pos/control-pos"], "features": features, "seeds": [1, 2]}
    return list(grid(parse_experiment(raw), {"pos/control-pos": "pos"}))


def test_each_run_has_a_draw_of_its_own() -> None:
    own = _cells("glove-mini+elmo-mini@untrained=run")
    assert [cell.parts[1].provider for cell in own] == [{"untrained": "1"}, {"untrained": "2"}]
    assert [cell.features for cell in own] == 2 * ["glove-mini+elmo-mini@untrained=run"]
    assert [part.label for part in own[0].parts] == ["glove-mini", "elmo-mini@untrained=run"]
    numbered = _cells("random@seed=1..2")
    assert [cell.features for cell in numbered] == [f"random@seed={i}" for i in (1, 1, 2, 2)]
    with pytest.raises(ConfigError, match="a draw of its own for each run"):
        ModelCatalog().load("random", {"seed": "run"})
