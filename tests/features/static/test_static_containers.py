"""Plain, gzipped and zipped files; what is in none of the known forms."""

import gzip
import os
import pickle
import zipfile

import pytest

from elmobench.core.errors import ModelError
from elmobench.features.static.containers import vector_file
from elmobench.features.static.formats import kind_of
from elmobench.features.static.opening import open_vectors

GLOVE = b"the 1 2.5 -3\nThe 4 5 6\n, 0 0 1\n"


def _zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in members.items():
            bundle.writestr(name, data)
    return path


def test_the_member_of_a_zip_is_chosen_by_name(tmp_path):
    members = {"glove.50d.txt": b"a 1 2\n", "glove.100d.txt": b"a 1 2 3\n", "__MACOSX/x": b"-"}
    path = _zip(tmp_path / "glove.zip", members)
    assert open_vectors(path, member="glove.50d.txt").dim == 2
    assert open_vectors(path, member="glove.100d.txt").dim == 3
    with pytest.raises(ModelError, match=r"2 members: glove.100d.txt, glove.50d.txt") as caught:
        open_vectors(path)
    assert "member" in caught.value.fix
    with pytest.raises(ModelError, match=r"no member 'glove.200d.txt'.*glove.50d"):
        open_vectors(path, member="glove.200d.txt")
    for outside in ("../glove.50d.txt", "/etc/passwd", "a\\b"):
        with pytest.raises(ModelError, match="cannot leave"):
            open_vectors(path, member=outside)


def test_the_only_member_needs_no_name_and_nothing_is_unpacked(tmp_path):
    path = _zip(tmp_path / "one.zip", {"folder/": b"", "folder/../../up.txt": GLOVE})
    with pytest.raises(ModelError, match="cannot leave"):
        open_vectors(path)
    path = _zip(tmp_path / "one.bin", {"folder/": b"", "folder/v.txt": GLOVE})
    source = open_vectors(path)  # recognised by its first bytes
    source.read(["the"])
    assert source.file.member == "folder/v.txt"
    assert source.vector("the").tolist() == [1, 2.5, -3]
    assert sorted(os.listdir(tmp_path)) == ["one.bin", "one.zip"]


def test_zips_that_cannot_be_used(tmp_path):
    with pytest.raises(ModelError, match="contains no file"):
        open_vectors(_zip(tmp_path / "empty.zip", {"folder/": b""}))
    (tmp_path / "no.zip").write_bytes(GLOVE)
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(tmp_path / "no.zip")
    (tmp_path / "plain.txt").write_bytes(GLOVE)
    with pytest.raises(ModelError, match="not a zip archive"):
        open_vectors(tmp_path / "plain.txt", member="x")
    path = _zip(tmp_path / "locked.zip", {"v.txt": GLOVE})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(ModelError, match="encrypted"):
        open_vectors(path)
    with pytest.raises(ModelError, match="not word2vec's header"):
        open_vectors(_zip(tmp_path / "form.zip", {"v.txt": GLOVE}), "word2vec")


@pytest.mark.parametrize("cut", [4, 30, 200])
def test_truncated_archives(tmp_path, cut):
    body = b"".join(b"w%d %d 2 3\n" % (i, i * i) for i in range(5000))
    zipped = _zip(tmp_path / "v.zip", {"v.txt": body})
    zipped.write_bytes(zipped.read_bytes()[:-cut])
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(zipped).read(["w1"])
    packed = tmp_path / "v.txt.gz"
    packed.write_bytes(gzip.compress(body)[:-cut])
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(packed).read(["w1"])
    assert len(os.listdir(tmp_path)) == 2


def test_a_damaged_byte_in_a_zip_is_found_by_its_checksum(tmp_path):
    with zipfile.ZipFile(tmp_path / "v.zip", "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr("v.txt", GLOVE)
    data = (tmp_path / "v.zip").read_bytes().replace(b"2.5", b"3.5", 1)
    (tmp_path / "v.zip").write_bytes(data)
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(tmp_path / "v.zip").read(["the"])


def test_empty_absent_and_foreign_files(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"")
    with pytest.raises(ModelError, match="empty"):
        open_vectors(tmp_path / "empty.txt")
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(tmp_path / "none.txt")
    (tmp_path / "plain.txt.gz").write_bytes(GLOVE)
    with pytest.raises(ModelError, match="cannot be read"):
        open_vectors(tmp_path / "plain.txt.gz")
    (tmp_path / "gzipped").write_bytes(gzip.compress(GLOVE))
    assert open_vectors(tmp_path / "gzipped").dim == 3
    (tmp_path / "blob").write_bytes(bytes(range(1, 200)) + b"\0" * 90)
    with pytest.raises(ModelError, match="neither text nor"):
        open_vectors(tmp_path / "blob")
    (tmp_path / "noise").write_bytes(b"\xf3\x81 \xc3\n" * 9)
    with pytest.raises(ModelError, match="the word is not UTF-8"):
        open_vectors(tmp_path / "noise").read(["a"])


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_pickles_are_refused_unread(tmp_path, protocol):
    path = tmp_path / "vectors.kv"
    path.write_bytes(pickle.dumps({"vectors": list(range(100))}, protocol))
    with pytest.raises(ModelError, match="pickle") as caught:
        open_vectors(path)
    assert "save_word2vec_format" in caught.value.fix


def test_a_member_is_read_as_a_stream(tmp_path):
    path = _zip(tmp_path / "v.zip", {"v.txt": GLOVE})
    with vector_file(path).open() as stream:
        assert stream.read(3) == b"the"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"the 1 2\n", "glove"),
        (b"2 3\na 1 2 3\n", "word2vec"),
        ("2 3\na 1 2 3\n東 1 2 3\n".encode(), "word2vec"),
        (b"2 3\na nan 2 3\n", "word2vec"),
        (b"2 2\na \x00\x00\x80\x3f\x00\x00\x00\x40", "word2vec-binary"),
        (b"2 2\na \n\x00\x80\x3f\x00\x00\x00\x40", "word2vec-binary"),
        (b"5 2", "word2vec"),
        (b"\xba\x16\x4f\x2f\x0c\x00\x00\x00", "fasttext"),
    ],
)
def test_formats_are_detected_by_their_first_bytes(head, kind):
    assert kind_of(head, "auto", "file") == kind
    assert kind_of(head, kind, "file") == kind
    for other in {"word2vec-binary", "fasttext"} - {kind}:
        with pytest.raises(ModelError, match=f"looks like '{kind}'"):
            kind_of(head, other, "file")
