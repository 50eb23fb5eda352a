"""Runs with Python functions as models: stored by version, encoded before cells are trained."""

import numpy as np
import pytest
from store_providers import value

import elmobench as package
from elmobench import Model, SentenceModel
from elmobench.bench.predict import Predictor
from elmobench.core.errors import ConfigError, ModelError
from elmobench.tracking.record_store import RecordStore

FAST = [{"set": {"training.epochs": 2, "training.grid": {}, "training.lr": 0.03}}]


class Counted:
    """Two layers of hashed vectors; counts its calls."""

    def __init__(self, scale=1.0):
        self.scale = scale
        self.sentences = 0

    def __call__(self, sentences):
        self.sentences += len(sentences)
        return [
            np.stack([[value(layer, w, dim=8) for w in s] for layer in "ab"]) * self.scale
            for s in sentences
        ]


def run(tmp_path, models, features=("mine",), **options):
    study = {"name": "own", "tasks": ["ner/control-ner"], "features": list(features)}
    return package.run(
        {**study, "overrides": FAST},
        models=models,
        results=tmp_path / "results",
        store=tmp_path / "store",
        quiet=True,
        tracker="none",
        limit=40,
        **options,
    ).summary


def test_a_function_is_called_once_per_sentence_and_version(tmp_path):
    function = Counted()
    first = run(tmp_path, {"mine": Model(function, version="1")}, ("mine", "mine@layer=0"))
    assert (first.trained, first.failed) == (2, 0)
    assert first.encoded_sentences + 1 == function.sentences  # and one to see the shape
    second = Counted()
    again = run(tmp_path, {"mine": Model(second, version="1")}, ("mine", "random+mine@layer=1"))
    assert (again.trained, again.skipped) == (1, 1)
    assert second.sentences == 2  # to see the shape, and whether the stored vectors are its own
    other = run(tmp_path, {"mine": Model(Counted(2.0), version="2")})
    assert other.encoded_sentences == first.encoded_sentences


def test_a_changed_function_with_the_same_version_is_an_error(tmp_path):
    run(tmp_path, {"mine": Model(Counted(), version="1")})
    changed = {"mine": Model(Counted(1.1), version="1")}
    with pytest.raises(ModelError, match=r"features 'mine': its vectors of '.*' .*are not those "):
        run(tmp_path, changed, ("mine@layer=0",))


@pytest.mark.slow
def test_a_pool_reads_what_this_process_encoded(tmp_path):
    local = run(tmp_path / "a", {"mine": Model(Counted(), version="1")})
    # Another process could not read a local function: it is not passed to one.
    pooled = run(tmp_path / "b", {"mine": Model(lambda s: Counted()(s), version="1")}, workers=2)
    assert (pooled.trained, pooled.failed) == (1, 0)
    assert local.records[0].result == pooled.records[0].result


def test_a_trained_head_predicts_with_the_function(tmp_path):
    study = {"name": "s", "tasks": ["sentiment/control-sentiment"], "features": ["mine"]}
    study["overrides"] = FAST
    models = {"mine": SentenceModel(lengths, version="1")}
    place = {"results": tmp_path / "results", "store": tmp_path / "store"}
    results = package.run(study, models=models, quiet=True, tracker="none", **place)
    store, cell = RecordStore(results.folder), results.summary.records[0].cell
    examples = package.load_task(study["tasks"][0]).split("test")[:40]
    found = list(Predictor(store, cell, models).predict_examples(examples))
    assert found == [row["predicted"] for row in store.read_predictions(cell)[:40]]
    with pytest.raises(ModelError, match="'mine': its vectors come from a Python function, which"):
        list(Predictor(store, cell).predict_examples(examples))
    with pytest.raises(ModelError, match="is not the model that this head"):
        Predictor(store, cell, {"mine": SentenceModel(lengths, version="2")})


def test_a_function_without_version_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="models: mine: a function needs a version"):
        run(tmp_path, {"mine": Counted()})


def lengths(texts):
    return np.array([[len(text), text.count(" ")] for text in texts], dtype=np.float32)


def test_tasks_that_label_tokens_refuse_text_vectors(tmp_path):
    models = {"mine": SentenceModel(lengths, version="1")}
    with pytest.raises(ConfigError, match="mine has one vector per text, and pipeline 'ner'") as e:
        run(tmp_path, models)
    assert "nli" in str(e.value)
    assert "sentiment" in str(e.value)
    study = {"name": "s", "tasks": ["sentiment/control-sentiment"], "features": ["mine+random"]}
    with pytest.raises(ConfigError, match="mine has one vector per text and random one per token"):
        package.run(study, models=models, results=tmp_path, store=tmp_path / "store", quiet=True)


@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("sentiment/control-sentiment", "small"),
        ("sentiment/control-sentiment", "mlp"),
        ("nli/control-nli", "small"),
        ("nli/control-nli", "linear"),
    ],
)
def test_heads_for_texts_take_one_vector_per_text(tmp_path, task, head):
    study = {"name": "s", "tasks": [task], "features": ["mine"], "heads": [head]}
    study["overrides"] = [{"set": {"training.epochs": 1, "training.grid": {}}}]
    (record,) = package.run(
        study,
        models={"mine": SentenceModel(lengths, version="1")},
        results=tmp_path / "results",
        store=tmp_path / "store",
        quiet=True,
        tracker="none",
        limit=40,
    ).summary.records
    assert record.status == "ok", record.error


@pytest.mark.slow
def test_a_probe_on_text_vectors_is_logistic_regression(tmp_path):
    """The trained head's weights are near the minimum that scikit-learn finds."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import log_loss

    task = package.load_task("sentiment/control-sentiment")
    labels = [e.label for e in task.split("train")]
    names = sorted(set(labels))

    def vectors(texts):
        # Noise around one direction per label, by a hash of the text: not separable.
        label = {" ".join(e.tokens): e.label for s in task.splits for e in task.split(s)}
        rows = []
        for text in texts:
            noise = value("noise", text, dim=4) * 2 - 1
            noise[names.index(label.get(text, names[0])) % 4] += 0.5
            rows.append(noise)
        return np.stack(rows)

    study = {
        "name": "probe",
        "tasks": [task.card.id],
        "features": ["mine"],
        "settings": {"precision": "fp32"},
        "overrides": [
            {
                "set": {
                    "training.epochs": 200,
                    "training.patience": 200,
                    "training.grid": {},
                    "training.lr": 0.05,
                    "training.batch_size": 4096,
                    "mix.standardize": False,
                }
            }
        ],
    }
    (record,) = package.run(
        study,
        models={"mine": SentenceModel(vectors, version="1")},
        results=tmp_path / "results",
        store=tmp_path / "store",
        quiet=True,
        tracker="none",
    ).summary.records
    split = {
        name: (
            vectors([" ".join(e.tokens) for e in task.split(name)]),
            [e.label for e in task.split(name)],
        )
        for name in ("train", "test")
    }
    regression = LogisticRegression(C=np.inf, max_iter=1000).fit(*split["train"])
    x, y = split["train"]
    theirs = log_loss(y, regression.predict_proba(x), labels=regression.classes_)
    # All of train is one batch, so that the loss is that of the weights before the last step.
    assert theirs > 0.1
    assert record.result.curve[-1].train_loss == pytest.approx(theirs, rel=2e-3)
    accuracy = 100 * regression.score(*split["test"])
    assert record.result.test["accuracy"] == pytest.approx(accuracy, abs=1)
