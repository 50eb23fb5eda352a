"""All problems of a file are in one error; kinds that a card states are left out and counted."""

import json
import warnings
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values

from elmobench.core.errors import ConfigError, DataError, ElmobenchWarning
from elmobench.data.cards.catalog import load_card
from elmobench.data.problems import KINDS, SHOWN
from elmobench.data.readers.base import READERS, ReadResult, SourceText
from elmobench.tasks.task import Task

TABLE = {"header": False, "label": 0, "text": 1}
SPACES = {"separator": "whitespace", "scheme": "bio"}


def read(reader: str, text: str | bytes, options: dict[str, Any], *drop: str) -> ReadResult:
    data = text if isinstance(text, bytes) else text.encode()
    registered = READERS.get(reader)
    return registered.read_all(SourceText(data, "f"), registered.options(options, "c"), drop)


def test_every_problem_is_shown_with_its_line_and_the_total() -> None:
    rows = ["pos\tgood", "\tbad", "neg\t", "neg", "pos\tfine", "\tdull", "neg \tslow"]
    with pytest.raises(DataError) as caught:
        read("table", "\n".join(rows), TABLE)
    assert str(caught.value).splitlines() == [
        "f: has 5 problems (2 empty-label, 1 empty-text, 1 field-count)",
        "    lines 2, 6: the label is empty",
        "    line 3: the text is empty",
        "    line 4: has 1 field, but the first row has 2",
        "    line 7: the label 'neg ' has blanks around it",
        "  -> complete the row, or remove it",
        "  -> check 'delimiter' and 'quoting'",
        "  -> remove them from the data, or set the reader's option strip: true",
        "  -> or leave such examples out, counted: 'drop: [empty-label, empty-text, field-count]'"
        " at this source in the card",
    ]


def test_one_problem_reads_as_before_and_names_what_can_be_dropped() -> None:
    with pytest.raises(DataError) as caught:
        read("table", "pos\tgood\n\tbad\n", TABLE)
    first, *advice = str(caught.value).splitlines()
    assert first == "f:2: the label is empty"
    assert "drop: [empty-label]" in advice[-1]


def test_a_message_lists_so_many_places_and_states_how_many_there_are() -> None:
    with pytest.raises(DataError) as caught:
        read("table", "pos\tgood\n" + "\tbad\n" * 1000, TABLE)
    lines = str(caught.value).splitlines()
    assert lines[0] == "f: has 1,000 problems (1,000 empty-label); the first 20:"
    assert lines[1] == f"    lines {', '.join(map(str, range(2, 2 + SHOWN)))}: the label is empty"


def test_places_inside_of_a_line_name_the_line() -> None:
    lines = [
        json.dumps({"text": "Oslo", "spans": [[0, 4, "LOC"], [5, end, "X"]]}) for end in (9, 8)
    ]
    with pytest.raises(DataError) as caught:
        read("jsonl", "\n".join(lines), {"text": "text", "spans": "spans"})
    _, first, second, *_ = str(caught.value).splitlines()
    assert first.startswith("    line 1, span 2: the span of characters 5 to 9 ")
    assert second.startswith("    line 2, span 2: the span of characters 5 to 8 ")


GOOD = "Oslo B-LOC\n"
COLUMNS = {
    "empty-token": "\u00a0 O\n",
    "field-count": "a O\nb O x\n",
    "illegal-tags": "a I-LOC\n",
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_sentence_is_left_out_as_a_whole(kind: str) -> None:
    text = f"{GOOD}\n{COLUMNS[kind]}x O\n\n{GOOD}"
    with pytest.raises(DataError):
        read("conll-columns", text, SPACES)
    result = read("conll-columns", text, SPACES, kind)
    assert [example.tokens for example in result.examples] == [("Oslo",), ("Oslo",)]
    assert result.lost == {kind: 1}
    assert result.dropped[kind] == 1


def test_a_sentence_with_two_problems_of_a_kind_is_one_loss() -> None:
    result = read(
        "conll-columns",
        "a\t\nb\t\n\nc\tO\n",
        {"separator": "tab", "scheme": "bio"},
        "empty-label",
    )
    assert [example.tokens for example in result.examples] == [("c",)]
    assert result.lost == {"empty-label": 1}


def test_other_kinds_than_those_stated_stay_errors() -> None:
    with pytest.raises(DataError, match=r"^f:2: the text is empty"):
        read("table", "\tbad\nneg\t\npos\tgood\n", TABLE, "empty-label")


def test_bytes_that_are_not_utf_8_are_found_with_the_rest() -> None:
    with pytest.raises(DataError) as caught:
        read("table", "pos\tgood\nneg\tcaf\xe9\n\tbad\n".encode("latin-1"), TABLE)
    text = str(caught.value)
    assert "line 2: is not UTF-8: byte 0xe9" in text
    assert "line 3: the label is empty" in text
    assert "encoding: latin-1" in text


def squad(*answers: tuple[str, int]) -> str:
    context = "Oslo is a city ."
    qas = [
        {"id": f"q{i}", "question": "What ?", "answers": [{"text": text, "answer_start": start}]}
        for i, (text, start) in enumerate(answers)
    ]
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]})


ANSWERS = squad(("Oslo", 0), ("city", 0), ("city. ", 10), ("Oslo\n", 0), (" city ", 9))


def test_answers_are_told_apart_by_kind() -> None:
    with pytest.raises(DataError) as caught:
        read("squad", ANSWERS, {})
    text = str(caught.value)
    assert "has 3 problems (2 answer-not-found, 1 blank-at-end-of-answer)" in text
    assert "data[0].paragraphs[0].qas[1].answers[0] (id q1): 'city' is not at character 0" in text
    result = read("squad", ANSWERS, {}, "answer-not-found", "blank-at-end-of-answer")
    assert [example.id for example in result.examples] == ["q0", "q4"]
    assert sum(result.lost.values()) == 3
    assert (result.dropped["answer-not-found"], result.dropped["blank-at-end-of-answer"]) == (2, 1)


@pytest.mark.parametrize("name", list(READERS))
def test_readers_state_known_kinds_and_refuse_others(name: str) -> None:
    registered = READERS.get(name)
    assert set(registered.droppable) <= set(KINDS)
    unknown = next(iter(sorted(set(KINDS) - set(registered.droppable))), "nonsense")
    with pytest.raises(ConfigError, match=f"no problems of the kind '{unknown}'"):
        registered.read_all(SourceText(b"", "f"), None, [unknown])


def test_every_kind_is_one_of_some_reader() -> None:
    assert {kind for name in READERS for kind in READERS.get(name).droppable} == set(KINDS)


def task(folder: Path, rows: list[str], **source: Any) -> Task:
    (folder / "train.tsv").write_bytes("\n".join(rows).encode(source.get("encoding", "utf-8")))
    for split in ("dev", "test"):
        (folder / f"{split}.tsv").write_text("neg\tbad\npos\tgood\n")
    splits = {split: [{"path": f"{split}.tsv"}] for split in ("train", "dev", "test")}
    splits["train"][0].update(source)
    values = card_values(splits=splits, reader={"name": "table", "options": TABLE})
    (folder / "tiny.yaml").write_text(yaml.safe_dump(values))
    return Task(load_card(folder / "tiny.yaml"))


ROWS = ["pos\tfine", "neg\tdull"] * 60


def test_a_loss_of_more_than_one_per_cent_is_loud(tmp_path: Path) -> None:
    loaded = task(tmp_path, [*ROWS, "\tx", "\ty"], drop=["empty-label"])
    with pytest.warns(ElmobenchWarning, match=r"train lacks 2 of its 122 examples \(1\.6 %\)"):
        loaded.examples()
    assert loaded.dropped["train"] == {"empty-label": 2}
    assert list(loaded.loss_notes) == ["train"]
    quiet = task(tmp_path, [*ROWS, "\tx"], drop=["empty-label"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        quiet.examples()
    assert quiet.dropped["train"] == {"empty-label": 1}


def test_what_is_dropped_and_the_encoding_are_part_of_the_data(tmp_path: Path) -> None:
    plain = task(tmp_path, ROWS).data_digest
    assert task(tmp_path, ROWS, drop=["empty-label"]).data_digest != plain
    assert task(tmp_path, ROWS, encoding="ascii").data_digest != plain


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "shift_jis"])
def test_other_encodings_are_read(tmp_path: Path, encoding: str) -> None:
    word = {"shift_jis": "\u6771\u4eac"}.get(encoding, "caf\u00e9")
    loaded = task(tmp_path, [f"pos\tin {word}", "neg\tbad"], encoding=encoding)
    assert loaded.split("train")[0].tokens == ("in", word)


def test_a_wrong_encoding_names_the_line(tmp_path: Path) -> None:
    loaded = task(tmp_path, ["pos\tgood", "neg\tbad"], encoding="utf-8")
    (tmp_path / "train.tsv").write_bytes(b"pos\tgood\nneg\tcaf\xe9\n")
    with pytest.raises(DataError, match=r"train\.tsv:2: is not utf-8"):
        loaded.split("train")


@pytest.mark.parametrize(
    "source", [{"encoding": "klingon"}, {"encoding": "zlib"}, {"drop": ["nonsense"]}, {"drop": []}]
)
def test_unknown_encodings_and_kinds_are_errors_of_the_card(
    tmp_path: Path, source: dict[str, Any]
) -> None:
    splits = {split: [{"path": "x", **source}] for split in ("train", "dev", "test")}
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(card_values(splits=splits)))
    with pytest.raises(ConfigError, match=next(iter(source))):
        load_card(tmp_path / "tiny.yaml")
