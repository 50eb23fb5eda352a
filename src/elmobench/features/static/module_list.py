"""``modules.json``: the steps of a model that sentence-transformers saved."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any, Final

from elmobench.core.errors import ModelError
from elmobench.core.parsing import read_json, read_json_object

MODULES: Final = "modules.json"
FROM_PYTHON: Final = (
    "use it from Python: elmobench.SentenceModel(model, version=…), with the model that the "
    "library loads"
)


def is_static(folder: Path) -> bool:
    """Whether a folder is a static model, of model2vec or saved by sentence-transformers."""
    modules = folder / MODULES
    if modules.is_file():
        kinds = [kind for kind, _ in read_steps(read_json(modules, ModelError), str(modules))]
        return kinds[:1] == ["StaticEmbedding"]
    config = folder / "config.json"
    return (
        config.is_file() and read_json_object(config, ModelError).get("model_type") == "model2vec"
    )


def static_steps(folder: Path, where: str) -> tuple[Path, bool]:
    """The folder of a static model's files, and whether its text vectors have length 1.

    Raises:
        ModelError: if ``modules.json`` has other steps than those of a static model.
    """
    modules = folder / MODULES
    if not modules.is_file():
        return folder, False
    steps = read_steps(read_json(modules, ModelError), str(modules))
    kinds = [kind for kind, _ in steps]
    if kinds not in (["StaticEmbedding"], ["StaticEmbedding", "Normalize"]):
        raise ModelError(f"its steps are {', '.join(kinds)}", where=where, fix=FROM_PYTHON)
    return folder / steps[0][1], len(kinds) == 2


def read_steps(modules: Any, where: str) -> list[tuple[str, str]]:
    """The kind and the path of each step that ``modules.json`` lists.

    Args:
        modules: the parsed file.
        where: the file, for errors.

    Raises:
        ModelError: if it is not such a list, or a path leaves the folder.
    """
    steps = []
    for module in modules if isinstance(modules, list) else [None]:
        fields = module if isinstance(module, dict) else {}
        kind, path = fields.get("type"), fields.get("path")
        if not isinstance(kind, str) or not isinstance(path, str):
            raise ModelError("is not a list of steps with type and path", where=where)
        parts = PurePosixPath(path).parts
        if ".." in parts or PurePosixPath(path).is_absolute():
            raise ModelError(f"the path {path!r:.80} leaves the folder", where=where)
        steps.append((kind.rpartition(".")[2], path))
    return steps
