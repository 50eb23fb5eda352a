"""Corpora: reading, errors, and encoding on disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from elmobench.core.errors import ConfigError, DataError
from elmobench.pretraining import text_files
from elmobench.pretraining.corpus import Corpus
from elmobench.pretraining.encoded import EncodedCorpus, EncodedPart
from elmobench.pretraining.sentences import LONGEST, cut_sentences
from elmobench.pretraining.vocabulary import Vocabulary


def text(lines: int = 400) -> str:
    draw = random.Random(3)
    words = [f"w{i}" for i in range(60)]
    return "".join(
        " ".join(draw.choice(words[: draw.randint(1, 60)]) for _ in range(draw.randint(1, 12)))
        + "\n"
        for _ in range(lines)
    )


def test_compressed_files_are_the_same_text(tmp_path: Path) -> None:
    raw = "a b\u00a0c\n\nd\r\n  e  f \n".encode()
    writers = {
        "t.txt": lambda p: p.write_bytes(raw),
        "t.gz": lambda p: p.write_bytes(gzip.compress(raw)),
        "t.xz": lambda p: p.write_bytes(lzma.compress(raw)),
        "t.bz2": lambda p: p.write_bytes(bz2.compress(raw)),
    }
    for name, write in writers.items():
        write(tmp_path / name)
        paragraphs = list(Corpus.open([tmp_path / name]).paragraphs())
        assert paragraphs == [[["a", "b\u00a0c"]], [["d"]], [["e", "f"]]]


def test_raw_paragraphs_are_cut(tmp_path: Path) -> None:
    (tmp_path / "t").write_text('Dr. No met J. Smith. "It\'s 3.5 km!" He ran... on.\nNew line\n')
    paragraphs = list(Corpus.open([tmp_path / "t"], "clitics").paragraphs())
    assert [[" ".join(sentence) for sentence in paragraph] for paragraph in paragraphs] == [
        ["Dr . No met J . Smith .", '" It \'s 3.5 km ! "', "He ran . . . on ."],
        ["New line"],
    ]


def test_concatenated_sentences_are_the_paragraph() -> None:
    draw = random.Random(0)
    pieces = ["A", "b", ".", "!", '"', ")", "(", "7", "Mr", "…"]
    for _ in range(300):
        tokens = [draw.choice(pieces) for _ in range(draw.randint(0, 30))]
        assert [token for sentence in cut_sentences(tokens) for token in sentence] == tokens
    long = ["x"] * (LONGEST + 5)
    assert [len(sentence) for sentence in cut_sentences(long)] == [LONGEST, 5]


def test_errors_name_file_and_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"fine\ncaf\xe9\n")
    with pytest.raises(DataError, match=r"bad\.txt:2: not UTF-8 at byte 3"):
        list(Corpus.open([bad]).paragraphs())
    cut = tmp_path / "cut.gz"
    cut.write_bytes(gzip.compress(text().encode())[:-20])
    with pytest.raises(DataError, match=r"cut\.gz:\d+: cannot be read further"):
        list(Corpus.open([cut]).paragraphs())
    monkeypatch.setattr(text_files, "LONGEST_LINE", 50)
    long = tmp_path / "long.txt"
    long.write_text("a b\n" + "x " * 40)
    with pytest.raises(DataError, match=r"long\.txt:2: the line is longer"):
        list(Corpus.open([long]).paragraphs())
    with pytest.raises(DataError, match="no such file"):
        Corpus.open([tmp_path / "none"])
    with pytest.raises(ConfigError, match="given twice"):
        Corpus.open([bad, tmp_path / "." / "bad.txt"])
    with pytest.raises(ConfigError, match="did you mean 'clitics'"):
        Corpus.open([bad], "clitic")
    with pytest.raises(ConfigError, match="at least one file"):
        Corpus.open([])


def test_encoded_corpus_equals_a_simple_count(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(text())
    corpus = Corpus.open([tmp_path / "t"])
    seen: list[int] = []
    encoded = EncodedCorpus.build(corpus, tmp_path / "e", heldout=[(10, 5)], on_bytes=seen.append)
    assert sum(seen) == (tmp_path / "t").stat().st_size
    sentences = [line.split(" ") for line in text().splitlines()]
    held = [s for i, s in enumerate(sentences) if (i // 10) % 5 == 4]
    train = [s for i, s in enumerate(sentences) if (i // 10) % 5 != 4]
    counts = Counter(word for s in train for word in s)
    only_held = {word for s in held for word in s} - set(counts)
    expected = sorted([*counts, *only_held], key=lambda w: (-counts[w], w))
    assert list(encoded.types.words) == ["<S>", "</S>", "<UNK>", *expected]
    assert encoded.counts.tolist() == [0, 0, 0, *(counts[w] for w in expected)]
    for part, wanted in ((encoded.train, train), (encoded.heldout, held)):
        assert len(part) == len(wanted)
        for i, sentence in enumerate(wanted):
            assert [encoded.types.words[k] for k in part.sentence(i)] == sentence


def test_an_encoded_corpus_is_opened_again_by_another_process(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(text())
    sizes = {"heldout": [(10, 5)]}
    encoded = EncodedCorpus.build(Corpus.open([tmp_path / "t"]), tmp_path / "e", **sizes)
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "e").iterdir()}
    code = (
        "import sys; from pathlib import Path\n"
        "from elmobench.pretraining.corpus import Corpus\n"
        "from elmobench.pretraining.encoded import EncodedCorpus\n"
        "root = Path(sys.argv[1]); c = Corpus.open([root / 't'])\n"
        "e = EncodedCorpus.build(c, root / 'e', heldout=[(10, 5)])\n"
        "print(e.digest, int(e.train.tokens.sum()), len(e.types))"
    )
    out = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True
    )
    total = int(encoded.train.tokens.sum())
    assert out.stdout.split() == [encoded.digest, str(total), str(len(encoded.types))]
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "e").iterdir()} == before
    (tmp_path / "t").write_text("new\n" * 400)
    again = EncodedCorpus.build(Corpus.open([tmp_path / "t"]), tmp_path / "e", **sizes)
    assert again.types.words[3:] == ("new",)


def test_too_little_text_leaves_no_files(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("\n  \n")
    with pytest.raises(DataError, match="corpus has no words"):
        EncodedCorpus.build(Corpus.open([tmp_path / "t"]), tmp_path / "e")
    assert not [p for p in (tmp_path / "e").iterdir() if p.name != ".lock"]
    with pytest.raises(DataError, match="there is no encoded corpus"):
        EncodedCorpus.open(tmp_path / "e")


@pytest.mark.parametrize(("lines", "held_out"), [(1, 0), (4, 0), (19, 0), (20, 1), (39, 1)])
def test_nothing_is_held_out_of_less_than_twenty_lines(
    tmp_path: Path, lines: int, held_out: int
) -> None:
    sentences = [[f"a{i}", "b"] for i in range(lines)]
    (tmp_path / "t").write_text("".join(f"{' '.join(s)}\n" for s in sentences))
    corpus = Corpus.open([tmp_path / "t"])
    for encoded in (
        EncodedCorpus.build(corpus, tmp_path / "e"),
        EncodedCorpus.open(tmp_path / "e"),
    ):
        assert encoded.heldout_is_train is (held_out == 0)
        assert len(encoded.train) == lines - held_out
        assert len(encoded.heldout) == (held_out or lines)
        if not held_out:
            for part in (encoded.train, encoded.heldout):
                words = [[encoded.types.words[k] for k in part.sentence(i)] for i in range(lines)]
                assert words == sentences
            # Words are counted once, not in both parts.
            assert encoded.counts[encoded.types.ids["b"]] == lines


def test_the_digest_of_an_encoded_corpus_stays(tmp_path: Path) -> None:
    """Checkpoints of unfinished trainings name it: another digest would refuse to resume them."""
    lines = [f"word{i % 7} and word{i % 3}\n" for i in range(40)]
    (tmp_path / "t").write_text("".join(lines))
    encoded = EncodedCorpus.build(Corpus.open([tmp_path / "t"]), tmp_path / "e")
    assert encoded.digest == "b16bb7d699a54f6fc299dd4bc9fad2fa374a0f740ceae0d515a5b2e429c8c9e2"


def test_a_corpus_can_be_numbered_by_a_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "t").write_text(text())
    corpus = EncodedCorpus.build(Corpus.open([tmp_path / "t"]), tmp_path / "e")
    some = [word for word in reversed(corpus.types.words[3:]) if len(word) % 2]
    vocabulary = Vocabulary(["<S>", "</S>", "<UNK>", "not-in-the-text", *some])
    numbered = corpus.renumbered(vocabulary)
    assert numbered.types.words[: len(vocabulary)] == vocabulary.words
    assert set(numbered.types.words) == {*corpus.types.words, "not-in-the-text"}
    assert numbered.word_types == corpus.word_types == len(corpus.types)
    for word, number in numbered.types.ids.items():
        before = corpus.types.ids.get(word)
        assert numbered.counts[number] == (0 if before is None else corpus.counts[before])
    for ours, theirs in ((numbered.train, corpus.train), (numbered.heldout, corpus.heldout)):
        assert len(ours) == len(theirs) > 0
        for i in range(len(ours)):
            assert [numbered.types.words[k] for k in ours.sentence(i)] == [
                corpus.types.words[k] for k in theirs.sentence(i)
            ]
    assert numbered.digest != corpus.digest
    assert numbered.digest == corpus.renumbered(vocabulary).digest
    swapped = Vocabulary([*vocabulary.words[:4], *reversed(some)])
    assert corpus.renumbered(swapped).digest != numbered.digest


def test_vocabulary_file(tmp_path: Path) -> None:
    vocabulary = Vocabulary.build({"b": 2, "a": 2, "c": 5, "d": 1, "<S>": 9}, size=6, min_count=2)
    assert vocabulary.words == ("<S>", "</S>", "<UNK>", "c", "a", "b")
    assert Vocabulary.build({"b": 2, "a": 2}, size=4).words[3:] == ("a",)
    odd = Vocabulary([*vocabulary.words, "x\u2028y", "z\x85"])
    odd.write(tmp_path / "v.txt")
    assert Vocabulary.read(tmp_path / "v.txt").words == odd.words


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"the\n</S>\n<UNK>\n", r"v\.txt: begins with 'the </S> <UNK>' instead of"),
        (b"", "begins with ''"),
        (b"<S>\n</S>\n<UNK>\na\nb\na\n", r"v\.txt:6: the word 'a' appears twice, first in line 4"),
        (b"<S>\n</S>\n<UNK>\n\nb\n", r"v\.txt:4: an empty line"),
        (b"<S>\n</S>\n<UNK>\n\xff\n", r"v\.txt:4: is not UTF-8"),
    ],
)
def test_bad_vocabularies(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "v.txt").write_bytes(content)
    with pytest.raises(DataError, match=message):
        Vocabulary.read(tmp_path / "v.txt")


def test_a_share_of_the_sentences_is_evenly_spread() -> None:
    rows = [[i] * (i % 4) for i in range(100)]
    offsets = np.cumsum([0, *map(len, rows)])
    part = EncodedPart(np.array([t for row in rows for t in row], np.int32), offsets)
    assert part.spread(1.0) is part
    for share in (0.1, 0.3, 0.75):
        spread = part.spread(share)
        assert len(spread) == round(100 * share)
        kept = [spread.sentence(i).tolist() for i in range(len(spread))]
        expected = [rows[i] for i in range(100) if int((i + 1) * share) > int(i * share)]
        assert kept == expected
