"""Open a page in Chromium, where it is installed."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
"""Path of Chromium; None if it is not installed."""


def dom_of(page: Path, scratch: Path) -> str:
    """The document after its scripts have run, which must not print anything to the console.

    Args:
        page: the file.
        scratch: folder for the browser's profile.
    """
    found = subprocess.run(
        [
            str(BROWSER),
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
            f"--user-data-dir={scratch / 'profile'}",
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert "CONSOLE" not in found.stderr
    return found.stdout
