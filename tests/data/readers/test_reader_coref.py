"""Readers of coreference documents, ambiguous pronouns and nested spans; and their real files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core import paths
from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import AmbiguousPronoun, CoreferenceDocument, TaggedSentence
from elmobench.data.readers import read_bytes
from elmobench.data.readers.gap import COLUMNS, token_span, tokenize
from elmobench.tasks.task import load_task


def conll(text: str, **options):
    return read_bytes("conll-coref", text.encode(), "f.conll", options)


def document(*rows: str, name: str = "(nw/x); part 0") -> str:
    body = [f"x 0 {i} {row}" if row else "" for i, row in enumerate(rows)]
    return "\n".join([f"#begin document {name}", *body, "#end document", ""])


def test_nested_mentions_and_several_marks() -> None:
    text = document(
        "a - (1|(2", "b - (1)", "c - 1)", "d - 2)", "", "e - (1)", name="(nw/x); part 007"
    )
    assert conll(text).examples == [
        CoreferenceDocument(
            "nw/x.7",
            (("a", "b", "c", "d"), ("e",)),
            (((0, 2), (1, 1), (4, 4)), ((0, 3),)),
        )
    ]


def test_a_closing_mark_belongs_to_the_mention_opened_last() -> None:
    text = document(
        "a - (1", "b - (1", "c - 1)", "d - 1)|(2)", "e - (3", "f - (4", "g - 3)", "h - 4)"
    )
    (found,) = conll(text).examples
    assert found.clusters == (((0, 3), (1, 2)), ((3, 3),), ((4, 6),), ((5, 7),))


def test_parts_are_documents_and_singletons_can_be_dropped() -> None:
    text = (
        "# a comment\n"
        + document("a - (0)", "b - (0)", "c - (9)")
        + document("a - (0)", name="(nw/x); part 001")
    )
    found = conll(text)
    assert [(d.id, d.clusters) for d in found.examples] == [
        ("nw/x.0", (((0, 0), (1, 1)), ((2, 2),))),
        ("nw/x.1", (((0, 0),),)),
    ]
    found = conll(text, singletons="drop")
    assert [d.clusters for d in found.examples] == [(((0, 0), (1, 1)),), ()]
    assert found.dropped == {"singletons": 2}


def test_a_mention_that_its_cluster_marks_twice_is_counted() -> None:
    found = conll(document("a - (0)|(0)", "b - (0)"))
    assert found.examples[0].clusters == (((0, 0), (1, 1)),)
    assert found.dropped == {"mentions marked twice": 1}


def test_tabs_and_empty_columns_as_in_litbank() -> None:
    text = "#begin document (d_brat); part 0\nd\t0\t0\tHe\t_\t(3)\nd\t0\t1\t#\t_\t\n#end document\n"
    (found,) = conll(text, separator="tab").examples
    assert found == CoreferenceDocument("d_brat.0", (("He", "#"),), (((0, 0),),))


def test_speakers_and_the_genre_as_in_conll_2012() -> None:
    """The tenth column is the speaker; the first two letters of a document's name its genre."""
    rows = ["a - - - - - Ann (1)", "b - - - - - Ann -", "", "c - - - - - Bob#1 (1)"]
    text = document(*rows, name="(bc/cctv/00/cctv_0000); part 003")
    (plain,) = conll(text).examples
    assert (plain.speakers, plain.genre) == (None, None)
    (found,) = conll(text, speaker=9, genre=True).examples
    assert found == CoreferenceDocument(
        "bc/cctv/00/cctv_0000.3",
        (("a", "b"), ("c",)),
        (((0, 0), (2, 2)),),
        ("Ann", "Ann", "Bob#1"),
        "bc",
    )
    with pytest.raises(DataError, match="no speaker column 12"):
        conll(text, speaker=12)
    with pytest.raises(DataError, match=r"no genre in the document's name '105_persuasion\.0'"):
        conll(document("a - (1)", name="(105_persuasion); part 0"), genre=True)
    with pytest.raises(ValueError, match="1 speakers of 2 tokens"):
        CoreferenceDocument("d", (("a", "b"),), (), ("Ann",))


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a b c d -\n", 1, "outside a document"),
        (document("a - (1"), 2, "never closed"),
        (document("a - 1)"), 2, "not open"),
        (document("a - x"), 2, "marks no mention"),
        (document("a - 1"), 2, "marks no mention"),
        (document("a - (1)|"), 2, "marks no mention"),
        (document("a - (1)|(2)"), 1, "are in clusters 1 and 2"),
        (document(""), 1, "has no tokens"),
        ("#begin document (x); part 0\na b\n#end document\n", 2, "no token column 3"),
        ("#begin document (x); part 0\n", 1, "does not end"),
        ("#begin document (x); part 0\n#begin document (y); part 0\n", 2, "has not ended"),
    ],
)
def test_bad_documents_name_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        conll(text)
    assert f"f.conll:{line}" in str(error.value)


def nested(text: str, **options):
    return read_bytes("nested-columns", text.encode(), "f.tsv", options, prefix="f")


NESTED = "the\tO\tB-PER\t\nking\tO\tI-PER\t\nof\tO\tI-PER\t\nSpain\tB-GPE\tI-PER\t\n.\tO\tO\t\n\n"


def test_the_layers_of_nested_spans() -> None:
    found = nested(NESTED + "\nx\tO\n")
    assert found.examples == [
        TaggedSentence(
            "f-000001",
            ("the", "king", "of", "Spain", "."),
            ("B-PER", "I-PER", "I-PER", "I-PER", "O"),
        ),
        TaggedSentence("f-000008", ("x",), ("O",)),
    ]
    assert found.dropped == {"spans that are not outermost": 1}
    found = nested(NESTED, layer="innermost")
    assert found.examples[0].tags == ("O", "O", "O", "B-GPE", "O")
    assert found.dropped == {"spans that are not innermost": 1}


def test_equal_spans_keep_the_layer_of_their_column() -> None:
    text = "x\tB-A\tB-B\t\n"
    assert nested(text).examples[0].tags == ("B-B",)
    assert nested(text, layer="innermost").examples[0].tags == ("B-A",)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a\tO\nb\n", 2, "expected a token and its tags"),
        ("a\tO\n\tO\n", 2, "token is empty"),
        ("a\tO\nb\tX\n", 2, "not a BIO tag"),
        ("a\tO\tO\nb\tO\n", 2, "1 tag columns"),
        ("a\tO\nb\tI-A\n", 2, "does not follow"),
        ("a\tB-A\tO\nb\tI-A\tB-B\nc\tO\tI-B\n", 2, "cross"),
    ],
)
def test_bad_nested_rows_name_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        nested(text)
    assert f"f.tsv:{line}" in str(error.value)


def gap(*rows: list[str], header: bool = True):
    lines = ["\t".join(row) for row in ([list(COLUMNS)] if header else []) + list(rows)]
    return read_bytes("gap", ("\n".join(lines) + "\n").encode(), "gap.tsv")


TOKENS = "Ann O ' Hara 's friend Bea-Lee ca n't say `` who '' she -wolf 1,000 is ."
BODY = "Ann O'Hara's friend Bea-Lee can't say ``who'' she-wolf 1,000 is."


def row(**changes: str) -> list[str]:
    values = {
        "ID": "x-1",
        "Text": BODY,
        "Pronoun": "she",
        "Pronoun-offset": str(BODY.index("she-")),
        "A": "Ann O'Hara",
        "A-offset": "0",
        "A-coref": "FALSE",
        "B": "Bea-Lee",
        "B-offset": str(BODY.index("Bea")),
        "B-coref": "TRUE",
        "URL": "u",
    }
    return [{**values, **changes}[column] for column in COLUMNS]


def test_offsets_become_tokens() -> None:
    found = gap(row())
    assert found.examples == [
        AmbiguousPronoun(
            "x-1",
            tuple(TOKENS.split(" ")),
            (13, 13),
            ((0, 3), (6, 6)),
            "B",
            "feminine",
        )
    ]
    assert found.dropped == {"words cut at an end of a mention": 1}
    assert gap(row(), header=False).examples == found.examples


@given(st.text("ab'-* n\u00e9t1,.", max_size=30), st.data())
def test_every_mention_is_whole_tokens(text: str, data: st.DataObject) -> None:
    visible = [i for i, char in enumerate(text) if not char.isspace()]
    if not visible:
        return
    start = data.draw(st.sampled_from(visible))
    end = data.draw(st.sampled_from([i for i in visible if i >= start])) + 1
    tokens, cut = tokenize(text, [start, end])
    first, last = token_span(tokens, start, end)
    assert (tokens[first][0], tokens[last][1]) == (start, end)
    # Nothing but white space is lost, and nothing appears twice.
    assert "".join(text[a:b] for a, b in tokens) == "".join(text.split())
    assert len(tokens) == len(tokenize(text)[0]) + cut


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (row()[:-1], "10 fields"),
        (row(**{"A-coref": "TRUE"}), "at most one"),
        (row(**{"A-coref": "true"}), "A-coref is 'true'"),
        (row(Pronoun="it"), "not one of GAP's pronouns"),
        (row(**{"B-offset": "3"}), "B is 'Bea-Lee', but"),
        (row(**{"A-offset": "-1"}), "offset '-1'"),
        (row(A=""), "A is ''"),
    ],
)
def test_bad_rows_of_gap_name_file_and_line(values: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message) as error:
        gap(values)
    assert "gap.tsv:2" in str(error.value)


def test_wrong_options() -> None:
    for reader in ("conll-coref", "nested-columns", "gap"):
        with pytest.raises(ConfigError):
            read_bytes(reader, b"", "f", {"x": 1})


@pytest.mark.parametrize(
    "clusters", [(((0, 2),),), (((1, 0),),), ((),), (((0, 0),), ((0, 0),)), (((0, 0), (0, 0)),)]
)
def test_documents_are_validated(clusters) -> None:
    with pytest.raises(ValueError, match="d:"):
        CoreferenceDocument("d", (("a", "b"),), clusters)


def test_pronouns_are_validated() -> None:
    for change in ({"pronoun": (2, 2)}, {"label": "C"}, {"gender": "x"}):
        values = {"pronoun": (0, 0), "names": ((0, 0), (1, 1)), "label": "A", "gender": "feminine"}
        with pytest.raises(ValueError, match="p:"):
            AmbiguousPronoun(id="p", tokens=("a", "b"), **{**values, **change})


@pytest.fixture
def mirror(shared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(paths.MIRROR_VARIABLE, str(shared / "mirror"))
    return shared / "mirror"


@pytest.mark.slow
@pytest.mark.shared
def test_litbank_follows_its_rules(mirror: Path) -> None:
    task = load_task("coref/litbank")
    counts = task.split_counts
    assert [counts[s].mentions for s in task.splits] == [23218, 3053, 2832]
    documents = [d for split in task.splits for d in task.split(split)]
    assert len(documents) == 100
    assert sum(len(d.tokens) for d in documents) == 210532
    assert sum(len(d.clusters) for d in documents) == 7927
    crossing = same = nested_in_other = 0
    for d in documents:
        sentence = [i for i, s in enumerate(d.sentences) for _ in s]
        mentions = sorted(m for c in d.clusters for m in c)
        assert all(sentence[a] == sentence[b] for a, b in mentions)
        cluster_of = {m: i for i, c in enumerate(d.clusters) for m in c}
        for a, b in mentions:
            around = [(c, e) for c, e in mentions if c <= a and b <= e and (c, e) != (a, b)]
            nested_in_other += bool(around)
            same += any(cluster_of[m] == cluster_of[a, b] for m in around)
            crossing += sum(a < c <= b < e for c, e in mentions)
    assert (crossing, nested_in_other) == (3, 3258)
    assert same > 0


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.parametrize("folds", [[3], pytest.param(range(10), marks=pytest.mark.nightly)])
def test_litbank_folds_are_the_published_ones(mirror: Path, folds: Sequence[int]) -> None:
    published = mirror / "raw.githubusercontent.com/dbamman/lrec2020-coref"
    (lists,) = published.glob("*/data/litbank_tenfold_splits")
    tested: list[str] = []
    for fold in folds:
        task = load_task("coref/litbank", fold=fold)
        for split in task.splits:
            names = {
                n.removesuffix(".tsv") for n in (lists / f"{fold}/{split}.ids").read_text().split()
            }
            assert {d.id.removesuffix(".0") for d in task.split(split)} == names
        tested += [d.id for d in task.split("test")]
    assert len(set(tested)) == 10 * len(folds)


@pytest.mark.slow
@pytest.mark.shared
def test_litbank_entities_have_the_same_tokens_and_folds(mirror: Path) -> None:
    entities, documents = load_task("ner/litbank", fold=3), load_task("coref/litbank", fold=3)
    for split in entities.splits:
        found: dict[str, list] = {}
        for sentence in entities.split(split):
            found.setdefault(sentence.id.rsplit("-", 1)[0], []).append(sentence.tokens)
        expected = {d.id.removesuffix(".0"): list(d.sentences) for d in documents.split(split)}
        assert {k: sum(map(len, v)) for k, v in found.items()} == {
            k: sum(map(len, v)) for k, v in expected.items()
        }
    assert entities.dropped["all"] == {"spans that are not outermost": 13912 - 11769}


@pytest.mark.shared
def test_gap_follows_its_rules(mirror: Path) -> None:
    task = load_task("coref/gap")
    counts = [list((task.split_counts[s].labels or {}).values()) for s in task.splits]
    assert counts == [[874, 925, 201], [187, 205, 62], [918, 855, 227]]
    for split in task.splits:
        genders = [e.gender for e in task.split(split)]
        assert genders.count("feminine") * 2 == len(genders)
    assert sum(sum(task.dropped[s].values()) for s in task.splits) == 6
    names = {" ".join(e.tokens[a : b + 1]) for e in task.split("test") for a, b in e.names}
    assert "Alfredo Di St*fano" in names


def test_marks_without_a_bar_between_them_and_documents_called_by_a_number() -> None:
    joined = document("a - (3(4)", "b - 3)(5", "c - 5)", name="12")
    barred = document("a - (3|(4)", "b - 3)|(5", "c - 5)", name="12")
    assert conll(joined).examples == conll(barred).examples
    (found,) = conll(joined.replace("#begin", "# begin").replace("#end", "# end")).examples
    assert found == CoreferenceDocument("12", (("a", "b", "c"),), (((0, 0),), ((0, 1),), ((1, 2),)))


@pytest.mark.parametrize("mark", ["(3(4)x", "(3)4", "3(4)", "()", "(3||4)", "(3-4)"])
def test_what_is_no_mark_between_marks_is_an_error(mark: str) -> None:
    with pytest.raises(DataError, match="marks no mention"):
        conll(document(f"a - {mark}", "b - 4)"))


def test_corefud_is_refused_by_name() -> None:
    text = "# global.Entity = eid-etype-head-other\n# newdoc id = d\n1\tA\ta\tX\t_\t_\t0\t_\t_\t_\n"
    with pytest.raises(DataError, match=r"format of CorefUD.*\n.*empty nodes"):
        conll(text)
