from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from elmobench.core.errors import ConfigError
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig

ELMO = PartConfig("elmo-mini@x.y:z", 3, 4, l2=0.1)
GLOVE = PartConfig("glove", 1, 2)


def slot_batch(lengths: list[int], seed: int = 0, word_ids: torch.Tensor | None = None):
    generator = torch.Generator().manual_seed(seed)
    time = max(lengths)
    mask = torch.arange(time) < torch.tensor(lengths).unsqueeze(1)
    parts = [
        torch.randn(len(lengths), layers, time, dim, generator=generator) * torch.arange(1, dim + 1)
        + 5
        for layers, dim in ((3, 4), (1, 2))
    ]
    parts = [part * mask[:, None, :, None] for part in parts]
    return SimpleNamespace(parts=parts, mask=mask, word_ids=word_ids)


def test_parts_are_mixed_then_concatenated() -> None:
    batch = slot_batch([3, 1])
    mixer = FeatureMixer([ELMO, GLOVE])
    out = mixer(batch.parts, batch.mask)
    assert mixer.out_dim == 6
    torch.testing.assert_close(out[..., :4], batch.parts[0].mean(1))
    torch.testing.assert_close(out[..., 4:], batch.parts[1][:, 0])


def test_concat_increases_the_width() -> None:
    mixer = FeatureMixer([PartConfig("a", 3, 4, "concat"), GLOVE])
    batch = slot_batch([2])
    assert mixer.out_dim == 14
    assert mixer(batch.parts, batch.mask).shape == (1, 2, 14)


def test_standardised_over_real_training_tokens() -> None:
    batches = [slot_batch([3, 1], 0), slot_batch([5, 2, 4], 1), slot_batch([1], 2)]
    mixer = FeatureMixer([ELMO, GLOVE], standardize=True)
    with pytest.raises(RuntimeError, match="fit_standardizer"):
        mixer(batches[0].parts, batches[0].mask)
    mixer.fit_standardizer(iter(batches))
    real = np.concatenate(
        [torch.cat([b.parts[0].mean(1), b.parts[1][:, 0]], -1)[b.mask].numpy() for b in batches]
    ).astype(np.float64)
    expected = (real - real.mean(0)) / real.std(0)
    out = np.concatenate([mixer(b.parts, b.mask)[b.mask].detach().numpy() for b in batches])
    np.testing.assert_allclose(out, expected, atol=1e-5)
    for b in batches:
        assert mixer(b.parts, b.mask)[~b.mask].abs().sum() == 0


def test_standardisation_does_not_follow_the_mix() -> None:
    batch = slot_batch([4, 4])
    mixer = FeatureMixer([ELMO, GLOVE], standardize=True)
    mixer.fit_standardizer([batch])
    before = mixer(batch.parts, batch.mask)[..., :4].detach()
    part = mixer.get_submodule("parts.0.mix")
    with torch.no_grad():
        part.gamma.fill_(2.0)
    after = mixer(batch.parts, batch.mask)[..., :4].detach()
    mix = batch.parts[0].mean(1)
    torch.testing.assert_close(after - before, mix / mix[batch.mask].std(0, correction=0))


def test_constant_dimension_is_only_centred() -> None:
    parts = [torch.full((1, 1, 3, 2), 7.0)]
    mask = torch.ones(1, 3, dtype=torch.bool)
    mixer = FeatureMixer([GLOVE], standardize=True)
    mixer.fit_standardizer([SimpleNamespace(parts=parts, mask=mask, word_ids=None)])
    torch.testing.assert_close(mixer(parts, mask), torch.zeros(1, 3, 2))
    torch.testing.assert_close(mixer([parts[0] + 1], mask), torch.ones(1, 3, 2))


def test_fitting_without_tokens_is_an_error() -> None:
    with pytest.raises(ValueError, match="no training tokens"):
        FeatureMixer([GLOVE], standardize=True).fit_standardizer([])


def test_trainable_part() -> None:
    initial = torch.tensor([[9.0, 9.0], [1.0, 2.0], [3.0, 4.0]])
    word_ids = torch.tensor([[2, 0, 1], [1, 0, 0]])
    batch = slot_batch([3, 1], word_ids=word_ids)
    part = PartConfig("glove", 1, 2, trainable=True)
    mixer = FeatureMixer([ELMO, part], initial={"glove": initial})
    out = mixer(batch.parts, batch.mask, word_ids)[..., 4:]
    frozen = batch.parts[1][:, 0]
    # The unseen word keeps its frozen vector; padding stays zero.
    torch.testing.assert_close(
        out, torch.stack([torch.stack([initial[2], frozen[0, 1], initial[1]]),
                          torch.stack([initial[1], torch.zeros(2), torch.zeros(2)])])
    )  # fmt: skip
    out.sum().backward()
    grad = mixer.get_parameter("parts.1.embedding.weight").grad
    assert grad is not None
    torch.testing.assert_close(grad, torch.tensor([[0.0, 0], [2, 2], [1, 1]]))
    with pytest.raises(ValueError, match="word ids"):
        mixer(batch.parts, batch.mask)


@pytest.mark.parametrize(
    ("parts", "initial", "message"),
    [
        ([GLOVE, GLOVE], {}, "same name"),
        ([PartConfig("e", 3, 2, trainable=True)], {"e": torch.zeros(3, 2)}, "one layer"),
        ([PartConfig("g", 1, 2, trainable=True)], {}, "initial vectors"),
        ([PartConfig("g", 1, 2, trainable=True)], {"g": torch.zeros(3, 5)}, "initial vectors"),
        ([GLOVE], {"glove": torch.zeros(3, 2)}, "frozen part"),
        ([GLOVE], {"other": torch.zeros(3, 2)}, "unknown parts"),
    ],
)
def test_inconsistent_parts_are_errors(parts, initial, message) -> None:
    with pytest.raises(ConfigError, match=message):
        FeatureMixer(parts, initial=initial)


def test_penalty_and_report() -> None:
    mixer = FeatureMixer([ELMO, GLOVE, PartConfig("b", 2, 2, l2=2.0)])
    with torch.no_grad():
        mixer.get_parameter("parts.0.mix.w").copy_(torch.tensor([1.0, 2.0, 3.0]))
        mixer.get_parameter("parts.2.mix.w").copy_(torch.tensor([1.0, 0.0]))
    assert mixer.penalty().item() == pytest.approx(0.1 * 14 + 2.0)
    report = mixer.report()
    assert list(report) == [ELMO.name, "glove", "b"]
    assert report["glove"]["s"] is None
    assert report["b"]["s"] == pytest.approx([np.e / (np.e + 1), 1 / (np.e + 1)])
    assert FeatureMixer([GLOVE]).penalty().item() == 0


def test_dropout_is_on_the_output_in_training_only() -> None:
    mixer = FeatureMixer([PartConfig("g", 1, 2, dropout=0.5)])
    parts = [torch.ones(1, 1, 500, 2)]
    mask = torch.ones(1, 500, dtype=torch.bool)
    torch.manual_seed(0)
    out = mixer(parts, mask)
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(mixer.eval()(parts, mask), parts[0][:, 0])


def test_unit_length_of_trained_vectors() -> None:
    """A zero vector stays zero, and does not get the huge gradient of a division by almost 0."""
    initial = {"g": torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])}
    part = PartConfig("g", 1, 2, trainable=True, unit=True)
    mixer = FeatureMixer([part], initial=initial)
    word_ids = torch.tensor([[1, 2]])
    out = mixer([torch.zeros(1, 1, 2, 2)], torch.ones(1, 2, dtype=torch.bool), word_ids)
    torch.testing.assert_close(out, torch.tensor([[[0.6, 0.8], [0.0, 0.0]]]))
    (out * torch.tensor([1.0, 2.0])).sum().backward()
    # (1, 2) without its component along (0.6, 0.8), divided by the length 5.
    expected = torch.tensor([[0.0, 0.0], [(1 - 0.6 * 2.2) / 5, (2 - 0.8 * 2.2) / 5], [0.0, 0.0]])
    torch.testing.assert_close(mixer.get_parameter("parts.0.embedding.weight").grad, expected)


def test_state_dict_restores_everything() -> None:
    batch = slot_batch([3, 2], word_ids=torch.tensor([[1, 2, 0], [2, 1, 0]]))
    parts = [ELMO, PartConfig("glove", 1, 2, trainable=True)]
    mixer = FeatureMixer(parts, standardize=True, initial={"glove": torch.randn(3, 2)})
    mixer.fit_standardizer([batch])
    with torch.no_grad():
        mixer.get_parameter("parts.0.mix.w").copy_(torch.tensor([1.0, 2.0, 3.0]))
    again = FeatureMixer(parts, standardize=True, initial={"glove": torch.zeros(3, 2)})
    again.load_state_dict(mixer.state_dict())
    expected = mixer(batch.parts, batch.mask, batch.word_ids)
    assert torch.equal(again(batch.parts, batch.mask, batch.word_ids), expected)
