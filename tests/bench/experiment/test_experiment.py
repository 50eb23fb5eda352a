"""Experiment files, the grid of cells, and the identity of each cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from elmobench.bench.experiment.cells import cell_digest
from elmobench.bench.experiment.grid import grid
from elmobench.bench.experiment.options import apply_options
from elmobench.bench.experiment.schema import known_experiments, load_experiment, parse_experiment
from elmobench.bench.search import candidates
from elmobench.core import paths
from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.tasks.head import TrainingOptions
from elmobench.tasks.registries import get_head

BASE = {
    "name": "t",
    "tasks": ["sentiment/control-sentiment"],
    "features": ["random", "random+elmo-random@layer=1"],
    "heads": ["linear"],
    "seeds": [1, 2],
}
PIPELINES = {"sentiment/control-sentiment": "sentiment"}


def identity_of(cell, **changes):
    known = {
        "data_digest": "d",
        "card_version": 1,
        "metric": ("accuracy", 1),
        "labels": ["a", "b"],
        "context_unit": "sentence",
        "fingerprints": ["f"] * len(cell.parts),
        "num_layers": [3] * len(cell.parts),
    }
    return cell.identity(**{**known, **changes})


def cells_of(**changes):
    return list(grid(parse_experiment({**BASE, **changes}), PIPELINES))


def test_the_grid_is_the_product_of_the_axes() -> None:
    cells = cells_of(axes={"mix": ["learned", "uniform", "last"], "train_fraction": [0.1, 1.0]})
    assert len(cells) == 2 * 3 * 2 * 2
    assert len({cell_digest(identity_of(cell)) for cell in cells}) == len(cells)
    assert {tuple(cell.axes) for cell in cells} == {("mix", "train_fraction")}


def test_a_suffix_is_shorthand_for_an_axis() -> None:
    (suffix,) = cells_of(features=["elmo-random@layer=1"], seeds=[1])
    (axis,) = cells_of(features=["elmo-random"], seeds=[1], axes={"mix": ["layer=1"]})
    assert cell_digest(identity_of(suffix)) == cell_digest(identity_of(axis))
    (other,) = cells_of(features=["elmo-random"], seeds=[1])
    assert cell_digest(identity_of(other)) != cell_digest(identity_of(axis))


def test_everything_a_result_depends_on_changes_the_identity() -> None:
    (cell,) = cells_of(features=["random"], seeds=[1])
    digests = {cell_digest(identity_of(cell))}
    for change in (
        {"data_digest": "e"},
        {"card_version": 2},
        {"metric": ("accuracy", 2)},
        {"fingerprints": ["g"]},
        {"labels": ["b", "a"]},
        {"context_unit": "document"},
    ):
        digests.add(cell_digest(identity_of(cell, **change)))
    for changed in (
        {"seeds": [3]},
        {"settings": {"threads": 2}},
        {"settings": {"precision": "fp32"}},
        {"settings": {"precision": "int8"}},
        {"overrides": [{"set": {"training.epochs": 3}}]},
        {"overrides": [{"set": {"options.dropout": 0.1}}]},
        {"overrides": [{"set": {"mix.l2": 0.5}}]},
        {"heads": ["mlp"]},
        {"axes": {"gamma": [False]}},
    ):
        (other,) = cells_of(**{"features": ["random"], "seeds": [1], **changed})
        digests.add(cell_digest(identity_of(other)))
    assert len(digests) == 16


def test_a_name_or_a_caveat_does_not_change_the_identity() -> None:
    (a,) = cells_of(features=["random"], seeds=[1])
    (b,) = cells_of(features=["random"], seeds=[1], name="other", caveats=["x"])
    assert cell_digest(identity_of(a)) == cell_digest(identity_of(b))


def test_a_part_with_one_layer_has_no_mix_to_tell_cells_apart() -> None:
    cells = cells_of(features=["random"], seeds=[1], axes={"mix": ["learned", "last"]})
    one = {cell_digest(identity_of(cell, num_layers=[1])) for cell in cells}
    three = {cell_digest(identity_of(cell, num_layers=[3])) for cell in cells}
    assert (len(one), len(three)) == (1, 2)


def test_setting_what_a_preset_searches_ends_the_search_of_it() -> None:
    (cell,) = cells_of(features=["random"], seeds=[1], overrides=[{"set": {"training.lr": 0.7}}])
    assert cell.training.lr == 0.7
    assert set(cell.training.grid) == {"options.dropout"}
    (cell,) = cells_of(
        features=["random"],
        seeds=[1],
        overrides=[{"set": {"training.grid": {"training.lr": [0.5]}}}],
    )
    assert cell.training.grid == {"training.lr": [0.5]}


def test_a_value_of_none_is_shown_as_the_presets() -> None:
    cells = cells_of(features=["random"], seeds=[1], axes={"l2": [None, 0.1]})
    assert [cell.axes for cell in cells] == [{"l2": "preset"}, {"l2": 0.1}]


def test_overrides_apply_where_they_match_and_later_ones_win() -> None:
    cells = cells_of(
        heads=["linear", "mlp"],
        overrides=[
            {"set": {"training.epochs": 3}},
            {"when": {"head": ["mlp"]}, "set": {"training.epochs": 4}},
        ],
    )
    assert {(cell.head, cell.training.epochs) for cell in cells} == {("linear", 3), ("mlp", 4)}


def test_an_override_gives_some_cells_other_axes_and_seeds() -> None:
    cells = cells_of(
        features=["random"],
        heads=["linear", "mlp"],
        overrides=[{"when": {"head": "mlp"}, "set": {"train_fraction": 0.5, "seeds": [7]}}],
    )
    head_fraction_seed = [(cell.head, cell.train_fraction, cell.seed) for cell in cells]
    assert head_fraction_seed == [("linear", 1.0, 1), ("linear", 1.0, 2), ("mlp", 0.5, 7)]
    assert [cell.axes["train_fraction"] for cell in cells] == [1.0, 1.0, 0.5]
    (same,) = cells_of(
        features=["random"], heads=["mlp"], seeds=[7], axes={"train_fraction": [0.5]}
    )
    assert cell_digest(identity_of(cells[-1])) == cell_digest(identity_of(same))


def test_a_part_may_have_a_place_of_its_own() -> None:
    pipelines = {"nli/control-nli": "nli"}
    raw = {**BASE, "tasks": ["nli/control-nli"], "heads": ["small"], "seeds": [1]}

    def cell_of(features: str, placement: str = "input"):
        changed = {**raw, "features": [features], "axes": {"placement": [placement]}}
        (cell,) = grid(parse_experiment(changed), pipelines)
        return cell

    cell = cell_of("random+elmo-random@place=output")
    assert cell.placements == ("input", "output")
    assert (cell.parts_at("input"), cell.parts_at("output")) == ((0,), (1,))
    both = cell_of("random@place=input+elmo-random", "both")
    assert (both.parts_at("input"), both.parts_at("output")) == ((0, 1), (1,))
    assert cell_of("random@place=output").placements == ("output",)
    digests = {
        cell_digest(identity_of(cell_of(features)))
        for features in (
            "random+elmo-random",
            "random+elmo-random@place=output",
            "random+elmo-random@place=both",
        )
    }
    assert len(digests) == 3
    assert "place" not in str(identity_of(cell_of("random+elmo-random"))["parts"])
    with pytest.raises(ConfigError, match="takes no features at 'output'"):
        cells_of(features=["random+elmo-random@place=output"])
    with pytest.raises(ConfigError, match="place"):
        cell_of("random@place=middle")


def test_two_parts_of_one_name_get_labels_of_their_own() -> None:
    (cell,) = cells_of(features=["elmo-random@layer=1+elmo-random@layer=2"], seeds=[1])
    assert [part.label for part in cell.parts] == ["elmo-random#1", "elmo-random#2"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": ["x"]}, "did you mean 'tasks'"),
        ({"axes": {"mixx": ["learned"]}}, "did you mean 'mix'"),
        ({"axes": {"mix": []}}, "at least one value"),
        ({"axes": {"train_fraction": [0.0]}}, r"\(0, 1\]"),
        ({"seeds": [1, 1]}, "named twice: 1"),
        ({"features": []}, "features"),
        ({"name": "../up"}, "name"),
        ({"settings": {"threads": 0}}, "threads"),
        ({"overrides": [{"set": {"training.epoch": 3}}]}, "did you mean 'epochs'"),
        ({"overrides": [{"set": {"trainning.epochs": 3}}]}, "no option path"),
        ({"overrides": [{"set": {"training.epochs": "many"}}]}, "training"),
        ({"heads": ["liner"]}, "did you mean 'sentiment/linear'"),
        ({"features": ["random+"]}, "random"),
        ({"overrides": [{"when": {"task": "sst5"}, "set": {"mix.l2": 1}}]}, "matches no cell"),
        ({"overrides": [{"set": {"training.clip_norm": float("inf")}}]}, "clip_norm"),
        ({"overrides": [{"set": {"seeds": [1, 1]}}]}, "named twice: 1"),
        ({"overrides": [{"set": {"train_fraction": 2}}]}, r"\(0, 1\]"),
        ({"axes": {"mix": ["lerned"]}}, "unknown layer mix 'lerned'"),
        ({"axes": {"placement": ["output"]}}, "takes no features at 'output'"),
    ],
)
def test_mistakes_are_clear_errors(changes: dict, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        cells_of(**changes)


def test_broken_yaml_names_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("name: x\ntasks: [a\nfeatures: b\n")
    with pytest.raises(ConfigError, match=r"x\.yaml:\d+"):
        load_experiment(path)


def test_unknown_experiment() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'demo'"):
        load_experiment("dmo")


def test_every_shipped_experiment_parses() -> None:
    known = known_experiments()
    assert {"demo", "senses"} <= set(known)
    for name, path in known.items():
        # Results lie below this name.
        assert load_experiment(path).name in (name.split("/")[-1], name.replace("/", "-"))


def test_candidates_are_the_product_in_a_fixed_order() -> None:
    training = TrainingOptions(grid={"training.lr": [0.1, 0.2], "options.dropout": [0.0, 0.5]})
    assert candidates(training) == [
        {"options.dropout": 0.0, "training.lr": 0.1},
        {"options.dropout": 0.0, "training.lr": 0.2},
        {"options.dropout": 0.5, "training.lr": 0.1},
        {"options.dropout": 0.5, "training.lr": 0.2},
    ]
    assert candidates(TrainingOptions()) == [{}]


def test_applying_options_leaves_the_preset_alone() -> None:
    preset = get_head("sentiment", "mlp")
    before = preset.training.epochs
    _, training, _ = apply_options(
        {"training.epochs": before + 1}, preset.options, preset.training, preset.mix
    )
    assert (training.epochs, preset.training.epochs) == (before + 1, before)


def test_what_ships_names_what_there_is():
    from elmobench.data.cards.catalog import CardCatalog
    from elmobench.features.catalog.catalog import ModelCatalog
    from elmobench.features.spec import parse_features
    from elmobench.pretraining.plan import read_plan
    from elmobench.tasks.registries import HEADS

    cards = CardCatalog().by_id
    plans = (paths.builtin("experiments") / "pretrain").glob("*.yaml")
    trained = {name for plan in plans for name in read_plan(plan).models}
    for name in known_experiments():
        experiment = load_experiment(name)
        catalog = ModelCatalog(experiment.models)
        for task in experiment.tasks:
            for head in experiment.heads:
                assert f"{cards[task].pipeline}/{head}" in HEADS, name
        for spec in experiment.features:
            for part in parse_features(spec).parts:
                assert part.name in trained or catalog.entry(part.name), name


def test_each_of_the_paper_s_experiments_has_an_open_twin():
    known = set(known_experiments())
    ours = {n.removeprefix("paper/") for n in known if n.startswith("paper/")}
    # Tables 5 and 6 on the shipped models are `senses` and `probes`; `table1-nli`, `table1-qa`,
    # `table1-sentiment` and `table1-srl` are tasks of table 1 with other static vectors; `bidaf` is
    # not the paper's.
    twins = {f"open-{n}" for n in ours if not n.startswith("open-")} - {
        "open-bidaf",
        "open-table1-nli",
        "open-table1-qa",
        "open-table1-sentiment",
        "open-table1-srl",
        "open-table5",
        "open-table6",
    }
    assert twins <= ours
    assert {"senses", "probes"} <= known


def test_a_search_over_settings_of_the_mix_is_refused() -> None:
    content = {"name": "t", "tasks": ["s"], "features": ["random"], "heads": ["linear"]}
    content["overrides"] = [{"set": {"training.grid": {"mix.l2": [0.0, 1.0]}}}]
    with pytest.raises(ConfigError, match=r"mix\.l2 cannot be searched"):
        list(grid(parse_experiment(content), {"s": "sentiment"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": 3}, r"seeds: write a list: \[3\]; for 3 seeds: \[1, 2, 3\]"),
        ({"tasks": "ner/control-ner"}, r"tasks: write a list: \[ner/control-ner\]"),
        (
            {"train_fraction": [0.5]},
            r"for example axes: \{train_fraction: \[0.5\]\}",
        ),
        ({"mix": "last"}, r"mix: an axis is written below 'axes:'.*\{mix: \[last\]\}"),
    ],
)
def test_values_in_another_place_or_form_get_a_hint(changes: dict, message: str) -> None:
    values = {"name": "x", "tasks": ["ner/control-ner"], "features": ["random"], **changes}
    with pytest.raises(ConfigError, match=message):
        parse_experiment(values)


CLAIM = {"id": "a", "statement": "It is better.", "left": "random", "right": "glove-mini"}


def with_claims(*claims: dict) -> dict:
    features = ["random", "glove-mini"]
    return {"name": "x", "tasks": ["ner/control-ner"], "features": features, "claims": claims}


def test_an_experiment_states_claims() -> None:
    by_axis = {**CLAIM, "id": "b", "by": "mix", "left": "learned", "right": "last"}
    experiment = parse_experiment(with_claims(CLAIM, by_axis))
    assert [claim.expects for claim in experiment.claims] == ["better", "better"]


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ([{**CLAIM, "left": "glove"}], "claim a: 'glove' is not among the features random, "),
        ([{**CLAIM, "tasks": ["pos/ud-ewt"]}], "claim a: 'pos/ud-ewt' is not among the tasks"),
        ([{**CLAIM, "by": "mixes"}], "claim a: by is features or an axis, not 'mixes'"),
        ([CLAIM, CLAIM], "two claims have the same id"),
        ([{**CLAIM, "id": "Not plain"}], "id"),
    ],
)
def test_a_claim_about_what_does_not_run_is_refused(claims: list, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_experiment(with_claims(*claims))
