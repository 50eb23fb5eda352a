import hashlib
import math

import numpy as np
import pytest

from elmobench.core.errors import ConfigError
from elmobench.features.elmo.loading import expected_shapes
from elmobench.features.elmo.options import parse_options
from elmobench.features.elmo.provider import RANDOM_FACTORY
from elmobench.features.elmo.random_weights import random_arrays

SMALL = {"projection_dim": 16, "dim": 48, "char_dim": 8, "filters": [[1, 8], [2, 16], [3, 16]]}


def _load(**options):
    return RANDOM_FACTORY.load("elmo-random", {}, options)


def _words(rng, count):
    letters = list("abcdefghijklmnopqrstuvwxyz")
    return ["".join(rng.choice(letters, rng.integers(2, 9))) for _ in range(count)]


def test_golden_values():
    """These move only with VERSION or RANDOM_WEIGHTS_VERSION."""
    provider = _load()
    found = provider.encode([["The", "bank"]])[0]
    assert found.shape == (3, 2, 128)
    expected = [
        [[-1.719384, 0.110531, 0.961354], [-0.394636, -0.634376, -1.020913]],
        [[0.072844, -0.335539, 0.167226], [0.254593, -0.754125, -0.075312]],
        [[0.061742, -0.104747, 0.130161], [0.184752, -0.433620, -0.086040]],
    ]
    assert np.abs(found[:, :, :3] - expected).max() < 5e-6
    assert found.sum() == pytest.approx(-65.475784, abs=1e-3)
    assert provider.fingerprint == (
        "08c49e26f331b3898bd9f240b2b284826dd9d899b73dbf2e9752127b7c9d5655"
    )


def test_weights_are_a_function_of_seed_and_name_alone():
    """The documented recipe, worked out by hand for one value."""
    options = _load(**SMALL).options
    arrays = random_arrays(options, seed=7)
    key = int.from_bytes(hashlib.sha256(b"7/char_embed").digest(), "little")
    raw = int(np.random.PCG64(np.random.SeedSequence(key)).random_raw())
    assert arrays["char_embed"][0, 0] == np.float32(2 * ((raw >> 11) / 2**53) - 1)
    assert {name: a.shape for name, a in arrays.items()} == expected_shapes(options)
    assert all(a.dtype == np.float32 for a in arrays.values())


def test_weights_have_the_documented_scale():
    arrays = random_arrays(_load().options, seed=0)
    cell = "RNN_0/RNN/MultiRNNCell/Cell1/LSTMCell"
    variances = {
        "CNN/W_cnn_4": 3 / (5 * 16),
        "CNN_high_0/W_carry": 1 / 256,
        "CNN_proj/W_proj": 4 / 256,
        f"{cell}/W_0": 1 / 64,
        f"{cell}/W_P_0": 2 / 256,
    }
    for name, variance in variances.items():
        assert arrays[name].var() == pytest.approx(variance, rel=0.1)
        assert np.abs(arrays[name]).max() <= math.sqrt(3 * variance)
    assert (arrays["CNN_high_0/b_carry"] == -2).all()
    assert (arrays[f"{cell}/B"] == 0).all()


def test_seeds_and_sizes_are_identity():
    base = _load(**SMALL)
    assert _load(**SMALL, seed="0").fingerprint == base.fingerprint
    others = [_load(**SMALL, seed=1), _load(**{**SMALL, "dim": 40}), _load(**SMALL, state="warm")]
    assert len({base.fingerprint, *(o.fingerprint for o in others)}) == 4
    assert np.abs(base.encode([["a"]])[0] - others[0].encode([["a"]])[0]).max() > 0.01


def test_sizes_from_an_options_file(tmp_path):
    provider = _load(**SMALL)
    path = tmp_path / "options.json"
    path.write_text(provider.options.model_dump_json())
    same = RANDOM_FACTORY.load("r", {"options": path}, {})
    assert same.fingerprint == provider.fingerprint
    with pytest.raises(ConfigError, match="dim"):
        RANDOM_FACTORY.load("r", {"options": path}, {"dim": 3})


def test_bad_options_are_refused():
    with pytest.raises(ConfigError, match="dims"):
        _load(dims=3)
    with pytest.raises(ConfigError, match="dim"):
        _load(dim=0)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_states_know_the_context(seed):
    """A word's vector moves with its context, and the word before it can be read from it."""
    rng = np.random.default_rng(seed)
    words = _words(rng, 8)
    picks = [rng.integers(0, 8, 12) for _ in range(300)]
    vectors = np.stack(_load(seed=seed).encode([[words[i] for i in p] for p in picks]))
    before = np.stack(picks)[:, 3:-1].ravel()
    here = np.stack(picks)[:, 4:].ravel()
    for layer, least in ((1, 0.8), (2, 0.7)):
        x = vectors[:, layer, 4:].reshape(len(here), -1)
        within = np.mean([x[here == word].std(axis=0).mean() for word in range(8)])
        assert within > 0.2 * x.std(axis=0).mean()
        # Least squares on one half, classified on the other.
        x1 = np.concatenate([x, np.ones((len(x), 1))], axis=1)
        half = len(x) // 2
        weights = np.linalg.lstsq(x1[:half], np.eye(8)[before[:half]], rcond=None)[0]
        right = ((x1[half:] @ weights).argmax(axis=1) == before[half:]).mean()
        assert right > least


@pytest.mark.slow
def test_states_forget_rounding_errors():
    """No chaos: a long sentence has the same vectors alone and in a batch."""
    rng = np.random.default_rng(0)
    words = _words(rng, 40)
    long = [words[i] for i in rng.integers(0, 40, 1500)]
    provider = _load(**SMALL)
    company = [[words[i] for i in rng.integers(0, 40, n)] for n in (7, 900, 30)]
    alone, together = provider.encode([long])[0], provider.encode([*company, long])[-1]
    assert np.abs(alone - together).max() <= 5e-6


def test_parameters_of_the_published_small_size():
    """AllenNLP's table of models gives 13.6 M."""
    options = parse_options(
        {
            "char_cnn": {
                "embedding": {"dim": 16},
                "n_highway": 1,
                "filters": [[1, 32], [2, 32], [3, 64], [4, 128], [5, 256], [6, 512], [7, 1024]],
            },
            "lstm": {"dim": 1024, "projection_dim": 128, "n_layers": 2},
        },
        "small",
    )
    count = sum(math.prod(shape) for shape in expected_shapes(options).values())
    assert round(count / 1e6, 1) == 13.6
