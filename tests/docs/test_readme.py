"""README is short, its links have targets, and what it promises is kept."""

from __future__ import annotations

import re
import tomllib

import pytest
from shown_output import PAGES, ROOT, page_name

README = (ROOT / "README.md").read_text("utf-8")
HOSTED = re.compile(r"https://(?:github|raw\.githubusercontent)\.com/OWNER/elmobench/(.*)")


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_readme_shows_its_two_commands_first() -> None:
    head = README[: README.index("## One command")]
    assert "Two commands do all set-up" in head
    assert re.findall(r"^make (\w+)", head, re.MULTILINE) == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in ("demo", "test"):
        assert re.search(rf"^{target}: setup$", makefile, re.MULTILINE)


def test_readme_links_are_absolute_for_the_package_page() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert config["project"]["readme"] == "README.md"
    links = re.findall(r"\]\(([^)]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("https://")] == []
    for link in links:
        hosted = HOSTED.fullmatch(link)
        if hosted is None:
            assert "aclanthology.org" in link
            continue
        path = re.sub(r"^(?:(?:blob|tree)/)?main/", "", hosted[1])
        assert (ROOT / path).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_relative_links_have_targets(page) -> None:
    # mkdocs checks the links to generated pages.
    generated = {"cli.md", "python.md", "tasks.md", "models.md", "results.md", "budgets.md"}
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not link.startswith("https://") and link.rpartition("/")[2] not in generated:
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_every_task_card_is_in_the_table() -> None:
    table = README[README.index("## Tasks") :]
    for card in (ROOT / "tasks").rglob("*.yaml"):
        if card.parent.name != "control":
            assert f"`{card.stem}`" in table
            assert f"`{card.parent.name}`" in table
