"""The published coreference heads against the NumPy reference, and their options."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from coref_problems import TINY_LEE, batch_of, documents, pronouns
from lee_reference import Answer, LeeReference
from tiny_problems import VECTORS
from torch import Tensor

from elmobench.data.examples import CoreferenceDocument
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.coref.document_cuts import cut_document
from elmobench.tasks.coref.lee import LeeRanker
from elmobench.tasks.coref.pipeline import PIPELINE
from elmobench.tasks.head import Batch, SlotBatch
from elmobench.tasks.registries import get_head
from elmobench.training.model import BenchModel, input_dims

STATIC, CONTEXTUAL = 7, 5
PRESETS = ("paper", "paper-2018")


def model(preset: str, examples: Sequence[Any], codec: LabelCodec | None = None, **options) -> Any:
    """A float64 model with a contextual part before a static one, and no weight at zero."""
    torch.manual_seed(11)
    parts = [PartConfig("c", 2, CONTEXTUAL), PartConfig("s", 1, STATIC, unit=True, static=True)]
    mixer = FeatureMixer(parts)
    kind = get_head("coref", preset)
    values = {**kind.options.model_dump(), **TINY_LEE, "antecedents": 4, **options}
    chosen = type(kind.options)(**values)
    codec = codec or PIPELINE.codec(examples, None)
    head = kind.head(input_dims(kind.head, {"input": mixer}), codec, chosen)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    made = BenchModel({"input": mixer}, {"input": (0, 1)}, head).double().eval()
    if isinstance(examples[0], CoreferenceDocument):
        for _ in range(3):  # until about half of the spans have an antecedent
            head.pair.rest[-1].bias.data -= best_scores(made, examples).quantile(0.47)
    return made


@torch.no_grad()
def best_scores(trained: BenchModel, examples: Sequence[CoreferenceDocument]) -> Tensor:
    """The best score of an antecedent of each kept span that has any."""
    head, data = trained.head, batch(examples)
    found = head._candidates(data)
    _, _, links = head._document_links(data, found, head.encode(data, trained.mix(data)))
    return links.scores[links.mask.any(dim=1), 1:].amax(dim=1)


def batch(examples: Sequence[Any]) -> Batch:
    """Two layers of a contextual part and one of a static part, from the words' vectors."""
    made = batch_of(examples, spare=1)
    slot = made.slots["sentence"]
    (x,) = slot.parts
    slot.parts = [x[:, :2, :, :CONTEXTUAL].double(), x[:, 2:, :, -STATIC:].double()]
    return made


def vectors(words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The static vectors of length 1, and the mean of both contextual layers."""
    stacked = torch.stack([VECTORS[word] for word in words]).double().numpy()
    static = stacked[:, 2, -STATIC:]
    static /= np.linalg.norm(static, axis=1, keepdims=True)
    return static, stacked[:, :2, :CONTEXTUAL].mean(axis=1)


def reference(trained: BenchModel) -> LeeReference:
    head = trained.head
    weights = {name: value.detach().numpy() for name, value in head.state_dict().items()}
    # The head reads static, character and contextual columns in this order, as the reference does.
    extra = head.codec.extra
    return LeeReference(weights, head.options, extra["characters"], extra["genres"])


def answers(trained: BenchModel, examples: Sequence[CoreferenceDocument]) -> list[Answer]:
    return [reference(trained).document(e, *vectors(e.tokens)) for e in examples]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"antecedents": 50, "spans_per_word": 0.2, "depth": 1},
        {"metadata": False, "layers": 1},
        {"iterations": 3},
    ],
    ids=["preset", "many antecedents", "no metadata", "third order"],
)
def test_documents_equal_the_reference(preset: str, options: dict[str, Any]) -> None:
    examples = documents(4, metadata=True)
    trained = model(preset, examples, **options)
    head, data = trained.head, batch(examples)
    assert isinstance(head, LeeRanker)
    expected = answers(trained, examples)
    with torch.no_grad():
        mixed = trained.mix(data)
        found = head._candidates(data)
        scores, chosen, links = head._document_links(data, found, head.encode(data, mixed))
        loss = float(head.loss(data, mixed))
    ours = {
        (int(a), int(b)): float(score)
        for a, b, score in zip(found.first, found.last, scores, strict=True)
    }
    position = 0
    for number, answer in enumerate(expected):
        offset = int(found.tokens[number])
        for (a, b), score in answer.mentions.items():
            assert ours[a + offset, b + offset] == pytest.approx(score, abs=1e-10)
        for i, row in enumerate(answer.scores):
            here = position + i
            spot = int(chosen[here])
            assert (found.first[spot] - offset, found.last[spot] - offset) == answer.kept[i]
            real = links.mask[here]
            places = (links.antecedents[here][real] - position).tolist()
            assert set(places) == set(row)
            for j, score in zip(places, links.scores[here][1:][real].tolist(), strict=True):
                assert score == pytest.approx(row[j], abs=1e-10)
        position += len(answer.kept)
    assert loss == pytest.approx(np.mean([answer.loss for answer in expected]), abs=1e-10)
    assert trained.predict(data) == [answer.clusters for answer in expected]
    assert any(answer.clusters for answer in expected)
    assert any(max(row.values()) < 0 for answer in expected for row in answer.scores if row)


@pytest.mark.parametrize("preset", PRESETS)
def test_pronouns_equal_the_reference(preset: str) -> None:
    examples = pronouns(6)
    trained = model(preset, examples, iterations=1)
    labels = ("neither", "A", "B")
    expected = [reference(trained).pronoun(e, *vectors(e.tokens)) for e in examples]
    logits = torch.tensor(expected, dtype=torch.float64)
    gold = torch.tensor([labels.index(e.label) for e in examples])
    loss = torch.nn.functional.cross_entropy(logits, gold)
    torch.testing.assert_close(trained.loss(batch(examples)), loss, atol=1e-10, rtol=0)
    found = [answer["label"] for answer in trained.predict(batch(examples))]
    assert found == [labels[i] for i in logits.argmax(dim=1)]


def test_features_that_the_data_lack_are_left_out() -> None:
    plain, full = documents(4), documents(4, metadata=True)
    lacking, having = (model("paper", examples).head for examples in (plain, full))
    assert (lacking.speaker_embedding, lacking.genre_embedding) == (None, None)
    assert having.speaker_embedding.weight.shape == (2, 5)
    assert having.genre_embedding.weight.shape == (2, 5)
    assert having.pair.blocks[3] - lacking.pair.blocks[3] == 2 * 5


def test_another_document_s_genre_may_be_unknown_and_its_speakers_too() -> None:
    """The genre's vector is then zero, and all tokens have the same speaker."""
    examples = documents(4, metadata=True)
    trained = model("paper-2018", examples)
    others = [
        CoreferenceDocument("x", e.sentences, e.clusters, None, genre)
        for e, genre in zip(documents(2), ("xx", None), strict=True)
    ]
    expected = [answer.loss for answer in answers(trained, others)]
    assert float(trained.loss(batch(others)).detach()) == pytest.approx(
        np.mean(expected), abs=1e-10
    )
    known = [answer.loss for answer in answers(trained, examples[:2])]
    assert abs(np.mean(known) - np.mean(expected)) > 1e-6


def test_a_head_without_contextual_parts_reads_the_same_vectors_twice() -> None:
    head = get_head("coref", "paper").head
    mixer = FeatureMixer([PartConfig("s", 1, STATIC, static=True)])
    assert input_dims(head, {"input": mixer}) == {"input": STATIC, "static": STATIC}
    mixer = FeatureMixer([PartConfig("c", 2, CONTEXTUAL)])
    dims = {"input": CONTEXTUAL, "static": 0, "contextual": CONTEXTUAL}
    assert input_dims(head, {"input": mixer}) == dims
    assert input_dims(get_head("coref", "small").head, {"input": mixer}) == {"input": CONTEXTUAL}


@pytest.mark.parametrize("widths", [(3,), ()])
def test_contextual_parts_alone(widths: tuple[int, ...]) -> None:
    examples = documents(3)
    kind = get_head("coref", "paper")
    mixer = FeatureMixer([PartConfig("c", 2, CONTEXTUAL)])
    options = type(kind.options)(**{**TINY_LEE, "char_widths": widths})
    head = kind.head(
        input_dims(kind.head, {"input": mixer}), PIPELINE.codec(examples, None), options
    )
    trained = BenchModel({"input": mixer}, {"input": (0,)}, head).double().eval()
    data = batch(examples)
    mixed = trained.mix(data)
    assert torch.equal(mixed["contextual"]["sentence"], mixed["input"]["sentence"])
    assert mixed["static"]["sentence"].shape[-1] == 0
    assert head.encode(data, mixed).values.shape[1] == 4 * len(widths)
    assert torch.isfinite(trained.loss(data))


@pytest.mark.parametrize("preset", PRESETS)
def test_the_contextual_part_enters_the_bilstm_alone(preset: str) -> None:
    examples = documents(3)
    trained = model(preset, examples)
    data = batch(examples)
    mixed = trained.mix(data)
    tokens = trained.head.encode(data, mixed)
    changed = {**mixed, "contextual": {"sentence": mixed["contextual"]["sentence"] + 1}}
    other = trained.head.encode(data, changed)
    assert torch.equal(tokens.values, other.values)
    assert not torch.allclose(tokens.states, other.states)
    assert tokens.values.shape[1] == STATIC + 3 * 4


@pytest.mark.parametrize(("preset", "same"), [("paper", True), ("paper-2018", False)])
def test_lexical_dropout_of_attention_and_bilstm(preset: str, same: bool) -> None:
    """One mask for both in 2017, one each in 2018; half of the numbers are dropped."""
    examples = documents(40)
    trained = model(preset, examples).train()
    read: list[Tensor] = []
    trained.head.encoder.register_forward_pre_hook(lambda _, inputs: read.append(inputs[0]))
    data = batch(examples)
    values = trained.head.encode(data, trained.mix(data)).values[:, :STATIC]
    inputs = read[0][:, :STATIC]
    assert torch.equal(values, inputs) == same
    for x in (values, inputs, read[0][:, -CONTEXTUAL:]):
        assert float((x == 0).double().mean()) == pytest.approx(0.5, abs=0.05)
    if not same:
        assert float(((values == 0) == (inputs == 0)).double().mean()) == pytest.approx(
            0.5, abs=0.05
        )


def test_a_word_is_padded_to_the_longest_of_its_document() -> None:
    """As published, the vectors of padding count; the other documents of a batch do not."""

    def spelled(head: LeeRanker, *texts: tuple[str, ...]) -> list[Tensor]:
        made = [CoreferenceDocument(f"{i}", (text,), ()) for i, text in enumerate(texts)]
        mask = torch.ones(len(texts), len(texts[0]), dtype=torch.bool)
        slots = {"sentence": SlotBatch(list(texts), mask, [])}
        like = torch.zeros(mask.numel(), 1, dtype=torch.float64)
        return list(head._spelled(Batch(made, slots), like).split(len(texts[0])))

    head = model("paper", documents(3)).head
    short, long = ("word1", "word2"), ("word1", "wordwordword")
    (alone,), (first, second) = spelled(head, short), spelled(head, short, long)
    torch.testing.assert_close(first, alone)
    assert not torch.allclose(second[0], alone[0])


def test_documents_are_cut_in_training_alone() -> None:
    examples = documents(6, metadata=True)
    trained = model("paper", examples, training_sentences=2)
    assert float(trained.loss(batch(examples)).detach()) == pytest.approx(
        np.mean([answer.loss for answer in answers(trained, examples)]), abs=1e-10
    )
    quiet = trained.train()
    for module in quiet.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    for layer in quiet.head.encoder.layers:
        layer.rate = 0.0
    possible = [
        [
            answer.loss
            for answer in answers(trained, [cut_document(e, start, 2) for start in (0, 1)])
        ]
        for e in examples
    ]
    seen: set[tuple[bool, ...]] = set()
    for _ in range(12):
        for e, losses in zip(examples, possible, strict=True):
            loss = float(quiet.loss(batch([e])).detach())
            fits = tuple(abs(loss - value) < 1e-9 for value in losses)
            assert any(fits)
            seen.add(fits)
    assert {(True, False), (False, True)} <= seen


def test_cuts_do_not_depend_on_the_features() -> None:
    heads = []
    for width in (3, 9):
        torch.manual_seed(5)
        kind = get_head("coref", "paper-2018")
        codec = PIPELINE.codec(documents(2), None)
        heads.append(kind.head({"input": width}, codec, kind.options))
    drawn = [[int(torch.randint(100, (), generator=h.cuts)) for _ in range(5)] for h in heads]
    assert drawn[0] == drawn[1]


def test_a_cut_document() -> None:
    document = CoreferenceDocument(
        "d",
        (("a", "b"), ("c", "d", "e"), ("f",), ("g", "h")),
        (((0, 0), (2, 3), (5, 5)), ((1, 2), (4, 4)), ((4, 5),), ((6, 7),)),
        tuple("xxyyyxzz"),
        "nw",
    )
    assert cut_document(document, 1, 2) == CoreferenceDocument(
        "d",
        (("c", "d", "e"), ("f",)),
        (((0, 1), (3, 3)), ((2, 2),), ((2, 3),)),
        tuple("yyyx"),
        "nw",
    )
    assert cut_document(document, 0, 4) == document


def lstm_size(inputs: int, hidden: int, biases: int) -> int:
    """Both directions: three gates, weights of inputs and states, biases, the first states."""
    return 2 * (3 * hidden * (inputs + hidden + biases) + 2 * hidden)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_published_sizes(preset: str) -> None:
    kind = get_head("coref", preset)
    example = CoreferenceDocument("bc/x.0", (("abc",),), (), ("s",), "bc")
    dims = {"input": 300 + 1024, "static": 300, "contextual": 1024}
    head = kind.head(dims, PIPELINE.codec([example], None), kind.options)
    older = preset == "paper"
    options = kind.options
    assert (options.max_width, options.antecedents) == ((10, 250) if older else (30, 50))
    assert (options.coarse, options.iterations) == ((False, 1) if older else (True, 2))
    assert options.lstm_dropout == (0.2 if older else 0.4)
    assert (options.spans_per_word, options.training_sentences) == (0.4, 50)
    assert (options.lexical_dropout, options.dropout, options.mention_loss) == (0.5, 0.2, 0)
    training = kind.training
    assert (training.optimizer, training.lr, training.clip_norm) == ("adam", 0.001, 5.0)
    assert (training.decay, training.decay_steps, training.batch_size) == (0.999, 100, 1)
    assert kind.mix.static_unit
    values = 300 + 3 * 50
    span = 2 * 400 + values + 20

    def scorer(width: int) -> int:
        return (width + 1) * 150 + 151 * 150 + 151

    expected = (
        (3 + 1) * 8
        + sum(8 * w * 50 + 50 for w in (3, 4, 5))
        + lstm_size(values + 1024, 200, 2 if older else 1)
        + 400
        + (options.max_width + 10 + 2 + 1) * 20
        + scorer(span)
        + scorer(3 * span + 60)
    )
    if not older:
        expected += 2 * (lstm_size(400, 200, 1) + 400 * 400 + 400)
        expected += (span + 1) * span + (2 * span + 1) * span
    assert sum(p.numel() for p in head.parameters()) == expected
