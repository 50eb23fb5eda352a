"""Report phrases that ``banned_phrases.txt`` rules out, with what to write instead.

Usage: ``python .ci/check_words.py [FILE ...]``. Without files, every tracked text is checked.
The exit status is 1 if a phrase was found.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PHRASES = ROOT / ".ci" / "banned_phrases.txt"
SUFFIXES = (".py", ".md", ".yaml", ".in", ".html", ".ipynb")
EXCLUDED: tuple[str, ...] = (
    "src/elmobench/features/elmo/warm_up.py",  # its text is data: vectors depend on it
    "src/elmobench/data/controls/coref.py",  # its word lists are data
)
"""Beginnings of paths that are not checked."""


def load_phrases(file: Path = PHRASES) -> list[tuple[re.Pattern[str], str]]:
    """Read pairs of a pattern and its plain alternative; lines that begin with # are comments."""
    phrases = []
    for line in file.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            pattern, _, instead = line.partition(" => ")
            phrases.append((re.compile(pattern, re.IGNORECASE), instead))
    return phrases


def check_text(text: str, name: str, phrases: list[tuple[re.Pattern[str], str]]) -> list[str]:
    """Return one message per phrase in ``text``: ``name:line: phrase => alternative``.

    A phrase may go on in the next line of a paragraph or comment.
    """
    joined = re.sub(r"(?<=\S)\n[ \t]*(?:#+|//)?[ \t]*", lambda match: " " * len(match[0]), text)
    messages = []
    for pattern, instead in phrases:
        spaced = re.compile(pattern.pattern.replace(" ", r"\s+"), re.IGNORECASE)
        for match in spaced.finditer(joined):
            line = text.count("\n", 0, match.start()) + 1
            phrase = " ".join(match[0].split())
            messages.append(f"{name}:{line}: '{phrase}' => {instead}")
    return messages


def tracked_texts() -> list[str]:
    """Paths of all tracked texts, relative to the root of the repository."""
    command = ["git", "ls-files", "-z"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [name for name in output.split("\0") if name.endswith(SUFFIXES)]


def main(names: list[str]) -> int:
    """Check ``names``, or every tracked text; print the messages and return the exit status."""
    phrases = load_phrases()
    messages: list[str] = []
    for name in names or tracked_texts():
        path = ROOT / name
        if path.suffix in SUFFIXES and not name.startswith(EXCLUDED) and path.is_file():
            messages += check_text(path.read_text("utf-8"), name, phrases)
    print("\n".join(messages), end="\n" if messages else "")
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
