"""``qa/paper`` is the model of document-qa: equal to a NumPy reference, drawn as published."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from document_qa_reference import span_scores
from torch import nn

from elmobench.data.questions import Answer, PassageQuestion, make_passage
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.qa.document_qa import DocumentQa, DocumentQaOptions
from elmobench.tasks.qa.pipeline import PIPELINE
from elmobench.tasks.qa.presets import PAPER

LENGTH = 7
# Words shorter than the window, of the length, longer than it, with rare and unseen characters.
TEXTS = (
    ("abc a abcabcabcabc cab cb b bcabca", "ab bcab c"),
    ("a", "cb?"),
    ("bc abca zab", "abcabcabcabc"),
)
DIMS = {"input": 3, "output": 4}
CODEC = LabelCodec(labels=[], extra={"characters": "abcz", "character_counts": [60, 49, 50, 48]})
KEPT = {"a": 2, "b": 3, "c": 4}


class Scale(nn.Module):
    """Takes the place of a dropout, to see where it is."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor
        self.p = 0.5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


def small_head(**changes) -> DocumentQa:
    torch.manual_seed(1)
    options = {"hidden": 3, "linear": 5, "char_dim": 2, "char_filters": 4, "char_width": 3}
    return DocumentQa(DIMS, CODEC, DocumentQaOptions(**options, word_length=LENGTH, **changes))


def random_head() -> DocumentQa:
    """A head whose biases are not zero either, in float64."""
    head = small_head().double()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.normal_(0.0, 0.5)
        head.char_cnn.embedding.weight[0] = 0.0
    return head


def examples() -> list[PassageQuestion]:
    return [
        PassageQuestion(str(i), tuple(question.split()), make_passage(passage, "whitespace"))
        for i, (passage, question) in enumerate(TEXTS)
    ]


def batch_and_vectors(data: list[PassageQuestion]):
    """The batch, with nonzero values at padding."""
    torch.manual_seed(2)
    slots, mixed = {}, {place: {} for place in DIMS}
    for name in PIPELINE.slots(data[0]):
        tokens = [PIPELINE.slots(example)[name][0] for example in data]
        width = max(map(len, tokens)) + 2
        mask = torch.arange(width) < torch.tensor([len(t) for t in tokens]).unsqueeze(1)
        slots[name] = SlotBatch(tokens, mask, [])
        for place, dim in DIMS.items():
            mixed[place][name] = torch.randn(len(tokens), width, dim, dtype=torch.float64)
    return Batch(data, slots), mixed


@pytest.mark.parametrize(("drop", "drop_chars"), [(1.0, 1.0), (0.7, 1.3)])
def test_scores_and_places_of_dropout_equal_the_reference(drop: float, drop_chars: float) -> None:
    """With a factor in the place of each dropout, the scores show where dropouts are."""
    head = random_head()
    if drop == 1.0:
        head.eval()
    else:
        head.dropout = Scale(drop)
        head.char_cnn.dropout = Scale(drop_chars)
    data = examples()
    batch, mixed = batch_and_vectors(data)
    with torch.no_grad():
        scores = torch.stack(head.scores(batch, mixed)).numpy()
    parameters = {name: value.numpy() for name, value in head.state_dict().items()}

    def tokens(slot: str, i: int):
        for t, word in enumerate(batch.slots[slot].tokens[i]):
            ids = [KEPT.get(char, 1) for char in word[:LENGTH]]
            places = [mixed[place][slot][i, t].numpy() for place in ("input", "output")]
            yield places[0], ids, places[1]

    for i, example in enumerate(data):
        expected = span_scores(
            parameters,
            list(tokens("passage", i)),
            list(tokens("question", i)),
            LENGTH,
            lambda x: x * drop,
            lambda x: x * drop_chars,
        )
        n = len(example.passage.tokens)
        np.testing.assert_allclose(scores[:, i, :n], np.array(expected), rtol=0, atol=1e-9)


def test_float32_is_within_the_tolerance_of_the_reference() -> None:
    head = random_head().eval()
    batch, mixed = batch_and_vectors(examples())
    exact = torch.stack(head.scores(batch, mixed))
    rounded = {place: {k: v.float() for k, v in slots.items()} for place, slots in mixed.items()}
    scores = torch.stack(head.float().scores(batch, rounded))
    mask = batch.slots["passage"].mask
    torch.testing.assert_close(scores[:, mask].double(), exact[:, mask], rtol=0, atol=1e-5)


def test_loss_is_the_sum_of_two_cross_entropies() -> None:
    head = random_head().eval()
    data = [
        PassageQuestion(e.id, e.question, e.passage, (Answer(e.passage.tokens[0], 0, 0, 0),))
        for e in examples()
    ]
    batch, mixed = batch_and_vectors(data)
    total = 0.0
    for scores in head.scores(batch, mixed):
        for i, example in enumerate(data):
            row = scores[i, : len(example.passage.tokens)].detach().numpy()
            total += math.log(np.exp(row).sum()) - row[0]
    assert head.loss(batch, mixed).item() == pytest.approx(total / len(data), abs=1e-9)


def test_one_mask_per_sequence_and_one_per_character() -> None:
    head = small_head(dropout=0.2, char_dropout=0.3)
    assert head.dropout.p == 0.2
    assert head.char_cnn.dropout.p == 0.3
    rows = []
    head.char_cnn.register_forward_hook(lambda module, inputs, out: rows.append(len(inputs[0])))
    batch, mixed = batch_and_vectors(examples())
    mixed = {place: {k: v.float() for k, v in slots.items()} for place, slots in mixed.items()}
    head.scores(batch, mixed)
    head.eval().scores(batch, mixed)
    slots = batch.slots.values()
    distinct = {word for slot in slots for sentence in slot.tokens for word in sentence}
    assert rows == [*(slot.mask.numel() for slot in slots), len(distinct)]


def test_rare_characters_are_unknown_and_long_words_are_cut() -> None:
    head = small_head()
    assert [head.characters.word(w).tolist() for w in ("az?", "abcabcabcabc")] == [
        [2, 1, 1],
        [2, 3, 4, 2, 3, 4, 2],
    ]
    assert len(head.characters) == 5


def test_characters_count_once_per_question() -> None:
    passage = make_passage("ab b", "whitespace")
    train = [PassageQuestion("1", ("a?",), passage), PassageQuestion("2", ("c",), passage)]
    codec = PIPELINE.codec(train, None)
    assert codec.extra == {"characters": "?abc", "character_counts": [1, 3, 4, 1]}


def test_weights_start_as_published() -> None:
    torch.manual_seed(3)
    codec = LabelCodec(labels=[], extra={"characters": "abc", "character_counts": [99] * 3})
    head = PAPER.head({"input": 300, "output": 1024}, codec, PAPER.options)
    encoded = 180 + 1024
    bounds = {
        "char_cnn.embedding.weight": 0.05,
        "char_cnn.convolution.weight": math.sqrt(6 / (5 * 20 + 5 * 100)),
        "char_cnn.convolution.bias": math.sqrt(3 / 100),
        "attention": math.sqrt(3 / encoded),
        "attended.weight": math.sqrt(6 / (4 * encoded + 180)),
        "self_attention.bias": math.sqrt(3),
        "self_attention": math.sqrt(3 / 180),
        "self_attended.weight": math.sqrt(6 / (3 * 180 + 180)),
        "start.weight": math.sqrt(6 / 181),
        "end.weight": math.sqrt(6 / 181),
    }
    for name, value in head.named_parameters():
        if ".weight_" in name:  # of a GRU: normal with 0.05, cut at two standard deviations
            assert value.abs().max() <= 0.1, name
            assert value.std().item() == pytest.approx(0.05 * 0.8796, rel=0.03), name
        elif ".bias_" in name or name in ("attended.bias", "self_attended.bias"):
            assert not value.any(), name
        elif name == "no_alignment":
            assert value.item() == -1.0
        else:
            bound = next(b for prefix, b in bounds.items() if name.startswith(prefix))
            assert value.abs().max() <= bound, name
            if value.numel() > 50:
                assert value.abs().max() >= 0.9 * bound, name
                assert value.abs().mean().item() == pytest.approx(bound / 2, rel=0.3), name
    assert not head.char_cnn.embedding.weight[0].any()
