"""Texts and sentences whose labels or tags are beside them, in folders or behind words."""

from __future__ import annotations

from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.readers.base import READERS, ReadResult, SourceText


def read(
    reader: str, data: bytes, role: str = "", beside: bytes = b"", **options: Any
) -> ReadResult:
    companions = {role: (SourceText(beside, "other"),)} if role else {}
    registered = READERS.get(reader)
    text = SourceText(data, "f", beside=companions)
    return registered.read_all(text, registered.options(options, "card"), options.pop("drop", ()))


def test_labels_beside_texts() -> None:
    result = read("label-lines", b"Fine !\nBad .\n", "label", b"1\n0\n", map={"1": "joy"})
    assert [(one.id, one.tokens, one.label) for one in result.examples] == [
        ("text-000001", ("Fine", "!"), "joy"),
        ("text-000002", ("Bad", "."), "0"),
    ]
    assert result.dropped["label 1 renamed joy"] == 1


@pytest.mark.parametrize(
    ("reader", "data", "role", "beside", "message"),
    [
        ("label-lines", b"a\nb\n", "label", b"1\n", "has 1 lines, but f has 2"),
        ("label-lines", b"a\n\n", "label", b"1\n0\n", "f:2: the text is empty"),
        ("label-lines", b"a\nb\n", "label", b"1\n\n", "f:2: the label is empty"),
        ("label-lines", b"a\nb\n", "label", b"1\n0 \n", "blanks around"),
        ("tag-lines", b"a b\n", "tags", b"O\n", "has 2 words and 1 tags"),
        ("tag-lines", b"a b\n", "tags", b"O I-X\n", "f:1, tag 2: I-X does not follow"),
        ("tag-lines", b"a b\n", "tags", b"O X\n", "'X' is not a BIO tag"),
    ],
)
def test_what_does_not_fit_is_an_error(
    reader: str, data: bytes, role: str, beside: bytes, message: str
) -> None:
    options = {"scheme": "bio"} if role == "tags" else {}
    with pytest.raises(DataError, match=message):
        read(reader, data, role, beside, **options)
    with pytest.raises(ConfigError, match="companion file"):
        read(reader, data, **options)


def test_one_text_per_file() -> None:
    (one,) = read("text-file", b"From: me\r\n\r\nIt is fine.\n", label="sci.space").examples
    assert one.tokens == ("From", ":", "me", "It", "is", "fine", ".")
    assert one.label == "sci.space"
    with pytest.raises(DataError, match="the text is empty"):
        read("text-file", b"\n", label="a")


def test_tags_beside_sentences_become_bio() -> None:
    beside = b"O S-A\nB-A E-A\n\n"
    result = read("tag-lines", b"a b\nc d\n\n", "tags", beside, scheme="iobes")
    assert [one.tags for one in result.examples] == [("O", "B-A"), ("B-A", "I-A")]
    assert result.dropped["blank lines"] == 1
    kept = read("tag-lines", b"a b\n", "tags", b"O I-A\n", scheme="bio", illegal_i="keep")
    assert kept.examples[0].tags == ("O", "B-A")


def test_tags_behind_words() -> None:
    result = read("word-tags", b"1/2/CD of_IN/IN\n//SYM\n", scheme="none")
    assert [(one.tokens, one.tags) for one in result.examples] == [
        (("1/2", "of_IN"), ("CD", "IN")),
        (("/",), ("SYM",)),
    ]
    other = read("word-tags", b"a_X\n", scheme="none", separator="_", map={"X": "Y"})
    assert other.examples[0].tags == ("Y",)
    for line in (b"a/DT end\n", b"a/ b/X\n", b"/X b/X\n"):
        with pytest.raises(DataError, match="is no word with '/' and a tag"):
            read("word-tags", line, scheme="none")
