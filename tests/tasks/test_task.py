import hashlib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from tiny_cards import card_values

from elmobench.core import paths
from elmobench.core.errors import (
    ConfigError,
    DataError,
    DigestError,
    DownloadError,
    ElmobenchError,
    ElmobenchWarning,
    UnknownNameError,
)
from elmobench.data.cards.card_numbers import SplitCounts
from elmobench.data.cards.catalog import load_card
from elmobench.data.cards.counts import differences
from elmobench.data.examples import ClassifiedText, Phrase, TaggedSentence
from elmobench.tasks.sentiment.pipeline import PIPELINE as SENTIMENT
from elmobench.tasks.tagging.pipeline import NER, POS
from elmobench.tasks.task import Task, load_task

FILES = {
    "train.tsv": "pos\ta fine film\nneg\ta dull film\npos\tgood\n",
    "dev.tsv": "neg\tbad\n",
    "test.tsv": "pos\tgreat\nneg\tno good\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mine"
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


def task(folder: Path, **changes: Any) -> Task:
    (folder / "tiny.yaml").write_text(yaml.safe_dump(card_values(**changes), sort_keys=False))
    return Task(load_card(folder / "tiny.yaml"))


def written() -> list[Path]:
    """Every file in the caches that is not a lock."""
    return [p for p in paths.home().rglob("*") if p.is_file() and p.suffix != ".lock"]


def replaced(**splits: list[dict[str, Any]]) -> dict[str, Any]:
    return {"splits": {s: [{"path": f"{s}.tsv"}] for s in ("train", "dev", "test")} | splits}


def test_a_new_set_needs_only_a_card_and_files(folder: Path):
    task(folder)
    loaded = load_task("tiny", include=[folder])
    assert loaded.split("train") == [
        ClassifiedText("train-000001", ("a", "fine", "film"), "pos"),
        ClassifiedText("train-000002", ("a", "dull", "film"), "neg"),
        ClassifiedText("train-000003", ("good",), "pos"),
    ]
    assert loaded.labels == ["neg", "pos"]
    assert loaded.split_counts["train"] == SplitCounts(
        examples=3, tokens=7, labels={"neg": 1, "pos": 2}
    )
    assert {split: len(rows) for split, rows in loaded.examples().items()} == {
        "train": 3,
        "dev": 1,
        "test": 2,
    }
    assert loaded.split("train") is loaded.split("train")


def test_labels_are_in_the_card_s_order(folder: Path):
    assert task(folder, labels=["pos", "neg"]).labels == ["pos", "neg"]


def test_a_label_that_the_card_does_not_list(folder: Path):
    with pytest.raises(DataError, match=r"tiny, train: labels .*: pos"):
        task(folder, labels=["neg"]).split("train")


def test_a_difference_in_counts_names_both_numbers(folder: Path):
    wrong = task(folder, counts={"train": {"examples": 4, "tokens": 7, "labels": {"pos": 3}}})
    with pytest.raises(DataError) as error:
        wrong.split("train")
    assert "sentiment/tiny, train" in str(error.value)
    assert "examples: the card says 4, the data have 3" in str(error.value)
    assert "labels: the card says pos 3, the data have neg 1, pos 2" in str(error.value)
    assert "tokens" not in str(error.value)
    assert wrong.split("dev")


def test_an_empty_split(folder: Path):
    (folder / "dev.tsv").write_text("\n\n")
    with pytest.raises(DataError, match="tiny, dev: the split has no examples"):
        task(folder).split("dev")


def test_an_unknown_split(folder: Path):
    with pytest.raises(UnknownNameError, match="'dev'"):
        task(folder).split("devel")


def test_a_missing_file_names_its_path(folder: Path):
    (folder / "dev.tsv").unlink()
    with pytest.raises(DataError, match=r"dev\.tsv"):
        task(folder).split("dev")


def test_a_malformed_row_names_file_and_line(folder: Path):
    (folder / "dev.tsv").write_text("neg\tbad\nno label\n")
    with pytest.raises(DataError, match=r"dev\.tsv:2"):
        task(folder).split("dev")


def test_unknown_readers_and_options(folder: Path):
    with pytest.raises(UnknownNameError, match="'lines'"):
        task(folder, reader={"name": "line"}).split("dev")
    with pytest.raises(ConfigError, match=r"tiny\.yaml.*'lines'") as error:
        task(folder, reader={"name": "lines", "options": {"label_feild": "first"}}).split("dev")
    assert "'label_field'" in str(error.value)


def test_a_local_file_may_be_pinned(folder: Path):
    digest = hashlib.sha256(FILES["dev.tsv"].encode()).hexdigest()
    pinned = replaced(dev=[{"path": "dev.tsv", "sha256": digest}])
    assert len(task(folder, **pinned).split("dev")) == 1
    (folder / "dev.tsv").write_text("neg\tgood\n")
    with pytest.raises(DigestError, match=r"dev\.tsv"):
        task(folder, **pinned).split("dev")


def test_sources_have_options_and_line_ranges_of_their_own(folder: Path):
    (folder / "good.txt").write_text("one\ntwo\nthree\n")
    (folder / "bad.txt").write_text("four\n")
    sources = [
        {"path": "good.txt", "lines": [2, 3], "options": {"label": "pos"}},
        {"path": "bad.txt", "options": {"label": "neg"}},
    ]
    reader = {"name": "lines", "options": {"tokenizer": "words"}}
    loaded = task(folder, reader=reader, **replaced(train=sources))
    assert loaded.split("train") == [
        ClassifiedText("train.1-000002", ("two",), "pos"),
        ClassifiedText("train.1-000003", ("three",), "pos"),
        ClassifiedText("train.2-000001", ("four",), "neg"),
    ]


def test_ids_must_be_unique(folder: Path):
    rows = "# sent_id = a\nx\tO\n\n# sent_id = a\ny\tO\n"
    (folder / "dev.conll").write_text(rows)
    reader = {"name": "conll-columns", "options": {"scheme": "bio", "comment": "#"}}
    with pytest.raises(DataError, match="the id 'a' occurs 2 times"):
        task(folder, reader=reader, **replaced(dev=[{"path": "dev.conll"}])).split("dev")


class TestHashedSplit:
    texts = tuple(f"word{i} and word{i * 7 % 1000}" for i in range(1000))

    def make(self, folder: Path, rows: list[str], salt: str = "s") -> dict[str, list[str]]:
        (folder / "all.tsv").write_text("".join(f"{row}\n" for row in rows))
        split = {"by": "hash", "salt": salt, "dev": 0.1, "test": 0.2}
        loaded = task(folder, splits={"all": [{"path": "all.tsv"}]}, split=split)
        return {s: [" ".join(e.tokens) for e in rows] for s, rows in loaded.examples().items()}

    def test_it_is_a_partition_of_roughly_the_stated_sizes(self, folder: Path):
        found = self.make(folder, [f"x\t{text}" for text in self.texts])
        assert sorted(text for rows in found.values() for text in rows) == sorted(self.texts)
        assert 70 < len(found["dev"]) < 130
        assert 160 < len(found["test"]) < 240

    def test_labels_and_order_do_not_matter(self, folder: Path):
        first = self.make(folder, [f"x\t{text}" for text in self.texts])
        second = self.make(folder, [f"{len(t)}\t{t}" for t in reversed(self.texts)])
        assert {s: set(rows) for s, rows in first.items()} == {s: set(r) for s, r in second.items()}

    def test_the_hash_of_a_text_decides_its_split(self, folder: Path):
        found = self.make(folder, [f"x\t{text}" for text in self.texts])
        for split, texts in found.items():
            for text in texts:
                digest = hashlib.sha256(f"s{text}".encode()).hexdigest()
                place = int(digest[:12], 16) / 16**12
                assert split == ("test" if place < 0.2 else "dev" if place < 0.3 else "train")

    def test_another_salt_gives_another_split(self, folder: Path):
        rows = [f"x\t{text}" for text in self.texts]
        assert self.make(folder, rows)["dev"] != self.make(folder, rows, "t")["dev"]


class TestDigest:
    def test_it_is_stable_and_needs_no_reading(self, folder: Path):
        assert task(folder).data_digest == task(folder).data_digest

    @pytest.mark.parametrize(
        "change",
        [
            {"reader": {"name": "lines", "options": {"label_field": "last"}}},
            {"reader": {"name": "table", "options": {"label": 0, "text": 1}}},
            replaced(train=[{"path": "train.tsv", "lines": [1, 2]}]),
            replaced(train=[{"path": "train.tsv", "options": {"tokenizer": "words"}}]),
            replaced(train=[{"path": "dev.tsv"}]),
            {"splits": {"all": [{"path": "train.tsv"}]}, "split": {"by": "hash", "salt": "a"}},
        ],
    )
    def test_it_changes_with_what_determines_the_examples(self, folder: Path, change: dict):
        assert task(folder).data_digest != task(folder, **change).data_digest

    def test_it_changes_with_the_bytes(self, folder: Path):
        before = task(folder).data_digest
        (folder / "test.tsv").write_text("pos\tother\n")
        assert task(folder).data_digest != before

    @pytest.mark.parametrize(
        "change",
        [
            {"title": "Other", "notes": "x", "licence": "y"},
            {"counts": {"train": {"examples": 3}}},
            # Stating an option's default value is no change.
            {
                "reader": {
                    "name": "lines",
                    "options": {"label_field": "first", "tokenizer": "spaces"},
                }
            },
        ],
    )
    def test_it_does_not_change_with_prose_or_defaults(self, folder: Path, change: dict):
        assert task(folder).data_digest == task(folder, **change).data_digest

    def test_moving_the_files_does_not_matter(self, folder: Path, tmp_path: Path):
        before = task(folder).data_digest
        assert task(folder.rename(tmp_path / "elsewhere")).data_digest == before

    def test_generated_sets_have_a_digest(self):
        assert load_task("control-ner").data_digest != load_task("control-sentiment").data_digest


class TestMirror:
    url = "https://example.org/set/dev.tsv"

    @pytest.fixture
    def mirror(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        place = tmp_path / "mirror" / "example.org" / "set"
        place.mkdir(parents=True)
        (place / "dev.tsv").write_text(FILES["dev.tsv"])
        with zipfile.ZipFile(place / "set.zip", "w") as bundle:
            bundle.writestr("in/dev.tsv", FILES["dev.tsv"])
        monkeypatch.setenv(paths.MIRROR_VARIABLE, str(tmp_path / "mirror"))
        return place

    def source(self, mirror: Path, name: str = "dev.tsv", **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256((mirror / name).read_bytes()).hexdigest()
        return replaced(dev=[{"url": f"https://example.org/set/{name}", "sha256": digest, **more}])

    def test_files_are_fetched_when_needed_and_kept(self, folder: Path, mirror: Path):
        made = task(folder, **self.source(mirror))
        assert not made.is_local
        with pytest.raises(DownloadError, match="not in the cache"):
            made.verify()
        assert len(made.split("dev")) == 1
        assert made.is_local
        assert [p.name for p in made.verify()][:1] == ["train.tsv"]
        (mirror / "dev.tsv").unlink()
        assert (
            len(task(folder, **self.source(mirror, "set.zip", member="in/dev.tsv")).split("dev"))
            == 1
        )

    def test_verify_notices_damage(self, folder: Path, mirror: Path):
        made = task(folder, **self.source(mirror))
        cached = made.fetch()[1]
        assert cached.is_relative_to(paths.data_cache())
        cached.write_text("neg\tbas\n")
        with pytest.raises(DigestError, match="damaged"):
            made.verify()
        with pytest.raises(DigestError, match="damaged"):
            task(folder, **self.source(mirror)).split("dev")

    @pytest.mark.parametrize(
        ("source", "error"),
        [
            ({"url": "https://example.org/set/dev.tsv"}, DigestError),
            ({"url": "https://example.org/set/dev.tsv", "sha256": "0" * 64}, DigestError),
            ({"url": "https://example.org/set/none.tsv", "sha256": "0" * 64}, DownloadError),
            ({"url": "http://example.org/set/dev.tsv", "sha256": "0" * 64}, DownloadError),
        ],
    )
    def test_bad_sources_leave_nothing_in_the_cache(
        self, folder: Path, mirror: Path, source: dict, error: type[ElmobenchError]
    ):
        made = task(folder, **replaced(dev=[source]))
        with pytest.raises(error, match=r"example\.org"):
            made.split("dev")
        with pytest.raises(error):
            made.fetch()
        assert written() == []

    def test_trust_first_pins_an_unknown_digest(self, folder: Path, mirror: Path):
        made = task(folder, **replaced(dev=[{"url": self.url}]))
        with pytest.raises(DigestError, match="--trust-first"):
            _ = made.data_digest
        made.fetch(trust_first=True)
        # The pinned digest is the identity, as if the card gave the digest.
        assert made.data_digest == task(folder, **self.source(mirror)).data_digest
        assert len(made.split("dev")) == 1


def test_generated_tasks_need_no_file():
    made = load_task("ner/control-ner")
    assert made.fetch() == []
    assert made.is_local
    assert len(made.split("dev")) == made.card.stated("dev").examples


def test_counts_and_their_differences():
    tagged = [
        TaggedSentence("1", ("a", "b", "c"), ("B-X", "I-X", "B-X")),
        TaggedSentence("2", ("a",), ("B-Y",)),
    ]
    assert NER.count(tagged) == SplitCounts(examples=2, tokens=4, spans=3, types={"X": 2, "Y": 1})
    assert POS.count([TaggedSentence("1", ("a", "b"), ("NN", "O"))]) == SplitCounts(
        examples=1, tokens=2, labels={"NN": 1, "O": 1}
    )
    phrases = (Phrase(0, 1, "0"), Phrase(0, 2, "1"))
    assert SENTIMENT.count([ClassifiedText("1", ("a", "b"), "1", phrases)]) == SplitCounts(
        examples=1, tokens=2, phrases=2, labels={"1": 1}
    )
    assert differences(SplitCounts(), NER.count(tagged)) == []
    assert differences(SplitCounts(phrases=1), NER.count(tagged)) == [
        "phrases: the card says 1, the data have none"
    ]


def test_a_local_file_can_be_in_any_folder(folder: Path, tmp_path: Path):
    """Absolute paths and paths out of the folder work; the error explains how paths are read."""
    here = task(folder)
    (tmp_path / "elsewhere").mkdir()
    (folder / "train.tsv").rename(tmp_path / "elsewhere" / "train.tsv")
    for path in (str(tmp_path / "elsewhere" / "train.tsv"), "../elsewhere/train.tsv"):
        splits = {"train": [{"path": path}], "dev": [{"path": "dev.tsv"}]}
        there = task(folder, splits=splits | {"test": [{"path": "test.tsv"}]})
        assert len(there.split("train")) == 3
        assert there.is_local
    with pytest.raises(DataError, match="relative to the card's folder, or absolute"):
        here.split("train")


def test_labels_that_differ_between_splits_are_warned_of_once(folder: Path):
    (folder / "test.tsv").write_text("good\tgreat\nPos\tno good\n")
    loaded = task(folder)
    loaded.split("train")
    loaded.split("dev")
    with pytest.warns(ElmobenchWarning) as caught:
        loaded.split("test")
    notes = [
        "test has 2 labels that train lacks, which no head can predict: 'Pos' (1), 'good' (1)",
        "these labels differ only by case, and are different classes: 'Pos' in test, 'pos' in "
        "train",
    ]
    assert [str(warning.message) for warning in caught] == [
        f"sentiment/tiny: {note}" for note in notes
    ]
    assert loaded.label_notes == notes
    loaded.verify()  # a second warning would be an error


def test_tags_and_splits_by_hash_are_compared_too(folder: Path):
    rows = [f"l{i:02d}\ttext {i}" for i in range(60)]
    (folder / "all.tsv").write_text("\n".join(rows))
    loaded = task(folder, splits={"all": [{"path": "all.tsv"}]}, split={"by": "hash", "salt": "s"})
    with pytest.warns(ElmobenchWarning, match="labels that train lacks"):
        test = loaded.split("test")
    assert f"test has {len(test)} labels that train lacks" in loaded.label_notes[1]
    assert task(folder).label_notes == []
