"""Files to propose cards for, and the task of a proposed card."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from elmobench.data.cards.catalog import load_card
from elmobench.tasks.from_files.card import proposed_card
from elmobench.tasks.from_files.proposal import propose
from elmobench.tasks.task import Task


def jsonl(*rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: list[dict[str, Any]], features: dict[str, Any] | None = None) -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow.parquet import write_table

    out = io.BytesIO()
    table = pyarrow.Table.from_pylist(rows)
    if features is not None:
        content = json.dumps({"info": {"features": features}})
        table = table.replace_schema_metadata({b"huggingface": content.encode()})
    write_table(table, out)
    return out.getvalue()


def read(folder: Path, files: dict[str, bytes], *columns: str, pipeline: str | None = None) -> Task:
    """The task of the card that is proposed for ``files``, which must be complete."""
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_bytes(data)
    proposal = propose([str(folder / name) for name in files], pipeline, columns)
    path = folder / "mine.yaml"
    card = proposed_card("mine", proposal, path)
    assert card.problem is None
    assert card.missing == []
    path.write_text(card.text, "utf-8")
    task = Task(load_card(path))
    stated = task.card.counts
    assert {split: size.examples for split, size in stated.items()} == {
        split: len(examples) for split, examples in task.examples().items()
    }
    assert all(source.sha256 for source in task.files())
    return task


def first(task: Task) -> tuple[Any, ...]:
    """The distinct examples of all splits, without their ids, sorted; labels are those stated."""
    found = {
        repr(one).split("id=", 1)[1].split(",", 1)[1]
        for part in task.examples().values()
        for one in part
    }
    return tuple(sorted(found))
