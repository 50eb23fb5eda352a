"""Damage of the store is an error that names the file, whether it is read or verified."""

import json
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xxhash
from other_files import OTHER_FILES, make_other_file
from store_formats import as_format_1
from store_providers import HashProvider, corpus, shard_bytes

from elmobench.core.errors import StoreError
from elmobench.features.provider import FeatureProvider, Layer
from elmobench.features.store import blocks as store_blocks
from elmobench.features.store.blocks import BlockCheck, block_checksums, parse_checksums
from elmobench.features.store.feature_store import FeatureStore

SENTENCES = corpus(12)


def _read(store):
    """All vectors, by a new reader that has checked nothing yet."""
    store_blocks.checked_blocks.cache_clear()
    return store.open(HashProvider()).gather(SENTENCES)


@pytest.fixture
def store(tmp_path):
    store = FeatureStore(tmp_path / "store", "int8")
    store.build(HashProvider(), SENTENCES)
    return store


def _smallest(store, kind):
    return min(store.root.glob(f"*/{kind}-*"), key=lambda path: path.stat().st_size)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["tokens", "types"])
def test_a_flipped_bit_anywhere_is_found_when_it_is_read(store, kind):
    path = _smallest(store, kind)
    good, whole = path.read_bytes(), _read(store)
    rng = np.random.default_rng(0)
    for place in range(0, len(good), 4):
        damaged = bytearray(good)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(StoreError) as caught:
            _read(store)
        assert str(path) in caught.value.where, place
        assert "features verify --delete" in caught.value.fix
    path.write_bytes(good)
    assert (_read(store) == whole).all()


def test_larger_damage_is_found_when_it_is_read_and_by_verify(store):
    """Zeros, lost and doubled bytes, exchanged pieces, other white space in the header."""
    path = _smallest(store, "tokens")
    good = path.read_bytes()
    half, start = len(good) // 2, 8 + int.from_bytes(good[:8], "little")
    values = json.loads(good[8:start])["token_b"]["data_offsets"][0] + start
    for damaged in (
        b"",
        good[:5],
        good[:-100],
        good + b"\0",
        good[:half] + good[half + 1 :],
        good[:half] + bytes(64) + good[half + 64 :],
        good[:values]
        + good[values + 6 : values + 12]
        + good[values : values + 6]
        + good[values + 12 :],
        good[:8] + good[8:start].replace(b" ", b"\n") + good[start:],
        b"\xff" * 8 + good[8:],
        (1 << 40).to_bytes(8, "little") + good[8:],
        bytes(len(good)),
        good[:8] + b"[" * (start - 8) + good[start:],
    ):
        if damaged == good:
            continue  # The header ends without white space.
        path.write_bytes(damaged)
        with pytest.raises(StoreError) as caught:
            _read(store)
        assert str(path) in str(caught.value)
        (problem,) = store.verify()
        assert problem.startswith(f"{path}: ")


def test_a_shard_of_another_provider_or_name_is_refused(store):
    other = HashProvider(version=2)
    store.build(other, SENTENCES)
    mine, theirs = (sorted(store.folder(p).glob("tokens-*"))[0] for p in (HashProvider(), other))
    assert mine.name == theirs.name
    shutil.copy(theirs, mine)
    with pytest.raises(StoreError, match=f"was written as {theirs.parent.name}"):
        _read(store)
    assert len(store.verify()) == 1


def test_files_that_are_not_the_stores(store):
    folder = store.folder(HashProvider())
    lost = _smallest(store, "tokens")
    lost.rename(lost.with_suffix(".safetensor"))
    (folder / "meta.json").unlink()
    problems = store.verify(delete=True)
    assert [line.partition(": ")[2].partition(";")[0] for line in problems] == [
        "is missing",
        "is not a file of the store, or has lost its name",
    ]
    # Nothing was deleted; the next build writes again what is missing.
    assert lost.with_suffix(".safetensor").exists()
    store.build(HashProvider(), SENTENCES)
    assert len(store.verify()) == 1
    assert len(store.stat()) == 1


def test_damaged_files_are_deleted_and_encoded_again(store):
    whole, folder = shard_bytes(store.root), store.folder(HashProvider())
    for path in [*store.root.glob("*/*.safetensors"), folder / "meta.json"]:
        path.write_bytes(path.read_bytes()[:-9])
    problems = store.verify(delete=True)
    assert len(problems) == len(whole) + 1
    assert all(line.endswith("; deleted") for line in problems)
    assert store.verify() == []
    store.build(HashProvider(), SENTENCES)
    assert shard_bytes(store.root) == whole
    assert (folder / "meta.json").exists()
    assert store.verify() == []


def test_shards_of_format_1_are_read_as_they_are(store):
    whole, view = _read(store), store.open(HashProvider()).view(SENTENCES)
    digest, encoded_by = view.digest, view.encoded_by
    for path in store.root.glob("*/*.safetensors"):
        as_format_1(path)
    before = shard_bytes(store.root)
    assert (_read(store) == whole).all()
    view = store.open(HashProvider()).view(SENTENCES)
    assert (view.digest, view.encoded_by) == (digest, encoded_by)
    assert store.build(HashProvider(), [*SENTENCES, ("new",)]).encoded_sentences == 1
    after = shard_bytes(store.root)
    assert {name: after[name] for name in before} == before
    assert store.verify() == []


def test_a_header_of_format_1_in_another_order_is_found(store):
    """The same entries and vectors, but not the bytes that were written."""
    for path in store.root.glob("*/*.safetensors"):
        as_format_1(path)
    assert store.verify() == []
    path = _smallest(store, "tokens")
    good = path.read_bytes()
    start = 8 + int.from_bytes(good[:8], "little")
    entries = json.loads(good[8:start])
    turned = json.dumps(
        dict(reversed(entries.items())), separators=(",", ":"), ensure_ascii=False
    ).encode()
    assert turned != good[8:start].rstrip()
    path.write_bytes(good[:8] + turned.ljust(start - 8) + good[start:])
    (problem,) = store.verify()
    assert problem.startswith(f"{path}: ")


def test_a_flipped_bit_in_a_shard_of_format_1(store):
    """Verify finds it; reading finds it in the digests, which give the shard its name."""
    path = _smallest(store, "tokens")
    as_format_1(path)
    good, rng = path.read_bytes(), np.random.default_rng(0)
    start = 8 + int.from_bytes(good[:8], "little")
    first, last = (start + n for n in json.loads(good[8:start])["digests"]["data_offsets"])
    for place in range(0, len(good), 5):
        damaged = bytearray(good)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        (problem,) = store.verify()
        assert problem.startswith(f"{path}: "), place
        if first <= place < last:
            with pytest.raises(StoreError, match=path.name):
                _read(store)


def test_rows_are_in_the_blocks_that_are_checked():
    """Against a loop over all bytes, with damage in every block in turn."""
    rng = np.random.default_rng(0)
    for _ in range(200):
        row, rows, size = (int(n) for n in rng.integers(1, 40, 3))
        data = rng.integers(0, 256, row * rows).astype(np.uint8)
        expected = parse_checksums(block_checksums(data.data, size), data.size, size)
        blocks = len(expected)
        start = rng.integers(0, rows, 5)
        length = np.minimum(rng.integers(0, 5, 5), rows - start)
        used = {
            byte // size
            for first, count in zip(start, length, strict=True)
            for byte in range(first * row, (first + count) * row)
        }
        damaged = int(rng.integers(blocks))
        data[damaged * size] ^= 1
        checked = np.zeros(blocks, dtype=bool)
        found = BlockCheck(data, expected, size, checked).rows(start, length, row)
        assert found == (damaged * size if damaged in used else None)
        if damaged not in used:
            assert set(np.flatnonzero(checked).tolist()) == used
        assert BlockCheck(data, expected, size, np.zeros(blocks, bool)).all() == damaged * size


def test_checksums_of_blocks_are_those_of_their_bytes():
    data = bytes(range(250))
    text = block_checksums(memoryview(data), 100)
    pieces = (data[:100], data[100:200], data[200:])
    assert text == "".join(f"{xxhash.xxh3_64(piece).intdigest():016x}" for piece in pieces)
    assert parse_checksums(text, 250, 100).tolist() == [
        int(text[i : i + 16], 16) for i in (0, 16, 32)
    ]
    for wrong in (text[:-1], text + "0", "g" * 48):
        with pytest.raises(ValueError, match=r"number of block|hexadecimal"):
            parse_checksums(wrong, 250, 100)


class Long(FeatureProvider):
    """One token layer whose sentences have more bytes than a block."""

    name = "long"
    layers = (Layer("b", "token", 64),)
    fingerprint = "a" * 64
    parameters = 0

    def encode_types(self, words):
        raise AssertionError

    def encode_tokens(self, sentences):
        return [[np.full((len(s), 64), len(s), np.float32)] for s in sentences]


def test_each_block_is_checked_once_and_only_if_it_is_read(tmp_path, monkeypatch):
    sentences = [("w",) * (1024 + i) for i in range(6)]  # each of 4 blocks and a little
    store = FeatureStore(tmp_path, "fp32")
    store.build(Long(), sentences)
    store_blocks.checked_blocks.cache_clear()
    real, checked = xxhash.xxh3_64_intdigest, []
    monkeypatch.setattr(
        store_blocks.xxhash,
        "xxh3_64_intdigest",
        lambda data: checked.append(len(data)) or real(data),
    )
    one = store.open(Long()).view(sentences[3:4])
    index = len(checked)
    assert index == 2  # digests and offsets
    one.gather([0])
    assert 5 <= len(checked) - index <= 6
    few = len(checked)
    one.gather([0, 0])
    store.open(Long()).view(sentences[3:4]).gather([0])
    assert len(checked) == few
    # The first batch of a view checks all that the view reads of its shards.
    view = store.open(Long()).view(sentences)
    view.gather([0])
    (path,) = tmp_path.glob("*/*.safetensors")
    assert sum(checked) == 256 * sum(map(len, sentences)) + 6 * 16 + 7 * 8
    everything = len(checked)
    view.gather(range(6))
    assert len(checked) == everything
    # Damage beyond what is read does not matter to the reader.
    data = bytearray(path.read_bytes())
    data[-70000] ^= 1
    path.write_bytes(data)
    damaged = store.open(Long())
    assert (damaged.view(sentences[:1]).gather([0])[0, 0, :1024] == 1024).all()
    view = damaged.view(sentences)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"array 'token_b' has changed .* near byte \d+"):
            view.gather([0])


def test_a_shard_that_was_replaced_while_in_use(store):
    view = store.open(HashProvider()).view(SENTENCES)
    for path in store.root.glob("*/*.safetensors"):
        data = path.read_bytes()
        path.unlink()
        path.write_bytes(data)
    with pytest.raises(StoreError, match="was replaced while in use"):
        view.gather([0])
    assert _read(store).shape[0] == len(SENTENCES)


@pytest.mark.parametrize("what", OTHER_FILES)
def test_something_else_in_place_of_meta_json_is_not_passed_over(store, what):
    (path,) = store.root.glob("*/meta.json")
    path.unlink()
    make_other_file(path, what)
    for call in (store.stat, lambda: _read(store), lambda: store.build(HashProvider(), SENTENCES)):
        with pytest.raises(StoreError) as caught:
            call()
        assert str(path) in caught.value.where
    assert any(str(path) in line for line in store.verify())
    assert store.prune() == []
    assert len(store.prune(fingerprints=[""])) == 1
    assert store.stat() == []


@pytest.mark.parametrize("kind", ["tokens", "types"])
@pytest.mark.parametrize("what", OTHER_FILES)
def test_something_else_in_place_of_a_shard_is_an_error(store, kind, what):
    """Opening a pipe or a socket would wait, or fail without naming the file."""
    path = _smallest(store, kind)
    path.unlink()
    make_other_file(path, what)
    reason = {"folder": "directory", "link": "No such file"}.get(what, "not a file, but a pipe")
    for call in (store.stat, lambda: _read(store), lambda: store.build(HashProvider(), SENTENCES)):
        with pytest.raises(StoreError, match=reason) as caught:
            call()
        assert str(path) in caught.value.where
    (problem,) = store.verify(delete=True)
    assert str(path) in problem
    assert os.path.lexists(path)  # Only damaged files are deleted.


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_shard_that_is_cut_while_it_is_mapped(store, cut):
    """Reading beyond the end of a mapped file ends a process by a signal."""
    view = store.open(HashProvider()).view(SENTENCES)
    whole = view.gather(range(len(SENTENCES)))
    good = {path: path.read_bytes() for path in store.root.glob("*/tokens-*")}
    for path, content in good.items():
        os.truncate(path, len(content) + cut if cut < 0 else cut)
    for _ in range(2):
        with pytest.raises(StoreError, match=r"its size changed from \d+ to \d+ bytes") as caught:
            view.gather([0])
        assert Path(caught.value.where) in good
        with pytest.raises(StoreError):
            store.open(HashProvider())
    for path, content in good.items():
        path.write_bytes(content)  # The same file again, so that the map shows it.
    assert (view.gather(range(len(SENTENCES))) == whole).all()


def test_a_shard_that_is_cut_after_it_was_mapped_and_before_its_first_check(store):
    stored = store.open(HashProvider())
    group = stored.sentences.group
    mapped = group.shards[0].map("token_b")
    os.truncate(group.shards[0].path, 64)
    rows = np.zeros(1, dtype=np.int64)
    for call in (lambda: mapped.check_rows(rows, rows + 1), mapped.checked, lambda: mapped.values):
        with pytest.raises(StoreError, match="its size changed"):
            call()


def test_damage_is_found_by_every_one_of_several_threads(tmp_path):
    """Threads share what has been checked; none may read a block before it was."""
    sentences = [("w",) * (300 + i) for i in range(24)]  # neither whole blocks, nor a whole last
    store = FeatureStore(tmp_path, "fp32")
    store.build(Long(), sentences)
    (path,) = tmp_path.glob("*/*.safetensors")
    good = path.read_bytes()
    expected = [np.float32(len(sentence)) for sentence in sentences]

    def read(number):
        view = store.open(Long()).view(sentences)
        barrier.wait()
        order = np.random.default_rng(number).permutation(len(sentences))
        try:
            return all((view.gather([i])[0, 0, : 300 + i] == expected[i]).all() for i in order)
        except StoreError as error:
            return error

    for damaged in (False, True):
        if damaged:
            # The last byte of the vectors, in the last block, which is short.
            array = store.open(Long()).sentences.group.shards[0].arrays["token_b"]
            last = array.offset + array.nbytes - 1
            path.write_bytes(good[:last] + bytes([good[last] ^ 1]) + good[last + 1 :])
        store_blocks.checked_blocks.cache_clear()
        barrier = threading.Barrier(4)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(read, range(4)))
        assert [isinstance(result, StoreError) for result in results] == [damaged] * 4
        assert damaged or results == [True] * 4
