import os

import numpy as np
import pytest

from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, DigestError, ModelError, UnknownNameError
from elmobench.features.catalog import file_digests
from elmobench.features.catalog.catalog import ModelCatalog, load_provider
from elmobench.features.elmo.options import parse_options
from elmobench.features.elmo.provider import RANDOM_FACTORY

VECTORS = "a 1 2\nb 3 4\n"


@pytest.fixture
def vectors(tmp_path):
    path = tmp_path / "base" / "vectors.txt"
    path.parent.mkdir()
    path.write_text(VECTORS)
    return path


def _entry(path="vectors.txt", **more):
    return {"mine": {"provider": "static", "files": {"vectors": {"path": path, **more}}}}


def test_builtin_names_and_entries():
    catalog = ModelCatalog()
    assert {"random", "elmo-random", "elmo-small", "elmo-medium", "elmo-original"} <= set(
        catalog.names()
    )
    for name in catalog.names():
        entry = catalog.entry(name)
        assert entry.description
        assert entry.licence
        for file in entry.files.values():
            assert file.url is None or file.url.startswith("https://")
    original = catalog.entry("elmo-original").files
    assert original["options"].url.endswith(
        "2xhighway/elmo_2x4096_512_2048cnn_2xhighway_options.json"
    )
    assert original["weights"].url.endswith(
        "2xhighway/elmo_2x4096_512_2048cnn_2xhighway_weights.hdf5"
    )


def test_given_models_load_relative_to_their_base(vectors, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    provider = ModelCatalog(_entry(), vectors.parent).load("mine")
    assert np.array_equal(provider.encode([["b"]])[0], [[[3, 4]]])
    assert provider.name == "mine"
    with pytest.raises(ModelError, match=r"no file 'vectors\.txt'"):
        ModelCatalog(_entry()).load("mine")
    assert load_provider("mine", _entry("base/vectors.txt")).fingerprint == provider.fingerprint


def test_search_order_and_the_message_when_nothing_is_found(vectors, monkeypatch, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
    (second / "vectors.txt").write_text("a 9 9\n")
    monkeypatch.setenv("ELMOBENCH_MODELS", os.pathsep.join([str(first), str(second)]))
    base = ModelCatalog(_entry(), vectors.parent)
    assert base.load("mine").encode([["a"]])[0][0, 0].tolist() == [1, 2]
    assert ModelCatalog(_entry(), first).load("mine").encode([["a"]])[0][0, 0].tolist() == [9, 9]
    (second / "vectors.txt").unlink()
    with pytest.raises(ModelError, match="ELMOBENCH_MODELS") as caught:
        ModelCatalog(_entry(), tmp_path).load("mine")
    for folder in (tmp_path, first, second):
        assert str(folder / "vectors.txt") in str(caught.value)


def test_entries_from_model_folders(vectors, monkeypatch):
    (vectors.parent / "models.yaml").write_text(
        "models:\n  ours:\n    provider: static\n    files: {vectors: {path: vectors.txt}}\n"
    )
    monkeypatch.setenv("ELMOBENCH_MODELS", str(vectors.parent))
    assert "ours" in ModelCatalog().names()
    assert load_provider("ours").dim == 2
    with pytest.raises(ConfigError, match="defined twice"):
        ModelCatalog({"ours": {"provider": "random"}})


def test_digest_and_size_are_checked(vectors):
    right = file_sha256(vectors)
    assert ModelCatalog(_entry(sha256=right), vectors.parent).entry("mine")
    with pytest.raises(DigestError, match="bytes"):
        ModelCatalog(_entry(bytes=7), vectors.parent).load("mine")
    with pytest.raises(DigestError, match=right):
        ModelCatalog(_entry(sha256="0" * 64), vectors.parent).load("mine")
    ModelCatalog(_entry(sha256=right), vectors.parent).load("mine")
    vectors.write_text("a 5 5\n")
    with pytest.raises(DigestError):
        ModelCatalog(_entry(sha256=right), vectors.parent).load("mine")


def test_a_file_is_hashed_once_until_it_changes(vectors, monkeypatch):
    calls = []
    monkeypatch.setattr(
        file_digests, "file_sha256", lambda path: calls.append(path) or file_sha256(path)
    )
    file_digests._sha256.cache_clear()
    for _ in range(3):
        ModelCatalog(_entry(sha256=file_sha256(vectors)), vectors.parent).load("mine")
    assert len(calls) == 1
    os.utime(vectors, ns=(1, 1))
    ModelCatalog(_entry(), vectors.parent).load("mine")
    assert len(calls) == 2


def test_families_and_unknown_names():
    with pytest.raises(ConfigError, match="elmo-original") as caught:
        load_provider("elmo")
    assert "elmo:path" in str(caught.value)
    for name in ("bert", "glove"):
        with pytest.raises(ConfigError, match="family"):
            load_provider(name)
    with pytest.raises(UnknownNameError, match="did you mean 'elmo-random'"):
        load_provider("elmo-randon")
    with pytest.raises(ConfigError, match="family"):
        ModelCatalog({"elmo": {"provider": "random"}})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"provider": "static", "file": {}}, "file"),
        ({"files": {}}, "provider"),
        ({"provider": "static", "files": {"vectors": {}}}, "either 'path' or 'url'"),
        (
            {"provider": "static", "files": {"vectors": {"path": "a", "url": "https://b"}}},
            "either 'path' or 'url'",
        ),
        ({"provider": "static", "files": {"vectors": {"path": "a", "sha256": "12"}}}, "sha256"),
    ],
)
def test_malformed_entries(entry, message):
    with pytest.raises(ConfigError, match=message):
        ModelCatalog({"mine": entry})


def test_unknown_provider():
    with pytest.raises(UnknownNameError, match="did you mean 'static'"):
        ModelCatalog({"mine": {"provider": "statik"}}).load("mine")


def test_settings_reach_the_provider_and_loading_is_remembered():
    catalog = ModelCatalog({"small": {"provider": "random", "options": {"dim": 4}}})
    assert catalog.load("small") is catalog.load("small", {"layer": "1"})
    seeded = catalog.load("small", {"seed": "3"})
    assert seeded is catalog.load("small", {"seed": "3", "mix": "last"})
    assert seeded.fingerprint != catalog.load("small").fingerprint
    assert seeded.dim == 4
    with pytest.raises(ConfigError, match="state"):
        catalog.load("small", {"state": "warm"})
    with pytest.raises(ConfigError, match="did you mean 'seed'"):
        catalog.load("small", {"sed": "1"})


def test_state_is_an_option_of_elmo():
    models = {
        "tiny": {
            "provider": "elmo-random",
            "options": {"dim": 8, "projection_dim": 4, "filters": [[1, 4]]},
        }
    }
    warm = load_provider("tiny@state=warm", models)
    assert warm.state == "warm"
    expected = RANDOM_FACTORY.load("x", {}, {**models["tiny"]["options"], "state": "warm"})
    assert warm.fingerprint == expected.fingerprint


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("random+elmo-random", "not one provider"),
        ("random@layer=0", "layer"),
        ("random(trainable)", "trainable"),
    ],
)
def test_load_provider_refuses_specs_that_are_not_one_provider(spec, message):
    with pytest.raises(ConfigError, match=message):
        load_provider(spec)


def test_paths_instead_of_names(vectors, monkeypatch):
    monkeypatch.setenv("ELMOBENCH_MODELS", str(vectors.parent.parent))
    assert load_provider("static:base/vectors.txt").dim == 2
    assert load_provider(f"static:{vectors}").dim == 2
    with pytest.raises(ModelError, match="no file"):
        load_provider("static:none.txt")
    with pytest.raises(ModelError, match="no folder"):
        load_provider("elmo:none")
    (vectors.parent / "options.json").write_text("{}")
    with pytest.raises(ModelError, match=r"no file '.*/base/weights\.hdf5'"):
        load_provider("elmo:base")


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_options_are_finite(value):
    small = {"dim": 8, "projection_dim": 4, "filters": [[1, 4]]}
    for options in ({"cell_clip": value}, {"filters": [[1, value]]}):
        with pytest.raises(ConfigError, match="finite"):
            ModelCatalog({"tiny": {"provider": "elmo-random", "options": {**small, **options}}})
    with pytest.raises(ConfigError, match="finite"):
        RANDOM_FACTORY.load("tiny", {}, {**small, "proj_clip": value})
    with pytest.raises(ModelError, match="finite"):
        parse_options(
            {
                "char_cnn": {"embedding": {"dim": 4}, "filters": [[1, 4]]},
                "lstm": {"dim": 8, "projection_dim": 4, "n_layers": 1, "cell_clip": value},
            },
            "options.json",
        )


def test_an_address_without_a_known_digest_needs_trust_first(monkeypatch, tmp_path):
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(tmp_path))
    with pytest.raises(DigestError, match="trust-first"):
        load_provider("elmo-small")


def test_trusted_download_from_a_mirror(monkeypatch, tmp_path):
    (tmp_path / "example.org").mkdir()
    (tmp_path / "example.org" / "v.txt").write_text(VECTORS)
    monkeypatch.setenv("ELMOBENCH_MIRROR", str(tmp_path))
    models = {
        "far": {"provider": "static", "files": {"vectors": {"url": "https://example.org/v.txt"}}}
    }
    assert load_provider("far", models, trust_first=True).dim == 2
    assert load_provider("far", models).dim == 2


def test_an_entry_may_be_a_folder_as_in_a_features_spec(vectors):
    by_files = ModelCatalog(_entry(), vectors.parent).load("mine")
    for entry in (
        "static:vectors.txt",
        {"provider": "static", "folder": "vectors.txt"},
        {"provider": "static", "folder": str(vectors), "description": "of a person"},
    ):
        catalog = ModelCatalog({"mine": entry}, vectors.parent)
        assert catalog.load("mine").fingerprint == by_files.fingerprint
        assert not catalog.is_contextual("mine")
        described = isinstance(entry, dict) and "description" in entry
        assert (catalog.entry("mine").description == "of a person") is described


def test_a_provider_has_its_name_in_a_features_spec_too(tmp_path):
    for name in ("bert", "transformer"):
        catalog = ModelCatalog({"mine": {"provider": name, "folder": "x/y/z"}}, tmp_path)
        assert catalog.is_contextual("mine")
        with pytest.raises(ModelError, match="x/y/z"):
            catalog.load("mine")


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("path/to/folder", "bert:path/to/folder"),
        ({"provider": "static", "folder": "x", "files": {"vectors": {"path": "x"}}}, "either"),
        ({"provider": "bert", "folder": "x", "options": {"repo": "a/b"}}, "either"),
        (["static:x"], "mine"),
    ],
)
def test_wrong_folders_of_entries(entry, message):
    with pytest.raises(ConfigError, match=message):
        ModelCatalog({"mine": entry})
