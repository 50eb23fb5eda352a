"""Blocks of a documentation page, and the comparison of shown output with real output."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str
    output: str | None = None
    """The block ``text`` that follows at once, if this one is code."""

    @property
    def file(self) -> str | None:
        """The file that the block shows, by its first line."""
        match = re.match(r"{?# ([\w/.-]+\.(?:yaml|in))\b", self.text)
        return match.group(1) if match and self.language in ("yaml", "jinja") else None

    @property
    def commands(self) -> list[str]:
        """The commands of a block of shell commands, without comments."""
        if self.language != "sh":
            return []
        lines = self.text.replace("\\\n", " ").splitlines()
        return [line for line in (re.sub(r"\s+#.*", "", x).strip() for x in lines) if line]


def page_name(page: Path) -> str:
    """The page's path in the repository."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of ``page``; output is attached to the code that it follows."""
    pattern = r"^```([\w-]*)\n(.*?)^```\n(?:\n```text\n(.*?)^```)?"
    parts = re.findall(pattern, page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [Block(language, text, output or None) for language, text, output in parts]


def assert_same_output(shown: str, real: str, where: str) -> None:
    """Compare words exactly and numbers with a tolerance of 5 % or 0.05.

    Numbers with decimals depend on the machine; words, counts and the order do not.
    """
    shown_words, real_words = shown.split(), real.split()
    assert [_NUMBER.sub("#", word) for word in shown_words] == [
        _NUMBER.sub("#", word) for word in real_words
    ], f"{where}\n{real}"
    for left, right in zip(_NUMBER.findall(shown), _NUMBER.findall(real), strict=True):
        if "." in left:
            close = abs(float(left) - float(right)) <= max(0.05 * abs(float(left)), 0.05)
        else:
            close = left == right
        assert close, f"{where}: {left} is shown, {right} comes out\n{real}"
