"""How people's vector files are written: separators, marks, line ends, words; and what is not one.

The values of every file are listed by hand.
"""

import gzip
import struct

import numpy as np
import pytest

from elmobench.core.errors import ElmobenchWarning, ModelError
from elmobench.features.static.formats import MARK
from elmobench.features.static.opening import open_vectors
from elmobench.features.static.provider import StaticProvider

THREE = {"the": [0.1, 0.2, 0.3], "cat": [0.4, 0.5, 0.6], "dog": [-0.1, 0, 1e-5]}
PLAIN = "the 0.1 0.2 0.3\ncat 0.4 0.5 0.6\ndog -0.1 0 1e-05\n"
LAYOUTS = {
    "single blanks": PLAIN,
    "a tab after the word": PLAIN.replace("the ", "the\t")
    .replace("cat ", "cat\t")
    .replace("dog ", "dog\t"),
    "tabs": PLAIN.replace(" ", "\t"),
    "tabs and blanks": PLAIN.replace("t 0.4", "t\t0.4").replace("0 1e", "0\t1e"),
    "aligned columns": PLAIN.replace(" ", "   "),
    "blanks at line ends": PLAIN.replace("\n", "  \n"),
    "tabs at line ends": PLAIN.replace("\n", "\t\n"),
    "CRLF": PLAIN.replace("\n", "\r\n"),
    "a mark": MARK.decode() + PLAIN,
    "a mark and a header": MARK.decode() + "3 3\n" + PLAIN,
    "a header with a tab": "3\t3\n" + PLAIN.replace(" ", "\t"),
    "a header with CRLF": ("3 3\n" + PLAIN).replace("\n", "\r\n"),
    "no line end at the end": PLAIN.removesuffix("\n"),
}


def _file(tmp_path, content, name="vectors.txt"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _vectors(path, words, **options):
    source = open_vectors(path, **options)
    source.read(words)
    return {word: source.vector(word) for word in words}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_words_and_values(tmp_path, layout):
    path = _file(tmp_path, LAYOUTS[layout])
    source = open_vectors(path)
    assert source.dim == 3
    for word, vector in _vectors(path, list(THREE)).items():
        assert vector == pytest.approx(THREE[word])
    assert source.parameters == 9


def test_only_files_that_are_read_otherwise_than_before_have_another_identity(tmp_path):
    def identity(content):
        return StaticProvider.from_file(_file(tmp_path, content))._identity

    assert set(identity(PLAIN)) == set(identity(LAYOUTS["CRLF"])) == {"file", "format"}
    assert identity(LAYOUTS["tabs"])["reading"] == identity(LAYOUTS["a mark"])["reading"] == "2"


@pytest.mark.parametrize("separator", [" ", "\t"])
@pytest.mark.parametrize(
    "word", ["10\u00a0000", "a\u2028b", "\u0085", "\u3000", "1990", "-", "1e5", "\ufeff", "\x1c"]
)
def test_only_blanks_and_tabs_end_a_word(tmp_path, word, separator):
    path = _file(tmp_path, f"the{separator}1 2\n{word}{separator}3 4\n")
    assert _vectors(path, [word])[word].tolist() == [3, 4]


def test_words_with_blanks(tmp_path):
    glove = _file(tmp_path, "the 1 2\n. . . 3 4\nof 5 6\nat name@domain.com 7 8\nin 1 1\n")
    found = _vectors(glove, [". . .", "at name@domain.com"])
    assert [vector.tolist() for vector in found.values()] == [[3, 4], [7, 8]]
    tabs = _file(tmp_path, "a\t1\t2\nNew York\t3\t4\nRoute 66\t5\t6\nb\t7\t8\n", "tabs.txt")
    found = _vectors(tabs, ["New York", "Route 66"])
    assert [vector.tolist() for vector in found.values()] == [[3, 4], [5, 6]]
    headed = _file(tmp_path, "3 2\na\t1 2\nb\t1 2\nNew York\t3 4\n", "headed.txt")
    assert _vectors(headed, ["New York"])["New York"].tolist() == [3, 4]


def test_one_line_is_a_file(tmp_path):
    assert _vectors(_file(tmp_path, "the 1 2 3"), ["the"])["the"].tolist() == [1, 2, 3]


REFUSED = {
    # content: (line, what the message says, what it advises)
    "the,0.1,0.2\ncat,0.3,0.4\n": (1, "no vectors in the first lines", "commas"),
    "the, 0.1, 0.2\ncat, 0.3, 0.4\n": (1, "'0.1,' is not a number", ""),
    "the 0,1 0,2\ncat 0,3 0,4\n": (1, "'0,1' is not a number", "decimal points"),
    "the;0.1;0.2\n": (1, "no vectors", "semicolons"),
    "the [0.1 0.2]\ncat [0.3 0.4]\n": (1, r"'\[0.1' is not a number", ""),
    "the 1:0.5 7:0.1\n": (1, "'1:0.5' is not a number", ""),
    "the 1\ncat 1 2\nof 1 2 3\n": (2, "not rows of one length: 1 values, then 2", ""),
    "just\nwords\n": (1, "no vectors", ""),
    "\n\n\n": (1, "no vectors", ""),
    "the 1 2\ncat\t1 2 3 4\n": (2, "4 values, expected 2; the line is 'cat", ""),
    "the 1 2\n\u4e00\u0301 1\u00a02 3\n": (2, "not a number", ""),
    "the 1 2\ncat 0.1\x0c0.2 3\n": (2, "not a number", ""),
    "the 1 2\ncat " + "1" * 401 + " 2\n": (2, "not a finite number", ""),
    "1 999999999999\nthe 1\n": (1, "announces vectors of 999999999999 values", "100,000"),
    "3 0\nthe\n": (1, "announces vectors of 0 values", ""),
    "999999999999999999 2\nthe 1 2\n": (1, "announces 999999999999999999 words", "truncated"),
    "{\n": (1, "no vectors", ""),
}


@pytest.mark.parametrize("content", REFUSED)
def test_what_fits_no_format_is_shown_with_its_line(tmp_path, content):
    line, message, advice = REFUSED[content]
    path = _file(tmp_path, content)
    with pytest.raises(ModelError, match=message) as caught:
        open_vectors(path).read(["the"])
    assert caught.value.where == f"{path}:{line}"
    assert advice in (caught.value.fix or "")


OTHER_FILES = {
    "utf-16": "the 1 2\n".encode("utf-16"),
    "xz": b"\xfd7zXZ\x00\x00\x04",
    "bzip2": b"BZh91AY&SY",
    "zstandard": b"\x28\xb5\x2f\xfd\x00",
    "npy": b"\x93NUMPY\x01\x00" + b"\0" * 20,
    "HDF5": b"\x89HDF\r\n\x1a\n",
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
    "gzip in gzip": gzip.compress(gzip.compress(PLAIN.encode())),
    "only a mark": MARK,
    "no bytes": b"",
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_files_of_other_kinds_are_named_with_what_to_do(tmp_path, kind):
    path = _file(tmp_path, OTHER_FILES[kind])
    with pytest.raises(ModelError) as caught:
        open_vectors(path)
    assert str(path) in str(caught.value)
    assert caught.value.fix


def test_a_mark_before_the_header_of_a_binary_file(tmp_path):
    rows = b"".join(w + b" " + struct.pack("<2f", *v) for w, v in ((b"a", (1, 2)), (b"b", (3, 4))))
    plain, marked = b"2 2\n" + rows, MARK + b"2 2\n" + rows
    found = _vectors(_file(tmp_path, marked), ["a", "b"])
    assert open_vectors(_file(tmp_path, marked)).kind == "word2vec-binary"
    expected = _vectors(_file(tmp_path, plain, "plain"), ["a", "b"])
    assert all(np.array_equal(found[word], expected[word]) for word in "ab")


def test_a_file_of_zeros_is_warned_about(tmp_path):
    path = _file(tmp_path, "the 0 0\ncat 0 0\n")
    with pytest.warns(ElmobenchWarning, match="every vector is zero"):
        open_vectors(path).read(["the"])


@pytest.mark.slow
def test_an_archive_that_unpacks_to_a_hundred_times_its_size_is_refused(tmp_path):
    line = b"a" + b" 0" * 5000 + b"\n"
    path = _file(tmp_path, gzip.compress(line * 2000), "bomb.txt.gz")
    assert path.stat().st_size * 100 < 2000 * len(line)
    with pytest.raises(ModelError, match="unpacks to more than 100 times"):
        open_vectors(path).read(["a"])
