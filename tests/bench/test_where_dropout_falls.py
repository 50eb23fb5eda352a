"""Dropout of static and contextual parts, measured by counting zeros at the heads' first layers."""

from __future__ import annotations

import pytest
import torch

from elmobench import load_provider, load_task
from elmobench.bench.context import RunContext
from elmobench.bench.experiment.cells import Cell
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.schema import parse_experiment
from elmobench.bench.train_cell import part_configs
from elmobench.tasks.head import Batch
from elmobench.tasks.registries import PIPELINES
from elmobench.training.batching import Collator, ExampleSet, SentenceTable
from elmobench.training.model import BenchModel, input_dims, make_mixer
from elmobench.training.part_sources import LivePart

DIM = 128
"""Width of ``random`` and of ``elmo-random``."""


def model_and_batch(
    pipeline: str, features: str, count: int, **changes
) -> tuple[BenchModel, Batch]:
    """The ``paper`` head of a pipeline, and a batch of its control task."""
    card = f"{pipeline}/control-{pipeline}"
    raw = {"name": "t", "tasks": [card], "features": [features], "heads": ["paper"], **changes}
    experiment = parse_experiment({"seeds": [1], **raw})
    cell: Cell = next(grid(experiment, {card: pipeline}))
    task, made_by = load_task(card), PIPELINES.get(pipeline)
    examples = list(task.split("train"))[:count]
    table = SentenceTable()
    data = ExampleSet(made_by, made_by.training_examples(examples, cell.options), table)
    parts = [LivePart(load_provider(part.name), table.sentences) for part in cell.parts]
    batch = Collator(table, parts, [None] * len(parts)).batch(data, range(len(data)))
    configs = part_configs(cell, RunContext(experiment))
    torch.manual_seed(0)
    reads = {placement: cell.parts_at(placement) for placement in cell.placements}
    mixers = {name: make_mixer(configs, chosen, False, None) for name, chosen in reads.items()}
    dims = input_dims(cell.preset.head, mixers)
    head = cell.preset.head(dims, made_by.codec(examples, task.labels), cell.options)
    return BenchModel(mixers, reads, head).train(), batch


def dropped(vectors: torch.Tensor) -> float:
    """Share of zeros in (…, D) vectors, without those at padding (zero in all dimensions)."""
    real = vectors.flatten(0, -2)
    real = real[(real != 0).any(dim=1)]
    return float((real == 0).float().mean())


@pytest.mark.parametrize(
    ("pipeline", "layer", "static", "contextual"),
    [
        # The rates of the published configurations; the presets name their sources.
        ("sentiment", "feedforward", 0.5, 0.5),
        ("ner", "encoder", 0.5, 0.5),
        ("srl", "encoder", 0.0, 0.1),
        ("nli", "encoder", 0.5, 0.5),
        ("qa", "encoder", 0.2, 1 - 0.5 * 0.8),
        ("coref", "encoder", 0.5, 0.5),
    ],
)
def test_input_of_the_paper_heads(
    pipeline: str, layer: str, static: float, contextual: float
) -> None:
    """GloVe has the baseline's dropout, once; ELMo has its own and that of the head."""
    count = 4 if pipeline == "coref" else 40
    # Without characters, whose vectors would come between.
    changes = {"overrides": [{"set": {"options.char_widths": []}}]} if pipeline == "coref" else {}
    model, batch = model_and_batch(pipeline, "random+elmo-random", count, **changes)
    read: list[torch.Tensor] = []
    model.head.get_submodule(layer).register_forward_pre_hook(
        lambda _, inputs: read.append(inputs[0].detach())
    )
    with torch.no_grad():
        model.loss(batch)
    words = torch.cat([x[..., : 2 * DIM].flatten(0, -2) for x in read])
    words = words[(words != 0).any(dim=1)]  # without padding
    # One mask for all tokens of a sentence (nli, qa) leaves few independent draws: at least 3,000.
    assert dropped(words[:, :DIM]) == pytest.approx(static, abs=0.04)
    assert dropped(words[:, DIM:]) == pytest.approx(contextual, abs=0.04)


def test_both_placements_of_question_answering() -> None:
    """ELMo has its dropout at both placements; GloVe, at the input alone, has none in the mix."""
    model, batch = model_and_batch(
        "qa", "random@place=input+elmo-random", 20, axes={"placement": ["both"]}
    )
    with torch.no_grad():
        mixed = model.mix(batch)
    for vectors in mixed["input"].values():
        assert dropped(vectors[..., :DIM]) == 0.0
        assert dropped(vectors[..., DIM:]) == pytest.approx(0.5, abs=0.02)
    for vectors in mixed["output"].values():
        assert vectors.shape[-1] == DIM
        assert dropped(vectors) == pytest.approx(0.5, abs=0.02)


def test_axis_and_suffix() -> None:
    """``mix_dropout`` is ELMo's; ``@dropout=`` is its part's."""
    axes = {"mix_dropout": [0.7]}
    for features, static in (("random+elmo-random", 0.0), ("random@dropout=0.3+elmo-random", 0.3)):
        model, batch = model_and_batch("srl", features, 40, axes=axes)
        with torch.no_grad():
            (vectors,) = model.mix(batch)["input"].values()
        assert dropped(vectors[..., :DIM]) == pytest.approx(static, abs=0.02)
        assert dropped(vectors[..., DIM:]) == pytest.approx(0.7, abs=0.02)
