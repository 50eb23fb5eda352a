import pytest

from elmobench.core.errors import DataError
from elmobench.data.text_checks import check_label, check_text


@pytest.mark.parametrize(
    "label", ["pos", "not bad", "caf\u00e9", "5\u00a0stars", "\U0001f600", "-"]
)
def test_usual_labels_pass(label: str):
    check_label(label, "a.tsv:1")


@pytest.mark.parametrize(
    ("label", "problem"),
    [
        ("", "the label is empty"),
        (" \u3000", "the label is empty"),
        ("pos ", "the label 'pos ' has blanks around it"),
        ("\tpos", "has blanks around it"),
        ("pos\u00a0", "has blanks around it"),
        ("pos\r", "has blanks around it"),
        ("p\x00s", "the label has the character U+0000 at position 2"),
        ("p\ns", "has the control character U+000A"),
        ("p\ud800", "the label has half of a character, U+D800 at position 2"),
    ],
)
def test_others_are_refused_with_their_place(label: str, problem: str):
    with pytest.raises(DataError) as error:
        check_label(label, "a.tsv:7", "do this")
    assert str(error.value).startswith("a.tsv:7: ")
    assert problem in str(error.value)
    str(error.value).encode("utf-8")


def test_whole_characters_pass_and_halves_do_not():
    check_text("\U0001f600 naïve", "the text", "a:1")
    with pytest.raises(DataError, match=r"the text has the character U\+0000 at position 2"):
        check_text("a\0b", "the text", "a:1")
    for half in ("\ud83d", "\ude00 x"):
        with pytest.raises(DataError, match="the text has half of a character"):
            check_text(half, "the text", "a:1")
