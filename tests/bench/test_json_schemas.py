"""JSON Schemas: what they accept and refuse, next to the loaders."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from command_line import elmobench
from shown_output import ROOT

from elmobench.bench.experiment.schema import known_experiments, load_experiment, parse_experiment
from elmobench.bench.json_schemas import DRAFT, SCHEMAS
from elmobench.core.errors import ConfigError
from elmobench.core.strict_model import StrictModel
from elmobench.core.validation import validated
from elmobench.core.yaml_files import parse_yaml, read_yaml
from elmobench.data.cards.card import TaskCard
from elmobench.data.cards.catalog import load_card
from elmobench.features.catalog.entries import parse_entries
from elmobench.tasks.new_card import card_text
from elmobench.tasks.registries import PIPELINES
from elmobench.tracking.record_store import RecordStore

CARDS = sorted((ROOT / "tasks").rglob("*.yaml"))
MODELS = [ROOT / f"src/elmobench/{path}/models.yaml" for path in ("features/catalog", "models")]


def problems(name: str, content: Any) -> list[str]:
    validator = jsonschema.Draft202012Validator(SCHEMAS[name]())
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(content)]


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_committed_file_is_the_schema(name: str) -> None:
    """To write it again: elmobench schema NAME > schemas/NAME.json"""
    schema = SCHEMAS[name]()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == DRAFT
    text = (ROOT / f"schemas/{name}.json").read_text("utf-8")
    assert elmobench("schema", name).stdout == text


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_field_has_a_description(name: str) -> None:
    schema = SCHEMAS[name]()
    for place in (schema, *schema["$defs"].values()):
        assert place["description"], place["title"]
        for field, content in place.get("properties", {}).items():
            assert content.get("description"), f"{place['title']}.{field}"


def test_documents_of_commands_have_schemas_too() -> None:
    assert json.loads(elmobench("schema", "compare").stdout)["properties"]["schema"] == {
        "const": "elmobench/compare",
        "description": "Name of this schema.",
    }
    out = elmobench("schema", "crad")
    assert (out.returncode, "did you mean 'card'" in out.stderr) == (1, True)


def test_shipped_files_fit() -> None:
    for path in CARDS:
        assert problems("card", read_yaml(path)) == [], path
    for path in known_experiments().values():
        assert problems("experiment", read_yaml(path)) == [], path
    for path in MODELS:
        assert problems("models", read_yaml(path)) == [], path


def test_shipped_files_name_their_schema() -> None:
    files = {"card": CARDS, "experiment": list(known_experiments().values()), "models": MODELS}
    for name, paths in files.items():
        for path in paths:
            first = path.read_text("utf-8").splitlines()[0]
            found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
            assert found, path
            assert (path.parent / found[1]).resolve() == ROOT / f"schemas/{name}.json", path


def test_records_of_a_study_fit() -> None:
    for record in RecordStore(ROOT / "results/study/small").planned()[:20]:
        assert problems("record", json.loads(record.model_dump_json())) == []


def filled(content: Any) -> Any:
    """A template with a text, or the first word that fits, in every empty field."""
    fixed = {"redistributable": "no", "path": "x.txt", "language": "en"}
    if isinstance(content, dict):
        return {
            key: fixed.get(key, "x") if inner is None else filled(inner)
            for key, inner in content.items()
        }
    return [filled(inner) for inner in content] if isinstance(content, list) else content


@pytest.mark.parametrize("pipeline", sorted(PIPELINES))
def test_templates_fit_once_they_are_filled_in(pipeline: str) -> None:
    content = parse_yaml(card_text("mine", pipeline), "template")
    assert any("None" in problem for problem in problems("card", content))
    found = problems("card", filled(content))
    assert found == []


def test_the_schema_is_written_beside_a_new_card(tmp_path: Path) -> None:
    line = ("new", "task", "mine", "--pipeline", "ner")
    assert elmobench(*line, cwd=tmp_path).returncode == 0
    first = (tmp_path / "cards/mine.yaml").read_text("utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=card.schema.json"
    schema = tmp_path / "cards/card.schema.json"
    assert json.loads(schema.read_text("utf-8")) == SCHEMAS["card"]()
    schema.write_text("{}")  # of another version, or edited
    assert elmobench(*line[:2], "other", *line[3:], cwd=tmp_path).returncode == 0
    assert schema.read_text("utf-8") == "{}"


def changed(content: Any, path: str, value: Any) -> Any:
    """A copy with another value at ``path``; None deletes the field."""
    content = copy.deepcopy(content)
    *before, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place = content
    for part in before:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return content


CARD = {
    **{"name": "x", "pipeline": "ner", "version": 1, "title": "X", "description": "x"},
    **{"language": "en", "metric": "span-f1", "licence": "none", "redistributable": "no"},
    **{"citation": "x", "reader": {"name": "conll-columns"}},
    "splits": {name: [{"path": f"{name}.txt"}] for name in ("train", "dev", "test")},
}
WRONG_CARDS = [
    *(("title", None), ("version", 0), ("name", "Big Name"), ("redistributable", "maybe")),
    *(("titel", "X"), ("splits.dev", None), ("splits.dev", []), ("splits.valid", [{"path": "x"}])),
    *(("splits.all", [{"path": "x"}]), ("splits.train.0", {"path": "x", "url": "https://x"})),
    *(("splits.train.0", {"reader": "x"}), ("splits.train.0", {"path": "x", "sha256": "12"})),
    *(("splits.train.0", {"path": "x", "lines": [1]}), ("reader", None), ("reader", "conll")),
    *(("split", {"by": "hash", "salt": "x"}), ("split", {"dev": 0.1, "from": "train"})),
    ("split", {"dev": 0.1, "from": "train", "by": "hash"}),
    ("splits.train.0", {"path": "x", "beside": {"keys": [{"path": "k", "reader": "x"}]}}),
    ("splits.train.0", {"path": "x", "beside": {"Keys!": [{"path": "k"}]}}),
    ("published", [{"metric": "f1", "score": 1, "model": "m", "source": "s", "like": {}}]),
    ("ceiling", {"context_free": 101, "why": "x"}),
    ("labels", ["a", "a"]),
]
EXPERIMENT = {"name": "x", "tasks": ["ner/wnut17"], "features": ["random"]}
WRONG_EXPERIMENTS = [
    *(("name", "a b"), ("tasks", None), ("tasks", []), ("tasks", ["a", "a"]), ("seed", [1])),
    *(("axes", {"mix": []}), ("axes", {"l2": [0.1, 0.1]}), ("axes", {"train_fraction": [2]})),
    *(("axes", {"norm": ["layer"]}), ("margin", 0), ("settings", {"threads": 0})),
    *(("settings", {"precision": "fp8"}), ("overrides", [{"when": {"seed": "1"}, "set": {}}])),
    ("overrides", [{"when": {"task": "x"}}]),
]
ENTRY = {"provider": "static", "files": {"vectors": {"path": "x.txt"}}}
WRONG_MODELS = [
    *(("provider", None), ("licens", "x"), ("bytes", -1), ("homepage", "ftp://x")),
    *(("files.vectors", {"path": "a", "url": "b"}), ("files.vectors", {})),
    *(("files.vectors.sha256", "12"), ("expect", {"dim": 0}), ("folder", "x")),
    *(("options", {"repo": 1}), ("options", {"sha256": {"a": 1}})),
]


@pytest.mark.parametrize(("path", "value"), WRONG_CARDS, ids=str)
def test_wrong_cards_are_refused_by_both(path: str, value: Any) -> None:
    validated(TaskCard, CARD, "card")
    assert problems("card", CARD) == []
    content = changed(CARD, path, value)
    assert problems("card", content) != []
    with pytest.raises(ConfigError):
        validated(TaskCard, content, "card")


@pytest.mark.parametrize(("path", "value"), WRONG_EXPERIMENTS, ids=str)
def test_wrong_experiments_are_refused_by_both(path: str, value: Any) -> None:
    parse_experiment(EXPERIMENT)
    assert problems("experiment", EXPERIMENT) == []
    content = changed(EXPERIMENT, path, value)
    assert problems("experiment", content) != []
    with pytest.raises(ConfigError):
        parse_experiment(content)


@pytest.mark.parametrize(("path", "value"), WRONG_MODELS, ids=str)
def test_wrong_models_are_refused_by_both(path: str, value: Any) -> None:
    parse_entries({"m": ENTRY}, "models")
    assert problems("models", {"models": {"m": ENTRY, "b": "bert:folder"}}) == []
    content = changed(ENTRY, path, value)
    assert problems("models", {"models": {"m": content}}) != []
    assert problems("experiment", {**EXPERIMENT, "models": {"m": content}}) != []
    with pytest.raises(ConfigError):
        parse_entries({"m": content}, "models")
    assert problems("models", {"models": {"bad name": ENTRY}}) != []


@pytest.mark.parametrize(
    "change",
    [
        {"splits": {"all": [{"path": "x"}]}, "split": {"by": "hash", "salt": "s"}},
        {"splits": {"all": [{"path": "x"}]}, "split": {"by": "fold", "folds": [{"path": "f"}]}},
        {
            "splits": {"train": [{"path": "x"}], "test": [{"path": "y"}]},
            "split": {"dev": 0.1, "from": "train", "by": "hash"},
        },
        {"reader": None, "splits": {n: [{"generate": {"name": "x"}}] for n in CARD["splits"]}},
        {"reader": None, "splits": {n: [{"path": "x", "reader": "y"}] for n in CARD["splits"]}},
    ],
    ids=["hash", "fold", "held-out", "generated", "own-readers"],
)
def test_other_forms_of_cards_are_accepted_by_both(change: dict[str, Any]) -> None:
    content = {**CARD, **change}
    validated(TaskCard, content, "card")
    assert problems("card", content) == []


def test_an_experiment_that_extends_another_may_lack_fields() -> None:
    assert problems("experiment", {"extends": "demo", "seeds": [1]}) == []
    assert problems("experiment", {"extends": "demo", "sedes": [1]}) != []


def test_comments_are_no_content() -> None:
    assert load_card(ROOT / "tasks/ner/wnut17.yaml").id == "ner/wnut17"
    assert load_experiment("demo").name == "demo"


def test_docstrings_of_a_base_class_describe_fields() -> None:
    class Base(StrictModel):
        """A base.

        Attributes:
            size: how large
                it is.
        """

        size: int

    class Child(Base):
        """A child."""

        size: int = 1

    schema = Child.model_json_schema()
    assert schema["description"] == "A child."
    assert schema["properties"]["size"]["description"] == "how large it is."
