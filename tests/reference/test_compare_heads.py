"""The comparison itself: what is left over, missing or different is seen."""

import numpy as np
import pytest
import torch
from torch import nn

from elmobench.core.errors import ElmobenchError
from elmobench.reference import compare_heads as module
from elmobench.reference.compare_heads import PublishedHead, differences_of, read_arrays
from elmobench.reference.parameters import PublishedParameters, bilstm_names

LINEAR = {
    "parameter/linear.weight": np.arange(6.0).reshape(2, 3),
    "parameter/linear.bias": np.ones(2),
}
NAMES = {"weight": "linear.weight", "bias": "linear.bias"}


def test_all_parameters_are_filled():
    linear = nn.Linear(3, 2)
    PublishedParameters(LINEAR).fill(linear, NAMES)
    assert linear.weight.tolist() == [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    assert linear.bias.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    ("arrays", "names", "message"),
    [
        (LINEAR, {"weight": "linear.weight"}, "without a counterpart: bias"),
        (LINEAR, {**NAMES, "bias": "linear.weight"}, "no published parameter 'linear.weight'"),
        (LINEAR | {"parameter/more": np.ones(1)}, NAMES, "without a use: more"),
        (LINEAR | {"parameter/linear.bias": np.ones(3)}, NAMES, "has shape"),
    ],
)
def test_a_parameter_without_counterpart_is_an_error(arrays, names, message):
    with pytest.raises(ElmobenchError, match=message):
        PublishedParameters(arrays).fill(nn.Linear(3, 2), names)


def test_names_of_a_bilstm_cover_all_of_torch_s():
    names = bilstm_names("encoder", "lstm", 2)
    theirs = dict(nn.LSTM(3, 4, 2, bidirectional=True).named_parameters())
    assert {name.removeprefix("lstm.") for name in names.values()} == theirs.keys()


@pytest.mark.parametrize(
    ("ours", "differences"),
    [
        ({"logits": [1.0, 2.0], "tags": [1, 2]}, (0.0, 0.0)),
        ({"logits": [1.0, 2.5], "tags": [1, 3]}, (0.5, 1.0)),
        ({"logits": [1.0, np.nan], "tags": [1, 2]}, (np.inf, 0.0)),
    ],
)
def test_differences(monkeypatch, ours, differences):
    published = {"output/logits": np.array([1.0, 2.0]), "output/tags": np.array([1, 2])}
    arrays = {f"output/{name}": np.array(values) for name, values in ours.items()}
    fake = PublishedHead("ner/paper", "CrfTagger", "crf_tagger", lambda _: arrays)
    monkeypatch.setattr(module, "HEADS", {"fake": fake})
    threads = torch.get_num_threads()
    rows = differences_of("fake", published)
    assert torch.get_num_threads() == threads
    assert tuple(row.difference for row in rows) == differences
    assert [row.equal for row in rows] == [difference == 0 for difference in differences]


@pytest.mark.parametrize(
    ("ours", "message"),
    [({}, "without a counterpart: output/logits"), ({"output/logits": np.ones(3)}, "shape")],
)
def test_outputs_without_counterpart_are_an_error(monkeypatch, ours, message):
    fake = PublishedHead("ner/paper", "CrfTagger", "crf_tagger", lambda _: ours)
    monkeypatch.setattr(module, "HEADS", {"fake": fake})
    with pytest.raises(ElmobenchError, match=message):
        differences_of("fake", {"output/logits": np.ones(2)})


def test_arrays_that_cannot_be_read_are_an_error(tmp_path):
    file = tmp_path / "head.npz"
    np.savez(file, **LINEAR)
    assert read_arrays(file).keys() == LINEAR.keys()
    for content in (b"", file.read_bytes()[:100], b"PK\x03\x04", file.read_bytes()[:-30]):
        file.write_bytes(content)
        with pytest.raises(ElmobenchError, match=r"head\.npz: is no output of a published head"):
            read_arrays(file)
    np.savez(file, **{"output/x": np.array([{"a": 1}], dtype=object)})
    with pytest.raises(ElmobenchError, match="allow_pickle"):
        read_arrays(file)
    with pytest.raises(ElmobenchError, match="No such file"):
        read_arrays(tmp_path / "none.npz")


def test_arrays_of_another_head_are_an_error():
    with pytest.raises(
        ElmobenchError, match=r"head bcn: its arrays do not fit our head.*is missing"
    ):
        differences_of("bcn", {"output/logits": np.ones(2)})
