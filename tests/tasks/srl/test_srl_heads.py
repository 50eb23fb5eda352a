"""Semantic roles: the pipeline, its three heads, and sentences that propositions share."""

from __future__ import annotations

import itertools
import json
import random

import numpy as np
import pytest
import torch
from tiny_problems import DIM, WORDS, batch_of, build, train

from elmobench.core.errors import DataError
from elmobench.data.examples import Proposition
from elmobench.data.tag_schemes import violation
from elmobench.metrics.srl import SRL_F1
from elmobench.nn.bio import bio_viterbi
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Batch, HeadPreset, SlotBatch
from elmobench.tasks.registries import PIPELINES, get_head
from elmobench.tasks.srl.linear import DISTANCES, distance_buckets
from elmobench.tasks.srl.pipeline import PIPELINE
from elmobench.tasks.srl.presets import LINEAR, PAPER, SMALL
from elmobench.training.batching import Collator, ExampleSet, SentenceTable

SIZES = {
    "linear": {},
    "small": {"hidden": 24, "flag_dim": 8, "dropout": 0.0},
    "paper": {"layers": 3, "hidden": 24, "flag_dim": 8},
}
RATES = {"linear": (40, 0.1), "small": (20, 1e-2), "paper": (30, 5e-3)}
PLACES = [("linear", ("input",))] + [
    (name, places)
    for name in ("small", "paper")
    for places in (("input",), ("output",), ("input", "output"))
]


def propositions(n: int = 50, seed: int = 3) -> list[Proposition]:
    """Two predicates per sentence; a word of the role's own begins an argument of one to three.

    Words 0-3 are ARG0 before the predicate and nothing after it, words 10-13 are ARG1 on both
    sides; 5, 6 and 15, 16 continue them.
    """
    draw = random.Random(seed)
    examples: list[Proposition] = []
    while len(examples) < n:
        chunks: list[tuple[str, list[str]]] = []
        for _ in range(draw.randint(2, 5)):
            kind = draw.choice(["O", "ARG0", "ARG1"])
            if kind == "O":
                chunks.append((kind, [draw.choice(WORDS[20:30])]))
                continue
            first = 0 if kind == "ARG0" else 10
            length = draw.randint(1, 3)
            words = [WORDS[first + (draw.randrange(4) if j == 0 else 4 + j)] for j in range(length)]
            chunks.append((kind, words))
        for _ in range(2):
            chunks.insert(draw.randint(0, len(chunks)), ("V", [draw.choice(WORDS[30:])]))
        tokens = tuple(word for _, words in chunks for word in words)
        starts = np.cumsum([0, *(len(words) for _, words in chunks)])
        for c in [i for i, (kind, _) in enumerate(chunks) if kind == "V"]:
            tags: list[str] = []
            for i, (kind, words) in enumerate(chunks):
                kept = i == c or kind == "ARG1" or (kind == "ARG0" and i < c)
                tags += (
                    [f"B-{kind}"] + [f"I-{kind}"] * (len(words) - 1) if kept else ["O"] * len(words)
                )
            examples.append(Proposition(f"p{len(examples)}", tokens, int(starts[c]), tuple(tags)))
    return examples[:n]


def mixed_of(mixer: FeatureMixer, batch: Batch, places: tuple[str, ...] = ("input",)):
    unit = batch.slots["sentence"]
    return {place: {"sentence": mixer(unit.parts, unit.mask)} for place in places}


def head_of(name: str, examples: list[Proposition], places: tuple[str, ...] = ("input",)):
    torch.manual_seed(7)
    preset = get_head("srl", name)
    head, mixer = build(PIPELINE, preset, examples, **SIZES[name])
    if places != ("input",):
        options = type(preset.options)(**{**preset.options.model_dump(), **SIZES[name]})
        head = preset.head(dict.fromkeys(places, mixer.out_dim), head.codec, options)
    return head, mixer


def score(head, mixer, examples: list[Proposition]) -> float:
    batch = batch_of(PIPELINE, examples)
    predicted = head.predict(batch, mixed_of(mixer, batch))
    return SRL_F1.compute([PIPELINE.gold(e) for e in examples], predicted).score


def test_registered() -> None:
    assert PIPELINES.get("srl") is PIPELINE
    assert [get_head("srl", n) for n in ("linear", "small", "paper")] == [LINEAR, SMALL, PAPER]


@pytest.mark.parametrize("name", ["linear", "small", "paper"])
def test_fits_fifty_propositions(name: str) -> None:
    examples = propositions()
    head, mixer = head_of(name, examples)
    train(PIPELINE, head, mixer, examples, *RATES[name])
    assert score(head, mixer, examples) >= 99


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["linear", "small", "paper"])
def test_nothing_is_learned_from_shuffled_roles(name: str) -> None:
    """The place of an argument can be learned, its random role cannot: no better than chance."""
    draw = random.Random(5)

    def shuffled(example: Proposition) -> Proposition:
        roles: list[str] = []
        for tag in example.tags:
            if tag in ("O", "B-V"):
                roles.append(tag)
            else:
                new = draw.choice(["ARG0", "ARG1"])
                roles.append(f"I-{roles[-1][2:]}" if tag[0] == "I" else f"B-{new}")
        return Proposition(example.id, example.tokens, example.predicate, tuple(roles))

    examples = [shuffled(e) for e in propositions()]
    dev = [shuffled(e) for e in propositions(200, seed=8)]
    head, mixer = head_of(name, examples)
    train(PIPELINE, head, mixer, examples, *RATES[name])
    kinds = [tag for e in dev for tag in e.tags if tag in ("B-ARG0", "B-ARG1")]
    majority = 100 * max(map(kinds.count, set(kinds))) / len(kinds)
    assert score(head, mixer, dev) < majority + 5


@pytest.mark.parametrize(("name", "places"), PLACES)
def test_results_do_not_depend_on_batch_or_padding(name, places) -> None:
    examples = propositions(8)
    head, mixer = head_of(name, examples, places)
    head.eval()
    mixer.eval()
    together = batch_of(PIPELINE, examples, spare=3)
    clean = mixed_of(mixer, together, places)
    real = together.slots["sentence"].mask.unsqueeze(-1)
    dirty = {p: {"sentence": torch.where(real, m["sentence"], 1e4)} for p, m in clean.items()}
    losses = []
    for i, example in enumerate(examples):
        alone = batch_of(PIPELINE, [example])
        mixed = mixed_of(mixer, alone, places)
        expected = head.scores(alone, mixed)[0]
        found = head.scores(together, dirty)[i, : len(expected)]
        torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
        assert head.predict(alone, mixed) == [head.predict(together, dirty)[i]]
        losses.append(head.loss(alone, mixed))
    torch.testing.assert_close(head.loss(together, dirty), torch.stack(losses).mean())


@pytest.mark.parametrize(("name", "places"), PLACES)
def test_loss_reaches_every_parameter_and_the_mix(name, places) -> None:
    examples = propositions(20)
    head, mixer = head_of(name, examples, places)
    batch = batch_of(PIPELINE, examples)
    head.loss(batch, mixed_of(mixer, batch, places)).backward()
    for key, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize(("name", "places"), PLACES)
def test_a_saved_head_and_its_predictions_as_legal_json(name, places) -> None:
    examples = propositions(20)
    head, mixer = head_of(name, examples, places)
    head.eval()
    preset = get_head("srl", name)
    options = type(preset.options)(**{**preset.options.model_dump(), **SIZES[name]})
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    again = preset.head(
        head.input_dims, codec, type(options)(**json.loads(options.model_dump_json()))
    )
    again.load_state_dict(head.state_dict())
    again.eval()
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch, places)
    assert torch.equal(again.scores(batch, mixed), head.scores(batch, mixed))
    predictions = head.predict(batch, mixed)
    assert json.loads(json.dumps(predictions)) == predictions
    for tags, example in zip(predictions, examples, strict=True):
        assert len(tags) == len(example.tokens)
        assert violation(tags, "bio") is None


def test_the_paper_s_decoding_maximises_the_sum_of_probabilities() -> None:
    """As AllenNLP decodes. Found among all legal sequences; the sum of scores has other maxima."""
    head, _ = head_of("paper", propositions())
    labels = head.codec.labels
    legal = [
        ids
        for ids in itertools.product(range(len(labels)), repeat=3)
        if violation([labels[i] for i in ids], "bio") is None
    ]
    scores = 3 * torch.randn(30, 3, len(labels), generator=torch.Generator().manual_seed(4))
    found = bio_viterbi(head.decoding_scores(scores), torch.ones(30, 3, dtype=torch.bool))
    others = 0
    for path, own in zip(found.tolist(), scores, strict=True):
        sums, products = (
            [sum(values[t, i].item() for t, i in enumerate(ids)) for ids in legal]
            for values in (own.softmax(-1), own)
        )
        assert tuple(path) == legal[int(np.argmax(sums))]
        others += tuple(path) != legal[int(np.argmax(products))]
    assert others > 0


def test_loss_by_hand() -> None:
    """The mean over propositions of the mean over tokens of -log p."""
    examples = propositions(6)
    head, mixer = head_of("linear", examples)
    batch = batch_of(PIPELINE, examples, spare=2)
    mixed = mixed_of(mixer, batch)
    chances = head.scores(batch, mixed).log_softmax(-1)
    by_hand = [
        -sum(chances[i, t, head.index[tag]].item() for t, tag in enumerate(e.tags)) / len(e.tags)
        for i, e in enumerate(examples)
    ]
    assert head.loss(batch, mixed).item() == pytest.approx(np.mean(by_hand), rel=1e-5)


def test_the_probe_is_one_linear_layer_over_token_predicate_and_distance() -> None:
    examples = propositions(6)
    head, mixer = head_of("linear", examples)
    head.eval()
    torch.nn.init.normal_(head.distance.weight)
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch)
    x = mixed["input"]["sentence"]
    weight = torch.cat([head.token.weight, head.predicate.weight, head.distance.weight.t()], dim=1)
    assert weight.shape == (len(head.codec.labels), 2 * DIM + DISTANCES)
    scores = head.scores(batch, mixed)
    for i, example in enumerate(examples):
        for t in range(len(example.tokens)):
            one = torch.zeros(DISTANCES)
            one[distance_buckets(torch.tensor([example.predicate]), t + 1)[0, t]] = 1
            seen = torch.cat([x[i, t], x[i, example.predicate], one])
            torch.testing.assert_close(
                scores[i, t], weight @ seen + head.token.bias, atol=1e-5, rtol=0
            )


def test_distances() -> None:
    buckets = distance_buckets(torch.tensor([40]), 81)[0].tolist()
    assert buckets[40] == DISTANCES // 2 == 8
    assert buckets[41:] == [9, 10, 11, 12] + [13] * 3 + [14] * 8 + [15] * 16 + [16] * 9
    assert [16 - b for b in reversed(buckets[:40])] == buckets[41:]


def test_codec_slots_and_gold() -> None:
    example = Proposition("p", ("a", "b"), 1, ("B-A0", "B-V"), "b.01")
    labels = ["O", "B-A0", "B-V", "I-A0", "I-V"]
    assert PIPELINE.codec([example], None).labels == labels
    assert PIPELINE.codec([], ["O", "I-V", "B-A0"]).labels == labels
    assert PIPELINE.slots(example) == {"sentence": [("a", "b")]}
    assert PIPELINE.gold(example) == ["B-A0", "B-V"]
    with pytest.raises(DataError, match="no training example"):
        PIPELINE.codec([], None)
    head, mixer = head_of("linear", propositions(5))
    odd = Proposition("p9", ("word1", "word2"), 0, ("B-V", "B-A9"))
    batch = batch_of(PIPELINE, [odd])
    with pytest.raises(DataError, match=r"p9, token 1.*'B-A9' does not occur"):
        head.loss(batch, mixed_of(mixer, batch))


def test_the_predicate_of_a_user_s_text_is_in_brackets() -> None:
    found = PIPELINE.from_tokens(("The", "dog", "[ate]", "it", "[]"))
    assert found.tokens == ("The", "dog", "ate", "it", "[]")
    assert (found.predicate, found.tags) == (2, ("O", "O", "B-V", "O", "O"))
    for tokens in (("The", "dog", "ate"), ("[The]", "dog", "[ate]"), ("[", "ate", "]")):
        with pytest.raises(DataError, match="--tokenized"):
            PIPELINE.from_tokens(tokens)


@pytest.mark.parametrize(
    ("tags", "predicate", "message"),
    [
        (("O",), 0, "2 tokens but 1 tags"),
        (("O", "O"), 2, "at index 2, outside its 2 tokens"),
        (("O", "O"), -1, "at index -1, outside"),
    ],
)
def test_impossible_propositions(tags, predicate: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Proposition("p", ("a", "b"), predicate, tags)


def test_a_shared_sentence_is_stored_once_and_gathered_per_proposition() -> None:
    tokens = ("a", "b", "c")
    examples = [Proposition(f"p{i}", tokens, i, ("O",) * 3) for i in range(3)]
    # An equal sentence of another document, not the same object.
    examples.append(Proposition("p3", tuple("abc"), 0, ("O",) * 3))
    examples.append(Proposition("p4", ("d",), 0, ("O",)))
    table = SentenceTable()
    data = ExampleSet(PIPELINE, examples, table)
    assert table.sentences == [tokens, ("d",)]

    class Part:
        def gather(self, rows, layers):
            assert set(rows.tolist()) <= {0, 1}
            out = np.zeros((len(rows), 1, 3, 2), dtype=np.float32)
            out[:] = rows[:, None, None, None]
            return out

    batch = Collator(table, [Part()], [None]).batch(data, [1, 4, 0])
    unit: SlotBatch = batch.slots["sentence"]
    assert unit.tokens == [tokens, ("d",), tokens]
    assert unit.parts[0][:, 0, 0, 0].tolist() == [0, 1, 0]
    assert [e.predicate for e in batch.examples] == [1, 0, 0]


@pytest.mark.parametrize("dim", [100, 1024])
def test_the_paper_head_has_the_published_sizes(dim: int) -> None:
    labels = [f"l{i}" for i in range(129)]
    head = PAPER.head({"input": dim}, LabelCodec(labels=labels), PAPER.options)
    first = (dim + 100) * 6 * 300
    expected = 2 * 100 + first + 7 * 300 * 6 * 300 + 8 * 5 * (300 * 300 + 300) + 301 * 129
    assert sum(p.numel() for p in head.parameters()) == expected
    training: HeadPreset = PAPER
    assert training.training.clip_value == 1.0
    assert training.training.clip_norm is None
    assert training.training.batch_size == 80
    assert training.mix.l2 == 0.001


def test_each_placement_has_a_mix_of_its_own() -> None:
    mixers = [FeatureMixer([PartConfig("p", 3, DIM)]) for _ in range(2)]
    examples = propositions(10)
    head, _ = head_of("small", examples, ("input", "output"))
    batch = batch_of(PIPELINE, examples)
    unit = batch.slots["sentence"]
    mixed = {
        place: {"sentence": mixer(unit.parts, unit.mask)}
        for place, mixer in zip(("input", "output"), mixers, strict=True)
    }
    head.loss(batch, mixed).backward()
    gradients = [next(mixer.parameters()).grad for mixer in mixers]
    assert not torch.equal(gradients[0], gradients[1])
