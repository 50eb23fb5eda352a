"""Text files: vectors of requested words, compared with reading the whole file line by line."""

import gzip
import tracemalloc
import zipfile

import numpy as np
import pytest
from eager_vectors import read_vectors
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from elmobench.core.errors import ElmobenchError, ModelError
from elmobench.features.static import text
from elmobench.features.static.opening import open_vectors

GLOVE = "the 1 2.5 -3\nThe 4 5 6\n. . . 7 8 9e-1\n, 0 0 1\n"


def _file(tmp_path, content, name="vectors.txt"):
    path = tmp_path / name
    data = content.encode("utf-8") if isinstance(content, str) else content
    if name.endswith(".zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            bundle.writestr("vectors.txt", data)
    else:
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def _agrees_with_reference(path, reference, **options):
    """Every word, in one pass and each by a pass of its own; statistics to the bit."""
    table = read_vectors(reference, options.get("format", "auto"))
    source = open_vectors(path, **options)
    assert (source.kind, source.dim) == (table.format, table.vectors.shape[1])
    source.read([*table.rows, "absent"])
    for word, row in table.rows.items():
        assert source.knows(word)
        assert np.array_equal(source.vector(word), table.vectors[row])
    assert source.vector("absent") is None
    assert not source.knows("absent")
    assert source.parameters == table.vectors.size
    assert all(map(np.array_equal, source.statistics(), (table.mean, table.std)))
    return source


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz", "vectors.zip"])
def test_glove_with_blanks_in_words(tmp_path, name):
    plain = _file(tmp_path, GLOVE, "plain.txt")
    source = _agrees_with_reference(_file(tmp_path, GLOVE, name), plain)
    assert np.allclose(source.vector(". . ."), [7, 8, 0.9])
    assert np.allclose(source.statistics()[0], [3, 3.875, 1.225])


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_word2vec_header_is_found_or_stated(tmp_path, end):
    content = end.join(["2 3", "a 1 2 3", "b\u00a0c 4 5 6", ""]).replace(f"2 3{end}", "2 3\n", 1)
    path = _file(tmp_path, content)
    for form in ("auto", "word2vec"):
        source = _agrees_with_reference(path, path, format=form)
        assert source.vector("b\u00a0c").tolist() == [4, 5, 6]


def test_a_glove_file_may_look_like_a_header(tmp_path):
    path = _file(tmp_path, "2 3\n5 6\n")
    source = _agrees_with_reference(path, path, format="glove")
    assert source.vector("2").tolist() == [3]


def _large(rows, dim, seed=0):
    """Numbers of every usual notation, some words with blanks or of other scripts."""
    rng = np.random.default_rng(seed)
    forms = ("%.5g", "%.3f", "%.17g", "%d", "%+.2e")
    lines = []
    for i in range(rows):
        word = (f"w{i}", f"ö{i}東", f". . {chr(97 + i % 26)}{i}")[i % 7 if i % 7 < 3 else 0]
        numbers = " ".join(forms[(i + j) % 5] % v for j, v in enumerate(rng.normal(0, 9, dim)))
        lines.append(f"{word} {numbers}\n")
    return "".join(lines)


@pytest.mark.parametrize("block", [1, 7, 1000, 1 << 21])
@pytest.mark.parametrize("name", ["v.txt", "v.txt.gz"])
def test_blocks_of_any_size_give_the_same(tmp_path, monkeypatch, block, name):
    monkeypatch.setattr(text, "_BLOCK_BYTES", block)
    content = _large(300, 12)
    _agrees_with_reference(_file(tmp_path, content, name), _file(tmp_path, content, "plain.txt"))


def test_only_wanted_words_are_kept_and_one_pass_reads_them(tmp_path, monkeypatch):
    passes = []
    real = text.TextSource.blocks

    def counted(self, stream):
        passes.append(1)
        yield from real(self, stream)

    monkeypatch.setattr(text.TextSource, "blocks", counted)
    source = open_vectors(_file(tmp_path, _large(200, 5)))
    source.read(["w3", "w4", "nowhere"])
    assert set(source._vectors) == {"w3", "w4"}
    source.read(["w3", "nowhere"])
    source.read(["elsewhere"])  # certainly absent, by its hash
    assert not source.knows("elsewhere")
    assert source.knows("w10")
    assert len(passes) == 1
    source.read(["w10"])
    assert len(passes) == 2
    assert source.vector("w10") is not None


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(rows):
        source = open_vectors(_file(tmp_path, _large(rows, 60, seed=rows), f"{rows}.txt"))
        tracemalloc.start()
        source.read(["w3", "w10"])
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    small, large = peak(8000), peak(24000)  # 4 and 12 MB: both fill whole blocks of 2 MB
    assert large - small < 2_000_000


FAULTS = [
    ("a 1 2\nb 1\n", "auto", 2, "1 values, expected 2"),
    ("a 1 2\nb 1 2\nc 1 2 3.5\n", "auto", 3, "3 values, expected 2"),
    ("a 1 2\nb 1 2\nc 1 2\nb 3 4\n", "auto", 4, "'b' appears here and in line 2"),
    ("3 2\na 1 2\nb 1 2\na 3 4\n", "auto", 4, "appears here and in line 2"),
    ("a 1 2\nb x 2\n", "auto", 2, "not a number"),
    ("a 1 2\nb 1_0 2\n", "auto", 2, "not a number"),
    ("a 1 2\nb 0x1 2\n", "auto", 2, "not a number"),
    ("a 1 2\nb 1.2.3 2\n", "auto", 2, "not a number"),
    ("a 1 2\nb 1\t2 2\n", "auto", 2, "3 values, expected 2"),
    ("a 1 2\nb - 2\n", "auto", 2, "not a number"),
    ("a 1 2 3\nb 1-2  3\n", "auto", 2, "not a number"),
    ("a 1 2 3\nb 1  3\nc 1-2 3 4\n", "auto", 2, "not a number"),
    ("a 1 2\nb nan 2\n", "auto", 2, "not a finite number"),
    ("a 1 2\nb inf 2\n", "auto", 2, "not a finite number"),
    ("a 1 2\nb 1 1e999\n", "auto", 2, "not a finite number"),
    ("a 1 2\nb 1 1e39\n", "auto", 2, "not a finite number"),
    ("a 1 2\n 1 2\n", "auto", 2, "no word"),
    ("a 1 2\n\nb 1 2\n", "auto", 2, "values, expected 2"),
    (b"a 1 2\n\xff\xfe 1 2\n", "auto", 2, "not UTF-8"),
    ("3 2\na 1 2\nb 1 2\n", "auto", 1, "announces 3 words, but there are 2"),
    ("1 2\na 1 2\nb 1 2\n", "auto", 1, "announces 1 words, but there are 2"),
    ("2 3\na 1 2\nb 1 2\n", "auto", 2, "2 values, expected 3"),
    ("2 2\na 1 2\nb c 1 2\n", "auto", 3, "3 values, expected 2"),
    ("a 1 2\nb 1 2\n", "word2vec", 1, "not word2vec's header"),
    ("a\nb\n", "auto", 1, "no vectors"),
]


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.zip"])
@pytest.mark.parametrize(("content", "form", "line", "message"), FAULTS)
def test_faults_name_file_and_line(tmp_path, content, form, line, message, name):
    path = _file(tmp_path, content, name)
    with pytest.raises(ModelError, match=message) as caught:
        open_vectors(path, form).read(["b"])
    member = ":vectors.txt" if name.endswith(".zip") else ""
    assert caught.value.where == f"{path}{member}:{line}"


@pytest.mark.parametrize(("content", "form", "line", "message"), FAULTS)
def test_faults_are_found_among_unwanted_words_and_again(tmp_path, content, form, line, message):
    path = _file(tmp_path, content)
    for _ in range(2):
        with pytest.raises(ModelError, match=message):
            open_vectors(path, form).index([])


@settings(max_examples=150, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.text("ab. \u00e9", min_size=1, max_size=3),
            st.lists(
                st.sampled_from(["1", "-2.5", "3e-2", "+4", ".5", "6."]), min_size=2, max_size=2
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_file_is_read_like_the_reference_or_refused_like_it(tmp_path, rows):
    path = _file(tmp_path, "".join(f"{word} {' '.join(values)}\n" for word, values in rows))
    try:
        read_vectors(path)
    except ModelError:
        with pytest.raises(ElmobenchError):
            open_vectors(path).read([])
    else:
        _agrees_with_reference(path, path)


def test_of_duplicates_the_first_holds_if_so_chosen(tmp_path):
    content = "a 1 2\nb 3 4\na 5 6\nc 7 8\nb 9 9\na 0 0\n"
    path = _file(tmp_path, content)
    once = _file(tmp_path, "a 1 2\nb 3 4\nc 7 8\n", "once.txt")
    source = _agrees_with_reference(path, once, duplicates="first")
    assert source.vector("a").tolist() == [1, 2]


def test_equal_hashes_of_different_words_are_no_duplicates(tmp_path, monkeypatch):
    import elmobench.features.static.source as source_module

    monkeypatch.setattr(source_module, "hash", len, raising=False)
    path = _file(tmp_path, "aa 1 2\nbb 3 4\nccc 5 6\n")
    source = _agrees_with_reference(path, path)
    source.read(["dd", "bb"])
    assert source.vector("dd") is None
    assert not source.knows("dd")
    assert source.knows("bb")


def test_a_file_that_changes_while_in_use_is_an_error(tmp_path):
    path = _file(tmp_path, GLOVE)
    source = open_vectors(path)
    path.write_text(GLOVE + "x 1 2 3\n")
    with pytest.raises(ModelError, match="changed while"):
        source.read(["the"])
    assert open_vectors(path).dim == 3
