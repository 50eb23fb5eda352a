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
    [("010", 10), ("08", 8), ("-007", -7), ("+12", 12), ("0", 0), ("!!int 09", 9)],
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


def test_underscores_make_text_as_in_yaml_1_2():
    assert parse_yaml("name: 2024_01\nsize: 1_000", "x") == {"name": "2024_01", "size": "1_000"}
    with pytest.raises(ConfigError, match=r"x:1:7: .*'1_000' is not of type int"):
        parse_yaml("size: !!int 1_000", "x")


def test_a_number_beyond_floats_is_an_error_and_infinity_is_written_out():
    with pytest.raises(ConfigError, match=r"x:1:4: .*'1e999' is not of type float"):
        parse_yaml("a: 1e999", "x")
    assert parse_yaml("a: .inf\nb: -.inf", "x") == {"a": float("inf"), "b": float("-inf")}


@pytest.mark.parametrize(
    "text",
    ["[" * 10_000 + "]" * 10_000, "{a: " * 300 + "1" + "}" * 300, "- " * 60 + "x", "[" * 200_000],
    ids=["lists", "mappings", "block", "open"],
)
def test_nesting_is_bounded(text: str):
    with pytest.raises(ConfigError, match=r"card\.yaml:1:\d+: is nested more than 50 deep"):
        parse_yaml(text, "card.yaml")


def test_fifty_lists_within_each_other_are_read():
    value = parse_yaml("[" * 50 + "]" * 50, "x")
    for _ in range(49):
        (value,) = value
    assert value == []


def test_what_aliases_repeat_counts_each_time():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    with pytest.raises(ConfigError, match=r"bomb\.yaml:5:\d+: has more than 100,000 values"):
        parse_yaml("\n".join(lines), "bomb.yaml")
    assert len(parse_yaml("\n".join(lines[:4]), "x")["a3"]) == 10


def test_an_alias_inside_of_what_it_stands_for_is_an_error():
    with pytest.raises(ConfigError, match=r"x:1:9: the alias \*a is inside"):
        parse_yaml("a: &a [ *a ]", "x")


def test_length_is_bounded_and_a_lone_surrogate_is_an_error():
    with pytest.raises(ConfigError, match=r"has 2,000,003 characters"):
        parse_yaml("a: " + "x" * 2_000_000, "x")
    with pytest.raises(ConfigError, match="x: is not YAML"):
        parse_yaml("a: \ud800", "x")
