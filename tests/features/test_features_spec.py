import pytest
from hypothesis import given
from hypothesis import strategies as st

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
def test_what_is_printed_reads_back(found):
    spec = FeaturesSpec(tuple(found))
    assert parse_features(str(spec)) == spec


def test_examples_of_the_grammar():
    assert parse_features("elmo-mini").parts == (PartSpec("elmo-mini"),)
    assert parse_features("glove-mini(trainable)+elmo:path/to@layer=1@state=warm").parts == (
        PartSpec("glove-mini", trainable=True),
        PartSpec("elmo:path/to", settings=(("layer", "1"), ("state", "warm"))),
    )
    # A mode of the mix may hold an equals sign itself.
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
        ("a@layer=1(trainable)", "no usable value"),
        ("(trainable)", "no name"),
        ("@layer=1", "no name"),
        ("a b", "blank"),
        ("a + b", "blank"),
        ("a@state=a b", "no usable value"),
    ],
)
def test_slips_are_explained(text, message):
    with pytest.raises(ConfigError, match=message) as caught:
        parse_features(text)
    assert caught.value.fix
    assert caught.value.where is not None
    assert repr(text) in caught.value.where or not text.strip()
