"""Hub models: a complete commit id, known or pinned digests, no unnecessary requests."""

import shutil
from pathlib import Path

import huggingface_hub
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from tiny_transformers import bert

from elmobench.core import paths
from elmobench.core.digests import file_sha256
from elmobench.core.errors import (
    ConfigError,
    DigestError,
    DownloadError,
    ModelError,
    UnknownNameError,
)
from elmobench.data.download.pins import pinned_below
from elmobench.features.catalog.catalog import ModelCatalog, load_provider

REPO, COMMIT, OTHER = "someone/tiny", "c0ffee" + "0" * 34, "b" * 40
SPEC = f"bert:{REPO}@revision={COMMIT}"


class Hub:
    """Stands for the hub: copies a folder into a cache, and counts."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder, self.cache, self.calls, self.down = folder, cache, [], None

    def model_info(self, repo, revision, timeout):
        self.calls.append("ask")
        if self.down is not None:
            raise self.down

    def snapshot_download(
        self, repo, *, revision, allow_patterns=("*",), local_files_only=False
    ) -> str:
        target = self.cache / revision
        if local_files_only:
            if not target.is_dir():
                raise LocalEntryNotFoundError("not there")
            return str(target)
        self.calls.append("download")
        target.mkdir(parents=True, exist_ok=True)
        for path in self.folder.iterdir():
            if any(path.match(pattern) for pattern in allow_patterns):
                shutil.copyfile(path, target / path.name)
        return str(target)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    folder = bert(tmp_path / "published")
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling.py").write_text("")
    fake = Hub(folder, tmp_path / "hub-cache")
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: fake)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.snapshot_download)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.chdir(tmp_path)
    return fake


def _digests(folder, *names):
    return {name: file_sha256(folder / name) for name in names}


def _entry(hub, **options):
    options = {"repo": REPO, "revision": COMMIT} | options
    return {"tiny": {"provider": "transformer", "options": options}}


NAMES = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")


def test_a_complete_commit_id_is_required(hub):
    for revision in ("", "@revision=main", "@revision=c0ffee", f"@revision={'C' * 40}"):
        with pytest.raises(ConfigError, match="one commit") as caught:
            load_provider(f"bert:{REPO}{revision}", trust_first=True)
        assert "40 hex digits" in str(caught.value)
    assert hub.calls == []


def test_unknown_digests_need_trust_which_pins_them(hub):
    with pytest.raises(DigestError, match="the digests of this model"):
        load_provider(SPEC)
    assert hub.calls == []
    assert not paths.lock_file().exists()
    first = load_provider(SPEC, trust_first=True)
    assert hub.calls == ["ask", "download"]
    pins = pinned_below("")
    assert {url.rsplit("/", 1)[1] for url in pins} == set(NAMES)
    for url, row in pins.items():
        path = hub.folder / url.rsplit("/", 1)[1]
        assert row == {"sha256": file_sha256(path), "bytes": path.stat().st_size}
        assert url.startswith(f"hub:{REPO}@{COMMIT}/")
    assert not (hub.cache / COMMIT / "pytorch_model.bin").exists()
    assert not (hub.cache / COMMIT / "modeling.py").exists()
    # From now on there are no requests.
    hub.down = OSError("no network")
    again = load_provider(SPEC)
    assert hub.calls == ["ask", "download"]
    local = load_provider(f"bert:{hub.cache / COMMIT}")
    assert first.fingerprint == again.fingerprint == local.fingerprint
    with pytest.raises(DigestError, match="the digests of this model"):
        load_provider(f"bert:{REPO}@revision={OTHER}")


def test_pickles_in_the_hubs_cache_are_not_touched(hub):
    load_provider(SPEC, trust_first=True)
    cached = hub.cache / COMMIT
    shutil.copyfile(hub.folder / "pytorch_model.bin", cached / "pytorch_model.bin")
    (cached / "model.safetensors").unlink()
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(DownloadError, match=r"lacks its file model\.safetensors"):
        load_provider(SPEC)


def test_a_model_without_safetensors_is_not_pinned(hub):
    (hub.folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="no weights"):
        load_provider(SPEC, trust_first=True)
    assert not paths.lock_file().exists()


def test_changed_content_is_refused(hub):
    load_provider(SPEC, trust_first=True)
    (hub.cache / COMMIT / "config.json").write_text("{}")
    for trust in (False, True):
        with pytest.raises(DigestError, match="expected"):
            load_provider(SPEC, trust_first=trust)


def test_an_entry_knows_commit_and_digests(hub):
    known = _entry(hub, sha256=_digests(hub.folder, *NAMES))
    named = ModelCatalog(known).load("tiny")
    assert hub.calls == ["ask", "download"]
    assert not paths.lock_file().exists()
    # The hub's name resolves to the entry, which gives the commit.
    assert ModelCatalog(known).load(f"bert:{REPO}").fingerprint == named.fingerprint
    assert ModelCatalog(known).load(f"bert:{REPO}", {"pieces": "first"}).pieces == "first"
    # Another commit has other digests.
    with pytest.raises(DigestError, match="the digests of this model"):
        ModelCatalog(known).load(f"bert:{REPO}", {"revision": OTHER})
    wrong = _entry(hub, sha256=_digests(hub.folder, *NAMES) | {"config.json": "0" * 64})
    with pytest.raises(DigestError, match="expected 0000"):
        ModelCatalog(wrong).load("tiny")


def test_an_entry_that_knows_the_weights_alone(hub):
    entry = _entry(hub, sha256=_digests(hub.folder, "model.safetensors"))
    with pytest.raises(DigestError, match="the digests of this model"):
        ModelCatalog(entry).load("tiny")
    ModelCatalog(entry, trust_first=True).load("tiny")
    ModelCatalog(entry).load("tiny")
    wrong = _entry(hub, sha256={"model.safetensors": "0" * 64})
    with pytest.raises(DigestError, match="expected 0000"):
        ModelCatalog(wrong).load("tiny")


def test_without_a_network(hub):
    hub.down = ConnectionError("no route to host")
    with pytest.raises(DownloadError, match="no route to host") as caught:
        load_provider(SPEC, trust_first=True)
    for word in (REPO, COMMIT, "HF_HUB_OFFLINE", paths.MIRROR_VARIABLE):
        assert word in str(caught.value)
    assert not hub.cache.exists()
    assert not paths.lock_file().exists()


def test_offline_makes_no_request(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    load_provider(SPEC, trust_first=True)
    assert hub.calls == ["download"]  # which looks into the cache alone


def test_a_mirror_is_asked_alone(hub, tmp_path, monkeypatch):
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(DownloadError, match="the mirror has no folder") as caught:
        load_provider(SPEC, trust_first=True)
    folder = Path(str(caught.value).split("no folder ")[1].split("\n")[0])
    assert folder.parts[-4:] == ("someone", "tiny", "resolve", COMMIT)
    shutil.copytree(hub.folder, folder)
    load_provider(SPEC, trust_first=True)
    load_provider(SPEC)
    assert hub.calls == []


def test_a_link_out_of_the_mirror_is_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    with pytest.raises(DownloadError) as caught:
        load_provider(SPEC, trust_first=True)
    folder = Path(str(caught.value).split("no folder ")[1].split("\n")[0])
    folder.parent.mkdir(parents=True)
    folder.symlink_to(hub.folder)
    with pytest.raises(DownloadError, match="leaves the mirror"):
        load_provider(SPEC, trust_first=True)


def test_a_local_folder_has_priority(hub, tmp_path):
    shutil.copytree(hub.folder, tmp_path / "someone" / "tiny")
    assert load_provider(f"bert:{REPO}").num_layers == 4
    with pytest.raises(ConfigError, match="local files have no revision"):
        load_provider(SPEC)
    assert hub.calls == []


def test_a_name_that_cannot_be_on_the_hub_is_a_path(hub):
    for path in ("./nothing", "a/b/c", "/nowhere/at/all"):
        with pytest.raises(ModelError, match="no folder"):
            load_provider(f"bert:{path}")
    with pytest.raises(UnknownNameError, match="bert:folder"):
        load_provider("bertt")
