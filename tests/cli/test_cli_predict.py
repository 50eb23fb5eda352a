"""What ``predict`` reads and prints; the head is made up: it counts the tokens."""

import json
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import typer
from typer.testing import CliRunner

from elmobench.bench import predict as bench
from elmobench.cli.predict import predict
from elmobench.core.errors import DataError
from elmobench.tasks.sentiment.pipeline import PIPELINE

RUNNER = CliRunner()
APP = typer.Typer()
APP.command()(predict)


class Counter:
    """Stands in for :class:`elmobench.bench.predict.Predictor`."""

    pipeline = PIPELINE

    def __init__(self, *_: object) -> None:
        pass

    def predict(
        self, texts: list[str], *, tokenized: bool
    ) -> Iterator[tuple[tuple[str, ...], str]]:
        for text in texts:
            tokens = PIPELINE.from_text(text, tokenized=tokenized).tokens
            assert tokens
            yield tokens, str(len(tokens))

    def probabilities(self, texts: list[str], *, tokenized: bool) -> Iterator[dict[str, float]]:
        yield from ({"a": 0.25, "b": 0.75} for _ in texts)


@pytest.fixture(autouse=True)
def _made_up_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "Predictor", Counter)
    monkeypatch.setattr(bench, "find_record", lambda *_: (SimpleNamespace(), "cell"))


def printed(*arguments: str, read: bytes = b"") -> list[str]:
    result = RUNNER.invoke(APP, ["cell", *arguments], input=read, catch_exceptions=False)
    return result.stdout.split("\n")[:-1]


@pytest.mark.parametrize("arguments", [(), ("-",)])
def test_one_line_is_printed_for_each_line_of_standard_input(arguments: tuple[str, ...]):
    assert printed(*arguments, read=b"fine\n\nvery good\r\n \t\n") == [
        "1\tfine",
        "",
        "2\tvery good",
        "",
    ]
    assert printed(*arguments, read=b"") == []


def test_blank_lines_as_json():
    (line,) = printed("--json", read=b"fine\n\xc2\xa0\nbad\n")
    rows = json.loads(line)["predictions"]
    assert [(row["tokens"], row["prediction"]) for row in rows] == [
        (["fine"], "1"),
        ([], None),
        (["bad"], "1"),
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_word():
    assert printed(read=b"\xef\xbb\xbffine film\n") == ["2\tfine film"]


def test_tokenised_text_is_split_at_blanks_and_tabs_only():
    text = "10\u00a0000 km\tfar\u2028off"
    assert printed("--tokenized", read=f"{text}\n".encode()) == ["3\t10\u00a0000 km far\u2028off"]
    assert printed("--tokenized", text) == ["3\t10\u00a0000 km far\u2028off"]


def test_a_line_that_is_not_utf8_is_an_error_with_its_number():
    for data, number in ((b"a fine film\ncaf\xe9 scene\n", 2), (b"fine\n\nna\xefve\n", 3)):
        with pytest.raises(DataError, match=f"standard input:{number}: is not UTF-8"):
            printed(read=data)


def test_an_argument_that_is_not_utf8_is_an_error():
    # This is what Python makes of the byte 0xff in an argument.
    with pytest.raises(DataError, match=r"the argument .* is not UTF-8"):
        printed("fine", "a\udcff")


def test_ids_are_printed_in_front_of_predictions():
    text = b"a1\tfine\n\nb\tvery good\nc\t \n"
    assert printed("--ids", read=text) == ["a1\t1\tfine", "", "b\t2\tvery good", "c"]
    (line,) = printed("--ids", "--json", read=text)
    rows = json.loads(line)["predictions"]
    assert [row["id"] for row in rows] == ["a1", "", "b", "c"]
    with pytest.raises(DataError, match="text 2: there is no id"):
        printed("--ids", read=b"a\tfine\nbad\n")


def test_probabilities_are_printed_the_highest_first():
    lines = printed("--probabilities", read=b"fine\n\nvery good\n")
    assert lines == ["1\tb 0.7500, a 0.2500\tfine", "", "2\tb 0.7500, a 0.2500\tvery good"]
    (line,) = printed("--probabilities", "--json", read=b"fine\n\n")
    rows = json.loads(line)["predictions"]
    assert [row["probabilities"] for row in rows] == [{"a": 0.25, "b": 0.75}, None]
