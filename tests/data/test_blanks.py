import sys

import pytest

from elmobench.data.blanks import is_blank, split_blanks, strip_blanks

# Every character at which str.split() cuts, but for the two that separate fields.
OTHER_SPACES = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if chr(code).isspace() and chr(code) not in " \t"
]


def test_there_are_other_spaces():
    assert {"\u00a0", "\u0085", "\u2028", "\u3000", "\x1c", "\r"} <= set(OTHER_SPACES)


@pytest.mark.parametrize("char", OTHER_SPACES, ids=lambda char: f"U+{ord(char):04X}")
def test_only_blanks_and_tabs_separate_fields(char):
    word = f"10{char}000"
    assert split_blanks(f" {word}\t {char} O ") == [word, char, "O"]
    assert strip_blanks(f"\t{char}x{char} ") == f"{char}x{char}"
    assert not is_blank(char)


def test_empty_lines():
    assert split_blanks("") == split_blanks(" \t ") == []
    assert is_blank("")
    assert is_blank(" \t\t ")
    assert not is_blank(" x ")
