"""``elmobench.run`` checks its arguments before it reads or writes anything."""

import pytest

import elmobench
from elmobench.core.errors import ConfigError, UnknownNameError

STUDY = {
    "name": "x",
    "tasks": ["wsd/control-wsd"],
    "features": ["random"],
    "heads": ["linear"],
}


@pytest.mark.parametrize("experiment", [3, None, ["a"], b"a", {"a"}])
def test_an_experiment_is_a_mapping_or_a_name(experiment):
    with pytest.raises(TypeError, match="give a mapping, the path of a file, or the name"):
        elmobench.run(experiment)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"include": "cards"}, TypeError, r"give a list of folders: \['cards'\]"),
        ({"overwrite": "alway"}, ConfigError, "always"),
        ({"overwrite": None}, ConfigError, "overwrite is None"),
        ({"workers": "2"}, TypeError, "workers is '2'"),
        ({"workers": 1.5}, TypeError, r"workers is 1\.5"),
        ({"workers": True}, TypeError, "workers is True"),
        ({"workers": 0}, ConfigError, "workers is 0"),
        ({"workers": -3}, ConfigError, "workers is -3"),
    ],
)
def test_arguments_of_another_kind(tmp_path, monkeypatch, arguments, error, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=message):
        elmobench.run(STUDY, quiet=True, **arguments)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("spec", [3, None, ["random"], b"random"])
def test_features_are_named_by_a_string(spec):
    for call in (elmobench.load_provider, lambda x: elmobench.FrozenFeatures(x).fit(["a"])):
        with pytest.raises(TypeError, match="features are named by a string"):
            call(spec)


def test_vectors_that_a_task_has_none_of_are_a_note_in_the_record(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign.txt").write_text("der 1 2\nHund 3 4\n")
    study = STUDY | {"features": ["static:foreign.txt"], "heads": ["paper"]}
    results = elmobench.run(study, quiet=True, store=tmp_path / "store", tracking_uri="none")
    (record,) = results.summary.records
    assert record.result.notes[0].startswith("'static:foreign.txt' has vectors for only 0.0 %")
    assert record.result.coverage["static:foreign.txt"]["tokens"] == 0


@pytest.mark.parametrize("name", [3, None, b"ner/control-ner", ["ner/control-ner"]])
def test_tasks_are_named_by_a_string(name):
    with pytest.raises(TypeError, match="tasks are named by a string such as 'ner/wnut17'"):
        elmobench.load_task(name)
    with pytest.raises(TypeError, match=r"give a list of folders: \['cards'\]"):
        elmobench.load_task("ner/control-ner", include="cards")
    with pytest.raises(UnknownNameError):
        elmobench.load_task("ner/control-ner").split(name)


@pytest.mark.parametrize("change", [{"name": b"x"}, {"tasks": [b"ner/control-ner"]}])
def test_an_experiment_holds_no_bytes(change):
    with pytest.raises(ConfigError, match="holds bytes"):
        elmobench.run(STUDY | change)
