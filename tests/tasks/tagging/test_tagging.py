from __future__ import annotations

import pytest
import torch
from tiny_problems import batch_of, build, mixed_of, sentences, train

from elmobench.core.errors import DataError
from elmobench.data.examples import TaggedSentence
from elmobench.metrics.classification import ACCURACY
from elmobench.tasks.characters import CharacterIds
from elmobench.tasks.codecs import characters_of
from elmobench.tasks.padding import BoundedCache, pad_rows
from elmobench.tasks.registries import PIPELINES, get_head
from elmobench.tasks.tagging.pipeline import NER, POS
from elmobench.tasks.tagging.presets import LINEAR, PAPER, SMALL

EXAMPLE = TaggedSentence("s1", ("Ann", "saw", "Rome"), ("B-PER", "O", "B-LOC"))


def test_registered() -> None:
    assert PIPELINES.get("ner") is NER
    assert get_head("ner", "linear") is LINEAR


def test_codec_is_closed_under_types() -> None:
    codec = NER.codec([EXAMPLE], None)
    assert codec.labels == ["O", "B-LOC", "I-LOC", "L-LOC", "U-LOC",
                            "B-PER", "I-PER", "L-PER", "U-PER"]  # fmt: skip
    assert codec.extra == {"scheme": "bioul", "characters": "ARaemnosw"}


def test_codec_takes_the_cards_tags() -> None:
    codec = NER.codec([EXAMPLE], ["O", "B-X", "I-X"])
    assert codec.labels == ["O", "B-X", "I-X", "L-X", "U-X"]
    with pytest.raises(DataError):
        NER.codec([], None)
    with pytest.raises(DataError, match="PERSON"):
        NER.codec([EXAMPLE], ["O", "PERSON"])


def test_slots_gold_and_plain_text() -> None:
    assert NER.slots(EXAMPLE) == {"sentence": [EXAMPLE.tokens]}
    assert NER.gold(EXAMPLE) == ["B-PER", "O", "B-LOC"]
    assert NER.from_tokens(("Hi", "!")).tags == ("O", "O")


def test_plain_tags_need_no_other_head() -> None:
    """POS: no conversion, no constraints."""
    pos = POS
    data = [TaggedSentence(s.id, s.tokens, tuple(t[:1] for t in s.tags)) for s in sentences()]
    torch.manual_seed(0)
    head, mixer = build(pos, SMALL, data)
    assert head.codec.labels == ["B", "I", "O"]
    train(pos, head, mixer, data, 10, 5e-3)
    batch = batch_of(pos, data)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    gold = [t for s in data for t in s.tags]
    assert ACCURACY.compute(gold, [t for tags in predicted for t in tags]).score > 99


def test_characters_can_be_switched_off() -> None:
    head, _ = build(NER, SMALL, sentences(), chars=False)
    assert not [name for name, _ in head.named_parameters() if "char" in name]


def test_paper_sums_over_the_batch() -> None:
    data = sentences(6)
    losses = {}
    for reduction in ("sum", "mean"):
        torch.manual_seed(0)
        head, mixer = build(NER, PAPER, data, hidden=5, reduction=reduction)
        head.eval()
        batch = batch_of(NER, data)
        losses[reduction] = head.loss(batch, mixed_of(mixer, batch)).item()
    assert PAPER.options.model_dump()["reduction"] == "sum"
    assert losses["sum"] == pytest.approx(6 * losses["mean"], rel=1e-5)


def test_character_ids() -> None:
    characters = characters_of([("ab", "é"), ("b",)])
    assert characters == "abé"
    ids = CharacterIds(characters)
    assert len(ids) == 5
    words, rows = ids.batch([("ab", "b"), (), ("b", "?é", "ab")], 4)
    assert words.tolist() == [[2, 3], [3, 0], [1, 4]]
    assert rows.tolist() == [[0, 1, 0, 0], [0, 0, 0, 0], [1, 2, 0, 0]]
    words, rows = ids.batch([()], 0)
    assert (words.shape, rows.shape) == ((1, 0), (1, 0))
    cut = CharacterIds(characters, longest=2)
    assert [cut.word(word).tolist() for word in ("a", "ab", "abé")] == [[2], [2, 3], [2, 3]]


def test_pad_rows() -> None:
    import numpy as np

    rows = [np.array(r, dtype=np.int64) for r in ([1, 2], [], [3])]
    assert pad_rows(rows).tolist() == [[1, 2], [0, 0], [3, 0]]
    assert pad_rows(rows, 3).tolist() == [[1, 2, 0], [0, 0, 0], [3, 0, 0]]
    assert pad_rows([], 3).shape == (0, 3)


def test_bounded_cache() -> None:
    cache: BoundedCache[int, int] = BoundedCache(3)
    for i in range(10):
        cache[i] = i
        assert len(cache) <= 3
        assert cache[i] == i
