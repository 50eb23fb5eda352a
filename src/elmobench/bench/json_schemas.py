"""JSON Schemas of the files that people write, and of run records: for editors and programs.

They are made from the models that read the files, and have those rules between fields that JSON
Schema can express. What needs data, models or registries (names of readers) only the loader knows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from elmobench.bench.experiment.schema import Experiment
from elmobench.core.sealed import SEAL
from elmobench.core.strict_model import StrictModel
from elmobench.data.cards.card import TaskCard
from elmobench.features.catalog.entries import ModelsFile
from elmobench.tracking.record import RunRecord

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def card_schema() -> Schema:
    """The schema of a task card."""
    schema = _schema(TaskCard, "elmobench task card")
    parts = schema["$defs"]
    for name in ("UrlSource", "HubSource", "PathSource", "ListedSource"):
        parts[name]["properties"]["beside"] = _beside(parts[name]["properties"]["beside"])
    parts["HeldOutSplit"]["anyOf"] = [_given("dev"), _given("test")]
    parts["Published"]["not"] = {"allOf": [_given("like"), _given("not_comparable")]}
    parts["FoldSplit"]["properties"]["folds"]["items"] = {
        "allOf": [parts["FoldSplit"]["properties"]["folds"]["items"], _without("options", "beside")]
    }
    schema["properties"]["labels"]["anyOf"][0]["uniqueItems"] = True
    has_all = {"properties": {"splits": {"required": ["all"]}}, "required": ["splits"]}
    is_divided = {"properties": {"split": {"not": {"required": ["from"]}}}}
    own_reader = {"anyOf": [{"required": ["generate"]}, _given("reader")]}
    schema["allOf"] = [
        {
            "if": has_all,
            "then": {
                "properties": {"splits": {"maxProperties": 1}, "split": {"type": "object"}},
                "required": ["split"],
                **{"allOf": [is_divided]},
            },
            "else": _every_split(),
        },
        {
            "anyOf": [
                _given("reader"),
                {
                    "properties": {
                        "splits": {
                            "additionalProperties": {"type": "array", "items": own_reader},
                        }
                    }
                },
            ]
        },
    ]
    return schema


def _every_split() -> Schema:
    """Train is listed; dev and test are listed, or made from train."""
    listed = {"properties": {"splits": {"required": ["train"]}}}
    return {
        "allOf": [
            listed,
            {"properties": {"split": {"anyOf": [{"type": "null"}, {"required": ["from"]}]}}},
            *(
                {
                    "if": {"properties": {"split": _given(name)}, "required": ["split"]},
                    "then": {"properties": {"splits": {"not": {"required": [name]}}}},
                    "else": {"properties": {"splits": {"required": [name]}}},
                }
                for name in ("dev", "test")
            ),
        ]
    }


def _given(name: str) -> Schema:
    """An object that has a value for ``name`` other than null."""
    return {
        "type": "object",
        "required": [name],
        "properties": {name: {"not": {"type": "null"}}},
    }


def _without(*names: str) -> Schema:
    """An object that has no value, or an empty one, for ``names``."""
    return {"properties": {name: {"maxProperties": 0} for name in names}}


def _beside(schema: Schema) -> Schema:
    """Files beside another one, which have no options, reader or files of their own."""
    plain = {
        "properties": {
            **_without("options", "beside")["properties"],
            **{name: {"type": "null"} for name in ("reader", "drop")},
        }
    }
    for role in schema["patternProperties"].values():
        role["items"] = {"allOf": [role["items"], plain]}
    return schema


def experiment_schema() -> Schema:
    """The schema of an experiment file. One that ``extends`` another may lack any field."""
    schema = _schema(Experiment, "elmobench experiment")
    del schema["properties"]["source"]
    required = schema.pop("required")
    fields = {
        "extends": {
            "type": "string",
            "description": "Experiment whose fields this one changes: a file, or a shipped one.",
        },
        **schema["properties"],
    }
    for name in ("tasks", "features", "heads", "seeds"):
        fields[name]["uniqueItems"] = True
    for axis in schema["$defs"]["Axes"]["properties"].values():
        axis |= {"minItems": 1, "uniqueItems": True}
    fractions = schema["$defs"]["Axes"]["properties"]["train_fraction"]
    fractions["items"] = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    entries = _schema(ModelsFile, "")
    fields["models"] = {**_entries(entries), "description": fields["models"]["description"]}
    schema["$defs"] |= entries["$defs"]
    return {
        **schema,
        "properties": fields,
        "if": {"required": ["extends"]},
        "else": {"required": required},
    }


def models_schema() -> Schema:
    """The schema of a ``models.yaml``."""
    schema = _schema(ModelsFile, "elmobench model catalog")
    text = schema["properties"]["models"]["description"]
    schema["properties"]["models"] = {**_entries(schema), "description": text}
    return schema


def _entries(schema: Schema) -> Schema:
    """Models by name, where an entry may be one line of text; completes ``schema``'s parts."""
    parts = schema["$defs"]
    parts["ModelFile"]["oneOf"] = [_given("path"), _given("url")]
    entry = parts["ModelEntry"]
    entry["not"] = {
        "allOf": [
            _given("folder"),
            {
                "anyOf": [
                    {"required": ["files"], "properties": {"files": {"minProperties": 1}}},
                    {"required": ["options"], "properties": {"options": _given("repo")}},
                ]
            },
        ]
    }
    entry["properties"]["options"] |= {
        "properties": {
            "repo": {"type": ["string", "null"]},
            "revision": {"type": ["string", "null"]},
            "sha256": {"type": ["object", "null"], "additionalProperties": {"type": "string"}},
        }
    }
    text = {"type": "string", "pattern": "^[^:]*:.+$", "description": "PROVIDER:FOLDER"}
    names = {"pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}
    either = {"anyOf": [{"$ref": "#/$defs/ModelEntry"}, text]}
    return {"type": "object", "propertyNames": names, "additionalProperties": either}


def record_schema() -> Schema:
    """The schema of a run record."""
    schema = _schema(RunRecord, "elmobench run record")
    schema["properties"][SEAL] = {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "SHA-256 of the canonical JSON of all other fields; schema 1 has none.",
    }
    return schema


SCHEMAS: Final[dict[str, Callable[[], Schema]]] = {
    "card": card_schema,
    "experiment": experiment_schema,
    "models": models_schema,
    "record": record_schema,
}
"""Name -> schema. The files ``schemas/NAME.json`` have them too."""


def _schema(model: type[StrictModel], title: str) -> Schema:
    schema = {"$schema": DRAFT, **model.model_json_schema(), "title": title}
    _close(schema)
    return schema


def _close(schema: Any) -> None:
    """Allow no other names where pydantic allows any beside those of a pattern."""
    for inner in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inner, dict | list):
            _close(inner)
    if isinstance(schema, dict) and "patternProperties" in schema:
        schema["additionalProperties"] = False
