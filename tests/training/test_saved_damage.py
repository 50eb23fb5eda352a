"""Damage of any file of a saved head is noticed, and a full disk leaves no half head."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from training_heads import save_linear_head

from elmobench.core.errors import ModelError
from elmobench.core.sealed import write_sealed_json
from elmobench.training import saved
from elmobench.training.saved import DamagedHeadError, load_model


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_linear_head(tmp_path / "head")
    return tmp_path / "head"


def test_every_damaged_byte_is_an_error_that_names_the_file(folder: Path) -> None:
    load_model(folder)
    for name in ("head.json", "weights.safetensors"):
        path = folder / name
        data = path.read_bytes()
        for place in range(0, len(data), 7):
            changed = bytearray(data)
            changed[place] ^= 1 << (place % 8)
            path.write_bytes(changed)
            with pytest.raises(ModelError, match=name):
                load_model(folder, "do this")
        for rest in (b"", data[:-1], data + b" "):
            path.write_bytes(rest)
            if name == "head.json" and rest.strip() == data.strip():
                load_model(folder)  # a blank after JSON says nothing
                continue
            with pytest.raises(DamagedHeadError, match=rf"(?s){name}.*do this"):
                load_model(folder, "do this")
        path.write_bytes(data)
    load_model(folder)


def test_a_head_that_states_no_digest_of_its_weights_is_damaged(folder: Path) -> None:
    content = json.loads((folder / "head.json").read_text("utf-8"))
    write_sealed_json(folder / "head.json", {**content, "files": {}})
    with pytest.raises(DamagedHeadError, match=r"it has no digest of weights\.safetensors"):
        load_model(folder)


def test_a_head_without_digests_is_damaged_unless_it_is_old(folder: Path) -> None:
    content = json.loads((folder / "head.json").read_text("utf-8"))
    del content["sha256"]
    (folder / "head.json").write_text(json.dumps(content), "utf-8")
    with pytest.raises(DamagedHeadError, match="it has no 'sha256'"):
        load_model(folder)
    del content["files"]
    (folder / "head.json").write_text(json.dumps({**content, "format_version": 2}), "utf-8")
    load_model(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": [{"settings": {}, "fingerprint": "f", "num_layers": 1, "dim": 5}]},
        {"parts": 3},
        {"options": {"hidden": "many"}},
        {"placements": ["elsewhere"]},
        {"codec": {"labels": 5}},
        {"format_version": "2"},
        {"pipeline": "nope"},
        {"vocabulary": [1]},
    ],
)
def test_an_old_head_with_other_values_is_a_clear_error(folder: Path, change: Any) -> None:
    content = json.loads((folder / "head.json").read_text("utf-8"))
    del content["sha256"], content["files"]
    (folder / "head.json").write_text(json.dumps({**content, "format_version": 2, **change}))
    from elmobench.core.errors import ElmobenchError

    with pytest.raises(ElmobenchError):
        load_model(folder)


@pytest.mark.parametrize("failing", ["save_file", "write_sealed_json"])
def test_a_full_disk_is_one_error_and_leaves_no_head(
    folder: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(first: Any, *_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(saved, failing, full)
    with pytest.raises(ModelError, match="No space left on device"):
        save_linear_head(folder)
    # The head that was there is not taken for the new one.
    assert list(folder.iterdir()) == []


def test_the_error_of_safetensors_is_turned_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A folder that is missing: it raises its own class, without the number of the error.
    missing = folder / "missing" / "weights.safetensors"
    monkeypatch.setattr(saved, "save_file", lambda weights, path: save_file(weights, missing))
    with pytest.raises(ModelError, match="cannot be written"):
        save_linear_head(folder)


def test_lone_surrogates_in_labels_and_words_survive(tmp_path: Path) -> None:
    odd = "b\ud800"
    save_linear_head(tmp_path, labels=["a", odd], words=["w", odd])
    model, head = load_model(tmp_path)
    assert head.codec.labels == ["a", odd]
    assert head.vocabulary == ["w", odd]
    assert torch.isfinite(next(model.parameters())).all()
