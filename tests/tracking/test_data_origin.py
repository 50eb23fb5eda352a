"""The corpus and the published data set of a record, new or of an earlier version."""

from __future__ import annotations

import json
from pathlib import Path

import made_up

from elmobench.tracking.data_origin import corpus_of, same_as_of
from elmobench.tracking.record import RunRecord
from elmobench.tracking.record_store import RecordStore


def old(task: str) -> RunRecord:
    return made_up.record("deep", 1, made_up.predictions(3), task=task)


def test_records_without_the_fields_have_those_of_the_shipped_card() -> None:
    assert corpus_of(old("sentiment/sst5")) == corpus_of(old("sentiment/mr")) == "rotten-tomatoes"
    assert same_as_of(old("sentiment/sst5")) == "sst5"
    assert same_as_of(old("sentiment/mr")) is None
    # Nothing ships with this id.
    assert corpus_of(old("sentiment/mine")) == "sentiment/mine"
    assert same_as_of(old("sentiment/mine")) is None


def test_what_a_record_says_goes_first() -> None:
    new = old("sentiment/sst5").model_copy(update={"corpus": "films", "same_as": None})
    assert corpus_of(new) == "films"
    assert same_as_of(new) is None
    mine = old("ner/mine").model_copy(update={"corpus": "conll2003", "same_as": "conll2003-ner"})
    assert (corpus_of(mine), same_as_of(mine)) == ("conll2003", "conll2003-ner")


def test_the_present_plan_s_card_goes_before_the_record_s(tmp_path: Path) -> None:
    record = old("ner/mine").model_copy(update={"corpus": "ner/mine"})
    store = RecordStore(tmp_path)
    store.write(record)
    names = ("cell", "task", "features", "head", "seed", "axes")
    point = {name: getattr(record, name) for name in names}
    store.write_plan({"name": "x", "caveats": []}, [point])
    (planned,) = store.planned()
    assert (corpus_of(planned), same_as_of(planned)) == ("ner/mine", None)
    origin = {"corpus": "conll2003", "same_as": "conll2003-ner"}
    store.write_plan({"name": "x", "caveats": []}, [{**point, **origin}])
    (planned,) = store.planned()
    assert (corpus_of(planned), same_as_of(planned)) == ("conll2003", "conll2003-ner")
    # The record on disk is as it was.
    assert json.loads(store.record_path(record.cell).read_text("utf-8"))["same_as"] is None
