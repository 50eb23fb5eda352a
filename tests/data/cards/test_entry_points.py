"""Other packages' entries: one that is broken is named each time and hides no other."""

from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.registry import Registry
from elmobench.data.cards.catalog import CardCatalog

GROUP = "elmobench.things"


def _install(folder: Path, distribution: str, entries: dict[str, str], group: str = GROUP) -> None:
    """A distribution as pip leaves it: a folder of metadata on the path."""
    info = folder / f"{distribution}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    lines = [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[int]:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "fine_things.py").write_text("THING = 7\n\nclass Holder:\n    inner = 8\n")
    (tmp_path / "raising_things.py").write_text("THING = 1 / 0\n")
    (tmp_path / "unfinished_things.py").write_text("THING = (\n")
    registry: Registry[int] = Registry("thing", GROUP)
    registry.add("builtin", 1, "ours")
    registry.add("other", 2, "ours too")
    return registry


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("fine_things", "not of the form"),
        ("fine_things:", "not of the form"),
        ("no_such_module:THING", "No module named 'no_such_module'"),
        ("fine_things:NOTHING", "NOTHING"),
        ("raising_things:THING", "ZeroDivisionError"),
        ("unfinished_things:THING", "SyntaxError"),
        ("not a module:THING", "cannot be loaded"),
    ],
)
def test_a_broken_entry_is_named_each_time(
    tmp_path: Path, registry: Registry[int], value: str, message: str
):
    # "a-broken" is read first; the entries after it are there nevertheless.
    _install(tmp_path, "a-broken-package", {"aaa": value})
    _install(
        tmp_path, "fine-package", {"zzz": "fine_things:THING", "in": "fine_things:Holder.inner"}
    )
    for _ in range(3):
        with pytest.raises(ConfigError, match="thing 'aaa'") as caught:
            registry.get("aaa")
        assert not isinstance(caught.value, UnknownNameError)
        assert "a-broken-package" in str(caught.value)
        assert message in str(caught.value)
        assert registry.names() == ["aaa", "builtin", "in", "other", "zzz"]
        assert "aaa" in registry
        assert registry.get("zzz") == 7
        assert registry.get("in") == 8
        assert registry.get("builtin") == 1
    assert registry.summary("zzz") == "from fine-package"
    assert registry.summary("builtin") == "ours"
    assert "a-broken-package" in registry.summary("aaa")
    with pytest.raises(ConfigError, match="twice"):
        registry.add("aaa", 3)


@pytest.mark.parametrize("builtin", [True, False])
def test_a_name_that_is_taken_is_an_error_for_that_name(
    tmp_path: Path, registry: Registry[int], builtin: bool
):
    name = "builtin" if builtin else "shared"
    if not builtin:
        _install(tmp_path, "a-first-package", {name: "fine_things:THING"})
    _install(tmp_path, "second-package", {name: "fine_things:THING", "zzz": "fine_things:THING"})
    for _ in range(3):
        with pytest.raises(ConfigError, match=f"thing '{name}'.*same name") as caught:
            registry.get(name)
        assert "second-package" in str(caught.value)
        assert ("a-first-package" in str(caught.value)) is not builtin
        assert registry.get("other") == 2
        assert registry.get("zzz") == 7
    assert "unusable" in registry.summary(name)


@pytest.mark.parametrize("value", ["no_such_cards", "no_such_package.cards"])
def test_a_missing_package_of_cards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str):
    monkeypatch.syspath_prepend(str(tmp_path))
    _install(tmp_path, "their-cards", {"mine": value}, "elmobench.cards")
    with pytest.raises(ConfigError, match=r"'mine'.*'their-cards'.*names no module"):
        CardCatalog().names()
