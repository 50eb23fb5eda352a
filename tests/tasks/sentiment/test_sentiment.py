from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError

from elmobench.core.errors import DataError
from elmobench.data.examples import ClassifiedText, Phrase
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.registries import PIPELINES, get_head
from elmobench.tasks.sentiment.bcn import Bcn, BcnOptions
from elmobench.tasks.sentiment.pipeline import PIPELINE
from elmobench.tasks.sentiment.presets import PAPER, SMALL

TREE = ClassifiedText(
    id="t1",
    tokens=("not", "a", "bad", "film"),
    label="3",
    phrases=(
        Phrase(0, 4, "3"), Phrase(0, 1, "1"), Phrase(1, 4, "1"), Phrase(1, 2, "2"),
        Phrase(2, 4, "0"), Phrase(2, 3, "0"), Phrase(3, 4, "2"),
    ),
)  # fmt: skip
PLAIN = ClassifiedText(id="p", tokens=("fine",), label="4")


def test_registered() -> None:
    assert PIPELINES.get("sentiment") is PIPELINE
    assert get_head("sentiment", "paper") is PAPER


def test_phrases_are_texts_of_their_own() -> None:
    got = PIPELINE.training_examples([TREE, PLAIN], BcnOptions(phrases="all"))
    assert [(e.id, " ".join(e.tokens), e.label) for e in got] == [
        ("t1", "not a bad film", "3"),
        ("t1:0-1", "not", "1"),
        ("t1:1-4", "a bad film", "1"),
        ("t1:1-2", "a", "2"),
        ("t1:2-4", "bad film", "0"),
        ("t1:2-3", "bad", "0"),
        ("t1:3-4", "film", "2"),
        ("p", "fine", "4"),
    ]


def test_phrases_can_be_left_out() -> None:
    assert PIPELINE.training_examples([TREE, PLAIN], SMALL.options) == [TREE, PLAIN]
    got = PIPELINE.training_examples([TREE, PLAIN], BcnOptions(phrases="all", phrase_min_tokens=3))
    assert [e.id for e in got] == ["t1", "t1:1-4", "p"]


def test_a_fraction_is_nested_and_keeps_roots() -> None:
    trees = [ClassifiedText(f"t{i}", TREE.tokens, TREE.label, TREE.phrases) for i in range(200)]
    chosen = []
    for fraction in (0.0, 0.2, 0.5, 1.0):
        options = BcnOptions(phrases="all", phrase_fraction=fraction)
        chosen.append({e.id for e in PIPELINE.training_examples(trees, options)})
    assert chosen[0] == {t.id for t in trees}
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]
    assert len(chosen[3]) == 200 * 7
    # 1200 phrases: five standard deviations of the share are 0.06 and 0.07.
    assert abs((len(chosen[1]) - 200) / 1200 - 0.2) < 0.06
    assert abs((len(chosen[2]) - 200) / 1200 - 0.5) < 0.07


def test_codec() -> None:
    assert PIPELINE.codec([TREE, PLAIN], None).labels == ["3", "4"]
    assert PIPELINE.codec([TREE], ["4", "3"]).labels == ["4", "3"]
    with pytest.raises(DataError, match=r"example p.*'4'"):
        PIPELINE.codec([TREE, PLAIN], ["3"])
    with pytest.raises(DataError):
        PIPELINE.codec([], None)


def test_slots_gold_and_plain_text() -> None:
    assert PIPELINE.slots(PLAIN) == {"text": [("fine",)]}
    assert PIPELINE.gold(PLAIN) == "4"
    assert PIPELINE.from_tokens(("so", "so")).tokens == ("so", "so")


def test_maxout_dropouts_must_fit() -> None:
    with pytest.raises(ValidationError, match="maxout_dropout"):
        BcnOptions(maxout=(10,))


def _both_ways(encoder, x):
    """One sentence (1, T, D) through a one-layer biLSTM, read from both ends."""
    ahead, _ = encoder.forwards[0](x)
    back, _ = encoder.backwards[0](x.flip(1))
    return torch.cat([ahead, back.flip(1)], dim=-1)[0]


def test_bcn_against_its_description_for_one_sentence() -> None:
    """The same weights, one sentence, no padding, no masks."""
    torch.manual_seed(0)
    options = BcnOptions(feedforward=6, encoder=4, integrator=3, maxout=(5, 4), pool=3)
    head = Bcn({"input": 7}, LabelCodec(labels=["a", "b"]), options).eval()
    x = torch.randn(1, 5, 7)
    h = _both_ways(head.encoder, torch.relu(head.feedforward(x)))
    rows = []
    for t in range(5):
        weights = torch.softmax(torch.stack([h[t] @ h[u] for u in range(5)]), 0)
        context = sum(weights[u] * h[u] for u in range(5))
        rows.append(torch.cat([h[t], h[t] - context, h[t] * context]))
    z = _both_ways(head.integrator, torch.stack(rows).unsqueeze(0))
    weights = torch.softmax(head.attention(z)[:, 0], 0)
    pooled = torch.cat([z.max(0).values, z.min(0).values, z.mean(0), weights @ z])
    expected = head.output(pooled)
    got = head.logits(x, torch.ones(1, 5, dtype=torch.bool))[0]
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)
