"""What a command may import before it does its work: an import that is not needed costs seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TEXT = {"markupsafe", "platformdirs", "shellingham", "typer"}
SETTINGS = {"pydantic", "rich", "safetensors", "yaml"}
NUMBERS = {"filelock", "numpy", "psutil", "xxhash"}
TORCH = {"torch", "torchcrf", "torchgen", "tqdm"}
"""Torch itself, what it imports, and one module on top of it."""
SMALL = {
    *("annotated_doc", "annotated_types", "cython_runtime", "elmobench", "pydantic_core"),
    *("typing_extensions", "typing_inspection"),
    # Where they are installed, rich imports attr, and Python itself the others at its start.
    *("attr", "cuda", "sitecustomize"),
}
"""This package, and modules that the libraries above consist of."""

# Torch's compiler takes as long to import as the rest of torch.
COMPILER = ("torch._dynamo", "torch._inductor")

_AT_EXIT = """
import atexit, json, os, sys
def state():
    print(json.dumps(sorted(sys.modules)), file=sys.stderr, flush=True)
"""

_COMMAND = f"""{_AT_EXIT}
atexit.register(state)
from elmobench.cli.entry import main
main()
"""

_TRAINING = f"""{_AT_EXIT}
from elmobench.training import trainer
update = trainer.update_together
def first_step(*given):
    update(*given)
    state()
    os._exit(0)
trainer.update_together = first_step
from elmobench.cli.entry import main
main()
"""


def modules(code: str, arguments: list[str], folder: Path) -> set[str]:
    """The modules that a process has imported when it prints them on standard error."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "ELMOBENCH_HOME": str(folder / "home")},
        capture_output=True,
        text=True,
    )
    last = done.stderr.rstrip().rpartition("\n")[2]
    assert last.startswith("["), done.stderr
    return set(json.loads(last))


def libraries(loaded: set[str]) -> set[str]:
    """Top-level modules outside the standard library; those with an underscore are parts of one."""
    tops = {name.partition(".")[0] for name in loaded}
    return {n for n in tops if not n.startswith("_") and n not in sys.stdlib_module_names}


@pytest.mark.parametrize(
    ("command", "allowed"),
    [
        (["--help"], TEXT),
        (["run", "--help"], TEXT | {"pydantic"}),
        (["list", "tasks"], TEXT | SETTINGS),
        (["show", "demo"], TEXT | SETTINGS | NUMBERS),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_commands_without_arithmetic_do_not_import_torch(
    command: list[str], allowed: set[str], tmp_path: Path
) -> None:
    assert libraries(modules(_COMMAND, command, tmp_path)) - SMALL - allowed == set()


def test_training_starts_without_any_library_that_is_needed_later_or_never(tmp_path: Path) -> None:
    """MLflow, pandas and the report's libraries are imported when the first work is done."""
    (tmp_path / "one.yaml").write_text(
        "name: one\ntasks: [ner/control-ner]\nfeatures: [random]\nheads: [linear]\nseeds: [1]\n"
    )
    loaded = modules(_TRAINING, ["run", "one.yaml", "--limit", "20"], tmp_path)
    assert libraries(loaded) - SMALL - TEXT - SETTINGS - NUMBERS - TORCH == set()
    assert loaded.isdisjoint(COMPILER)
    assert "torch" in loaded
