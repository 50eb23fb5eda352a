"""What is known of hub models: from the entry, the pins, the mirror and the hub's cache."""

import pytest

from elmobench.core import paths
from elmobench.data.download.pins import pin, pinned
from elmobench.features.catalog.entries import ModelEntry
from elmobench.features.catalog.hub_states import at_revision, hub_address
from elmobench.features.catalog.inventory import state_of
from elmobench.features.catalog.model_files import file_states, forget_pins

pytest.importorskip("huggingface_hub")
COMMIT = "0123456789" * 4


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """The folder of that commit in a hub cache of our own."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "hub" / "models--some--bert" / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    return folder


def entry(**options):
    options = {"repo": "some/bert", "revision": COMMIT, **options}
    return ModelEntry(provider="transformer", options=options)


def states(**options):
    return file_states(entry(**options), None)


def test_stated_digests(cache):
    digests = {"config.json": "0" * 64, "model.safetensors": "1" * 64}
    (cache / "config.json").write_text("{}")
    config, weights = states(sha256=digests)
    assert (config.role, config.sha256, config.digest_from) == ("config.json", "0" * 64, "entry")
    assert (config.path, config.bytes) == (cache / "config.json", 2)
    assert (weights.path, weights.bytes) == (None, None)
    assert state_of([config, weights]) == "to fetch"
    (cache / "model.safetensors").write_text("")
    assert state_of(states(sha256=digests)) == "fetched"


def test_pins(cache):
    before = states()
    assert state_of(before) == "needs --trust-first"
    address = hub_address(entry().options)
    assert address == f"hub:some/bert@{COMMIT}/"
    pin(f"{address}config.json", "2" * 64, 7)
    pin("https://example.org/x", "3" * 64, 1)
    (config,) = states()
    assert (config.sha256, config.digest_from, config.bytes) == ("2" * 64, "pin", 7)
    assert state_of([config]) == "to fetch"
    (cache / "config.json").write_text("{}")
    assert state_of(states()) == "pinned"
    forget_pins(before)
    assert state_of(states()) == "needs --trust-first"
    assert pinned("https://example.org/x") == {"sha256": "3" * 64, "bytes": 1}
    assert (cache / "config.json").exists()


def test_what_was_pinned_before_stays(cache):
    pin(f"{hub_address(entry().options)}config.json", "2" * 64, 7)
    forget_pins(states())
    assert len(states()) == 1
    assert states()[0].sha256 == "2" * 64


def test_a_mirror_has_priority_over_the_cache(cache, tmp_path, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example.org")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    (cache / "config.json").write_text("{}")
    digests = {"config.json": "0" * 64}
    assert states(sha256=digests)[0].path is None
    folder = tmp_path / "mirror" / "hub.example.org" / "some" / "bert" / "resolve" / COMMIT
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{} ")
    assert states(sha256=digests)[0].path == folder / "config.json"
    assert states(sha256=digests)[0].bytes == 3


def test_another_commit_has_other_digests():
    here = entry(sha256={"config.json": "0" * 64})
    assert at_revision(here, None) is at_revision(here, COMMIT) is here
    there = at_revision(here, "f" * 40)
    assert there.options == {"repo": "some/bert", "revision": "f" * 40}
    assert state_of(file_states(there, None)) == "needs --trust-first"
