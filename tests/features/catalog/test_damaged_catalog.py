"""Entries, lists and names of models that no catalog can hold: one error each, at once."""

import os
from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.catalog.inventory import describe_model, model_info
from elmobench.features.spec import parse_features

HUB = {"provider": "transformer"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"options": {"repo": 5}} | HUB, "option 'repo' is not a text"),
        ({"options": {"repo": "a/b", "revision": 1234}} | HUB, "option 'revision' is not a text"),
        ({"options": {"repo": "a/b", "sha256": 5}} | HUB, "option 'sha256' does not map"),
        ({"options": {"repo": "a/b", "sha256": {"x": 5}}} | HUB, "option 'sha256' does not map"),
        ({"provider": "static", "bytes": 10**400}, r"bytes: .*less than or equal"),
        ({"provider": "static", "expect": {"dim": 2**70}}, r"expect.dim: .*less than or equal"),
        ({"provider": ["static"]}, "provider"),
        ({"provider": "static", "files": [{"path": "x"}]}, "files"),
        ({"provider": "static", "files": {"vectors": "x"}}, "files.vectors"),
        ({"provider": "static", "version": [1]}, "version"),
        (None, "nothing is filled in"),
        (5, "one"),
    ],
)
def test_entries_of_wrong_types(entry, message):
    with pytest.raises(ConfigError, match=message):
        ModelCatalog({"one": entry})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"models:\n  one: {provider: \xff}\n", r"models\.yaml:2: is not UTF-8"),
        (b"models: " + b"[" * 50_000, "nested"),
        (b"models: &a {one: *a}\n", r"models\.yaml"),
        (b"\x00", r"models\.yaml"),
        (b"- one\n", "expected a mapping"),
        (b"models:\n  ? [1, 2]\n  : {provider: static}\n", r"models\.yaml"),
        (b"models: {one: {provider: static}, one: {provider: static}}\n", "appears twice"),
    ],
    ids=["latin-1", "deep", "alias", "nul", "list", "key", "twice"],
)
def test_damaged_lists(content, message, monkeypatch, tmp_path):
    (tmp_path / "models.yaml").write_bytes(content)
    monkeypatch.setenv("ELMOBENCH_MODELS", str(tmp_path))
    with pytest.raises(ConfigError, match=message) as caught:
        ModelCatalog()
    assert "models.yaml" in str(caught.value)


@pytest.mark.parametrize(
    "path", ["x" * 300, "x/" * 5000, "~no-such-user/x", "a\0b", "file/below"], ids=len
)
def test_paths_that_cannot_be(path, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    for name in (f"static:{path}", f"elmo:{path}", f"bert:{path}"):
        with pytest.raises((ModelError, ConfigError)):
            ModelCatalog().load(name)
    catalog = ModelCatalog({"mine": {"provider": "static", "files": {"vectors": {"path": path}}}})
    info = model_info(catalog, "mine")
    assert info.state == "file missing"
    assert describe_model(info)["files"]["vectors"]["path"] == path
    with pytest.raises(ElmobenchError, match="mine"):
        catalog.load("mine")


@pytest.mark.parametrize("repo", ["a" * 300 + "/b", "a//b", "../../etc", "a/b/c"])
def test_hub_names_that_cannot_be(repo):
    catalog = ModelCatalog(
        {
            "mine": {
                "options": {"repo": repo, "revision": "0" * 40, "sha256": {"x" * 300: "0" * 64}}
            }
            | HUB
        }
    )
    with pytest.raises(ModelError, match="is no file of a hub model"):
        catalog.files("mine")


@pytest.mark.parametrize("layer", ["²", "٣", "9" * 4000, "-1", "1.0"])
def test_a_layer_that_is_no_number(layer):
    """Digits of other scripts and numbers of thousands of digits are none."""
    spec = parse_features(f"elmo-mini@layer={layer}")
    assert spec.single_layer() is None


@pytest.mark.parametrize(
    "text",
    ["+", "@layer=1", "@", "(", "a", "a+", "a(trainable)", "a@", " "],
)
def test_long_specs(text):
    """Refused at once by a readable message, and shorter ones by one that is linear in length."""
    with pytest.raises(ConfigError, match="characters is too long") as caught:
        parse_features(text * 100_000)
    assert len(str(caught.value)) < 500
    longest = text * (4096 // len(text))
    if text == "a":
        assert str(parse_features(longest)) == longest
    else:
        with pytest.raises(ConfigError) as caught:
            parse_features(longest)
        assert len(str(caught.value)) < 20_000


@pytest.mark.parametrize("what", ["folder", "link", "pipe"])
def test_something_else_in_place_of_a_catalog_is_not_passed_over(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "models.yaml"
    {
        "folder": path.mkdir,
        "link": lambda: path.symlink_to("nowhere"),
        "pipe": lambda: os.mkfifo(path),
    }[what]()
    monkeypatch.setenv("ELMOBENCH_MODELS", str(tmp_path))
    with pytest.raises(ConfigError, match=r"models\.yaml: (cannot be read|is not a file)"):
        ModelCatalog()
