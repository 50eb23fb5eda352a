"""Building the reference environment: atomically, once, with a log."""

import re
import shutil
import sys
import threading

import filelock
import pytest
from fake_python import building
from typer.testing import CliRunner

from elmobench.cli.main import app
from elmobench.core.errors import ConfigError, ElmobenchError
from elmobench.features.allennlp.environment import (
    MODELS_REQUIREMENTS,
    REQUIREMENTS,
    build_environment,
    built_environment,
    environment_folder,
    require_environment,
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("ELMOBENCH_REFERENCE", str(tmp_path / "environments"))
    return tmp_path


def build(python, report=lambda line: None):
    return build_environment(lambda: python, report)


def leftovers(folder):
    return [path.name for path in folder.parent.iterdir() if path.name.endswith(".part")]


def pinned(path):
    text = path.read_text("utf-8").replace("\\\n", " ")
    assert "://" not in text
    pins = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, version = re.match(r"([a-z0-9.-]+)==([a-z0-9.]+)[ ;]", line).groups()
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), name
            pins[name] = version
    return pins


def test_every_requirement_is_pinned_by_version_and_digest():
    pins = pinned(REQUIREMENTS)
    assert len(pins) > 90
    assert pins["allennlp"] == "2.10.1"
    assert int(pins["numpy"].split(".")[0]) < 2
    assert tuple(map(int, pins["scipy"].split("."))) < (1, 13)
    assert pins["torch"].startswith("1.12.")
    models = pinned(MODELS_REQUIREMENTS)
    assert models["allennlp-models"] == "2.10.1"
    assert pins.keys().isdisjoint(models)


def test_it_is_built_once(home):
    seen = []
    python = building(home / "python3.10")
    built, now = build(python, seen.append)
    assert now
    assert built.folder == environment_folder()
    assert built.versions["allennlp"] == "2.10.1"
    assert built.bytes > 0
    assert "Collecting allennlp" in seen
    assert leftovers(built.folder) == []
    again, now = build_environment(lambda: pytest.fail("searched for a Python"), seen.append)
    assert not now
    assert again == built == built_environment() == require_environment("features 'x'")


@pytest.mark.parametrize("step", ["install", "check"])
def test_a_step_that_fails_leaves_a_log_and_nothing_else(home, step):
    failing = "for i in $(seq 40); do echo line $i; done; echo no matching version >&2; exit 1"
    with pytest.raises(ElmobenchError) as caught:
        build(building(home / "python3.10", **{step: failing}))
    log = environment_folder().with_name(environment_folder().name + ".log")
    assert "no matching version" in str(caught.value)
    assert "line 40" in str(caught.value)
    assert "line 9\n" not in str(caught.value)
    assert str(log) in str(caught.value)
    assert "line 9\n" in log.read_text()
    assert built_environment() is None
    assert leftovers(environment_folder()) == []


def test_an_interrupted_build_is_never_used(home):
    def interrupt(line):
        if line.startswith("Collecting"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(building(home / "python3.10"), interrupt)
    assert built_environment() is None
    assert leftovers(environment_folder()) == []


def test_what_a_killed_builder_left_is_cleared_away(home):
    folder = environment_folder()
    for half in (folder, folder.with_name(f".{folder.name}.part")):
        (half / "bin").mkdir(parents=True)
        (half / "bin" / "python").write_text("half")
    assert built_environment() is None
    with pytest.raises(ConfigError, match="elmobench reference setup"):
        require_environment("features 'x'")
    built, now = build(building(home / "python3.10"))
    assert now
    assert "half" not in built.python.read_text()
    assert leftovers(folder) == []


def test_two_builders_wait_for_one_another(home):
    folder = environment_folder()
    folder.parent.mkdir(parents=True)
    waiting, results = threading.Event(), []

    def second():
        def report(line):
            if line.startswith("waiting"):
                waiting.set()

        results.append(build_environment(lambda: pytest.fail("built twice"), report))

    other = threading.Thread(target=second)
    with filelock.FileLock(folder.parent / f".{folder.name}.lock"):
        other.start()
        assert waiting.wait(30)
        from elmobench.features.allennlp import environment

        built = environment._build(folder, building(home / "python3.10"), lambda line: None)
    other.join(30)
    assert results == [(built, False)]


def test_variables_that_lead_to_other_packages_are_left_out(home, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PIP_MINE", "kept")
    seen = []
    build(building(home / "python3.10", install='echo "[$PYTHONPATH|$PIP_MINE]"'), seen.append)
    assert "[|kept]" in seen


def test_a_removed_python_is_reported(home):
    built, _ = build(building(home / "python3.10"))
    built.python.unlink()
    built.python.symlink_to(home / "removed")
    with pytest.raises(ConfigError, match="its Python is missing"):
        built_environment()


DAMAGED = [
    "",
    "[]",
    "{}",
    '{"versions": {"torch"',
    '{"versions": {"torch": 1}, "seconds": 1, "bytes": 1}',
    '{"versions": [], "seconds": 1, "bytes": 1}',
    '{"versions": {}, "seconds": "x", "bytes": 1}',
    '{"versions": {}, "seconds": 1e999, "bytes": 1}',
    '{"versions": {}, "seconds": 1, "bytes": 1, "more": 1}',
    "[" * 100_000,
    "\x00",
]


@pytest.mark.parametrize("content", DAMAGED, ids=range(len(DAMAGED)))
def test_a_damaged_description_is_reported(home, content):
    built, _ = build(building(home / "python3.10"))
    (built.folder / "elmobench-reference.json").write_text(content)
    with pytest.raises(ConfigError, match=r"(?s)elmobench-reference\.json is damaged.*delete"):
        built_environment()


def test_the_command_line(home):
    python = building(home / "python3.10")
    run = CliRunner().invoke
    shown = run(app, ["reference", "show"])
    assert shown.exit_code == 1
    assert "elmobench reference setup" in shown.output
    first = run(app, ["reference", "setup", "--python", str(python)], catch_exceptions=False)
    assert "built in" in first.output
    assert str(environment_folder()) in first.output
    assert "already built" in run(app, ["reference", "setup"]).output
    assert run(app, ["reference", "show"]).exit_code == 0
    shutil.rmtree(environment_folder())
    wrong = run(app, ["reference", "setup", "--python", sys.executable])
    assert isinstance(wrong.exception, ConfigError)
