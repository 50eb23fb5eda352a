"""``elmobench encode``."""

import h5py
import pytest
from command_line import elmobench

from elmobench.features.catalog.catalog import load_provider


def _encode(*arguments, stdin=b"", cwd=None):
    return elmobench("encode", *arguments, stdin=stdin, cwd=cwd)


def test_standard_input_to_hdf5(tmp_path):
    out = _encode("random", "-", "--out", tmp_path / "x.hdf5", stdin=b"a b\n\nc")
    assert out.returncode == 0, out.stderr
    assert "3 sentences, 3 tokens: layer_0 of 128 values in fp32" in out.stdout
    with h5py.File(tmp_path / "x.hdf5") as file:
        (expected,) = load_provider("random").encode([["a", "b"]])
        assert (file["0"][...] == expected).all()
        assert file["1"].shape == (1, 0, 128)


@pytest.mark.parametrize(
    ("spec", "data", "options", "message"),
    [
        ("random+elmo-random", b"a", [], "one by one"),
        ("random", b"a\n\xff", [], "in.txt:2: is not UTF-8"),
        ("random", b"a", ["--layer", "1"], "no layer 1"),
        ("randum", b"a", [], "did you mean"),
        ("random@layer=0", b"a", [], "applies to a task's head"),
    ],
)
def test_mistakes_leave_no_file(tmp_path, spec, data, options, message):
    (tmp_path / "in.txt").write_bytes(data)
    out = _encode(spec, "in.txt", "--out", "x.h5", *options, cwd=tmp_path)
    assert out.returncode == 1
    assert message in out.stderr
    assert "Traceback" not in out.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["in.txt"]


def test_usage_errors(tmp_path):
    for arguments in (
        ["--out", "x.npz"],
        ["--out", "x.h5", "--precision", "bf16"],
        ["--out", "x.h5", "--tokenizer", "moses"],
    ):
        assert _encode("random", "-", *arguments, cwd=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []
