import gzip

import numpy as np
import pytest

from elmobench.errors import ConfigError, ModelError
from elmobench.features.static import FACTORY, StaticProvider
from elmobench.features.vector_text import read_vectors

GLOVE = "the 1 2.5 -3\nThe 4 5 6\n. . . 7 8 9e-1\n, 0 0 1\n"


def _file(tmp_path, text, name="vectors.txt"):
    path = tmp_path / name
    data = text.encode("utf-8") if isinstance(text, str) else text
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


@pytest.mark.parametrize("name", ["vectors.txt", "vectors.txt.gz"])
def test_glove_with_blanks_in_words(tmp_path, name):
    table = read_vectors(_file(tmp_path, GLOVE, name))
    assert table.rows == {"the": 0, "The": 1, ". . .": 2, ",": 3}
    assert table.vectors.dtype == np.float32
    assert np.allclose(table.vectors, [[1, 2.5, -3], [4, 5, 6], [7, 8, 0.9], [0, 0, 1]])
    assert np.allclose(table.mean, [3, 3.875, 1.225])
    assert np.allclose(table.std, table.vectors.std(axis=0))


@pytest.mark.parametrize("end", ["\n", " \n", "\r\n"])
def test_word2vec_header_is_found_or_stated(tmp_path, end):
    text = end.join(["2 3", "a 1 2 3", "b\u00a0c 4 5 6", ""]).replace(f"2 3{end}", "2 3\n", 1)
    path = _file(tmp_path, text)
    for form in ("auto", "word2vec"):
        table = read_vectors(path, form)
        assert table.rows == {"a": 0, "b\u00a0c": 1}
        assert np.array_equal(table.vectors, [[1, 2, 3], [4, 5, 6]])


def test_a_glove_file_may_look_like_a_header(tmp_path):
    path = _file(tmp_path, "2 3\n5 6\n")
    assert read_vectors(path, "glove").rows == {"2": 0, "5": 1}


@pytest.mark.parametrize(
    ("text", "form", "line", "message"),
    [
        ("a 1 2\nb 1\n", "auto", 2, "1 values, expected 2"),
        ("a 1 2\nb 1 2\nc 1 2 3.5\n", "auto", 3, "3 values, expected 2"),
        ("a 1 2\nb 1 2\nc 1 2\nb 3 4\n", "auto", 4, "stands here and in line 2"),
        ("a 1 2\nb x 2\n", "auto", 2, "not a number"),
        ("a 1 2\nb nan 2\n", "auto", 2, "not a finite number"),
        ("a 1 2\nb inf 2\n", "auto", 2, "not a finite number"),
        ("a 1 2\n 1 2\n", "auto", 2, "no word"),
        ("a 1 2\n\nb 1 2\n", "auto", 2, "values, expected 2"),
        (b"a 1 2\n\xff\xfe 1 2\n", "auto", 2, "not UTF-8"),
        ("3 2\na 1 2\nb 1 2\n", "auto", 1, "announces 3 words, but there are 2"),
        ("1 2\na 1 2\nb 1 2\n", "auto", 1, "announces 1 words, but there are 2"),
        ("2 3\na 1 2\nb 1 2\n", "auto", 2, "2 values, expected 3"),
        ("2 2\na 1 2\nb c 1 2\n", "auto", 3, "3 values, expected 2"),
        ("a 1 2\nb 1 2\n", "word2vec", 1, "not word2vec's header"),
    ],
)
def test_faults_name_file_and_line(tmp_path, text, form, line, message):
    path = _file(tmp_path, text)
    with pytest.raises(ModelError, match=message) as caught:
        read_vectors(path, form)
    assert caught.value.where == f"{path}:{line}"


def test_empty_absent_and_truncated_files(tmp_path):
    with pytest.raises(ModelError, match="empty"):
        read_vectors(_file(tmp_path, ""))
    with pytest.raises(ModelError, match="cannot be read"):
        read_vectors(tmp_path / "none.txt")
    cut = _file(tmp_path, GLOVE * 1, "cut.txt.gz")
    cut.write_bytes(cut.read_bytes()[:-12])
    with pytest.raises(ModelError, match="cannot be read"):
        read_vectors(cut)
    foreign = tmp_path / "plain.txt.gz"
    foreign.write_text(GLOVE)
    with pytest.raises(ModelError, match="cannot be read"):
        read_vectors(foreign)


def test_the_line_of_a_repeated_word_counts_the_header(tmp_path):
    with pytest.raises(ModelError, match="stands here and in line 2") as caught:
        read_vectors(_file(tmp_path, "3 2\na 1 2\nb 1 2\na 3 4\n"))
    assert caught.value.where.endswith(":4")


def test_the_format_that_was_found_is_part_of_the_fingerprint(tmp_path):
    """``2 3`` is word2vec's header, or GloVe's word "2": other words, other mean."""
    path = _file(tmp_path, "1 1\n5 6\n")
    read = {form: StaticProvider.from_file(path, format=form) for form in ("auto", "glove")}
    assert read["auto"].coverage(["1"])["types"] == 0
    assert read["glove"].coverage(["1"])["types"] == 1
    assert read["auto"].fingerprint != read["glove"].fingerprint
    stated = StaticProvider.from_file(path, format="word2vec")
    assert stated.fingerprint == read["auto"].fingerprint
    plain = _file(tmp_path, GLOVE, "plain.txt")
    assert (
        StaticProvider.from_file(plain).fingerprint
        == StaticProvider.from_file(plain, format="glove").fingerprint
    )


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        ("keep", [1, 4, 0, 0]),
        ("lower", [1, 1, 1, 0]),
        ("keep-then-lower", [1, 4, 1, 0]),
    ],
)
def test_case_policies(tmp_path, case, expected):
    provider = StaticProvider.from_file(_file(tmp_path, GLOVE), case=case)
    assert provider.encode_types(["the", "The", "THE", "cat"])[0][:, 0].tolist() == expected


def test_unknown_policies(tmp_path):
    path = _file(tmp_path, GLOVE)
    vectors = {
        policy: StaticProvider.from_file(path, unknown=policy).encode_types(["cat", "the", "dog"])[
            0
        ]
        for policy in ("zero", "mean", "random")
    }
    assert (vectors["zero"][0] == 0).all()
    assert np.allclose(vectors["mean"][[0, 2]], [3, 3.875, 1.225])
    assert all(np.array_equal(v[1], [1, 2.5, -3]) for v in vectors.values())
    cat, _, dog = vectors["random"]
    assert not np.allclose(cat, dog)
    again = StaticProvider.from_file(path, unknown="random").encode_types(["dog"])[0][0]
    assert np.array_equal(dog, again)
    other = StaticProvider.from_file(path, unknown="random", seed=1).encode_types(["dog"])[0][0]
    assert not np.allclose(dog, other)
    many = StaticProvider.from_file(path, unknown="random").encode_types(
        [f"w{i}" for i in range(4000)]
    )[0]
    assert np.allclose(many.mean(axis=0), [3, 3.875, 1.225], atol=0.3)
    assert np.allclose(many.std(axis=0), vectors_std(path), rtol=0.05)


def vectors_std(path):
    return read_vectors(path).vectors.std(axis=0)


def test_coverage_counts_tokens_and_types(tmp_path):
    provider = StaticProvider.from_file(_file(tmp_path, GLOVE))
    assert provider.coverage(["the", "the", "THE", "cat"]) == {"tokens": 0.75, "types": 2 / 3}
    assert provider.coverage([]) == {"tokens": 1.0, "types": 1.0}


def test_fingerprint_covers_file_and_options(tmp_path):
    path = _file(tmp_path, GLOVE)
    providers = [
        StaticProvider.from_file(path),
        StaticProvider.from_file(path, case="keep"),
        StaticProvider.from_file(path, unknown="random"),
        StaticProvider.from_file(path, unknown="random", seed=1),
        StaticProvider.from_file(_file(tmp_path, GLOVE + "x 1 2 3\n", "other.txt")),
    ]
    assert len({p.fingerprint for p in providers}) == 5
    assert StaticProvider.from_file(path, name="n", seed=3).fingerprint == providers[0].fingerprint
    assert providers[0].parameters == 12


def test_factory(tmp_path):
    path = _file(tmp_path, GLOVE)
    provider = FACTORY.load("mine", {"vectors": path}, {"case": "lower", "unknown": "mean"})
    assert provider.describe()["case"] == "lower"
    with pytest.raises(ConfigError, match="case"):
        FACTORY.load("mine", {"vectors": path}, {"case": "fallback"})
    with pytest.raises(ConfigError, match="'vectors'"):
        FACTORY.load("mine", {}, {})
