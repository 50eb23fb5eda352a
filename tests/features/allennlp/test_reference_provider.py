"""The provider and the worker's protocol, with sums in place of AllenNLP's vectors."""

import gc
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from elmo_reference import write_model
from fake_allennlp import DEADLY, FAILING
from fake_python import VERSIONS, write_script

from elmobench.core.errors import ConfigError, ElmobenchError, ModelError
from elmobench.features.allennlp.environment import environment_folder
from elmobench.features.allennlp.provider import FACTORY
from elmobench.features.catalog.catalog import ModelCatalog, load_provider
from elmobench.features.elmo.provider import ElmoProvider


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A built environment whose Python runs the worker with a pretended AllenNLP."""
    monkeypatch.setenv("ELMOBENCH_REFERENCE", str(tmp_path / "environments"))
    folder = environment_folder()
    runner = Path(__file__).with_name("fake_allennlp.py")
    write_script(folder / "bin" / "python", f'exec "{sys.executable}" "{runner}" "$@"')
    mark = {"versions": json.loads(VERSIONS), "seconds": 1.0, "bytes": 1}
    (folder / "elmobench-reference.json").write_text(json.dumps(mark))
    return folder


@pytest.fixture
def model(tmp_path):
    return write_model(tmp_path / "model")


def load(model, **options):
    return FACTORY.load("mine", {"options": model[0], "weights": model[1]}, options)


def total(word):
    """The character ids' sum of the pretended AllenNLP."""
    raw = word.encode("utf-8", "ignore")[:48]
    return sum(raw) + 261 * (50 - len(raw))


SENTENCES = [
    ["The", "river", "bank"],
    [],
    ["Zürich", "", "日本", "\ud800", "é" * 30, "x" * 60],
    ["a"],
    [""],
]


def test_layers_are_those_of_elmo_and_stand_in_the_given_order(environment, model):
    provider = load(model, batch_size=2)
    ours = ElmoProvider.from_files(*model)
    assert provider.layers == ours.layers
    assert provider.parameters == ours.parameters
    for sentence, found in zip(SENTENCES, provider.encode(SENTENCES), strict=True):
        assert found.shape == (3, len(sentence), 10)
        sums = np.array([total(word) for word in sentence], dtype=np.float32)
        for layer, expected in enumerate((sums, sums + 0.5, 2 * sums + 0.5)):
            assert (found[layer] == expected[:, None]).all()
    assert provider.encode([]) == []
    assert provider.encode_types([])[0].shape == (0, 5)


def test_zero_resets_the_states_and_carry_continues(environment, model):
    sentences = [["a"], ["a"], [], ["a"]]
    first = [layers[0][:, 0] for layers in load(model, batch_size=1).encode_tokens(sentences)]
    assert [row.tolist() for row in first] == [[first[0][0]], [first[0][0]], [], [first[0][0]]]
    carry = load(model, batch_size=1, state="carry")
    assert not carry.cacheable
    second = [layers[0][:, 0] for layers in carry.encode_tokens(sentences)]
    # The empty sentence is a batch of its own boundaries.
    assert [row.tolist() for row in second] == [
        [first[0][0]],
        [first[0][0] + 0.5],
        [],
        [first[0][0] + 1.5],
    ]
    (third,) = carry.encode_tokens([["a"]])
    assert third[0][0, 0] == first[0][0] + 2


def test_batches_are_bounded_by_rows_and_by_padded_tokens(environment, model):
    provider = load(model, batch_size=3)
    sentences = [("w",) * n for n in (1, 5000, 2, 0, 3, 1400, 1400)]
    batches = list(provider._batches(sentences))
    assert batches == [[1], [5, 6], [4, 2, 0]] or batches == [[1], [5, 6, 4], [2, 0]]
    for batch in batches:
        longest = max(len(sentences[i]) + 2 for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= 4096
        assert len(batch) <= 3


def test_long_answers_are_split(environment, model, monkeypatch):
    from elmobench.features.allennlp import provider as module

    whole = load(model).encode(SENTENCES)
    monkeypatch.setattr(module, "_ANSWER_VALUES", 20)
    for found, expected in zip(load(model).encode(SENTENCES), whole, strict=True):
        assert (found == expected).all()


def test_an_error_in_the_worker_is_reported_and_the_worker_continues(environment, model):
    provider = load(model)
    with pytest.raises(ElmobenchError, match="ValueError: a word it cannot read"):
        provider.encode([[FAILING]])
    assert provider.encode([["a"]])[0].shape == (3, 1, 10)
    with pytest.raises(ElmobenchError, match="no operation 'dance'"):
        provider.worker._ask({"op": "dance"})
    assert provider.worker.seconds([[["a"], ["b", "c"]]], threads=1) > 0


def test_the_error_for_a_dead_worker_includes_its_last_output(environment, model):
    provider = load(model)
    with pytest.raises(ElmobenchError, match=r"status 7[\s\S]*about to die"):
        provider.encode([[DEADLY]])
    with pytest.raises(ElmobenchError, match="ended without an answer"):
        provider.encode([["a"]])


ANSWERS = {
    "text": b"Segmentation fault",
    "a list": b"[1, 2]",
    "a number": b"3",
    "no ASCII": b"\xff\xfe\x00",
    "deep": b"[" * 100_000,
    "no line end": b"x" * 3_000_000,
}


@pytest.mark.parametrize("answer", ANSWERS)
def test_what_is_no_answer_ends_the_worker_with_an_error(environment, model, answer):
    (environment / "answer").write_bytes(ANSWERS[answer] + b"\n")
    script = f"echo '{{\"ok\": true}}'; read line; cat {environment}/answer"
    write_script(environment / "bin" / "python", script)
    provider = load(model)
    with pytest.raises(ElmobenchError, match=r"wrote '.*'.* in place of an answer"):
        provider.encode([["a"]])
    assert provider.worker._process.poll() is not None


@pytest.mark.parametrize(
    "written",
    [b"", b"no array", b"\x93NUMPY\x01\x00\xff\xff{", "float64", "nan", None],
    ids=["nothing", "text", "header", "float64", "nan", "no file"],
)
def test_vectors_that_cannot_be_read_are_an_error(environment, model, written, monkeypatch):
    provider = load(model)

    def answered(request):
        if isinstance(written, bytes):
            Path(request["out"]).write_bytes(written)
        elif written is not None:
            values = np.full((1, 5), np.nan if written == "nan" else 1.0)
            np.save(request["out"], values if written == "float64" else values.astype("f4"))
        return {"ok": True}

    monkeypatch.setattr(provider.worker, "_send", answered)
    with pytest.raises(ElmobenchError, match=r"wrote no vectors|not finite float32"):
        provider.encode([["a"]])


def test_a_model_that_allennlp_refuses(environment, tmp_path):
    model = write_model(tmp_path / "unlucky", lstm={"dim": 13})
    with pytest.raises(ModelError, match=r"cannot load this model.*an unlucky size"):
        load(model).encode([["a"]])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"char_cnn": {"max_characters_per_token": 30}}, "50 characters per token"),
        ({"lstm": {"use_skip_connections": False}}, "without skip connections"),
    ],
)
def test_a_model_that_allennlp_would_misread(environment, tmp_path, changes, message):
    with pytest.raises(ModelError, match=message):
        load(write_model(tmp_path / "other", **changes))


def test_a_worker_ends_with_its_provider_and_leaves_no_file(environment, model):
    provider = load(model)
    provider.encode([["a"]])
    process, folder = provider.worker._process, Path(provider.worker._folder.name)
    assert folder.is_dir()
    assert process.poll() is None
    del provider
    gc.collect()
    assert process.returncode == 0
    assert not folder.exists()


def test_without_the_environment_the_error_names_the_command(model):
    with pytest.raises(ConfigError, match="`elmobench reference setup`"):
        load(model)


def test_a_path_names_it(environment, model):
    spec = f"allennlp-elmo:{model[0].parent}"
    provider = load_provider(f"{spec}@state=carry")
    assert provider.describe()["state"] == "carry"
    assert provider.describe()["environment"]["allennlp"] == "2.10.1"
    assert ModelCatalog().entry(spec).provider == "allennlp-elmo"
    with pytest.raises(ConfigError, match="state"):
        load_provider(f"{spec}@state=warm")
    with pytest.raises(ModelError, match="no folder"):
        load_provider("allennlp-elmo:nowhere")
    with pytest.raises(ConfigError, match="no file for the role 'weights'"):
        FACTORY.load("mine", {"options": model[0]}, {})


def test_fingerprints_tell_what_changes_vectors(environment, model, tmp_path, monkeypatch):
    from elmobench.features.allennlp import provider as module

    others = [
        load(model, state="carry"),
        load(model, state="carry", batch_size=7),
        load(write_model(tmp_path / "other", seed=1)),
        load(write_model(tmp_path / "clipped", lstm={"cell_clip": 2})),
        ElmoProvider.from_files(*model),
    ]
    first = load(model)
    assert load(model, batch_size=7).fingerprint == first.fingerprint
    monkeypatch.setattr(module, "requirements_digest", lambda: "other requirements")
    others.append(load(model))
    assert len({first.fingerprint, *(other.fingerprint for other in others)}) == 7
