"""Random streams repeat, differ from each other, and do not disturb one another."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from elmobench.training.streams import STREAMS, RandomStreams


def test_streams_repeat_and_differ() -> None:
    draws = {name: RandomStreams(1).numpy(name).random(4).tolist() for name in STREAMS}
    assert len({tuple(d) for d in draws.values()}) == len(STREAMS)
    for name in STREAMS:
        assert RandomStreams(1).numpy(name).random(4).tolist() == draws[name]
        assert RandomStreams(2).numpy(name).random(4).tolist() != draws[name]


def test_torch_stream_leaves_the_global_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    with RandomStreams(1).torch("init"):
        inside = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with RandomStreams(1).torch("init"):
        assert torch.equal(torch.rand(3), inside)


def test_a_stream_does_not_depend_on_how_much_another_drew() -> None:
    streams = RandomStreams(3)
    streams.numpy("dropout").random(1000)
    assert np.array_equal(
        streams.numpy("order").permutation(9), RandomStreams(3).numpy("order").permutation(9)
    )


def test_unknown_stream() -> None:
    with pytest.raises(KeyError, match="no random stream 'ordre'"):
        RandomStreams(1).seed_of("ordre")
