"""JSON files that contain the digest of their own content: damage is noticed when they are read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from elmobench.core.digests import digest_of
from elmobench.core.errors import DataError, ElmobenchError
from elmobench.core.files import write_bytes
from elmobench.core.parsing import parse_json_object, parsing, read_bytes
from elmobench.core.surrogates import escape_surrogates

SEAL = "sha256"
"""Key of the digest: SHA-256 of the canonical JSON of all other keys."""


def seal(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``value`` with its digest as the last key.

    >>> seal({"steps": 3})["sha256"][:8]
    '545356d8'
    """
    content = {key: inner for key, inner in value.items() if key != SEAL}
    # Through JSON once, since keys that are numbers become text there and are sorted as text.
    content = json.loads(json.dumps(content, allow_nan=False))
    return {**content, SEAL: digest_of(content)}


def write_sealed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Atomically write ``value`` as indented JSON with its digest.

    Raises:
        ValueError: for infinities and NaN, which have no JSON form.
    """
    text = json.dumps(seal(value), indent=2, ensure_ascii=False, allow_nan=False)
    # A lone surrogate has no UTF-8 form; JSON can escape it.
    write_bytes(path, (escape_surrogates(text) + "\n").encode("utf-8"))


def check_seal(
    value: Mapping[str, Any],
    where: str,
    error: type[ElmobenchError] = DataError,
    *,
    required: Callable[[Mapping[str, Any]], bool] = lambda value: True,
    fix: str | None = None,
) -> dict[str, Any]:
    """Return the content without the digest, after checking it.

    Args:
        value: what was parsed.
        where: the file, for the error.
        error: the class to raise.
        required: whether content without a digest is damaged; False for content of an earlier
            version, which had none.
        fix: what the user can do.

    Raises:
        ElmobenchError: of the class ``error``, if the digest is wrong, or is missing and required.
    """
    content = {key: inner for key, inner in value.items() if key != SEAL}
    if SEAL not in value:
        if required(content):
            raise error(f"is damaged: it has no {SEAL!r}", where=where, fix=fix)
        return content
    with parsing(where, error, what="is damaged", fix=fix):
        digest = digest_of(content)
    if value[SEAL] != digest:
        raise error(
            f"is damaged: its content does not have the digest that its {SEAL!r} states",
            where=where,
            fix=fix,
        )
    return content


def read_sealed_json(
    path: Path,
    error: type[ElmobenchError] = DataError,
    *,
    required: Callable[[Mapping[str, Any]], bool] = lambda value: True,
    fix: str | None = None,
) -> dict[str, Any]:
    """Read a file of :func:`write_sealed_json`; arguments and errors as for :func:`check_seal`."""
    data = read_bytes(path, error, fix=fix)
    value = parse_json_object(data, str(path), error, fix=fix)
    return check_seal(value, str(path), error, required=required, fix=fix)
