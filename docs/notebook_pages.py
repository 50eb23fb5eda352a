"""Notebooks of the documentation as pages of the site, with the outputs that they contain."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

NOTEBOOKS = Path(__file__).resolve().parent / "notebooks"


def notebook_pages() -> dict[str, str]:
    """Path of the page -> its Markdown, for every notebook."""
    return {
        f"notebooks/{path.stem}.md": notebook_page(json.loads(path.read_text("utf-8")), path.name)
        for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    }


def notebook_page(notebook: dict[str, Any], name: str) -> str:
    """The cells of a notebook and their outputs as Markdown, with a link to the file ``name``."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [_output(output) for output in cell["outputs"]]
    title, *rest = parts
    return "\n\n".join([title, f"[Download this notebook]({name})", *rest]) + "\n"


def _output(output: dict[str, Any]) -> str:
    """A table as HTML, anything else as text."""
    data = output.get("data", {})
    if "text/html" in data:
        return re.sub(r"<style.*?</style>", "", "".join(data["text/html"]), flags=re.DOTALL)
    text = "".join(output["text"] if output["output_type"] == "stream" else data["text/plain"])
    return f"```text\n{text.rstrip()}\n```"
