"""The comparison of runs with AllenNLP: its files, configurations, records, resuming and page."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from benchmarks.allennlp_runs import __main__ as command
from benchmarks.allennlp_runs.comparisons import COMPARISONS, Comparison
from benchmarks.allennlp_runs.configuration import Elmo, configuration
from benchmarks.allennlp_runs.formats import trees
from benchmarks.allennlp_runs.original import NAME, extrapolated
from benchmarks.allennlp_runs.page import page
from benchmarks.allennlp_runs.part import can_be_written, choose, chosen_examples, write_part
from benchmarks.allennlp_runs.records import Run, Seconds, difference, read_runs, write_run
from benchmarks.allennlp_runs.theirs import PLUGIN, PLUGINS, read_times

from elmobench.bench.context import RunContext
from elmobench.bench.experiment.schema import load_experiment
from elmobench.bench.plan import make_plan
from elmobench.core.errors import DataError, ElmobenchError
from elmobench.data.examples import ClassifiedText, CoreferenceDocument, Proposition, TaggedSentence
from elmobench.data.readers.trees import parse_tree
from elmobench.features.allennlp.environment import Environment
from elmobench.tasks.task import load_task

SIZES = {"train": 30, "dev": 10, "test": 12}
SMALL = Comparison("small", "any head", SIZES, output="", validation="")


def without_id(example: Any) -> Any:
    """What an example says, without ids and positions that depend on the file."""
    if isinstance(example, Proposition):
        return (example.tokens, example.predicate, example.tags)
    fields = {name: getattr(example, name) for name in type(example).__slots__}
    return {name: value for name, value in fields.items() if name not in ("id", "phrases")}


@pytest.mark.parametrize("pipeline", ["ner", "nli", "srl", "coref"])
def test_our_readers_read_the_chosen_examples_back(pipeline: str, tmp_path: Path) -> None:
    task = load_task(f"{pipeline}/control-{pipeline}")
    part = write_part(task, SMALL, tmp_path)
    again = load_task(part.task, [part.cards])
    assert part.examples == SIZES
    for split, size in SIZES.items():
        usable = [e for e in task.split(split) if can_be_written(e)]
        if pipeline == "coref":  # documents become one sentence each, without singletons
            read = [(e.tokens, e.clusters) for e in again.split(split)]
            assert all(len(e.sentences) == 1 for e in again.split(split))
            whole = [
                (e.tokens, tuple(c for c in e.clusters if len(c) > 1)) for e in choose(usable, size)
            ]
        else:
            read = list(map(without_id, again.split(split)))
            whole = list(map(without_id, choose(usable, size)))
        assert read == whole


def test_questions_keep_tokens_and_answers(tmp_path: Path) -> None:
    task = load_task("qa/control-qa")
    part = write_part(task, SMALL, tmp_path)
    again = load_task(part.task, [part.cards]).split("dev")
    for old, new in zip(choose(task.split("dev"), SIZES["dev"]), again, strict=True):
        assert (new.tokens, new.question) == (old.tokens, old.question)
        spans = [[(answer.first, answer.last) for answer in e.answers] for e in (old, new)]
        assert spans[0] == spans[1]


def test_trees_have_their_words_on_the_root() -> None:
    texts = [ClassifiedText("a", ("a", "(", "b", ")"), "3"), ClassifiedText("b", ("good",), "4")]
    written = trees(texts)
    assert written == "(3 (2 a) (2 -LRB-) (2 b) (2 -RRB-))\n(4 good)\n"
    words, nodes = parse_tree(written.splitlines()[0], "here")
    assert (words, nodes[-1]) == (["a", "-LRB-", "b", "-RRB-"], (0, 4, "3"))


def test_examples_that_allennlp_would_read_differently_are_left_out() -> None:
    assert can_be_written(TaggedSentence("a", ("a", "b"), ("O", "O")))
    assert not can_be_written(TaggedSentence("a", ("a\u00a0b", "c"), ("O", "O")))
    assert not can_be_written(TaggedSentence("a", ("-DOCSTART-",), ("O",)))
    assert can_be_written(Proposition("a", ("a", "b"), 1, ("B-A0", "B-V")))
    # AllenNLP marks both tokens of V as the predicate; our head the first alone.
    assert not can_be_written(Proposition("a", ("a", "b"), 0, ("B-V", "I-V")))


def test_train_may_come_from_dev_without_its_examples() -> None:
    task = load_task("nli/control-nli")
    parts = chosen_examples(task, replace(SMALL, train_from="dev"))
    train, dev = ({example.id for example in parts[split]} for split in ("train", "dev"))
    assert (len(train), len(dev)) == (30, 10)
    assert not train & dev
    assert train | dev <= {example.id for example in task.split("dev")}


def test_a_document_is_cut_after_a_sentence_with_the_mentions_inside(tmp_path: Path) -> None:
    from benchmarks.allennlp_runs.part import prepared

    clusters = (((0, 0), (2, 3)), ((1, 1), (5, 5)))
    document = CoreferenceDocument("d.0", (("a", "b"), ("c", "d"), ("e", "f")), clusters)
    cut = prepared(document, 3)
    assert (cut.sentences, cut.clusters) == ((("a", "b", "c", "d"),), (((0, 0), (2, 3)),))


def test_configurations_have_the_sizes_of_our_cells() -> None:
    files = {split: Path(split) for split in SIZES}
    written = {}
    for name, comparison in COMPARISONS.items():
        experiment = load_experiment(comparison.experiment)
        pipeline = experiment.tasks[0].split("/")[0]
        # The real data need a network; options do not depend on them.
        experiment = experiment.model_copy(update={"tasks": (f"{pipeline}/control-{pipeline}",)})
        cell = make_plan(RunContext(experiment))[0].cell
        elmo = Elmo(Path("o"), Path("w"), 256)
        written[name] = configuration(cell, elmo, files, ["a", "b", "c"], comparison)
        trainer = written[name]["trainer"]
        assert trainer["num_epochs"] == cell.training.epochs
        assert written[name]["pytorch_seed"] == cell.seed
        assert written[name]["vocabulary"]["tokens_to_add"] == {"labels": ["a", "b", "c"]}
    tagger = written["ner"]["model"]
    assert tagger["encoder"]["input_size"] == 256 + 128  # ELMo and the character CNN
    assert tagger["encoder"]["hidden_size"] == 100
    assert tagger["regularizer"]["regexes"][0][1] == {"type": "l2", "alpha": 0.1}
    assert written["sentiment"]["model"]["output_layer"]["input_dim"] == 4 * 2 * 100
    assert written["inference"]["model"]["projection_feedforward"]["input_dim"] == 4 * 2 * 100
    assert written["inference"]["trainer"]["grad_norm"] == 10.0
    # The published configuration with ELMo has no biases on the inputs; the baseline's has.
    assert written["roles"]["model"]["encoder"]["use_input_projection_bias"] is False
    assert written["roles"]["trainer"]["grad_clipping"] == 1.0
    assert written["questions"]["model"]["span_end_encoder"]["input_size"] == 4 * 100 + 3 * 100
    assert written["coreference"]["model"]["mention_feedforward"]["input_dim"] == (
        2 * 2 * 100 + 256 + 3 * 50 + 20  # states at both ends, ELMo and characters, width
    )
    assert written["roles"]["trainer"]["optimizer"] == {"type": "adadelta", "lr": 1.0, "rho": 0.95}


@pytest.fixture
def small_comparison(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The tagger on a control task for one epoch, and a fake AllenNLP; the scratch folder."""
    python = tmp_path / "python"
    source = Path(__file__).with_name("fake_allennlp_train.py").read_text("utf-8")
    python.write_text(f"#!{sys.executable}\n{source}", encoding="utf-8")
    python.chmod(0o755)
    (tmp_path / "bin").mkdir()
    shutil.move(python, tmp_path / "bin" / "python")
    experiment = load_experiment("allennlp/ner", ["training.epochs=1"])
    experiment = experiment.model_copy(update={"tasks": ("ner/control-ner",)})
    monkeypatch.setattr(command, "load_experiment", lambda name: experiment)
    monkeypatch.setattr(
        command, "require_environment", lambda where: Environment(tmp_path, {}, 0, 0)
    )
    monkeypatch.setitem(command.COMPARISONS, "ner", replace(COMPARISONS["ner"], sizes=SIZES))
    return tmp_path / "work"


def test_an_interrupted_comparison_goes_on_where_it_stopped(
    small_comparison: Path, tmp_path: Path
) -> None:
    records = tmp_path / "runs.jsonl"
    (small_comparison / "ner").mkdir(parents=True)
    (small_comparison / "ner" / "fail").touch()
    with pytest.raises(ElmobenchError, match="a failure of AllenNLP"):
        command.measure("ner", [1], ["allennlp"], small_comparison, records)
    assert not read_runs(records)

    (small_comparison / "ner" / "fail").unlink()
    command.measure("ner", [1, 2], ["allennlp"], small_comparison, records)
    first, second = read_runs(records)
    assert (first.seed, second.seed) == (1, 2)
    assert (first.wall.epoch, first.cpu.epoch, first.cpu.encoding) == (4.0, 2.0, 0.5)
    assert (first.dev, first.sizes, first.losses) == (50.0, SIZES, [2.0])
    # Its predictions are the gold entities of one token; those of several are missed.
    single, found, gold = (sum(row[i] for row in first.counts) for i in range(3))
    assert first.score == pytest.approx(100 * 2 * single / (found + gold))

    shutil.rmtree(tmp_path / "bin")
    command.measure("ner", [1, 2], ["allennlp"], small_comparison, records)  # nothing is left to do


@pytest.mark.slow
def test_our_run_is_recorded_with_its_clocks(small_comparison: Path, tmp_path: Path) -> None:
    records = tmp_path / "runs.jsonl"
    command.measure("ner", [1], ["allennlp", "elmobench"], small_comparison, records)
    theirs, ours = read_runs(records)
    assert ours.data == theirs.data
    assert ours.gold == theirs.gold
    assert 0 < ours.cpu.epoch + ours.cpu.encoding < ours.cpu.run
    assert difference([ours], [theirs]).value == pytest.approx(ours.score - theirs.score)


def made_up(system: Any, seed: int, correct: int, *, epoch: float, **values: Any) -> Run:
    """A run that labels ``correct`` of 200 examples correctly."""
    fields: dict[str, Any] = {
        "comparison": "sentiment",
        "task": "sentiment/sst5-part",
        "metric": "accuracy",
        "score": correct / 2,
        "dev": 50.0,
        "epochs": 3,
        "best_epoch": 2,
        "losses": [1.5, 1.25, float(seed)],
        "sizes": {"train": 1000, "dev": 100, "test": 200},
        "tokens": {"train": 1000, "dev": 100, "test": 200},
        "data": {"train": "0"},
        "model": {},
        "wall": Seconds(run=10 * epoch, epoch=2 * epoch, encoding=epoch),
        "cpu": Seconds(run=5 * epoch, epoch=epoch, encoding=epoch / 2),
        "versions": {"torch": "2.0", system: "1"},
        "host": {"processor": "P", "cores": 2},
        "gold": "g",
        "counts": [[float(i < correct), 1.0] for i in range(200)],
    }
    return Run(system=system, seed=seed, **(fields | values))


def test_the_page_shows_differences_and_ratios(tmp_path: Path) -> None:
    runs = [made_up("allennlp", seed, 100 + seed, epoch=20.0) for seed in (1, 2, 3)]
    runs += [made_up("elmobench", seed, 120 + seed, epoch=4.0) for seed in (1, 2, 3)]
    for run in runs:
        write_run(tmp_path / "runs.jsonl", run)
    assert read_runs(tmp_path / "runs.jsonl") == runs
    text = page(runs)
    lines = [line for line in text.splitlines() if line.startswith("| sentiment/sst5")]
    scores, losses, seconds = lines
    assert losses == "| sentiment/sst5 | 2.000 ± 1.000 | 2.000 ± 1.000 |"
    assert "| 1,000, 100, 200 | 3 | 3 | 51.00 ± 0.50 | 61.00 ± 0.50 | +10.00 |" in scores
    assert scores.endswith("| better |")
    assert "| 20.0 | 3.3 | 4.0 | **5.0** | 100 | 20 | 2.0 | **5.0** | 5.0 | 5.0 |" in seconds
    assert "original size" not in text
    assert "+10.00 | " in (single := page([runs[0], runs[3]]))
    assert "| one run, undecided |" in single
    assert "| better |" not in single


def test_runs_on_different_data_are_not_compared() -> None:
    ours = [made_up("elmobench", 1, 100, epoch=1.0)]
    with pytest.raises(DataError, match="other data"):
        difference(ours, [made_up("allennlp", 1, 100, epoch=1.0, data={"train": "1"})])


def test_the_original_size_is_extrapolated_by_tokens() -> None:
    values = {"comparison": NAME, "task": "ner/wnut17-part"}
    part = {"train": 6273, "dev": 1573, "test": 2339}
    whole = {"train": 62730, "dev": 15733, "test": 23394}
    theirs = made_up("allennlp", 1, 1, epoch=50.0, tokens=part, **values)
    ours = made_up("elmobench", 1, 1, epoch=10.0, tokens=whole, **values)
    found = extrapolated(ours, theirs, "cpu")
    assert found.their_run == pytest.approx(75 * 500, rel=1e-3)
    assert found.our_run == pytest.approx(75 * 10 + 5, rel=1e-3)
    assert f"**{75 * 500 / 755:.0f} times**" in page([ours, theirs])


def test_clocks_of_epochs_are_differences() -> None:
    rows = [
        {"epochs": 0, "wall": 7.0, "cpu": 4.0, "encoding_wall": 0.0, "encoding_cpu": 0.0},
        {"epochs": 1, "wall": 9.0, "cpu": 5.0, "encoding_wall": 1.0, "encoding_cpu": 0.5},
        {"epochs": 2, "wall": 13.0, "cpu": 8.0, "encoding_wall": 2.5, "encoding_cpu": 1.0},
    ]
    assert read_times("\n".join(map(json.dumps, rows))) == ((3.0, 2.5), (2.0, 1.0), 2)


class FakeRegistrable:
    """AllenNLP's classes that register others under a name."""

    @classmethod
    def register(cls, name: str) -> Any:
        return lambda registered: registered

    def __init__(self, serialization_dir: str) -> None:
        self.serialization_dir = serialization_dir


class FakeModel:
    """Answers with the length of a text; it must not be shown gold labels."""

    def eval(self) -> None:
        pass

    def modules(self) -> list[Any]:
        return []

    def forward_on_instances(self, instances: list[Any]) -> list[dict[str, int]]:
        lengths = [len(instance.fields["tokens"]) for instance in instances]
        assert lengths == sorted(lengths)
        assert all(set(instance.fields) == {"tokens"} for instance in instances)
        return [{"answer": length} for length in lengths]


class FakeInstance:
    def __init__(self, text: str) -> None:
        self.fields = {"tokens": text, "label": "gold"}

    def values(self) -> Any:
        return self.fields.values()


def test_the_plug_in_writes_clocks_and_predictions_in_the_order_of_the_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tokenizers, callbacks = ModuleType("allennlp.data.tokenizers"), ModuleType("callbacks")
    vars(tokenizers).update(
        Token=lambda text, idx: (text, idx), Tokenizer=type("Tokenizer", (FakeRegistrable,), {})
    )
    vars(callbacks).update(TrainerCallback=FakeRegistrable)
    for name in ("allennlp", "allennlp.data", "allennlp.training"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "allennlp.data.tokenizers", tokenizers)
    monkeypatch.setitem(sys.modules, "allennlp.training.callbacks", callbacks)
    plugin = runpy.run_path(str(PLUGINS / f"{PLUGIN}.py"))

    reader = SimpleNamespace(
        read=lambda path: map(FakeInstance, ("three", "a", "no")),
        apply_token_indexers=lambda instance: None,
    )
    trainer = SimpleNamespace(model=FakeModel(), data_loader=SimpleNamespace(reader=reader))
    callback = plugin["MeasuredRun"](str(tmp_path), test_data_path="test", output="answer")
    callback.on_start(trainer)
    callback.on_epoch(trainer, {}, 0)
    callback.on_end(trainer, metrics={})
    assert (tmp_path / "predictions.jsonl").read_text() == "5\n1\n2\n"
    (wall, encoding), _, epochs = read_times((tmp_path / "times.jsonl").read_text())
    assert (epochs, encoding) == (1, 0.0)
    assert wall > 0
    assert plugin["SpacesWithOffsets"]("").tokenize("to be") == [("to", 0), ("be", 3)]
