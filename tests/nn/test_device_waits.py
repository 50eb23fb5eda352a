"""How often the host of a GPU waits for it, counted on a second device; see ``second_device``."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from second_device import second_device

from elmobench.nn.feature_mixer import FeatureMixer, PartConfig


def test_a_mixer_is_asked_once_whether_it_is_standardised() -> None:
    waits: Counter[str] = Counter()
    mixer = FeatureMixer([PartConfig("glove", 1, 2)], standardize=True)
    mask = torch.ones(1, 3, dtype=torch.bool)
    vectors = torch.randn(1, 1, 3, 2)
    mixer.fit_standardizer([SimpleNamespace(parts=[vectors], mask=mask, word_ids=None)])
    with second_device(waits) as device:
        mixer.to(device)
        for _ in range(3):
            mixer([vectors.to(device)], mask.to(device))
    assert waits == {"aten::_local_scalar_dense": 1}


def test_a_mixer_notices_a_state_that_is_not_standardised() -> None:
    mixer = FeatureMixer([PartConfig("glove", 1, 2)], standardize=True)
    fresh = {name: value.clone() for name, value in mixer.state_dict().items()}
    mask = torch.ones(1, 3, dtype=torch.bool)
    vectors = torch.randn(1, 1, 3, 2)
    mixer.fit_standardizer([SimpleNamespace(parts=[vectors], mask=mask, word_ids=None)])
    mixer([vectors], mask)
    mixer.load_state_dict(fresh)
    with pytest.raises(RuntimeError, match="fit_standardizer"):
        mixer([vectors], mask)
