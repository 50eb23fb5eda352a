"""CoNLL-2009: arguments are single tokens, one column per predicate."""

import pytest

from elmobench.core.errors import DataError
from elmobench.data.examples import Proposition
from elmobench.data.readers.base import ReadResult, read_bytes
from elmobench.metrics.base import get_metric
from elmobench.tasks.srl.pipeline import PIPELINE


def row(number: int, form: str, pred: str = "_", *arguments: str) -> str:
    fill = "_" if pred == "_" else "Y"
    return "\t".join([str(number), form, *["_"] * 10, fill, pred, *arguments])


SENTENCE = [
    row(1, "Ms.", "_", "_", "_"),
    row(2, "Haag", "_", "A0", "A0"),
    row(3, "plays", "play.02", "_", "_"),
    row(4, "Elianti", "_", "A1", "_"),
    row(5, "player", "player.01", "_", "A1"),
    row(6, ".", "_", "_", "_"),
]


def read(*lines: str) -> ReadResult:
    return read_bytes("conll-2009", ("\n".join(lines) + "\n").encode(), "f", prefix="x")


def test_one_proposition_per_predicate() -> None:
    result = read(*SENTENCE, "", row(1, "Yes"), "")
    tokens = ("Ms.", "Haag", "plays", "Elianti", "player", ".")
    assert result.examples == [
        Proposition("x-000001#1", tokens, 2, ("O", "B-A0", "B-V", "B-A1", "O", "O"), "play.02"),
        Proposition("x-000001#2", tokens, 4, ("O", "B-A0", "O", "O", "B-V", "O"), "player.01"),
    ]
    assert result.dropped == {
        "arguments that are their own predicate": 1,
        "sentences without a predicate": 1,
    }


def test_the_metric_counts_labelled_heads() -> None:
    gold = [PIPELINE.gold(example) for example in read(*SENTENCE).examples]
    assert PIPELINE.count(read(*SENTENCE).examples).types == {"A0": 2, "A1": 1}
    metric = get_metric("srl-f1")
    assert metric.compute(gold, gold).values[metric.compute(gold, gold).primary] == 100


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([row(1, "a", "b.01")], "0 columns of arguments, but 1 rows with FILLPRED Y"),
        ([row(1, "a", "_", "_")], "1 columns of arguments, but 0 rows"),
        ([row(1, "a", "b.01", "_"), row(2, "c")], "f:2: the row has 14 fields"),
        ([row(1, "")], "f:1: the token is empty"),
        (["1\ta"], "at least 14 expected"),
    ],
)
def test_wrong_rows_are_errors(lines: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read(*lines)
