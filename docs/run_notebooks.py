"""Run the notebooks of the documentation, and write their outputs into them.

``make notebooks`` does it after a change; a test compares the outputs that are shown with those
that come out.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def run_notebook(path: Path, folder: Path) -> nbformat.NotebookNode:
    """Run the cells of a notebook in ``folder``; returns the notebook with the new outputs.

    Raises:
        CellExecutionError: if a cell raises an error.
    """
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # the times of this run
    notebook.metadata["language_info"] = {"name": "python"}  # not the version of this Python
    return notebook


def main() -> None:
    """Run all notebooks in place."""
    for path in NOTEBOOKS:
        with tempfile.TemporaryDirectory() as folder:
            nbformat.write(run_notebook(path, Path(folder)), path)
        print(path.relative_to(FOLDER.parents[1]))


if __name__ == "__main__":
    main()
