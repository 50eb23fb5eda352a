"""Options typed by people, checked by pydantic, refused in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from elmobench.errors import ElmobenchError

M = TypeVar("M", bound=BaseModel)


def parse_model(
    model: type[M],
    values: Mapping[str, Any],
    *,
    error: type[ElmobenchError],
    where: str,
    fix: str | None = None,
) -> M:
    """``values`` as a ``model``.

    Raises:
        error: with every fault of ``values`` in its message, one a line.
    """
    try:
        return model.model_validate(values)
    except ValidationError as failure:
        faults = []
        for fault in failure.errors():
            path = ".".join(str(step) for step in fault["loc"])
            faults.append(f"{path}: {fault['msg']}" if path else fault["msg"])
        if fix is None:
            fix = f"known keys: {', '.join(model.model_fields)}"
        raise error("; ".join(faults), where=where, fix=fix) from None
