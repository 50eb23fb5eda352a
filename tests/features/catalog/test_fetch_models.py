"""``elmobench models fetch``, against a server on loopback."""

import json
import socket

import h5py
import pytest
import yaml
from served_models import TINY, kept, serving, write_elmo, write_keras
from typer.testing import CliRunner

from elmobench.cli.models import app
from elmobench.core import paths
from elmobench.core.digests import file_sha256
from elmobench.core.errors import ConfigError, DigestError, DownloadError, ModelError
from elmobench.data.download import cache as downloads
from elmobench.data.download.cache import cache_path
from elmobench.data.download.pins import pinned_below
from elmobench.features.catalog.catalog import ModelCatalog

RUNNER = CliRunner(env={"COLUMNS": "200"})


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setitem(downloads.fetch.__kwdefaults__, "sleep", lambda seconds: None)


@pytest.fixture
def folder(tmp_path):
    write_elmo(tmp_path / "served")
    return tmp_path / "served"


@pytest.fixture
def server(folder):
    with serving(folder) as server:
        yield server


@pytest.fixture
def define(tmp_path, monkeypatch, server):
    """Writes the entry ``far`` with what is known of its files, by role."""

    def write(options=None, weights=None, **more):
        known = {"options": options or {}, "weights": weights or {}}
        names = {"options": "options.json", "weights": "weights.hdf5"}
        files = {role: {"url": server.url(names[role]), **known[role]} for role in names}
        (tmp_path / "models").mkdir(exist_ok=True)
        (tmp_path / "models" / "models.yaml").write_text(
            yaml.safe_dump({"models": {"far": {"provider": "elmo", "files": files, **more}}})
        )
        monkeypatch.setenv(paths.MODELS_VARIABLE, str(tmp_path / "models"))

    return write


@pytest.fixture
def known(folder):
    """The digests of both files, as an entry states them."""
    return {
        role: {"sha256": file_sha256(folder / name), "bytes": (folder / name).stat().st_size}
        for role, name in (("options", "options.json"), ("weights", "weights.hdf5"))
    }


def run(*arguments):
    return RUNNER.invoke(app, list(arguments), catch_exceptions=False).output


def state(name="far"):
    return next(
        row["state"] for row in json.loads(run("list", "--json"))["models"] if row["name"] == name
    )


def shown(name="far"):
    return yaml.safe_load(run("show", name).split("\n", 1)[1])


def pins():
    return pinned_below("")


def test_files_of_known_digests(define, known, folder, server):
    define(**known, expect={"dim": 32, "layers": 3})
    assert state() == "to fetch"
    out = run("fetch", "far")
    assert "parameters, 3 layers of 32 values" in out
    for role in ("options", "weights"):
        path = cache_path(known[role]["sha256"])
        assert f"  {role}: {path}\n" in out
        assert shown()["files"][role]["here"] == str(path)
        assert shown()["files"][role]["digest"] == "stated by your entry"
    assert len(kept()) == 2
    assert state() == "fetched"
    assert pins() == {}
    before = len(server.requests)
    assert run("fetch", "far") == out
    assert len(server.requests) == before


def test_an_interrupted_download_is_continued(define, known, folder, server):
    define(**known)
    server.script = ["whole", "cut", "cut"]
    run("fetch", "far")
    starts = [start for name, start in server.requests if name == "weights.hdf5"]
    assert starts[0] == 0 < starts[1] < starts[2]
    assert (
        cache_path(known["weights"]["sha256"]).read_bytes()
        == (folder / "weights.hdf5").read_bytes()
    )


def test_a_later_run_continues_the_download(define, known, server):
    define(**known)
    server.script = ["whole", "cut", "503", "503", "503", "503"]
    with pytest.raises(DownloadError, match="resumes where it stopped"):
        run("fetch", "far")
    assert sorted(path.suffix for path in kept()) == ["", ".part"]
    assert state() == "to fetch"
    server.requests.clear()
    run("fetch", "far")
    assert [name for name, start in server.requests if start > 0] == ["weights.hdf5"]
    assert len(kept()) == 2


def test_of_an_unknown_file_nothing_is_left(define, server):
    define()
    server.script = ["cut", "503", "503", "503", "503"]
    with pytest.raises(DownloadError, match="gave up") as caught:
        run("fetch", "far", "--trust-first")
    assert "goes on" not in str(caught.value)
    assert kept() == []
    assert pins() == {}


def test_a_wrong_digest(define, known, server):
    define(options=known["options"], weights={"sha256": "0" * 64})
    with pytest.raises(DigestError, match="not the published one") as caught:
        run("fetch", "far")
    assert server.url("weights.hdf5") in str(caught.value)
    assert kept() == [cache_path(known["options"]["sha256"])]
    assert state() == "to fetch"


def test_an_unknown_digest_is_pinned_and_then_holds(define, known, folder, server):
    define()
    assert state() == "needs --trust-first"
    assert shown()["use"][0] == "elmobench models fetch far --trust-first"
    with pytest.raises(DigestError, match="--trust-first"):
        run("fetch", "far")
    assert server.requests == []
    assert run("fetch", "far", "--trust-first").count("digest pinned now") == 2
    assert pins() == {
        server.url(name): known[role]
        for role, name in (("options", "options.json"), ("weights", "weights.hdf5"))
    }
    assert state() == "pinned"
    weights = shown()["files"]["weights"]
    assert weights["sha256"] == known["weights"]["sha256"]
    assert weights["digest"] == "pinned by you with --trust-first"
    assert "pinned now" not in run("fetch", "far", "--trust-first")

    # The file behind the address changes, and this machine has lost its copy.
    before = pins()
    write_elmo(folder, seed=1)
    cache_path(known["weights"]["sha256"]).unlink()
    for trust in ([], ["--trust-first"]):
        with pytest.raises(DigestError, match="changed since --trust-first pinned it") as caught:
            run("fetch", "far", *trust)
        assert str(paths.lock_file()) in str(caught.value)
        assert server.url("weights.hdf5") in str(caught.value)
    assert pins() == before
    assert kept() == [cache_path(known["options"]["sha256"])]
    assert state() == "to fetch"


def _truncate(folder):
    path = folder / "weights.hdf5"
    path.write_bytes(path.read_bytes()[:-200])


def _other_shape(folder):
    options = json.loads((folder / "options.json").read_text())
    options["lstm"]["projection_dim"] = 17
    (folder / "options.json").write_text(json.dumps(options))


def _nan(folder):
    with h5py.File(folder / "weights.hdf5", "a") as file:
        file["CNN_proj/b_proj"][0] = float("nan")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_truncate, "not a readable HDF5 file"),
        (lambda folder: write_keras(folder / "weights.hdf5"), "is missing"),
        (lambda folder: (folder / "weights.hdf5").write_text("<html>"), "not a readable HDF5"),
        (lambda folder: (folder / "options.json").write_text("[]"), "holds a list"),
        (_other_shape, "has shape"),
        (_nan, "not finite"),
    ],
)
def test_a_download_that_is_not_a_model_is_not_pinned(define, folder, spoil, message):
    """Neither kept nor pinned, so that the right files can still be trusted."""
    define()
    spoil(folder)
    with pytest.raises(ModelError, match=message) as caught:
        run("fetch", "far", "--trust-first")
    assert caught.value.fix
    assert kept() == []
    assert pins() == {}
    assert state() == "needs --trust-first"
    write_elmo(folder)
    run("fetch", "far", "--trust-first")
    assert state() == "pinned"


def test_another_model_than_expected_is_not_trusted(define):
    define(expect={"parameters": 5, "dim": 32, "layers": 3})
    with pytest.raises(ModelError, match=r"[\d,]+ parameters, expected 5 \(read from .*\)"):
        run("fetch", "far", "--trust-first")
    assert kept() == []
    assert pins() == {}


def test_what_was_trusted_before_is_not_forgotten(define, known):
    define()
    run("fetch", "far", "--trust-first")
    define(expect={"dim": 11})
    with pytest.raises(ModelError, match="vectors of 32 values, expected 11"):
        ModelCatalog(trust_first=True).load("far")
    assert len(pins()) == 2
    assert len(kept()) == 2


def test_from_a_mirror(define, known, folder, tmp_path, monkeypatch, server):
    define(**known)
    (tmp_path / "mirror").mkdir()
    folder.rename(tmp_path / "mirror" / "127.0.0.1")
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
    run("fetch", "far")
    assert state() == "fetched"
    assert server.requests == []


def test_without_a_network(define, known, tmp_path, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    define()
    file = tmp_path / "models" / "models.yaml"
    entries = yaml.safe_load(file.read_text())
    for entry in entries["models"]["far"]["files"].values():
        entry["url"] = f"http://127.0.0.1:{port}/x"
    file.write_text(yaml.safe_dump(entries))
    with pytest.raises(DownloadError, match="gave up after 5 attempts") as caught:
        run("fetch", "far", "--trust-first")
    assert paths.MIRROR_VARIABLE in caught.value.fix
    assert f"http://127.0.0.1:{port}/x" in str(caught.value)
    assert kept() == []


def test_errors_are_found_before_anything_is_fetched(define, known, server):
    define(**known)
    for name in ("fra", "elmo"):
        with pytest.raises(ConfigError):
            run("fetch", "far", name)
    assert server.requests == []
    assert run("fetch", "random") == "random: nothing to fetch (no network needed)\n"


def test_show_fetches_nothing_even_to_check(define, known, server):
    define(**known)
    with pytest.raises(ModelError, match="not on this machine: options, weights") as caught:
        run("show", "far", "--check")
    assert caught.value.fix == "`elmobench models fetch far`"
    assert server.requests == []
    run("fetch", "far")
    loaded = yaml.safe_load(run("show", "far", "--check").split("\n", 1)[1])["loaded"]
    assert loaded["fingerprint"] == ModelCatalog().load("far").fingerprint
    assert len(loaded["layers"]) == TINY["lstm"]["n_layers"] + 1
    cached = cache_path(known["weights"]["sha256"])
    cached.write_bytes(cached.read_bytes()[:-1])
    with pytest.raises(DigestError, match="damaged"):
        run("show", "far", "--check")
