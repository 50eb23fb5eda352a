"""The files of published values: what they must contain, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, UnknownNameError
from elmobench.core.validation import validated
from elmobench.tasks.published_values import (
    PublishedValues,
    published_values,
    published_values_of,
)
from elmobench.tasks.registries import HEADS

VALUES: dict[str, Any] = {
    "head": "ner/paper",
    "follows": "A made-up publication.",
    "sources": {"paper": {"title": "The paper"}},
    "baseline": {"source": "paper", "experiment": "paper/table1", "features": "random"},
    "rows": {
        "Layers": [
            {
                "what": "Units",
                "published": 200,
                "source": "paper: table 1",
                "option": "options.hidden",
            },
            {
                "what": "Scheme",
                "published": "BIO",
                "source": "paper",
                "ours": "BIOUL",
                "reason": "why",
            },
        ]
    },
}


def changed(row: int, **fields: Any) -> dict[str, Any]:
    """The values above with other fields in one row; None removes a field."""
    values = copy.deepcopy(VALUES)
    own = values["rows"]["Layers"][row]
    own.update(fields)
    values["rows"]["Layers"][row] = {k: v for k, v in own.items() if v is not None}
    return values


def test_a_row_knows_its_source_and_the_place_in_it() -> None:
    values = validated(PublishedValues, VALUES, "here")
    assert [(row.source_key, row.place) for row in values.all_rows] == [
        ("paper", "table 1"),
        ("paper", ""),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (changed(0, source="book: page 3"), "no source 'book'"),
        (changed(0, published=None), "state a value, or null"),
        (changed(0, ours="200"), "read from the preset"),
        (changed(1, reason=None), "belong together"),
        (changed(1, ours=None), "belong together"),
        (changed(1, baseline_ours="IO"), "belong together"),
        (changed(0, value=3), "unknown field"),
        ({**changed(0, baseline=100), "baseline": None}, "'baseline' does not describe it"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        validated(PublishedValues, values, "here")


def test_files_are_named_after_their_heads() -> None:
    from elmobench.tasks import published_values as module

    files = sorted(module._FOLDER.glob("*/published/*.yaml"))
    assert sorted(path.stem for path in files) == sorted(
        name.replace("/", "-") for name in published_values()
    )
    assert set(published_values()) <= set(HEADS)


def test_a_preset_that_repeats_another_has_its_values() -> None:
    assert published_values_of("pos/paper") is published_values_of("ner/paper")
    with pytest.raises(UnknownNameError, match="'ner/papper' is not a head that follows") as error:
        published_values_of("ner/papper")
    assert "ner/paper" in str(error.value)
