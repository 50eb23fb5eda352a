import json
import random
import subprocess
import sys

import pytest

from elmobench.core import paths
from elmobench.core.errors import DataError
from elmobench.data.download.cache import fetch
from elmobench.data.download.pins import Pin, pin, pin_all, pinned, pinned_below, unpin

SHA = "ab" * 32
ROW = Pin(sha256=SHA, bytes=12)


def write(content: object) -> None:
    paths.lock_file().parent.mkdir(parents=True, exist_ok=True)
    text = content if isinstance(content, str) else json.dumps(content)
    paths.lock_file().write_text(text, "utf-8")


def test_pins_are_kept_until_they_are_removed():
    pin_all({"https://b/x": ROW, "https://a/x": Pin(sha256="0" * 64, bytes=0)})
    pin("https://a/y", "1" * 64, 7)
    assert pinned("https://b/x") == ROW
    assert pinned("https://b") is None
    assert pinned_below("https://a/") == {
        "https://a/x": Pin(sha256="0" * 64, bytes=0),
        "https://a/y": Pin(sha256="1" * 64, bytes=7),
    }
    unpin("https://a/x", "https://b/x", "https://nowhere")
    assert list(pinned_below("")) == ["https://a/y"]


def test_a_file_of_an_earlier_version_is_read_and_written_anew():
    write({"https://a/x": ROW})
    assert pinned("https://a/x") == ROW
    pin("https://a/y", "1" * 64, 7)
    assert set(pinned_below("")) == {"https://a/x", "https://a/y"}
    assert "format" in json.loads(paths.lock_file().read_text())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[1, 2]",
        "[" * 100_000,
        '{"https://a/x": ',
        {"https://a/x": {"sha256": SHA}},
        {"https://a/x": {"sha256": SHA, "bytes": "12"}},
        {"https://a/x": {"sha256": SHA, "bytes": True}},
        {"https://a/x": {"sha256": SHA, "bytes": -1}},
        {"https://a/x": {"sha256": "../../x", "bytes": 1}},
        {"https://a/x": {"sha256": 5, "bytes": 1}},
        {"https://a/x": [1]},
        {"format": 2, "pins": {"https://a/x": ROW}},
        '{"https://a/x": {"sha256": "' + SHA + '", "bytes": ' + "9" * 5000 + "}}",
    ],
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(content: object):
    write(content)
    for use in (
        lambda: pinned("https://a/x"),
        lambda: pin("https://a/x", SHA, 1),
        lambda: unpin("https://a/x"),
        lambda: fetch("https://a/x"),
    ):
        with pytest.raises(DataError, match="remove it") as error:
            use()
        assert str(paths.lock_file()) in str(error.value)


def test_every_changed_byte_is_noticed():
    pin("https://a/x", SHA, 12)
    data = paths.lock_file().read_bytes()
    draw = random.Random(0)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << draw.randrange(8)
        paths.lock_file().write_bytes(changed)
        try:
            found = pinned_below("")
        except DataError:
            continue
        # Another blank between values, or another spelling of a digest's letters, is the same.
        assert found == {"https://a/x": {"sha256": SHA, "bytes": 12}}


def test_a_folder_that_cannot_be_written_is_an_error():
    paths.lock_file().mkdir(parents=True)
    with pytest.raises(DataError, match="remove it"):
        pin("https://a/x", SHA, 12)


def test_what_a_killed_process_left_is_removed_when_the_next_one_pins():
    folder = paths.lock_file().parent
    folder.mkdir(parents=True, exist_ok=True)
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from elmobench.core.files import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, str(paths.lock_file())], check=False)
    assert len(list(folder.glob(".*.part"))) == 1
    pin("https://a/x", SHA, 12)
    assert list(folder.glob(".*.part")) == []
    assert pinned("https://a/x") == ROW


def test_a_link_that_leads_nowhere_is_not_an_empty_list_of_pins():
    paths.lock_file().parent.mkdir(parents=True, exist_ok=True)
    paths.lock_file().symlink_to("nowhere")
    for call in (lambda: pinned("https://a/x"), lambda: unpin("https://a/x")):
        with pytest.raises(DataError, match=r"trusted\.json: cannot be read: No such file"):
            call()
