"""Files of the Hugging Face hub: addresses, tokens, refusals, mirrors."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hub_server import HubServer, hub_server
from tiny_cards import card_values

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DigestError, DownloadError
from elmobench.data.cards.catalog import load_card
from elmobench.data.cards.hub_files import HubFile
from elmobench.data.download import cache as downloads
from elmobench.tasks.task import Task

CONTENT = b"text\tlabel\ngood film\tpos\nbad film\tneg\n"
SHA = hashlib.sha256(CONTENT).hexdigest()
COMMIT = "ab0123456789cdef" * 2 + "ab012345"
PATH = f"/datasets/owner/films/resolve/{COMMIT}/data/train.tsv"
TOKEN = "hf_secretsecret"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    monkeypatch.delenv(paths.MIRROR_VARIABLE, raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setitem(downloads.fetch.__kwdefaults__, "sleep", lambda seconds: None)
    with hub_server() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address + "/")
        server.files[PATH] = CONTENT
        yield server


def source(**changes: Any) -> dict[str, Any]:
    values = {
        "repo": "owner/films",
        "revision": COMMIT,
        "file": "data/train.tsv",
        "sha256": SHA,
        **changes,
    }
    return {"hub": {key: value for key, value in values.items() if value is not None}}


def task(folder: Path, trust_first: bool = False, **changes: Any) -> Task:
    values = card_values(
        splits={split: [source(**changes)] for split in ("train", "dev", "test")},
        reader={"name": "table", "options": {"text": "text", "label": "label"}},
    )
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values))
    return Task(load_card(folder / "tiny.yaml"), trust_first)


def test_the_address_is_that_of_the_hub() -> None:
    file = {"repo": "owner/films", "revision": COMMIT, "file": "a b/c#1.json"}
    assert HubFile(**file).url == (
        f"https://huggingface.co/datasets/owner/films/resolve/{COMMIT}/a%20b/c%231.json"
    )
    assert HubFile(**file, type="model").url == (
        f"https://huggingface.co/owner/films/resolve/{COMMIT}/a%20b/c%231.json"
    )


def test_a_card_reads_a_file_of_the_hub_which_is_fetched_once(
    tmp_path: Path, hub: HubServer
) -> None:
    loaded = task(tmp_path)
    assert not loaded.is_local
    assert [example.label for example in loaded.split("train")] == ["pos", "neg"]
    loaded.examples()
    assert hub.requests == [(PATH, None)]
    assert loaded.is_local
    url = tmp_path / "url"
    url.mkdir()
    values = yaml.safe_load((tmp_path / "tiny.yaml").read_text())
    for split in values["splits"]:
        values["splits"][split] = [{"url": "https://example.org/train.tsv", "sha256": SHA}]
    (url / "tiny.yaml").write_text(yaml.safe_dump(values))
    # Where the bytes come from is no part of the data's identity.
    assert Task(load_card(url / "tiny.yaml")).data_digest == loaded.data_digest


def test_a_cut_download_resumes_and_another_content_is_an_error(
    tmp_path: Path, hub: HubServer
) -> None:
    hub.files[PATH] = CONTENT * 9000
    hub.cut = {PATH}
    digest = hashlib.sha256(hub.files[PATH]).hexdigest()
    task(tmp_path, sha256=digest).fetch()
    assert len(hub.requests) == 2
    with pytest.raises(DigestError, match="expected " + "0" * 64):
        task(tmp_path, sha256="0" * 64).fetch()


def test_a_file_without_a_digest_is_pinned_when_it_is_trusted(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(DigestError, match="--trust-first"):
        task(tmp_path, sha256=None).fetch()
    task(tmp_path, sha256=None, trust_first=True).fetch()
    # The pin is of the hub's own address: another server must give the same file.
    with hub_server() as other:
        monkeypatch.setenv("HF_ENDPOINT", other.address)
        other.files[PATH] = b"other"
        (path,) = task(tmp_path, sha256=None).fetch()
        assert path.read_bytes() == CONTENT
        path.unlink()
        with pytest.raises(DigestError):
            task(tmp_path, sha256=None).fetch()


def test_the_mirror_has_the_paths_of_the_hub(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = tmp_path / "mirror"
    file = mirror / "huggingface.co" / PATH.lstrip("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(CONTENT)
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(mirror))
    assert len(task(tmp_path).split("train")) == 2
    assert hub.requests == []


def test_a_token_goes_to_the_hub_and_to_no_other_server(
    tmp_path: Path,
    hub: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    hub.token = TOKEN
    monkeypatch.setenv("HF_TOKEN", f" {TOKEN}\n")
    with hub_server() as storage:
        renamed = PATH.replace("owner", "new-owner")
        hub.moved = {PATH: renamed, renamed: f"{storage.address}/blob?signed=1"}
        storage.files["/blob?signed=1"] = CONTENT
        loaded = task(tmp_path)
        assert len(loaded.split("train")) == 2
        assert hub.requests == [(PATH, f"Bearer {TOKEN}"), (renamed, f"Bearer {TOKEN}")]
        assert storage.requests == [("/blob?signed=1", None)]
    written = [path.read_bytes() for path in paths.home().rglob("*") if path.is_file()]
    assert written
    assert not any(TOKEN.encode() in data for data in written)
    assert TOKEN not in str(capsys.readouterr())


def test_a_token_goes_to_no_address_outside_of_the_hub(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with hub_server() as other:
        other.files["/file"] = CONTENT
        other.moved["/moved"] = f"{hub.address}{PATH}"
        for name in ("file", "moved"):
            downloads.fetch(f"{other.address}/{name}", sha256=SHA)
            downloads.cache_path(SHA).unlink()
        assert {token for _, token in (*other.requests, *hub.requests)} == {None}


def test_a_token_goes_to_no_host_that_parsers_read_differently(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For urllib, the host of ``http://a\\@b/`` is b; for the library that connects, it is a."""
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with hub_server() as other:
        own = hub.address.removeprefix("http://")
        hub.moved = {PATH: f"{other.address}\\@{own}/file"}
        with pytest.raises(DownloadError, match="is not an address"):
            task(tmp_path).fetch()
        assert other.requests == []


@pytest.mark.parametrize("token", ["two words", "hf_\u00e9", "hf_a\nb"])
def test_a_token_that_is_none_is_not_shown(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(ConfigError, match="HF_TOKEN: holds blanks") as error:
        task(tmp_path).fetch()
    assert token not in str(error.value)
    assert hub.requests == []


@pytest.mark.parametrize(
    ("status", "code", "token", "message"),
    [
        (401, "GatedRepo", False, r"is gated\n.*accept its conditions at .*datasets/owner/films"),
        (403, "GatedRepo", True, r"is gated\n.*accept its conditions"),
        (403, "", True, r"is gated\n.*accept its conditions"),
        (401, "RepoNotFound", False, r"does not exist, or is gated.*\n.*type: model.*HF_TOKEN"),
        (401, "", False, "does not exist, or is gated or private"),
        (401, "", True, "does not accept the token"),
        (404, "RepoNotFound", True, "does not exist, or is gated or private"),
        (404, "EntryNotFound", False, r"has no file 'data/train.tsv' at this commit\n.*/tree/"),
        (404, "RevisionNotFound", False, r"has no commit ab0123456789.*\n.*/commits/main"),
        (404, "", False, "has no file 'data/train.tsv'"),
        (410, "", False, "the server answered 410"),
    ],
)
def test_refusals_say_what_to_do(
    tmp_path: Path,
    hub: HubServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    code: str,
    token: bool,
    message: str,
) -> None:
    hub.refusals[PATH] = (status, code)
    if token:
        monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(DownloadError, match=message) as error:
        task(tmp_path).fetch()
    assert TOKEN not in str(error.value)
    assert len(hub.requests) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"revision": "main"}, r"hub\.revision: is not a commit; a branch or tag can move"),
        ({"revision": COMMIT[:8]}, r"hub\.revision: is not a commit"),
        ({"revision": None}, r"hub\.revision"),
        ({"repo": "owner/films/more"}, r"hub\.repo: expected OWNER/NAME"),
        ({"repo": "../films"}, r"hub\.repo"),
        ({"file": "../x"}, r"hub\.file: expected a path inside"),
        ({"file": "/x"}, r"hub\.file"),
        ({"type": "space"}, r"hub\.type"),
        ({"sha": SHA}, "did you mean 'sha256'"),
    ],
)
def test_sources_that_name_no_file_of_a_commit(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        task(tmp_path, **changes)


def test_another_server_is_asked_by_https_only(
    tmp_path: Path, hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://hub.example.org")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(DownloadError, match="is not an https address"):
        task(tmp_path).fetch()
