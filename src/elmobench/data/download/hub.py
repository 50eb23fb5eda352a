"""Addresses on the Hugging Face hub: another server, tokens, and what its refusals mean.

A file of the hub is known by its address on huggingface.co, which names it among the pins and in a
mirror folder. Requests go to the server that HF_ENDPOINT names, if it is set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote, unquote, urlsplit

from elmobench.core.errors import ConfigError

HUB = "https://huggingface.co"
ENDPOINT_VARIABLE = "HF_ENDPOINT"
TOKEN_VARIABLE = "HF_TOKEN"
ERROR_CODE = "X-Error-Code"
"""The header in which the hub says why it refuses."""

_DEFAULT_PORTS = {"https": 443, "http": 80}


def file_address(repo: str, revision: str, file: str, kind: Literal["dataset", "model"]) -> str:
    """The address of a file of a repository.

    >>> file_address("a/b", "0" * 40, "data/train 1.json", "dataset")[:40]
    'https://huggingface.co/datasets/a/b/reso'
    """
    folder = "datasets/" if kind == "dataset" else ""
    return f"{HUB}/{folder}{repo}/resolve/{revision}/{quote(file)}"


def is_on_hub(url: str) -> bool:
    """Whether ``url`` is an address on huggingface.co."""
    return url.startswith(f"{HUB}/")


def request_address(url: str) -> str:
    """The address that is asked for ``url``: the same path at HF_ENDPOINT, if that is set.

    Addresses that are not on the hub stay as they are.
    """
    endpoint = os.environ.get(ENDPOINT_VARIABLE, "").strip().rstrip("/")
    return url.replace(HUB, endpoint, 1) if endpoint and is_on_hub(url) else url


def token_headers(url: str, asked: str) -> Mapping[str, str]:
    """The headers that carry HF_TOKEN to ``asked``; none if it is another server than the hub's.

    Args:
        url: the address of the file, which must be on the hub.
        asked: what is asked now: the first address, or one that it was redirected to.

    Raises:
        ConfigError: HF_TOKEN holds what no token has. The message does not show it.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token or not is_on_hub(url) or _origin(asked) != _origin(request_address(url)):
        return {}
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ConfigError(
            "holds blanks or characters that no token has",
            where=TOKEN_VARIABLE,
            fix="set it to the token alone, or unset it",
        )
    return {"Authorization": f"Bearer {token}"}


def refusal(url: str, status: int, code: str) -> tuple[str, str] | None:
    """What a refusal of the hub means, and what to do; None if it is no address on the hub.

    Args:
        url: the address of the file.
        status: of the server's answer.
        code: the content of the header :data:`ERROR_CODE`; empty if there is none.
    """
    if not is_on_hub(url) or status not in (401, 403, 404):
        return None
    repo, _, rest = url.removeprefix(f"{HUB}/").partition("/resolve/")
    revision, _, file = rest.partition("/")
    has_token = bool(os.environ.get(TOKEN_VARIABLE, "").strip())
    page = f"{HUB}/{repo}"
    server = f"the server answered {status}"
    if code == "EntryNotFound" or (
        status == 404 and code not in ("RepoNotFound", "RevisionNotFound")
    ):
        return (
            f"{server}: the repository {repo} has no file {unquote(file)!r} at this commit",
            f"look for it at {page}/tree/{revision}",
        )
    if code == "RevisionNotFound":
        return (
            f"{server}: the repository {repo} has no commit {revision}",
            f"look for it at {page}/commits/main",
        )
    if status == 403 or code == "GatedRepo":
        return (
            f"{server}: the repository {repo} is gated",
            f"accept its conditions at {page}, then set {TOKEN_VARIABLE} to a token of that "
            "account that may read gated repositories",
        )
    other = "type: model" if repo.startswith("datasets/") else "type: dataset"
    if has_token and status == 401 and not code:
        return (
            f"{server}: it does not accept the token in {TOKEN_VARIABLE}",
            f"make a new one in the settings of your account, or unset {TOKEN_VARIABLE}",
        )
    return (
        f"{server}: the repository {repo} does not exist, or is gated or private",
        f"check 'repo' (and whether it is '{other}'); for a gated or private one, open {page}, "
        f"accept its conditions, and set {TOKEN_VARIABLE} to a token of that account",
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    """Scheme, host and port."""
    address = urlsplit(url)
    return (
        address.scheme,
        address.hostname,
        address.port or _DEFAULT_PORTS.get(address.scheme),
    )
