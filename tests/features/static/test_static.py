import zipfile

import numpy as np
import pytest
from eager_vectors import read_vectors

from elmobench.core.errors import ConfigError, ModelError
from elmobench.features.catalog.catalog import ModelCatalog
from elmobench.features.static import FACTORY, StaticProvider
from elmobench.features.static.text import TextSource
from elmobench.features.store.feature_store import FeatureStore

GLOVE = "the 1 2.5 -3\nThe 4 5 6\n. . . 7 8 9e-1\n, 0 0 1\n"


def _file(tmp_path, text, name="vectors.txt"):
    path = tmp_path / name
    path.write_text(text, "utf-8")
    return path


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


def test_random_vectors_of_words_in_lower_case(tmp_path):
    """Words are the same under case ``lower``, so spellings of an unknown one have one vector."""
    path = _file(tmp_path, GLOVE)
    for case, equal in (("lower", True), ("keep", False), ("keep-then-lower", False)):
        provider = StaticProvider.from_file(path, case=case, unknown="random")
        lower, upper = provider.encode_types(["dog", "DOG"])[0]
        assert np.array_equal(lower, upper) == equal
    keep = StaticProvider.from_file(path, case="keep", unknown="random")
    expected = keep.encode_types(["dog"])[0][0]
    lowered = StaticProvider.from_file(path, case="lower", unknown="random")
    assert np.array_equal(lowered.encode_types(["Dog"])[0][0], expected)


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


def test_fingerprints_of_text_files_are_those_of_earlier_releases(tmp_path):
    path = _file(tmp_path, GLOVE)
    for options, start in [
        ({}, "2e354634941745cc"),
        ({"case": "lower", "unknown": "mean"}, "7bb9109655213a41"),
        ({"unknown": "random", "seed": 2}, "f934d5fea8a71606"),
    ]:
        assert StaticProvider.from_file(path, **options).fingerprint.startswith(start)
    headed = _file(tmp_path, "1 3\nthe 1 2.5 -3\n")
    assert StaticProvider.from_file(headed).fingerprint.startswith("3ed31ca22d4cf769")


@pytest.mark.slow
def test_vectors_of_the_committed_study(shared):
    """Fingerprint and vectors as computed by the first version of the reader."""
    path = shared / "models/static-proto.txt.gz"
    provider = StaticProvider.from_file(path)
    assert provider.fingerprint.startswith("f2637d85b7eb8629")
    table = read_vectors(path)
    words = sorted(table.rows)[::50]
    assert np.array_equal(
        provider.encode_types(words)[0], table.vectors[[*map(table.rows.get, words)]]
    )
    assert provider.parameters == table.vectors.size


def test_the_fingerprint_covers_member_and_duplicates(tmp_path):
    path = tmp_path / "two.zip"
    with zipfile.ZipFile(path, "w") as bundle:
        bundle.writestr("a.txt", "x 1 2\ny 3 4\n")
        bundle.writestr("b.txt", "x 5 6\ny 3 4\n")
    options = [
        {"member": "a.txt"},
        {"member": "b.txt"},
        {"member": "a.txt", "duplicates": "first"},
    ]
    providers = [StaticProvider.from_file(path, **given) for given in options]
    assert len({provider.fingerprint for provider in providers}) == 3
    vectors = [provider.encode_types(["x"])[0][0, 0] for provider in providers]
    assert vectors == [1, 5, 1]


@pytest.mark.parametrize("unknown", ["zero", "mean", "random"])
@pytest.mark.parametrize("case", ["keep", "lower", "keep-then-lower"])
def test_a_build_reads_the_file_once_and_tasks_share_it(tmp_path, monkeypatch, case, unknown):
    passes = []
    real = TextSource.blocks

    def counted(self, stream):
        passes.append(1)
        yield from real(self, stream)

    monkeypatch.setattr(TextSource, "blocks", counted)
    monkeypatch.setattr(FeatureStore, "_rows_per_shard", lambda self, layers: 2)
    path = _file(tmp_path, "".join(f"w{i} {i} {i * i}\n" for i in range(50)) + "W3 9 9\n")
    sentences = [[f"W{i}", f"w{i + 1}", "none"] for i in range(20)]
    provider = StaticProvider.from_file(path, case=case, unknown=unknown)
    store = FeatureStore(tmp_path / "store", "fp32")
    assert store.build(provider, sentences).encoded_types > 20
    again = StaticProvider.from_file(path, case=case, unknown=unknown)
    words = sorted({word for sentence in sentences for word in sentence})
    whole = again.encode_types(words)[0]
    shares = again.coverage([word for sentence in sentences for word in sentence])
    assert again.parameters == 51 * 2
    assert len(passes) == 1
    stored = store.open(provider).gather([words])[0, 0]
    assert np.array_equal(stored, whole)
    expected = {"keep": 21, "lower": 40, "keep-then-lower": 40}[case]
    assert shares["tokens"] == expected / 60


def test_coverage_of_stored_vectors_reads_the_file_once(tmp_path, monkeypatch):
    passes = []
    real = TextSource.blocks

    def counted(self, stream):
        passes.append(1)
        yield from real(self, stream)

    monkeypatch.setattr(TextSource, "blocks", counted)
    provider = StaticProvider.from_file(_file(tmp_path, GLOVE))
    assert provider.fingerprint
    assert provider.dim == 3
    assert not passes
    assert provider.coverage(["the", "no"])["types"] == 0.5
    assert provider.coverage([",", "THE", "no", "never"])["types"] == 0.5
    assert len(passes) == 1


def test_words_of_no_text(tmp_path):
    """The empty string and a lone surrogate can stand in data; no file has them."""
    provider = StaticProvider.from_file(_file(tmp_path, GLOVE), unknown="mean")
    vectors = provider.encode_types(["", "\ud800"])[0]
    assert np.allclose(vectors, [3, 3.875, 1.225])
    assert provider.encode_types([])[0].shape == (0, 3)


def test_catalog_entry_with_a_member(tmp_path):
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as bundle:
        bundle.writestr("a.txt", "x 1 2\nx 7 7\n")
        bundle.writestr("b.txt", "x 5 6\n")
    options = {"format": "glove", "member": "a.txt", "duplicates": "first"}
    entry = {"provider": "static", "files": {"vectors": {"path": "v.zip"}}, "options": options}
    provider = ModelCatalog({"mine": entry}, tmp_path).load("mine")
    assert provider.encode_types(["x"])[0].tolist() == [[1, 2]]
    with pytest.raises(ModelError, match="2 members"):
        ModelCatalog({}, tmp_path).load("static:v.zip")


def test_factory(tmp_path):
    path = _file(tmp_path, GLOVE)
    provider = FACTORY.load("mine", {"vectors": path}, {"case": "lower", "unknown": "mean"})
    assert provider.describe()["case"] == "lower"
    with pytest.raises(ConfigError, match="case"):
        FACTORY.load("mine", {"vectors": path}, {"case": "fallback"})
    with pytest.raises(ConfigError, match="'vectors'"):
        FACTORY.load("mine", {}, {})
