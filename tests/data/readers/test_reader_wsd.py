"""SemCor, the unified WSD evaluation and the Open English WordNet: good files and bad ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.core.yaml_files import parse_yaml
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.readers.inventory_formats import InventoryCache, read_inventory
from elmobench.tasks.wsd.pipeline import PIPELINE

ENTRIES = """\
'''hood':
  n:
    sense:
    - id: '''hood%1:14:01::'
      synset: 08244614-n
Bank:
  n:
    sense:
    - id: 'bank%1:15:00::'
      synset: 1-n
bank:
  n-2:
    pronunciation:
    - value: id
    sense:
    - derivation:
      - 'bank%2:35:00::'
      id: 'bank%1:17:01::'
      synset: 2-n
  n-1:
    sense:
    - id: 'bank%1:14:00::'
      synset: 3-n
    - id: bank%1:04:00::
      subcat:
        - id: nothing
  v:
    form:
    - banked
    sense:
    - id: 'bank%2:40:00::'
take place:
  v:
    sense:
    - id: 'take_place%2:30:00::'
"""

SEMCOR = """\
<contextfile concordance=brown>
<context filename=br-a01 paras=yes>
<p pnum=1>
<s snum=1>
<wf cmd=ignore pos=DT>The</wf>
<wf cmd=done pos=NN lemma=bank wnsn=1 lexsn=1:14:00::>Bank</wf>
<wf cmd=done pos=VB lemma=take_place wnsn=2;1 lexsn=2:30:00::;2:30:01::>took_place</wf>
<wf cmd=done pos=JJ lemma=such wnsn=0 lexsn=5:00:01:specified:00>such</wf>
<wf cmd=done pos=NN lemma=far wnsn=0;1 lexsn=5:00:00:x:00;3:00:00::>far</wf>
<punc>``</punc>
</s>
<s snum=2>
<wf cmd=done pos=RB ot=notag>no</wf>
</s>
</p>
</context>
</contextfile>
"""

XML = """\
<?xml version="1.0" encoding="UTF-8" ?>
<corpus lang="en" source="x">
<text id="d000">
<sentence id="d000.s000">
<wf lemma="the" pos="DET">The</wf>
<instance id="d000.s000.t000" lemma="Bank" pos="NOUN">banks &amp;</instance>
<wf lemma="(" pos=".">-LRB-</wf>
<instance id="d000.s000.t001" lemma="take place" pos="VERB">took place</instance>
</sentence>
<sentence id="d000.s001">
<wf lemma="no" pos="ADV">No</wf>
</sentence>
</text>
</corpus>
"""
KEYS = "d000.s000.t000 bank%1:14:00:: bank%1:17:01::\nd000.s000.t001 take_place%2:30:00::\n"


def inventory() -> SourceText:
    return SourceText(ENTRIES.encode(), "entries-x.yaml")


def semcor(text: str, **options):
    source = SourceText(text.encode(), "br-a01", beside={"inventory": (inventory(),)})
    return run(source, format="semcor", **options)


def raganato(text: str = XML, keys: str = KEYS, **options):
    beside = {"inventory": (inventory(),), "keys": (SourceText(keys.encode(), "x.key.txt"),)}
    return run(SourceText(text.encode(), "x.xml", beside=beside), format="raganato", **options)


def run(source: SourceText, **options):
    reader = READERS.get("wsd")
    return reader.read(source, reader.options(options, "card"))


def test_an_inventory_orders_the_senses_of_a_lemma():
    senses = read_inventory([inventory()])
    # Lower-case headword first, then the lower number.
    assert senses.candidates("bank", "n") == (
        "bank%1:14:00::",
        "bank%1:04:00::",
        "bank%1:17:01::",
        "bank%1:15:00::",
    )
    assert senses.candidates("bank", "v") == ("bank%2:40:00::",)
    assert senses.candidates("take_place", "v") == ("take_place%2:30:00::",)
    assert senses.candidates("'hood", "n") == ("'hood%1:14:01::",)
    assert senses.candidates("bank", "r") == senses.candidates("x", "n") == ()
    assert senses.keys == 7


def test_an_inventory_is_read_once_for_many_files():
    cache, text = InventoryCache(), inventory()
    first = cache.get([text])
    assert cache.get([text]) is first
    # Other objects with the same bytes are the same inventory; other bytes are not.
    assert cache.get([inventory()]) is first
    other = replace(text, data=b"x:\n  n:\n    sense:\n    - id: x%1:03:00::\n")
    assert cache.get([other]).candidates("x", "n") == ("x%1:03:00::",)
    assert cache.get([text]).candidates("x", "n") == ()
    assert cache.get([text, other]).keys == 8


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("bank\n", 1, "not a line of an entry file: 'bank'"),
        ("bank: {n: 1}\n", 1, "not a line"),
        ('"bank":\n', 1, "not a line"),
        ("'bank:\n", 1, "not a line"),
        ("? bank\n: n\n", 1, "not a line"),
        ("  n:\n", 1, "'n' is not the part of speech of a headword"),
        ("bank:\n  x:\n", 2, "'x' is not the part of speech"),
        ("bank:\n    sense:\n", 2, "not a line"),
        ("bank:\n  n:\n    sense:\n      id: bank%1:14:00::\n", 4, "not a line"),
        ("bank:\n  n:\n    sense:\n    - id: bank\n", 4, "'bank' is not a sense key"),
        ("bank:\n  n:\n    sense:\n    - synset: 1\n    - id: 'b%1:14:00::'\n", 4, "without an id"),
        ("bank:\n  n:\n    sense:\n    - synset: 1\n", 4, "a sense without an id"),
        (
            "bank:\n  n:\n    sense:\n    - id: 'b%1:14:00::'\n      id: 'b%1:14:01::'\n",
            5,
            "a second id",
        ),
    ],
)
def test_bad_entries_name_file_and_line(text: str, line: int, message: str):
    with pytest.raises(DataError) as error:
        read_inventory([SourceText(text.encode(), "e.yaml")])
    assert f"e.yaml:{line}: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.shared
@pytest.mark.parametrize("letter", ["0", "x", "y"])
def test_entries_equal_those_of_a_yaml_parser(shared: Path, letter: str):
    (path,) = (shared / "mirror").rglob(f"english-wordnet/*/src/yaml/entries-{letter}.yaml")
    data = path.read_bytes()
    read = read_inventory([SourceText(data, path.name)])
    expected: dict[tuple[str, str], set[str]] = {}
    for headword, entry in parse_yaml(data.decode(), path.name).items():
        for pos, fields in entry.items():
            name = (str(headword).lower().replace(" ", "_"), pos[0])
            expected.setdefault(name, set()).update(s["id"] for s in fields["sense"])
    assert len(expected) > 100
    for name, keys in expected.items():
        assert set(read.candidates(*name)) == keys
    assert read.keys == len(set().union(*expected.values()))


def test_semcor_sentences():
    result = semcor(SEMCOR)
    candidates = read_inventory([inventory()]).candidates
    assert result.examples == [
        SenseSentence(
            "br-a01.s1",
            ("The", "Bank", "took", "place", "such", "far", "``"),
            (
                SenseInstance(
                    *("br-a01.s1.t000", 1, 2, "bank", "n"),
                    ("bank%1:14:00::",),
                    candidates("bank", "n"),
                ),
                SenseInstance(
                    *("br-a01.s1.t001", 2, 4, "take_place", "v"),
                    ("take_place%2:30:00::", "take_place%2:30:01::"),
                    candidates("take_place", "v"),
                ),
                # Satellites are adjectives, also where the tagger disagrees.
                SenseInstance(
                    *("br-a01.s1.t002", 5, 6, "far", "a"),
                    ("far%5:00:00:x:00", "far%3:00:00::"),
                    (),
                ),
            ),
        )
    ]
    assert result.dropped == {
        "words whose sense is not in WordNet": 1,
        "sentences without a sense": 1,
    }
    counts = PIPELINE.count(result.examples)
    assert (counts.examples, counts.tokens, counts.spans) == (1, 7, 3)
    assert counts.types == {"a": 1, "n": 1, "v": 1}


def test_stray_underscores_are_counted():
    result = semcor(SEMCOR.replace("took_place", "_took_place"))
    assert result.examples[0].tokens[2:4] == ("took", "place")
    assert result.dropped["stray underscores"] == 1


HEAD = "<context filename=br-a01 paras=yes>\n<s snum=1>\n"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD + "<wf cmd=done>a\n", 3, "not a line in SemCor's format"),
        (HEAD + "word\n", 3, "not a line in SemCor's format"),
        (HEAD + "<wf cmd>a</wf>\n", 3, "attribute 'cmd' has no value"),
        (HEAD + "<wf cmd=ignore>_</wf>\n", 3, "no word in '_'"),
        (HEAD + "<wf lexsn=1:14:00::>a</wf>\n", 3, "a sense without lemma and wnsn"),
        (HEAD + "<wf lemma=a lexsn=1:14:00::>a</wf>\n", 3, "a sense without wnsn"),
        (HEAD + "<wf lemma=a wnsn=1 lexsn=>a</wf>\n", 3, "names no sense"),
        (HEAD + "<wf lemma=a wnsn=1 lexsn=7:14:00::>a</wf>\n", 3, "names no sense"),
        (HEAD + "<wf lemma=a wnsn=1;1 lexsn=1:14:00::;2:30:00::>a</wf>\n", 3, "two parts"),
        (HEAD + "<s snum=2>\n", 3, "<s> inside another"),
        ("<s snum=1>\n", 1, "<s> inside another, before"),
        (HEAD + "</s>\n", 3, "an empty sentence"),
        (HEAD + "<punc>.</punc>\n</p>\n", 4, "</p> inside a sentence"),
        (HEAD + "<punc>.</punc>\n", 3, "the last sentence is not closed"),
        ("<punc>.</punc>\n", 1, "outside a sentence"),
    ],
)
def test_bad_semcor_names_file_and_line(text: str, line: int, message: str):
    with pytest.raises(DataError) as error:
        semcor(text)
    assert f"br-a01:{line}: " in str(error.value)
    assert message in str(error.value)


def test_raganato_sentences():
    result = raganato(dataset="senseval2", unescape=True)
    candidates = read_inventory([inventory()]).candidates
    assert result.examples == [
        SenseSentence(
            "senseval2.d000.s000",
            ("The", "banks", "&", "(", "took", "place"),
            (
                SenseInstance(
                    *("senseval2.d000.s000.t000", 1, 3, "bank", "n"),
                    ("bank%1:14:00::", "bank%1:17:01::"),
                    candidates("bank", "n"),
                ),
                SenseInstance(
                    *("senseval2.d000.s000.t001", 4, 6, "take_place", "v"),
                    ("take_place%2:30:00::",),
                    ("take_place%2:30:00::",),
                ),
            ),
            "senseval2",
        )
    ]
    assert result.dropped == {"sentences without an instance": 1, "-LRB- read as (": 1}
    plain = raganato().examples[0]
    assert plain.id == "d000.s000"
    assert plain.tokens[3] == "-LRB-"
    assert plain.dataset == ""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("</corpus>", "", 15, "is not XML: no element found"),
        ("</wf>", "</w>", 5, "is not XML: mismatched tag"),
        ("<corpus", "<!DOCTYPE corpus [<!ENTITY a 'a'>]><corpus", 2, "document type"),
        ("<text", "<document", 3, "<document> inside <corpus>"),
        ("</sentence>", "stray</sentence>", 9, "'stray' outside a word"),
        (">The<", "><", 5, "an empty word"),
        (">The<", ">The  <", 5, "an empty word"),
        ('id="d000.s000.t000" ', "", 6, "<instance> has no attribute 'id'"),
        ('lemma="Bank"', "", 6, "<instance> has no attribute 'lemma'"),
        ('pos="NOUN"', "", 6, "<instance> has no attribute 'pos'"),
        ('pos="NOUN"', 'pos="DET"', 6, "pos 'DET' is not one of NOUN"),
        ('<sentence id="d000.s000">', "<sentence>", 4, "<sentence> has no attribute 'id'"),
        ("s000.t001", "s000.t009", 8, "no gold key for 'd000.s000.t009'"),
        (
            "s000.t001",
            "s000.t000",
            8,
            "no gold key for 'd000.s000.t000', or a second instance of it",
        ),
    ],
)
def test_bad_xml_names_file_and_line(old: str, new: str, line: int, message: str):
    assert old in XML
    with pytest.raises(DataError) as error:
        raganato(XML.replace(old, new, 1))
    assert f"x.xml:{line}: " in str(error.value)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("keys", "line", "message"),
    [
        (KEYS + "d000.s000.t002 x%1:03:00::\n", 3, "no instance has the id 'd000.s000.t002'"),
        (KEYS + KEYS, 3, "'d000.s000.t000' appears twice"),
        ("d000.s000.t000\n", 1, "expected an id and sense keys"),
        (KEYS + "\n", 3, "expected an id and sense keys, got ''"),
    ],
)
def test_bad_keys_name_file_and_line(keys: str, line: int, message: str):
    with pytest.raises(DataError) as error:
        raganato(keys=keys)
    assert f"x.key.txt:{line}: " in str(error.value)
    assert message in str(error.value)


def test_companion_files_are_required():
    keys = (SourceText(KEYS.encode(), "k"),)
    alone = SourceText(XML.encode(), "x", beside={"inventory": (inventory(),)})
    with pytest.raises(ConfigError, match="'inventory'"):
        run(SourceText(SEMCOR.encode(), "br-a01"), format="semcor")
    with pytest.raises(ConfigError, match="'keys'"):
        run(alone, format="raganato")
    some = replace(alone, lines=(1, 2), beside={**alone.beside, "keys": keys})
    with pytest.raises(ConfigError, match="lines of an XML file cannot be selected"):
        run(some, format="raganato")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "'format' is missing"),
        ({"format": "sgml"}, "format"),
        ({"format": "semcor", "unescape": True}, "SemCor has no escapes"),
        ({"format": "raganato", "dataset": "a.b"}, "dataset"),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        READERS.get("wsd").options(options, "card")


def test_an_instance_lies_inside_its_sentence():
    with pytest.raises(ValueError, match="tokens 1 to 3 of 2"):
        SenseSentence("s", ("a", "b"), (SenseInstance("i", 1, 3, "a", "n", ("x",), ()),))
