from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError
from elmobench.core.yaml_files import parse_yaml, read_yaml


def test_words_are_strings_and_numbers_are_numbers():
    values = parse_yaml(
        "a: no\nb: yes\nc: on\nd: true\ne: 1e-3\nf: 12:30\ng: 2020-01-01\nh: -4\ni: .5\nj:\nk: 3e5",
        "x",
    )
    assert values == {
        "a": "no",
        "b": "yes",
        "c": "on",
        "d": True,
        "e": 0.001,
        "f": "12:30",
        "g": "2020-01-01",
        "h": -4,
        "i": 0.5,
        "j": None,
        "k": 300000.0,
    }
    assert isinstance(values["e"], float)


@pytest.mark.parametrize(
    ("text", "value"),
    [("010", 10), ("08", 8), ("-007", -7), ("+12", 12), ("0", 0), ("1_000", 1000), ("!!int 09", 9)],
)
def test_whole_numbers_are_decimal(text: str, value: int):
    parsed = parse_yaml(f"a: {text}", "x")["a"]
    assert parsed == value
    assert type(parsed) is int


def test_anchors_and_merges_work():
    assert parse_yaml("a: &x {p: 1}\nb:\n  <<: *x\n  q: 2\n", "x")["b"] == {"p": 1, "q": 2}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb: [1,\n", "file.yaml:3"),
        ("a: 1\na: 2\n", "file.yaml:2:1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "file.yaml:4:3"),
        ("a: !!python/object/apply:os.getcwd []\n", "file.yaml:1"),
        ("a: 1\nb: !!int foo\n", "file.yaml:2:4"),
        ("a: 1\nb: [x, !!int '']\n", "file.yaml:2:8"),
        ("a: !!int [1]\n", "file.yaml:1"),
        ("a: 1\nb: !!timestamp foo\n", "file.yaml:2:4"),
        ("a: 1\nb: !!timestamp 2020-13-41\n", "file.yaml:2:4"),
        ("a: !!float foo\n", "file.yaml:1:4"),
        ("a: !!bool foo\n", "file.yaml:1:4"),
        ("a: !!binary \u00fc\n", "file.yaml:1"),
        ("a: !!map foo\n", "file.yaml:1:4"),
        ("a: !!set foo\n", "file.yaml:1"),
        ("a: !!omap foo\n", "file.yaml:1"),
        ("a: {!!int foo: 1}\n", "file.yaml:1:5"),
        ("a: " + "9" * 5000 + "\n", "file.yaml:1:4"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, place: str):
    file = tmp_path / "file.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        read_yaml(file)
    assert place in str(error.value)


def test_missing_and_not_utf8(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"absent\.yaml"):
        read_yaml(tmp_path / "absent.yaml")
    (tmp_path / "bad.yaml").write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"bad\.yaml:2"):
        read_yaml(tmp_path / "bad.yaml")
