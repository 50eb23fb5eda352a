import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import elmobench
from elmobench.core.errors import ConfigError
from elmobench.features.spec import SETTING_KEYS, FeaturesSpec, PartSpec, parse_features

words = st.from_regex(r"[A-Za-z0-9:/._~-]{1,12}", fullmatch=True)
parts = st.builds(
    PartSpec,
    words,
    st.booleans(),
    st.dictionaries(st.sampled_from(SETTING_KEYS), words, max_size=4).map(
        lambda d: tuple(d.items())
    ),
)


@given(st.lists(parts, min_size=1, max_size=4))
def test_a_printed_spec_parses_back_to_itself(parts):
    spec = FeaturesSpec(tuple(parts))
    assert parse_features(str(spec)) == spec


def test_examples_of_the_grammar():
    assert parse_features("elmo-mini").parts == (PartSpec("elmo-mini"),)
    assert parse_features("glove-mini(trainable)+elmo:path/to@layer=1@state=warm").parts == (
        PartSpec("glove-mini", trainable=True),
        PartSpec("elmo:path/to", settings=(("layer", "1"), ("state", "warm"))),
    )
    tuned = parse_features("bert-mini(finetuned)@pieces=first+glove-mini")
    assert [part.finetuned for part in tuned.parts] == [True, False]
    assert str(tuned) == "bert-mini(finetuned)@pieces=first+glove-mini"
    # The value of `mix` may contain an equals sign.
    assert parse_features("a@mix=layer=2").parts[0].settings == (("mix", "layer=2"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no features"),
        ("  ", "no features"),
        ("a+", "empty"),
        ("+a", "empty"),
        ("a++b", "empty"),
        ("a@layre=1", "did you mean 'layer'"),
        ("a@", "unknown setting"),
        ("a@layer", "no usable value"),
        ("a@layer=", "no usable value"),
        ("a@layer=1@layer=2", "twice"),
        ("a(trainable", "parentheses"),
        ("a trainable)", "parentheses"),
        ("a(frozen)", "parentheses"),
        ("a(trainable)(trainable)", "parentheses"),
        ("a(trainable)(finetuned)", "parentheses"),
        ("a(finetuned)@layer=1", "does not go with"),
        ("a(finetuned)@untrained=1", "does not go with"),
        ("a@layer=1(trainable)", "no usable value"),
        ("(trainable)", "no name"),
        ("@layer=1", "no name"),
        ("a b", "blank"),
        ("a + b", "blank"),
        ("a@state=a b", "no usable value"),
    ],
)
def test_errors_explain_what_is_wrong(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_features(text)
    assert caught.value.fix
    assert caught.value.where is not None
    assert repr(text) in caught.value.where or not text.strip()


def test_settings_of_a_part():
    part = parse_features("a@layer=1@state=warm@place=input").parts[0]
    assert part.setting("layer") == "1"
    assert part.setting("mix") is None
    assert str(part.with_setting("layer", "2")) == "a@layer=2@state=warm@place=input"
    assert str(part.with_setting("l2", "0.1")) == "a@layer=1@state=warm@place=input@l2=0.1"
    assert str(part.without_setting("state")) == "a@layer=1@place=input"
    assert part.without_setting("mix") == part
    assert part.provider_options == {"state": "warm"}
    assert part.head_settings == {"layer": "1", "place": "input"}


def test_parts_of_a_spec():
    spec = parse_features("a+b@layer=1+a+c(trainable)")
    a, b, _, c = spec.parts
    assert spec.names == ("a", "b", "a", "c")
    assert str(spec.without(a)) == "b@layer=1+c(trainable)"
    assert spec.without(b.without_setting("layer")) == spec
    assert str(parse_features("a").without(a)) == ""
    assert str(spec.with_part(0, c)) == "c(trainable)+b@layer=1+a+c(trainable)"
    assert spec.contains(parse_features("c(trainable)+a"))
    assert not spec.contains(parse_features("b"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@layer=2", (0, 2)),
        ("a+b@state=warm@layer=10@l2=1", (1, 10)),
        ("a", None),
        ("a@mix=layer=1", None),
        ("a@layer=top", None),
        ("a@layer=1+b@layer=2", None),
    ],
)
def test_the_single_layer_of_a_spec(text, expected):
    assert parse_features(text).single_layer() == expected


_SPLITS = re.compile(
    r"""\.r?(?:split|partition)\(\s*f?["'][+@]"""  # features.split("+"), part.partition("@")
    r"""|["']@\w*=?["']\s+(?:not\s+)?in\b"""  # "@place=" in features
)


@pytest.mark.parametrize(
    ("code", "splits"),
    [
        ('features.split("+")', True),
        ("part.rpartition('@layer=')", True),
        ('"@place=" not in part', True),
        ('parse_features(features).parts[0].setting("place")', False),
        ('line.split(",")', False),
    ],
)
def test_the_pattern_finds_code_that_splits_a_spec(code, splits):
    assert bool(_SPLITS.search(code)) is splits


def test_only_the_spec_module_splits_specs():
    package = Path(elmobench.__file__).parent
    splitting = [
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if _SPLITS.search(path.read_text("utf-8"))
    ]
    assert splitting == ["features/spec.py"]


def test_a_spec_that_is_too_long_is_an_error():
    assert parse_features("x" * 4096).parts[0].name == "x" * 4096
    with pytest.raises(ConfigError, match="a spec of 4,097 characters is too long; 4,096 are"):
        parse_features("x" * 4097)
