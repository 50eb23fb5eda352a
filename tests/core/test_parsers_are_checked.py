"""Every parser of the package is inside ``parsing``, or is one of core's own readers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import elmobench

ROOT = Path(elmobench.__file__).parent

PARSERS = {
    "json.load",
    "json.loads",
    "yaml.load",
    "yaml.safe_load",
    "gzip.open",
    "gzip.decompress",
    "zlib.decompress",
    "bz2.open",
    "bz2.decompress",
    "lzma.open",
    "lzma.decompress",
    "zipfile.ZipFile",
    "tarfile.open",
    "np.load",
    "torch.load",
    "load_file",
    "safe_open",
    "h5py.File",
    "ElementTree.parse",
    "ElementTree.fromstring",
    "ElementTree.iterparse",
    "csv.reader",
    "csv.DictReader",
    "parquet.ParquetFile",
    "Tokenizer.from_file",
    "Tokenizer.from_str",
}
"""Calls that raise for damaged input."""

METHODS = {"read_text", "model_validate"}
"""Methods that do, on any object."""

GUARDS = {"parsing", "library_errors", "_reading"}
"""``parsing``, and contexts of two packages that do the same with more kinds of errors."""

ELSEWHERE: dict[str, str] = {
    "core": "the readers that all others use",
    "reference/published": "runs in AllenNLP's environment, on files that the package just wrote",
    "features/allennlp/worker.py": "runs in AllenNLP's environment",
    "features/allennlp/process.py": "answers of that worker; any other line ends it with an error",
    "features/static/containers.py": "called inside of parsing, by functions of the same file",
    "pretraining/packing.py": "called inside of parsing, by a function of the same file",
    "pretraining/encoded.py": "after the digest of the file was checked",
    "pretraining/checkpoints.py": "the program's own text",
    "pretraining/bert/wordpiece.py": "text that the tokenizers library just wrote",
    "tasks/majority.py": "text that the head wrote; of a saved head, after its digest was checked",
    "tracking/record_store.py": "text that the function just wrote",
    "training/saved.py": "options of a checked file, in a block of its own kinds of errors",
    "tracking/host.py": "descriptions of the machine by its kernel",
    "analysis/html/page.py": "files of the package itself",
    "analysis/report/template/drawings.py": "files of the package itself",
    "cli/output/base.py": "values of the program itself, which are about to be printed",
    "data/readers/column_detection.py": "options that the function just made",
}
"""Files and folders that may call parsers as they are, and why."""


def unchecked(root: Path, elsewhere: dict[str, str]) -> Iterator[str]:
    for path in sorted(root.rglob("*.py")):
        name = path.relative_to(root).as_posix()
        if any(name == part or name.startswith(f"{part}/") for part in elsewhere):
            continue
        for line, call in _calls(ast.parse(path.read_text("utf-8")), guarded=False):
            yield f"{name}:{line} {call}"


def _calls(node: ast.AST, *, guarded: bool) -> Iterator[tuple[int, str]]:
    if isinstance(node, ast.With):
        names = {
            item.context_expr.func.id
            for item in node.items
            if isinstance(item.context_expr, ast.Call)
            and isinstance(item.context_expr.func, ast.Name)
        }
        guarded = guarded or not names.isdisjoint(GUARDS)
    if isinstance(node, ast.Call) and not guarded:
        name = ast.unparse(node.func)
        if name in PARSERS or ("." in name and name.rpartition(".")[2] in METHODS):
            writes = any(
                isinstance(part, ast.Constant) and part.value in ("w", "wb", "x", "a")
                for part in node.args[1:2]
            )
            if not writes:
                yield node.lineno, name
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, guarded=guarded)


def test_no_parser_stands_alone() -> None:
    assert list(unchecked(ROOT, ELSEWHERE)) == []


def test_the_check_sees_one(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text(
        "with parsing('x'), open('a') as a:\n"
        "    json.loads(a)\n"
        "print(json.loads('1'), x.read_text(), read_text(x))\n"
    )
    assert list(unchecked(tmp_path, {})) == ["bad.py:3 json.loads", "bad.py:3 x.read_text"]


def test_what_is_left_out_exists() -> None:
    assert all((ROOT / name).exists() for name in ELSEWHERE)
