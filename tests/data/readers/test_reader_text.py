import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import ConfigError, DataError, UnknownNameError
from elmobench.core.validation import validated
from elmobench.data.examples import ClassifiedText
from elmobench.data.readers import READERS, read_bytes
from elmobench.data.readers.base import ReaderOptions
from elmobench.data.readers.tokenizers import TOKENIZERS


def read(reader: str, source: str, /, **options):
    return read_bytes(reader, source.encode(), "file.txt", options, prefix="train")


@pytest.mark.parametrize(
    ("first_row", "expected"),
    [
        ("id,review,verdict", "is one field, 'id,review,verdict': check 'delimiter'"),
        ('[{"review": "' + "good " * 9_000 + '"}]', "this looks like JSON"),
        ("review\t" + "x" * 9_000, "known: review, xxx"),
    ],
)
def test_a_header_without_the_column_is_shown_in_short(first_row, expected):
    with pytest.raises(DataError) as error:
        read("table", first_row + "\n", delimiter="tab", text="text", label="label")
    assert "column 'text' is missing in the header" in str(error.value)
    assert expected in str(error.value)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize(
    ("name", "text", "tokens"),
    [
        ("spaces", " a  b\u00a0c\u0085d ", ["a", "b\u00a0c\u0085d"]),
        ("whitespace", " a  b\u00a0c\td ", ["a", "b", "c", "d"]),
        (
            "words",
            "Don't stop, e.g. 3.5% (now)!",
            [*["Don't", "stop", ",", "e", ".", "g", ".", "3", ".", "5", "%", "(", "now", ")", "!"]],
        ),
        ("words", "l’été — naïve_x", ["l’été", "—", "naïve_x"]),
    ],
)
def test_tokenizers(name, text, tokens):
    assert TOKENIZERS[name](text) == tokens


class TestLines:
    def test_the_label_of_the_file(self):
        result = read("lines", "good film . \n\n  \n bad\x85one\n", label="positive")
        assert result.examples == [
            ClassifiedText("train-000001", ("good", "film", "."), "positive"),
            ClassifiedText("train-000004", ("bad\x85one",), "positive"),
        ]
        assert result.dropped == {"blank lines": 2}

    def test_the_first_or_last_field(self):
        first = read("lines", "pos\ta b\tc\n", label_field="first", tokenizer="whitespace")
        last = read("lines", "a b :: c :: neg\n", label_field="last", separator=" :: ")
        assert (first.examples[0].label, first.examples[0].tokens) == ("pos", ("a", "b", "c"))
        assert (last.examples[0].label, last.examples[0].tokens) == ("neg", ("a", "b", "::", "c"))

    @pytest.mark.parametrize("line", ["no tab here", "\tno label", "pos\t", "pos\t  "])
    def test_bad_lines_are_named(self, line):
        with pytest.raises(DataError, match=r"file\.txt:2"):
            read("lines", f"pos\tfine\n{line}\n", label_field="first")

    @pytest.mark.parametrize("options", [{}, {"label": "a", "label_field": "first"}, {"label": ""}])
    def test_exactly_one_way_to_label(self, options):
        with pytest.raises(ConfigError, match="label"):
            read("lines", "a\n", **options)


class TestTable:
    def test_columns_by_name(self):
        text = "id\tsentence\tlabel\nx1\tA fine film.\t1\nx2\tNo.\t0\n"
        result = read(
            "table", text, text="sentence", label="label", id="id", map={"0": "no", "1": "yes"}
        )
        assert result.examples == [
            ClassifiedText("x1", ("A", "fine", "film", "."), "yes"),
            ClassifiedText("x2", ("No", "."), "no"),
        ]
        assert result.dropped == {"label 1 renamed yes": 1, "label 0 renamed no": 1}

    def test_columns_by_number_without_a_header(self):
        result = read("table", '1\t"a\n\n0\tb"\n', text=1, label=0)
        assert result.examples == [
            ClassifiedText("train-000001", ('"', "a"), "1"),
            ClassifiedText("train-000003", ("b", '"'), "0"),
        ]
        assert result.dropped == {"blank lines": 1}

    def test_a_header_can_be_skipped(self):
        result = read("table", "l,t\n1,a\n", text=1, label=0, header=True, delimiter=",")
        assert [e.label for e in result.examples] == ["1"]

    def test_csv_fields_may_hold_separators_quotes_and_line_ends(self):
        text = 'text,label\n"one, ""two""\nthree",a\nfour,b\n'
        result = read("table", text, text="text", label="label", delimiter=",", quoting="csv")
        assert result.examples == [
            ClassifiedText("train-000002", ("one", ",", '"', "two", '"', "three"), "a"),
            ClassifiedText("train-000004", ("four",), "b"),
        ]

    @pytest.mark.parametrize(
        ("text", "options", "place", "message"),
        [
            ("t\tl\na\tb\nc\n", {}, 3, "has 1 field, but the first row has 2"),
            ("t\tl\na\tb\tc\n", {}, 2, "has 3 fields"),
            ("t\tlabel\na\tb\n", {}, 1, "column 'l' is missing"),
            ("t\tl\tl\na\tb\tc\n", {}, 1, "column 'l' appears twice"),
            ("t\tl\na\t\n", {}, 2, "label is empty"),
            ("t\tl\n \tx\n", {}, 2, "text is empty"),
            ("t\tl\na\tb\n", {"text": 5, "label": 0}, 1, "no column 5"),
            ('t\tl\na\t"b\n', {"quoting": "csv"}, 2, "not a table"),
            ('t\tl\n"a"x\tb\n', {"quoting": "csv"}, 2, "not a table"),
        ],
    )
    def test_bad_rows_are_named(self, text, options, place, message):
        with pytest.raises(DataError) as error:
            read("table", text, **{"text": "t", "label": "l", **options})
        assert f"file.txt:{place}: " in str(error.value)
        assert message in str(error.value)

    @pytest.mark.parametrize(
        "options",
        [
            {"text": "t", "label": 1, "header": False},
            {"text": -1, "label": 0},
            {"text": 0},
            {"text": 0, "label": 1, "delimiter": "||"},
        ],
    )
    def test_wrong_options(self, options):
        with pytest.raises(ConfigError):
            read("table", "a\tb\n", **options)

    cell = st.text(st.characters(codec="utf-8", exclude_characters="\r\0"), max_size=8).filter(
        str.strip
    )

    label = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8).filter(
        lambda text: text and text == text.strip()
    )

    @given(st.lists(st.tuples(cell, label), min_size=1, max_size=5))
    def test_what_the_csv_module_writes_is_read(self, rows):
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerows([("text", "label"), *rows])
        result = read(
            "table",
            stream.getvalue(),
            text="text",
            label="label",
            delimiter=",",
            quoting="csv",
            tokenizer="whitespace",
        )
        assert [(e.tokens, e.label) for e in result.examples] == [
            (tuple(text.split()), label) for text, label in rows
        ]


def test_an_unknown_reader_gets_advice():
    with pytest.raises(UnknownNameError, match="'table'"):
        read_bytes("tables", b"", "f")
    assert set(READERS) >= {"sst", "lines", "table", "conll-columns"}


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_options_of_any_reader_are_finite(value: float):
    class Options(ReaderOptions):
        share: float = 0.5

    assert validated(Options, {"share": 1}, "card").share == 1
    with pytest.raises(ConfigError, match="finite"):
        validated(Options, {"share": value}, "card")
