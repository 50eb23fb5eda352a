"""What a shell completes: the names that commands accept, found without heavy imports."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import elmobench

from elmobench.bench.experiment.schema import known_experiments
from elmobench.cli import completed_names as names
from elmobench.cli.completion import NAMES, SHELLS, VARIABLE
from elmobench.data.cards.catalog import CardCatalog
from elmobench.features.catalog.catalog import ModelCatalog


def completed(line: str, cwd: Path | None = None) -> list[str]:
    """The completions of the last word, as bash asks for them."""
    environment = {VARIABLE: "complete_bash", "COMP_WORDS": line}
    environment["COMP_CWORD"] = str(len(line.split(" ")) - 1)
    return elmobench(cwd=cwd, **environment).stdout.split()


def test_names_are_those_of_the_catalogs() -> None:
    assert completed("elmobench data verify ") == CardCatalog().names()
    assert completed("elmobench models show ") == ModelCatalog().names()
    found = completed("elmobench validate ")
    assert [name for name in found if name in known_experiments()] == sorted(known_experiments())
    shown = completed("elmobench show n")
    assert {"ner/wnut17", "nli/snli", "ner/small", "nested-columns"} <= set(shown)
    assert all(elmobench("show", name).returncode == 0 for name in shown[:3])


def test_names_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards/mine.yaml").write_text("name: mine\npipeline: ner\nversion: 1\n")
    (tmp_path / "cards/broken.yaml").write_bytes(b"name: \xff\n")
    (tmp_path / "mine.yaml").write_text("")
    heads = tmp_path / "results/small/heads"
    (heads / "0123456789abcdef").mkdir(parents=True)
    (tmp_path / "results/small/records").mkdir()
    (tmp_path / "models.yaml").write_text("models:\n  my-vectors:\n    provider: static\n")
    monkeypatch.setenv("ELMOBENCH_MODELS", str(tmp_path))
    assert completed("elmobench data verify --include cards ner/m", tmp_path) == ["ner/mine"]
    assert completed("elmobench data verify ner/m", tmp_path) == []
    monkeypatch.setenv("ELMOBENCH_INCLUDE", str(tmp_path / "cards"))
    assert completed("elmobench score x --on ner/m", tmp_path) == ["ner/mine"]
    assert completed("elmobench encode random+my", tmp_path) == ["random+my-vectors"]
    assert completed("elmobench run mi", tmp_path) == ["mine.yaml"]
    assert completed("elmobench run cards/m", tmp_path) == ["cards/mine.yaml"]
    assert completed("elmobench report ", tmp_path) == ["small", "cards/", "results/"]
    assert completed("elmobench predict 01", tmp_path) == ["0123456789abcdef"]
    assert completed("elmobench predict --results nowhere 01", tmp_path) == []


def test_commands_options_and_values() -> None:
    assert completed("elmobench da") == ["data"]
    assert completed("elmobench data v") == ["verify"]
    assert completed("elmobench list t") == ["tasks"]
    assert completed("elmobench completion ") == sorted(SHELLS)
    assert "--in" in completed("elmobench compare --")


def test_every_completion_is_of_a_value_that_a_command_has() -> None:
    from test_json_output import commands

    used = set()
    for _, command in commands():
        for parameter in command.params:
            kind = parameter.metavar or ""
            used |= {kind, f"{command.name} {kind}"}
    assert set(NAMES) <= used


def test_no_heavy_library_is_imported() -> None:
    program = (
        "import sys\nfrom elmobench.cli.entry import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(sorted({'torch', 'numpy', 'pandas', 'rich'} & set(sys.modules)))"
    )
    for line in (
        "elmobench data verify ner/w",
        "elmobench run d",
        "elmobench inspect --features r",
    ):
        words = len(line.split(" ")) - 1
        out = subprocess.run(
            [sys.executable, "-c", program],
            env={VARIABLE: "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(words)}
            | {"PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert out.stdout.splitlines()[-1] == "[]", line
        assert len(out.stdout.splitlines()) > 1, out.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_of_the_shell(shell: str, tmp_path: Path) -> None:
    script = elmobench("completion", shell).stdout
    assert VARIABLE in script
    program = shutil.which(shell)
    if program is not None:
        (tmp_path / "script").write_text(script)
        subprocess.run([program, "-n", str(tmp_path / "script")], check=True)
    assert elmobench("completion", "tcsh").returncode == 2


def test_a_folder_that_cannot_be_read_has_no_names(tmp_path: Path) -> None:
    assert names._files(f"{tmp_path}/nowhere/x", (".yaml",)) == []
