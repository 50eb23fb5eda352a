import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.data.label_sets import label_notes


def notes(train: str, dev: str = "a", test: str = "a") -> list[str]:
    """Remarks on splits whose labels are the words of each text."""
    return label_notes(
        {
            "train": Counter(train.split(" ")),
            "dev": Counter(dev.split(" ")),
            "test": Counter(test.split(" ")),
        }
    )


def test_splits_with_the_same_labels_need_no_remark():
    assert notes("a b", "a", "b a") == []


def test_every_label_that_train_lacks_is_named_with_its_number():
    assert notes("a b", "c a c", "d") == [
        "dev has 1 label that train lacks, which no head can predict: 'c' (2)",
        "test has 1 label that train lacks, which no head can predict: 'd' (1)",
    ]
    many, _ = notes("a b", "a", " ".join(f"l{i:02d}" for i in range(20)))
    assert "test has 20 labels" in many
    assert "'l07' (1) and 12 more" in many


@pytest.mark.parametrize(
    ("in_train", "drawn", "is_noted"),
    [
        (500, 20, True),  # ten of twenty were to be expected
        (500, 19, False),
        (10, 1000, True),  # one per cent of train
        (9, 100_000, False),
    ],
)
def test_a_frequent_label_that_a_split_lacks(in_train: int, drawn: int, is_noted: bool):
    train = {"a": 1000 - in_train, "b": in_train}
    found = label_notes({"train": train, "dev": train, "test": {"a": drawn}})
    expected = f"test lacks 1 label of those that train has often: 'b' ({in_train} in train)"
    assert found == ([expected] if is_noted else [])


@pytest.mark.parametrize(
    ("labels", "difference"),
    [
        ("Pos pos", "by case"),
        ("caf\u00e9 cafe\u0301", "in the Unicode form of their characters (NFC, NFD)"),
        ("pos pos\u00a0", "by blanks"),
        ("p\u200bos pos", "by blanks"),
        ("pos\t POS", "by case and blanks"),
        ("STRASSE Stra\u00dfe", "by case"),
    ],
)
def test_labels_that_look_alike(labels: str, difference: str):
    (note,) = notes(f"{labels} a", labels, labels)
    assert note.startswith(f"these labels differ only {difference}, and are different classes: ")
    for label in labels.split(" "):
        assert f"{label!a} in train, dev, test" in note


@given(st.lists(st.text(max_size=3), min_size=2, max_size=2, unique=True))
def test_alike_means_equal_after_normalisation(labels: list[str]):
    def form(label: str) -> str:
        text = unicodedata.normalize("NFC", label).casefold()
        return "".join(c for c in text if not c.isspace() and unicodedata.category(c) != "Cf")

    counts = dict.fromkeys(labels, 1)
    found = label_notes({"train": counts, "test": counts})
    assert bool(found) == (form(labels[0]) == form(labels[1]))
