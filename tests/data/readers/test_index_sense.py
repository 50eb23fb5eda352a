"""WordNet's index.sense as sense inventory: the order of the senses, and lines of another form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.inventory_formats import InventoryCache, read_inventory
from elmobench.metrics.base import get_metric
from elmobench.tasks.wsd.pipeline import PIPELINE

EXTRACT = Path(__file__).parent / "wordnet30" / "index.sense"

# The file is sorted by key, so the first sense is rarely the first line. Satellites (type 5) are
# numbered together with the other adjectives (type 3).
LINES = """\
bank%1:04:00:: 00169305 10 0
bank%1:14:00:: 08420278 2 20
bank%1:17:01:: 09213565 1 25
bank%2:31:01:: 00687738 8 0
bank%2:40:00:: 02343374 2 5
little%3:00:01:: 01391351 1 87
little%3:00:03:: 01554510 2 45
little%5:00:00:small:00 01415807 8 1
little%5:00:00:young:00 01646941 3 24
take_place%2:30:00:: 00339934 1 23
"""

XML = """\
<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en">
<text id="d0">
<sentence id="d0.s0">
<instance id="d0.s0.t0" lemma="Little" pos="ADJ">Little</instance>
<instance id="d0.s0.t1" lemma="bank" pos="NOUN">banks</instance>
<instance id="d0.s0.t2" lemma="take place" pos="VERB">took place</instance>
<instance id="d0.s0.t3" lemma="bank" pos="ADV">bank</instance>
</sentence>
</text>
</corpus>
"""
KEYS = """\
d0.s0.t0 little%5:00:00:young:00 little%3:00:01::
d0.s0.t1 bank%1:14:00::
d0.s0.t2 take_place%2:30:00::
d0.s0.t3 bank%4:02:00::
"""


def source(text: str, name: str = "index.sense") -> SourceText:
    return SourceText(text.encode(), name)


def raganato(inventory: SourceText, **options: Any) -> Any:
    beside = {"inventory": (inventory,), "keys": (source(KEYS, "keys"),)}
    reader = READERS.get("wsd")
    chosen = reader.options({"format": "raganato", **options}, "card")
    return reader.read(SourceText(XML.encode(), "x.xml", beside=beside), chosen)


def test_senses_are_in_the_order_of_their_numbers() -> None:
    inventory = read_inventory([source(LINES)], "index-sense")
    assert inventory.candidates("bank", "n") == (
        "bank%1:17:01::",
        "bank%1:14:00::",
        "bank%1:04:00::",
    )
    assert inventory.candidates("bank", "v") == ("bank%2:40:00::", "bank%2:31:01::")
    assert inventory.candidates("little", "a") == (
        "little%3:00:01::",
        "little%3:00:03::",
        "little%5:00:00:young:00",
        "little%5:00:00:small:00",
    )
    assert inventory.candidates("take_place", "v") == ("take_place%2:30:00::",)
    assert inventory.candidates("bank", "r") == ()
    assert inventory.keys == 10


def test_the_order_of_the_lines_and_their_ends_do_not_matter() -> None:
    mixed = "\r\n".join(reversed(LINES.splitlines()))
    one, other = (read_inventory([source(text)], "index-sense") for text in (LINES, mixed))
    for name in (("bank", "n"), ("bank", "v"), ("little", "a")):
        assert one.candidates(*name) == other.candidates(*name)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("bank%1:06:00:: 02787772 3", "expected a sense key"),
        ("bank%1:06:00:: 02787772 3 1 0", "expected a sense key"),
        ("bank%1:06:00::  02787772 3 1", "expected a sense key"),
        ("bank%1:06:00:: 2787772 3 1", "synset offset of eight digits"),
        ("bank%1:06:00:: 02787772 0 1", "sense number from 1"),
        ("bank%1:06:00:: 02787772 3 -1", "a tag count"),
        ("bank%1:06:00:: 02787772 3 x", "a tag count"),
        ("", "expected a sense key"),
        ("bank 02787772 3 1", "'bank' is not a sense key"),
        ("bank%6:06:00:: 02787772 3 1", "is not a sense key"),
        ("Bank%1:06:00:: 02787772 3 1", "is not a sense key"),
        ("big%5:00:00:: 02787772 3 1", "is not a sense key"),
        ("big%3:00:00:large:00 02787772 3 1", "is not a sense key"),
        ("bank%1:14:00:: 08420278 3 20", "appears twice, first in index.sense:2"),
        ("bank%1:06:00:: 02787772 1 20", "are both sense 1 of 'bank' (n)"),
        ("little%5:00:00:minor:00 01280908 1 0", "are both sense 1 of 'little' (a)"),
    ],
)
def test_bad_lines_name_file_and_line(line: str, message: str) -> None:
    with pytest.raises(DataError) as error:
        read_inventory([source(f"{LINES}{line}\n")], "index-sense")
    assert "index.sense:11: " in str(error.value)
    assert message in str(error.value)


def test_two_senses_with_one_number_name_both_lines() -> None:
    with pytest.raises(DataError, match=r"the other one is in index\.sense:3"):
        read_inventory([source(LINES + "bank%1:06:00:: 02787772 1 20\n")], "index-sense")


def test_an_empty_file_is_an_error() -> None:
    with pytest.raises(DataError, match=r"index\.sense: no senses"):
        read_inventory([source("")], "index-sense")


def test_each_format_is_named_where_the_other_was_expected() -> None:
    entries = source("bank:\n  n:\n    sense:\n    - id: 'bank%1:15:00::'\n", "entries-b.yaml")
    with pytest.raises(DataError, match=r"entries-b\.yaml:1.*\n?.*index\.sense"):
        raganato(entries, inventory_format="index-sense")
    with pytest.raises(DataError, match=r"index\.sense:1(.|\n)*inventory_format: index-sense"):
        raganato(source(LINES))
    with pytest.raises(ConfigError, match="inventory_format"):
        raganato(entries, inventory_format="wordnet")


def test_the_reader_gives_instances_these_candidates() -> None:
    (example,) = raganato(source(LINES), inventory_format="index-sense").examples
    assert [instance.candidates[:1] for instance in example.instances] == [
        ("little%3:00:01::",),
        ("bank%1:17:01::",),
        ("take_place%2:30:00::",),
        (),
    ]
    answers = [{"id": i.id, "senses": list(i.candidates[:1])} for i in example.instances]
    values = get_metric("wsd-f1").compute([PIPELINE.gold(example)], [answers]).values
    # As the official scorer counts: any gold sense is right, and recall is of all four instances.
    assert (values["correct"], values["answered"], values["support"]) == (2.0, 3.0, 4.0)
    assert values["recall"] == pytest.approx(50)
    assert values["precision"] == pytest.approx(100 * 2 / 3)


def test_the_cache_keeps_formats_apart() -> None:
    cache, text = InventoryCache(), source(LINES)
    first = cache.get([text], "index-sense")
    assert cache.get([text], "index-sense") is first
    assert cache.get([source(LINES)], "index-sense") is first
    with pytest.raises(DataError):
        cache.get([text], "oewn")
    assert cache.get([text], "index-sense").candidates("bank", "v")[0] == "bank%2:40:00::"


@pytest.mark.shared
def test_first_senses_are_those_of_the_official_baseline(shared: Path) -> None:
    """SemEval-2007 with an extract of WordNet 3.0: the published first sense scores 55.2."""
    (data,) = (shared / "mirror").rglob("semeval2007/semeval2007.data.xml")
    keys = SourceText(data.with_name("semeval2007.gold.key.txt").read_bytes(), "keys")
    beside = {"keys": (keys,), "inventory": (SourceText(EXTRACT.read_bytes(), "index.sense"),)}
    reader = READERS.get("wsd")
    options = {"format": "raganato", "dataset": "semeval2007", "inventory_format": "index-sense"}
    text = SourceText(data.read_bytes(), data.name, beside=beside)
    examples = reader.read(text, reader.options(options, "card")).examples
    answers = [
        [{"id": i.id, "senses": list(i.candidates[:1])} for i in e.instances] for e in examples
    ]
    official = (shared / "fixtures" / "scorers" / "wsd_ALL_first_sense.key.txt").read_text()
    rows = [line.split() for line in official.splitlines() if line.startswith("semeval2007.")]
    assert [[row["id"], *row["senses"]] for answer in answers for row in answer] == rows
    scores = get_metric("wsd-f1").compute([PIPELINE.gold(e) for e in examples], answers)
    assert len(rows) == 455
    assert round(scores.values["recall"], 1) == 55.2
