"""README is short, its links have targets, and what it promises is kept."""

from __future__ import annotations

import re
import tomllib

import pytest
from shown_output import PAGES, ROOT, page_name

README = (ROOT / "README.md").read_text("utf-8")


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 120


def test_readme_shows_its_two_commands_first() -> None:
    head = README[: README.index("## One command")]
    assert "Two commands do all set-up" in head
    assert re.findall(r"^make (\w+)", head, re.MULTILINE) == ["demo", "test"]
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target, packages in (("demo: setup-demo", ".[ui]"), ("test: setup", ".[dev]")):
        assert re.search(rf"^{target}$", makefile, re.MULTILINE)
        assert f"$(PIP) -e '{packages}'" in makefile


LINK = re.compile(r"\]\(([^)]+)\)")


def test_links_of_readme_have_targets() -> None:
    links = LINK.findall(README)
    assert links
    for link in links:
        assert link.startswith("https://aclanthology.org") or (ROOT / link).exists(), link


def test_links_are_absolute_on_the_package_page() -> None:
    """The build's substitutions, applied to README as the build applies them."""
    config = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    hook = config["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    text = README
    for substitution in hook["substitutions"]:
        text = re.sub(substitution["pattern"], substitution["replacement"], text)
    assert [link for link in LINK.findall(text) if not link.startswith("https://")] == []
    repository = config["project"]["urls"]["Repository"]
    raw = repository.replace("github.com", "raw.githubusercontent.com")
    assert f"({raw}/main/results/study/scores.svg)" in text
    for link in LINK.findall(text):
        if link.startswith(repository):
            assert (ROOT / link.removeprefix(f"{repository}/blob/main/")).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_relative_links_have_targets(page) -> None:
    # mkdocs checks the links to generated pages.
    generated = {"cli.md", "python.md", "tasks.md", "models.md", "results.md", "budgets.md"}
    generated |= {"calibration.md", "allennlp.md", "fidelity.md"}
    generated |= {f"{path.stem}.md" for path in (ROOT / "docs/notebooks").glob("*.ipynb")}
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
        if not link.startswith("https://") and link.rpartition("/")[2] not in generated:
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_every_task_card_is_in_the_table() -> None:
    table = README[README.index("## Tasks") :]
    for card in (ROOT / "tasks").rglob("*.yaml"):
        if card.parent.name != "control":
            assert f"`{card.stem}`" in table
            assert f"`{card.parent.name}`" in table
