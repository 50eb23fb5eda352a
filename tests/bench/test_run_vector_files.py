"""A run with the vectors of a file against a run with the model that they came from."""

import json
from pathlib import Path

import numpy as np
import pytest
from command_line import elmobench
from safetensors.numpy import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

import elmobench as package
from elmobench.core.errors import ModelError

FAST = [{"set": {"training.epochs": 2, "training.grid": {}, "training.lr": 0.01}}]
BRIEF = [{"set": {"training.epochs": 1, "options.hidden": 10, "options.feedforward": 10}}]
TASK, PAIRS = "ner/control-ner", "nli/control-nli"


def study(*features, **changes):
    base = {"name": "own", "tasks": [TASK], "features": list(features), "overrides": FAST}
    return {**base, "settings": {"precision": "fp16"}, **changes}


def run(tmp_path, experiment, store="store"):
    summary = package.run(
        experiment,
        results=tmp_path / "results",
        store=tmp_path / store,
        quiet=True,
        tracker="none",
    ).summary
    assert not summary.failed, [record.error for record in summary.records]
    return summary.records


def result_of(record, name, other):
    """The result block, with the name of the features replaced by that of the others."""
    text = json.dumps(record.result.model_dump(mode="json"), sort_keys=True)
    raw = json.loads(text.replace(json.dumps(name), json.dumps(other)))
    del raw["coverage"]  # a file does not say for which words a vector was unknown
    return raw


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of elmo-mini and glove-mini for the task; the models' own store is another one."""
    folder = tmp_path_factory.mktemp("files")
    for spec, name, options in (
        ("elmo-mini", "all.hdf5", ()),
        ("elmo-mini", "all.safetensors", ()),
        ("elmo-mini", "one.hdf5", ("--layer", "1")),
        ("elmo-mini", "pairs.hdf5", ()),
        ("glove-mini", "glove.safetensors", ()),
    ):
        done = elmobench(
            *("encode", spec, "--for", PAIRS if name == "pairs.hdf5" else TASK),
            *("--out", name, "--store", "encoded", *options),
            cwd=folder,
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("own", "file", "suffix"),
    [
        ("elmo-mini", "all.hdf5", ""),
        ("elmo-mini", "all.safetensors", "@layer=2@norm=token"),
        ("glove-mini+elmo-mini", "all.safetensors", "@mix=uniform@dropout=0.2"),
        ("glove-mini", "glove.safetensors", ""),
        ("elmo-mini", "pairs.hdf5", "@place=both"),
    ],
)
def test_scores_are_those_of_the_model_to_the_bit(tmp_path, files, own, file, suffix):
    *first, model = own.split("+")
    spec = "+".join([*first, f"vectors:{files / file}"]) + suffix
    pairs = {"heads": ["small"], "tasks": [PAIRS], "overrides": BRIEF} if "place" in suffix else {}
    mine, theirs = (
        run(tmp_path, study(features, **pairs), store)[0]
        for features, store in ((spec, "a"), (own + suffix, "b"))
    )
    assert mine.cell != theirs.cell
    found = result_of(mine, f"vectors:{files / file}", model)
    assert found == result_of(theirs, model, model)


@pytest.mark.slow
def test_one_layer_of_a_file_is_that_layer_of_the_model(tmp_path, files):
    mine = run(tmp_path, study(f"vectors:{files / 'one.hdf5'}"), "a")[0]
    # A part with one layer has no mix, and no γ.
    theirs = run(tmp_path, study("elmo-mini@layer=1@gamma=false"), "b")[0]
    assert mine.result.test == theirs.result.test
    assert mine.result.predictions_digest == theirs.result.predictions_digest


def test_missing_sentences_end_a_run_before_any_work(tmp_path):
    train = [e.tokens for e in package.load_task(TASK).split("train")]
    np.savez(
        tmp_path / "some.npz",
        tokens=[token for tokens in train for token in tokens],
        lengths=[len(tokens) for tokens in train],
        vectors=np.ones((sum(map(len, train)), 3), np.float32),
    )
    with pytest.raises(ModelError, match=r"some.npz: [0-9]+ of 1,050 sentences are missing, the f"):
        run(tmp_path, study("random", f"vectors:{tmp_path / 'some.npz'}"))
    assert not list((tmp_path / "store").rglob("*.safetensors"))


def test_sentences_are_listed_as_json_lines(tmp_path):
    raw = {"name": "own", "tasks": ["sentiment/control-sentiment"], "features": ["vectors:no.npz"]}
    (tmp_path / "own.yaml").write_text(json.dumps(raw))
    listed = elmobench("data", "sentences", "own.yaml", "--out", "lines.jsonl", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    task = package.load_task("sentiment/control-sentiment")
    wanted = {e.tokens for split in ("train", "dev", "test") for e in task.split(split)}
    rows = [tuple(json.loads(line)) for line in (tmp_path / "lines.jsonl").open()]
    assert len(rows) == len(set(rows))
    assert set(rows) == wanted
    assert Path(tmp_path / "lines.jsonl").read_bytes().isascii()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".hdf5", ".safetensors"])
def test_one_vector_per_text_is_read_as_it_was_written(tmp_path, suffix):
    folder = tmp_path / "model"
    folder.mkdir()
    words = sorted({word for e in package.load_task(PAIRS).split("train") for word in e.premise})
    vocabulary = {word: i for i, word in enumerate(["[UNK]", *words])}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    rows = np.random.default_rng(0).normal(size=(len(vocabulary), 8)).astype(np.float32)
    save_file({"embeddings": rows}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "model2vec", "normalize": true}')
    out = tmp_path / f"texts{suffix}"
    command = ("encode", f"sentence:{folder}", "--for", PAIRS, "--out", out, "--store", "s")
    done = elmobench(*command, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    experiment = study(f"vectors:{out}", f"sentence:{folder}", tasks=[PAIRS])
    mine, theirs = run(tmp_path, experiment)
    assert mine.result.test == theirs.result.test
    assert mine.result.curve[-1].train_loss == theirs.result.curve[-1].train_loss
    assert mine.result.predictions_digest == theirs.result.predictions_digest
