import json

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.cards.catalog import load_card
from elmobench.data.examples import SentencePair
from elmobench.data.readers import READERS, SourceText, read_bytes
from elmobench.tasks.nli.pipeline import PIPELINE
from elmobench.tasks.task import Task

TABLE = {"premise": "s1", "hypothesis": "s2", "label": "gold", "tokenizer": "treebank"}


def table(text: str, **options):
    return read_bytes("pair-table", text.encode(), "train.tsv", {**TABLE, **options}, prefix="tr")


def lines(premises: str, options=None, **beside: str):
    files = {
        role: (SourceText(text.encode(), f"s.{role}", "dev"),) for role, text in beside.items()
    }
    reader = READERS.get("pair-lines")
    text = SourceText(premises.encode(), "s1.dev", "dev", beside=files)
    return reader.read(text, reader.options(options or {"tokenizer": "spaces"}, "card"))


def jsonl(*rows, **options):
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)
    return read_bytes("pair-jsonl", text.encode(), "snli.jsonl", options, prefix="tr")


def row(premise="A dog.", hypothesis="It can't run.", label="neutral", name="1.jpg#2"):
    return {
        "sentence1": premise,
        "sentence2": hypothesis,
        "gold_label": label,
        "pairID": name,
        "sentence1_parse": "(ROOT)",
    }


class TestTable:
    def test_raw_text_becomes_treebank_tokens(self):
        text = 's1\ts2\tgold\nA man can\'t go.\tHe said "no".\tentailment\n'
        assert table(text).examples == [
            SentencePair(
                "tr-000002",
                ("A", "man", "ca", "n't", "go", "."),
                ("He", "said", "``", "no", "''", "."),
                "entailment",
            )
        ]

    def test_quoted_fields_and_stripped_blanks_are_counted(self):
        text = 's1\ts2\tgold\n"a ""b"" c"\t d \tneutral \ne\tf\tneutral\n'
        result = table(text, quoting="csv", strip=True, tokenizer="words")
        assert [e.premise for e in result.examples] == [("a", '"', "b", '"', "c"), ("e",)]
        assert {e.label for e in result.examples} == {"neutral"}
        assert result.dropped["rows with blanks around a field, cut"] == 1

    def test_columns_by_number_ids_and_renamed_labels(self):
        result = table(
            "7,a b,c,E\n\n8,d,e,-\n",
            **{"premise": 1, "hypothesis": 2, "label": 3, "id": 0, "delimiter": "comma"},
            map={"E": "entailment"},
            no_label="-",
            tokenizer="spaces",
        )
        assert result.examples == [SentencePair("7", ("a", "b"), ("c",), "entailment")]
        assert result.dropped == {
            "label E renamed entailment": 1,
            "blank lines": 1,
            "pairs with the label -": 1,
        }

    @pytest.mark.parametrize(
        ("text", "options", "line", "message"),
        [
            ("s1\ts2\tgold\na\tb\n", {}, 2, "has 2 fields, but the first row has 3"),
            ("s1\ts2\tgold\n\tb\tx\n", {}, 2, "the premise is empty"),
            ("s1\ts2\tgold\na\t \tx\n", {}, 2, "the hypothesis is empty"),
            ("s1\ts2\tgold\na\tb\t \n", {}, 2, "the label is empty"),
            ("s1\ts2\tlabel\n", {}, 1, "column 'gold' is missing"),
            ("s1\ts1\tgold\n", {}, 1, "column 's1' appears twice"),
            ('s1\ts2\tgold\na\tb\tx\n"a\tb\tx\n', {"quoting": "csv"}, 3, "not a table"),
        ],
    )
    def test_bad_rows_name_file_and_line(self, text, options, line, message):
        with pytest.raises(DataError) as error:
            table(text, **options)
        assert f"train.tsv:{line}: " in str(error.value)
        assert message in str(error.value)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"header": False}, "need a header"),
            ({"label": -1}, "counted from 0"),
            ({"tokenizer": "nltk"}, "tokenizer"),
            ({"labels": 1}, "unknown field"),
        ],
    )
    def test_wrong_options(self, options, message):
        with pytest.raises(ConfigError, match=message):
            table("s1\ts2\tgold\n", **options)


class TestLines:
    def test_line_by_line(self):
        result = lines("a b \nc\n", hypothesis="d\ne f\n", label="neutral\nentailment\n")
        assert result.examples == [
            SentencePair("dev-000001", ("a", "b"), ("d",), "neutral"),
            SentencePair("dev-000002", ("c",), ("e", "f"), "entailment"),
        ]

    def test_files_of_different_length(self):
        with pytest.raises(DataError, match=r"s\.label: has 1 lines, but s1\.dev has 2"):
            lines("a\nb\n", hypothesis="c\nd\n", label="x\n")

    def test_an_empty_line_is_named(self):
        with pytest.raises(DataError, match=r"s1\.dev:2: the hypothesis is empty"):
            lines("a\nb\n", hypothesis="c\n\n", label="x\ny\n")

    def test_companion_files_are_required(self):
        with pytest.raises(ConfigError, match="needs a companion file 'label'"):
            lines("a\n", hypothesis="c\n")


class TestJson:
    def test_official_fields(self):
        result = jsonl(row(), "", row(label="-", name="3"))
        assert result.examples == [
            SentencePair("1.jpg#2", ("A", "dog", "."), ("It", "ca", "n't", "run", "."), "neutral")
        ]
        assert result.dropped == {"blank lines": 1, "pairs with the label -": 1}

    def test_other_fields(self):
        result = jsonl(
            {"p": "a b", "h": "c", "y": "-"},
            **{"premise": "p", "hypothesis": "h", "label": "y", "id": None, "no_label": None},
        )
        assert result.examples == [SentencePair("tr-000001", ("a", "b"), ("c",), "-")]

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ("{", "is not JSON"),
            ("[" * 100_000, "is not JSON"),
            ("[1]", "holds a list, expected an object"),
            ('{"sentence1": ' + "9" * 5000 + "}", "is not JSON"),
            ('{"sentence1": NaN}', "NaN is not a finite number"),
            (
                '{"sentence1": "a", "gold_label": "x", "gold_label": "y"}',
                "'gold_label' appears twice",
            ),
            ({**row(), "sentence1": 10**400}, "the field 'sentence1' holds '1000"),
            (row(label="\ud800"), "the field 'gold_label' has half of a character, U+D800"),
            (row(premise="A dog \udc00."), "the field 'sentence1' has half of a character"),
            (row(label="neutral "), "the label 'neutral ' has blanks around it"),
            (row(label="neu\ntral"), "has the control character U+000A"),
            ({**row(), "gold_label": None}, "the field 'gold_label' holds 'None'"),
            ({"sentence1": "a"}, "the field 'sentence2' is missing"),
            (row(premise=" "), "the premise is empty"),
        ],
    )
    def test_bad_lines_name_file_and_line(self, bad, message):
        with pytest.raises(DataError) as error:
            jsonl(row(), bad)
        assert "snli.jsonl:2: " in str(error.value)
        assert message in str(error.value)


def test_counts_and_labels():
    examples = table("s1\ts2\tgold\na b\tc\tx\nd\te\ty\nf\tg\tx\n").examples
    found = PIPELINE.count(examples)
    assert (found.examples, found.tokens, found.labels) == (3, 7, {"x": 2, "y": 1})
    assert [list(PIPELINE.labels_of(example)) for example in examples] == [["x"], ["y"], ["x"]]


CARD = """\
name: mixed
pipeline: nli
version: 1
title: t
description: d
language: en
reader: {name: pair-table, options: {premise: 0, hypothesis: 1, label: 2, tokenizer: words}}
splits:
  train: [{path: t.tsv}]
  dev: [{path: s1, DEV, beside: {hypothesis: [{path: s2}], label: [{path: y}]}}]
  test: [{path: t.tsv, options: {tokenizer: spaces}}]
metric: accuracy
licence: none
redistributable: no
citation: none
"""


class TestAReaderOfItsOwn:
    """A source in another format than the card's other files."""

    @pytest.fixture
    def card(self, tmp_path):
        for name, text in {"t.tsv": "a.\tb\tx\n", "s1": "c.\n", "s2": "d\n", "y": "x\n"}.items():
            (tmp_path / name).write_text(text)

        def make(dev: str):
            (tmp_path / "mixed.yaml").write_text(CARD.replace("DEV", dev))
            return load_card(tmp_path / "mixed.yaml")

        return make

    def test_it_replaces_the_card_s_reader(self, card):
        task = Task(card("reader: pair-lines, options: {tokenizer: spaces}"))
        assert task.split("train")[0].premise == ("a", ".")
        assert task.split("dev") == [SentencePair("dev-000001", ("c.",), ("d",), "x")]
        assert task.split("test")[0].premise == ("a.",)

    def test_the_card_s_options_are_not_its(self, card):
        with pytest.raises(ConfigError, match="'tokenizer' is missing"):
            Task(card("reader: pair-lines")).split("dev")

    def test_it_is_part_of_the_data_s_identity(self, card):
        one = Task(card("reader: pair-lines, options: {tokenizer: spaces}")).data_digest
        other = Task(card("reader: pair-lines, options: {tokenizer: words}")).data_digest
        assert one != other

    def test_companion_files_have_none(self, card, tmp_path):
        text = CARD.replace("DEV", "reader: pair-lines").replace(
            "label: [{path: y}]", "label: [{path: y, reader: lines}]"
        )
        (tmp_path / "mixed.yaml").write_text(text)
        with pytest.raises(ConfigError, match="a file beside another has no 'reader'"):
            load_card(tmp_path / "mixed.yaml")


def test_a_field_name_elsewhere_in_a_line_is_no_second_field():
    line = {**row(premise='He said "gold_label".'), "nested": {"gold_label": "x", "pairID": 1}}
    (example,) = jsonl(line).examples
    assert example.label == "neutral"
