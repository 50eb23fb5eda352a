import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import TaggedSentence
from elmobench.data.readers import read_bytes
from elmobench.data.readers.base import READERS, SourceText
from elmobench.data.tag_schemes import violation
from elmobench.nn.bioul import bio_to_bioul


def read(text: str, **options):
    options.setdefault("scheme", "bio")
    return read_bytes("conll-columns", text.encode(), "train.conll", options, prefix="train")


def test_sentences_end_at_lines_that_hold_only_blanks():
    text = "I\tO\nam\tO\n\t\nPeter\tB-PER\nPan\tI-PER\n\n \n\nin\tO\nRome\tB-LOC"
    assert read(text).examples == [
        TaggedSentence("train-000001", ("I", "am"), ("O", "O")),
        TaggedSentence("train-000004", ("Peter", "Pan"), ("B-PER", "I-PER")),
        TaggedSentence("train-000009", ("in", "Rome"), ("O", "B-LOC")),
    ]


def test_quotes_and_number_signs_are_tokens():
    text = '"\tO\n#\tO\n#tag\tB-LOC\n"\tO\nit\'s\tO\n\n'
    assert read(text).examples[0].tokens == ('"', "#", "#tag", '"', "it's")


def test_comments_give_ids_if_the_option_is_set():
    text = "# newdoc id = d\n# sent_id = d-1\n# text = a\n1\ta\tO\n\n1\tb\tO\tx\n2\t#\tO\n\n"
    examples = read(text, token=1, tag=2, comment="#").examples
    assert examples == [
        TaggedSentence("d-1", ("a",), ("O",)),
        TaggedSentence("train-000006", ("b", "#"), ("O", "O")),
    ]


def test_negative_columns_and_white_space():
    text = "-DOCSTART- -X- -X- O\n\nEU NNP B-NP B-ORG\nrejects  VBZ B-VP O\n"
    result = read(text, token=0, tag=-1, separator="whitespace")
    assert result.examples == [
        TaggedSentence("train-000003", ("EU", "rejects"), ("B-ORG", "O")),
    ]
    assert result.dropped == {"-DOCSTART- rows": 1}


def test_tabs_separate_and_blanks_do_not():
    assert read("New York\tB-LOC\n\u00a0\u00a0x\tO\n").examples[0].tokens == (
        "New York",
        "\u00a0\u00a0x",
    )


def test_renamed_tags_are_counted():
    result = read(
        "a\tB-OTH\nb\tI-OTH\nc\tB-O\nd\tB-PER\n", map={"B-O": "O", "B-OTH": "O", "I-OTH": "O"}
    )
    assert result.examples[0].tags == ("O", "O", "O", "B-PER")
    assert result.dropped == {
        "tags B-OTH read as O": 1,
        "tags I-OTH read as O": 1,
        "tags B-O read as O": 1,
    }


def test_universal_dependencies_rows_without_a_word_are_dropped_and_counted():
    text = "1-2\tdon't\t_\n1\tdo\tAUX\n2\tn't\tPART\n2.1\tx\t_\n3\t_\tPUNCT\n"
    result = read(text, id=0, token=1, tag=2, scheme="none")
    assert result.examples[0].tokens == ("do", "n't", "_")
    assert result.examples[0].tags == ("AUX", "PART", "PUNCT")
    assert result.dropped == {"ranges and empty nodes": 2}


@pytest.mark.parametrize(
    ("text", "options", "line", "message"),
    [
        ("a\tO\nb\n", {}, 2, "no tag column 1"),
        ("a\tO\nb O\n", {}, 2, "no tag column 1"),
        ("a\tO\n\tO\n", {}, 2, "token is empty"),
        ("a\tO\nb\t\n", {}, 2, "tag is empty"),
        ("a\tO\n\nb\tNNP\n", {}, 3, "'NNP' is not a BIO tag"),
        ("a\tO\nb\tB-\n", {}, 2, "'B-' is not a BIO tag"),
        ("a\tO\nb\tS-PER\n", {"scheme": "bioul"}, 2, "is not a BIOUL tag"),
        ("a\tO\nb\tI-PER\n", {}, 2, "does not follow"),
        ("a\tB-LOC\nb\tI-PER\n", {}, 2, "does not follow"),
        ("a\tB-LOC\nb\tO\n", {"scheme": "bioul"}, 2, "not closed"),
        ("x\tO\na\tB-LOC\n\n", {"scheme": "bioul"}, 2, "not closed"),
        ("a\tB-LOC\n", {"scheme": "iob1"}, 1, "does not follow"),
        ("a\tO\n", {"token": -3}, 1, "no token column -3"),
    ],
)
def test_bad_rows_name_file_and_line(text: str, options: dict, line: int, message: str):
    with pytest.raises(DataError) as error:
        read(text, **options)
    assert f"train.conll:{line}: " in str(error.value)
    assert message in str(error.value)


def test_illegal_openings_can_be_kept_and_are_counted():
    result = read("a\tO\nb\tI-PER\n\nc\tO\n", illegal_i="keep")
    assert result.examples[0].tags == ("O", "I-PER")
    assert result.dropped == {"sentences with an illegal I- kept": 1}


def test_the_advice_for_illegal_openings_gives_what_heads_read():
    """Following the advice of the error gives legal BIO with conlleval's spans."""
    # A B- after O: not IOB1 either.
    text = "a\tI-PER\nb\tI-PER\nc\tI-LOC\nd\tO\ne\tB-LOC\nf\tB-LOC\n"
    with pytest.raises(DataError) as error:
        read(text)
    fix = error.value.fix
    assert fix is not None
    options: dict[str, str] = {}
    for quoted in re.findall(r"'(\w+: \w+)'", fix.split(";")[0]):
        options |= yaml.safe_load(quoted)
    assert options == {"illegal_i": "keep", "convert": "bio"}
    result = read(text, **options)
    tags = ("B-PER", "I-PER", "B-LOC", "O", "B-LOC", "B-LOC")
    assert result.examples[0].tags == tags
    assert result.dropped == {"sentences with an illegal I- kept": 1}
    assert violation(tags, "bio") is None
    with pytest.raises(DataError):
        bio_to_bioul(read(text, illegal_i="keep").examples[0].tags)
    assert bio_to_bioul(tags) == ["B-PER", "L-PER", "U-LOC", "O", "U-LOC", "U-LOC"]


IOB1 = "a\tI-PER\nb\tB-PER\nc\tO\nd\tI-LOC\ne\tI-LOC\n"
BIOES = "a\tS-PER\nb\tS-PER\nc\tO\nd\tB-LOC\ne\tE-LOC\n"
BIOUL = BIOES.replace("S-", "U-").replace("E-", "L-")
BMEWO = "a\tW-PER\nb\tW-PER\nc\tO\nd\tB-LOC\ne\tE-LOC\n"
FILES = [(IOB1, "iob1"), (BIOES, "bioes"), (BIOUL, "bioul"), (BMEWO, "bmewo")]


@pytest.mark.parametrize(("text", "scheme"), FILES)
def test_other_schemes_are_read_as_bio_where_stated(text: str, scheme: str):
    tags = ("B-PER", "B-PER", "O", "B-LOC", "I-LOC")
    assert read(text, scheme=scheme, convert="bio").examples[0].tags == tags


@pytest.mark.parametrize(("text", "scheme"), FILES)
def test_without_a_conversion_the_error_names_line_and_option(text: str, scheme: str):
    with pytest.raises(DataError, match="heads take BIO") as error:
        read(text, scheme=scheme)
    assert "train.conll:1: " in str(error.value)
    assert "'convert: bio'" in str(error.value.fix)
    # A file without spans needs no conversion.
    assert read("a\tO\n", scheme=scheme).examples


@pytest.mark.parametrize(("scheme", "wrong"), [("bioes", "E"), ("bioul", "L"), ("bmewo", "M")])
def test_sequences_that_a_closed_scheme_forbids_are_errors_or_dropped_and_counted(
    scheme: str, wrong: str
):
    text = f"a\tO\nb\t{wrong}-PER\n\nc\tB-LOC\n\nd\tO\n"
    with pytest.raises(DataError, match="has 2 problems") as error:
        read(text, scheme=scheme, convert="bio")
    assert f"line 2: {wrong}-PER does not follow B-PER" in str(error.value)
    reader = READERS.get("conll-columns")
    result = reader.read_all(
        SourceText(text.encode(), "train.conll"),
        reader.options({"scheme": scheme, "convert": "bio"}, "card"),
        ("illegal-tags",),
    )
    assert [example.tokens for example in result.examples] == [("d",)]
    assert result.lost == {"illegal-tags": 2}


@pytest.mark.parametrize(("text", "scheme"), FILES)
@pytest.mark.parametrize("stated", ["bio", "iob1", "bioes", "bioul", "bmewo"])
def test_a_wrong_scheme_is_answered_with_the_right_one(text: str, scheme: str, stated: str):
    """Stating what the error says gives the spans."""
    if stated == scheme:
        return
    with pytest.raises(DataError) as error:
        read(text, scheme=stated)
    options: dict[str, str] = {}
    for quoted in re.findall(r"'(\w+: \w+)'", str(error.value.fix)):
        options |= yaml.safe_load(quoted)
    assert options == {"scheme": scheme, "convert": "bio"}
    assert read(text, **options).examples[0].tags[0] == "B-PER"


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("iob2", "bio"), ("iobes", "bioes"), ("bilou", "bioul"), ("BIO", "bio"), ("IOB2", "bio")],
)
def test_schemes_have_other_names(name: str, scheme: str):
    reader = READERS.get("conll-columns")
    assert reader.options({"scheme": name}, "x") == reader.options({"scheme": scheme}, "x")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scheme": "bioses"}, "scheme"),
        ({"scheme": "none", "convert": "bio"}, "no BIO form"),
        ({"token": 1, "tag": 1}, "same column"),
        ({"tags": 1}, "'tag'"),
    ],
)
def test_wrong_options(options: dict, message: str):
    with pytest.raises(ConfigError, match=message):
        read("a\tO\n", **options)


def test_the_scheme_must_be_stated():
    with pytest.raises(ConfigError, match="'scheme' is missing"):
        read_bytes("conll-columns", b"a\tO\n", "f")


def test_windows_line_ends_and_a_byte_order_mark():
    result = read_bytes(
        "conll-columns", b"\xef\xbb\xbfa\tO\r\n\r\nb\tO\r\n", "f", {"scheme": "bio"}
    )
    assert [e.tokens for e in result.examples] == [("a",), ("b",)]
    assert {tag for e in result.examples for tag in e.tags} == {"O"}


word = st.text(
    st.characters(codec="utf-8", exclude_characters="\t\n\r\0"), min_size=1, max_size=6
).filter(lambda w: w == w.strip(" ") and not w.isspace() and not w.startswith("\ufeff"))
sentence = st.lists(st.tuples(word, st.sampled_from(["O", "B-A", "B-B"])), min_size=1, max_size=5)


@given(
    st.lists(sentence, min_size=1, max_size=4), st.sampled_from(["\n", "\n \n", "\n\t\n", "\n\n"])
)
def test_every_file_reads_back(sentences, gap):
    text = (gap + "\n").join("\n".join(f"{w}\t{t}" for w, t in rows) for rows in sentences) + "\n"
    read_back = [
        list(zip(e.tokens, e.tags, strict=True)) for e in read(text, docstart=None).examples
    ]
    assert read_back == sentences
