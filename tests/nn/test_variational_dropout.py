import torch

from elmobench.nn.variational_dropout import VariationalDropout


def test_one_mask_per_sequence() -> None:
    torch.manual_seed(0)
    x = torch.ones(200, 7, 50)
    out = VariationalDropout(0.4)(x)
    assert torch.equal(out, out[:, :1].expand_as(out))
    dropped = (out[:, 0] == 0).float()
    # Five standard deviations of a share among 10,000 are 0.025.
    assert abs(float(dropped.mean()) - 0.4) < 0.025
    assert torch.all((out == 0) | torch.isclose(out, torch.tensor(1 / 0.6)))
    assert len({tuple(row) for row in dropped.tolist()}) > 190


def test_no_change_in_evaluation_mode_or_at_zero() -> None:
    x = torch.randn(2, 3, 4)
    assert torch.equal(VariationalDropout(0.5).eval()(x), x)
    assert torch.equal(VariationalDropout(0.0)(x), x)
