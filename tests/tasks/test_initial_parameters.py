"""Fresh parameters of the ``paper`` heads are distributed as in AllenNLP's configurations.

Each expectation is written from the configuration's ``initializer``, or from AllenNLP's module
where it draws differently from torch; what neither mentions is drawn by torch.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import get_head
from elmobench.tasks.tagging.pipeline import BIOUL

LABELS = ["O", *(f"{prefix}-X{k}" for k in range(12) for prefix in "BILU")]
CODECS = {
    "ner": LabelCodec(
        labels=LABELS, extra={"scheme": BIOUL, "characters": "".join(map(chr, range(97, 177)))}
    ),
    "nli": LabelCodec(labels=["a", "b", "c"]),
    "sentiment": LabelCodec(labels=["a", "b", "c", "d", "e"]),
    "srl": LabelCodec(labels=LABELS),
}
Check = Callable[[Tensor], None]


def fresh(pipeline: str, preset: str = "paper", width: int = 50, **options: object):
    """A new head with the preset's options, except for those given."""
    torch.manual_seed(11)
    chosen = get_head(pipeline, preset)
    merged = type(chosen.options)(**{**chosen.options.model_dump(), **options})
    return chosen.head({"input": width}, CODECS[pipeline], merged)


def uniform(bound: float) -> Check:
    """Values lie within ±``bound`` and have its standard deviation, bound/√3 (up to 5 errors)."""

    def check(values: Tensor) -> None:
        assert values.abs().max() <= bound
        # The kurtosis of a uniform distribution gives a standard error of about 0.45/√n.
        assert abs(values.std(correction=0) * 3**0.5 / bound - 1) < 2.5 / values.numel() ** 0.5

    return check


def xavier_uniform(values: Tensor) -> None:
    uniform((6 / sum(values.shape)) ** 0.5)(values)


def normal(deviation: float) -> Check:
    def check(values: Tensor) -> None:
        ratio = values.std(correction=0) / deviation
        assert abs(ratio - 1) < 4 / values.numel() ** 0.5
        # Beyond what a uniform distribution of this deviation reaches.
        assert values.abs().max() > 2 * deviation

    return check


def orthogonal(values: Tensor) -> None:
    """Orthonormal columns, or rows if there are fewer of them."""
    narrow = values if values.shape[0] >= values.shape[1] else values.t()
    eye = torch.eye(narrow.shape[1])
    torch.testing.assert_close(narrow.t() @ narrow, eye, atol=1e-5, rtol=0)


def orthogonal_blocks(values: Tensor) -> None:
    for block in values.split(24):
        orthogonal(block)


def constant(value: float) -> Check:
    return lambda values: torch.testing.assert_close(values, torch.full_like(values, value))


def forget_gate(gates: int) -> Check:
    def check(values: Tensor) -> None:
        blocks = values.view(gates, -1)
        expected = torch.zeros_like(blocks)
        expected[1] = 1.0
        torch.testing.assert_close(blocks, expected)

    return check


def lstm_of_torch(hidden: int) -> dict[str, Check]:
    names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    return {name: uniform(hidden**-0.5) for name in names}


def linear_of_torch(width: int) -> dict[str, Check]:
    return {"weight": uniform(width**-0.5), "bias": uniform(width**-0.5)}


ESIM_LSTM: dict[str, Check] = {
    "weight_ih": xavier_uniform,
    "weight_hh": orthogonal,
    "bias_ih": constant(0.0),
    "bias_hh": forget_gate(4),
}
ESIM_LINEAR: dict[str, Check] = {"weight": xavier_uniform, "bias": constant(0.0)}


def named(prefix: str, checks: dict[str, Check]) -> dict[str, Check]:
    return {f"{prefix}.{name}": check for name, check in checks.items()}


CASES: dict[str, tuple[str, dict[str, object], dict[str, Check]]] = {
    "crf-tagger": (
        "ner",
        {"hidden": 20, "char_filters": 40},
        {
            "crf.crf.transitions": normal(len(LABELS) ** -0.5),
            "char_cnn.embedding": lambda values: uniform((6 / (82 + 16)) ** 0.5)(values[1:]),
            **named("char_cnn.convolution", linear_of_torch(3 * 16)),
            **named("encoder", lstm_of_torch(20)),
            **named("output", linear_of_torch(40)),
        },
    ),
    "bcn": (
        "sentiment",
        {"feedforward": 30, "encoder": 20, "integrator": 20, "maxout": (40, 30)},
        {
            **named("feedforward", linear_of_torch(50)),
            **named("encoder", lstm_of_torch(20)),
            **named("integrator", lstm_of_torch(20)),
            **named("attention", {"weight": uniform(40**-0.5)}),
            "attention.bias": lambda values: uniform_bound(values, 40**-0.5),
            **named("output.layers.0", linear_of_torch(160)),
            **named("output.layers.1", linear_of_torch(40)),
            **named("output.layers.2", linear_of_torch(30)),
        },
    ),
    "esim": (
        "nli",
        {"hidden": 20, "feedforward": 30},
        {
            **named("encoder", ESIM_LSTM),
            **named("inference", ESIM_LSTM),
            **named("projection", ESIM_LINEAR),
            **named("hidden", ESIM_LINEAR),
            **named("output", ESIM_LINEAR),
        },
    ),
    "srl": (
        "srl",
        {"layers": 2, "hidden": 24, "input_bias": True},
        {
            "flag": xavier_uniform,
            "encoder.inputs": orthogonal_blocks,
            "encoder.states": orthogonal_blocks,
            "encoder.biases": forget_gate(5),
            "encoder.input_biases.0": uniform((50 + 100) ** -0.5),
            "encoder.input_biases.1": uniform(24**-0.5),
            "output.weight": orthogonal,
            "output.bias": uniform(24**-0.5),
        },
    ),
}


def uniform_bound(values: Tensor, bound: float) -> None:
    """A single value tells nothing about the deviation."""
    assert 0 < values.abs().max() <= bound


@pytest.mark.parametrize("name", CASES)
def test_fresh_parameters_of_the_paper_heads(name: str) -> None:
    pipeline, sizes, checks = CASES[name]
    used = set()
    for parameter_name, parameter in fresh(pipeline, **sizes).named_parameters():
        fitting = [key for key in checks if fits(key, parameter_name)]
        assert len(fitting) == 1, parameter_name
        used.update(fitting)
        checks[fitting[0]](parameter.detach())
    assert used == checks.keys()


def fits(key: str, name: str) -> bool:
    """Whether ``name`` is the parameter ``key``, or below it: ``encoder.bias_ih`` of any layer."""
    module, _, kind = key.rpartition(".")
    if kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
        return name.startswith(f"{module}.") and f".{kind}_" in name
    return name == key or name.startswith(f"{key}.")


@pytest.mark.parametrize(
    ("pipeline", "embedding"), [("ner", "char_cnn.embedding"), ("srl", "flag")]
)
def test_small_heads_start_as_torch_draws_them(pipeline: str, embedding: str) -> None:
    head = fresh(pipeline, "small")
    weight = head.get_parameter(f"{embedding}.weight").detach()
    normal(1.0)(weight[weight.any(dim=1)])
