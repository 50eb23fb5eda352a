"""Shards name the versions that encoded them; those of earlier versions of the store open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from store_formats import as_format_1
from store_providers import HashProvider

from elmobench.core.versions import library_versions
from elmobench.features.store.feature_store import FeatureStore
from elmobench.tracking.host import numerics


class _Versioned(HashProvider):
    """A provider whose vectors another version of a library computes."""

    def __init__(self, **versions: str) -> None:
        super().__init__()
        self._versions = versions

    def library_versions(self) -> dict[str, str]:
        return self._versions


FIRST, SECOND = [("a", "b")], [("c", "d", "e")]


def test_a_view_names_the_versions_of_the_shards_that_it_reads(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.build(_Versioned(torch="2.9", numpy="1"), FIRST)
    store.build(_Versioned(torch="2.13", numpy="1"), SECOND)
    opened = store.open(HashProvider())
    assert opened.view(FIRST).encoded_by == {"numpy": ["1"], "torch": ["2.9"]}
    assert opened.view(SECOND).encoded_by == {"numpy": ["1"], "torch": ["2.13"]}
    both = opened.view([*FIRST, *SECOND])
    assert both.encoded_by == {"numpy": ["1"], "torch": ["2.13", "2.9"]}
    assert store.verify() == []


def test_versions_do_not_change_the_digest_of_vectors(tmp_path: Path) -> None:
    digests = set()
    for number, version in enumerate("12"):
        store = FeatureStore(tmp_path / str(number))
        store.build(_Versioned(torch=version), FIRST)
        digests.add(store.open(HashProvider()).view(FIRST).digest)
    assert len(digests) == 1


def test_shards_without_versions_open_and_say_so(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.build(_Versioned(torch="2.9", elmobench="0.1"), FIRST)
    before = store.open(HashProvider()).view(FIRST)
    vectors, digest = before.gather([0]), before.digest
    for path in store.folder(HashProvider()).glob("*.safetensors"):
        as_format_1(path, versions=False)
    assert store.verify() == []
    store.build(_Versioned(torch="2.13", elmobench="0.2"), SECOND)
    opened = store.open(HashProvider())
    after = opened.view(FIRST)
    assert (after.digest, after.encoded_by) == (digest, {"elmobench": ["unknown"]})
    assert (after.gather([0]) == vectors).all()
    assert opened.view([*FIRST, *SECOND]).encoded_by == {
        "elmobench": ["0.2", "unknown"],
        "torch": ["2.13", "unknown"],
    }


def test_the_own_versions_are_stored_by_default(tmp_path: Path) -> None:
    store = FeatureStore(tmp_path)
    store.build(HashProvider(), FIRST)
    found = store.open(HashProvider()).view(FIRST).encoded_by
    assert found == {name: [version] for name, version in library_versions().items()}


def test_vectors_of_a_gpu_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Fast GPU at {device}")
    monkeypatch.setattr(torch.version, "cuda", "12.8")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 90100)
    provider = HashProvider()
    provider.device = "cuda:1"
    store = FeatureStore(tmp_path)
    store.build(provider, FIRST)
    found = store.open(provider).view(FIRST).encoded_by
    assert found["gpu"] == ["Fast GPU at cuda:1"]
    assert (found["cuda"], found["cudnn"]) == (["12.8"], ["90100"])
    assert found["torch"] == [library_versions()["torch"]]
    assert numerics("cuda:1")["gpu"] == "Fast GPU at cuda:1"
    assert "gpu" not in numerics("cpu")


@pytest.mark.parametrize("wrong", [{"torch": "9"}, {}])
def test_changed_versions_are_found(tmp_path: Path, wrong: dict[str, str]) -> None:
    store = FeatureStore(tmp_path)
    store.build(_Versioned(torch="2"), FIRST)
    path = next(store.folder(HashProvider()).glob("tokens-*.safetensors"))
    content = path.read_bytes()
    old = json.dumps(json.dumps({"torch": "2"}, separators=(",", ":")))[1:-1].encode()
    new = json.dumps(json.dumps(wrong, separators=(",", ":")))[1:-1].encode().ljust(len(old))
    assert content.count(old) == 1
    path.write_bytes(content.replace(old, new))
    (problem,) = store.verify()
    assert path.name in problem
    assert "header has changed" in problem
