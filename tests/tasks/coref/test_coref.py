"""Coreference heads: scores against a loop over every pair, learning, padding and saving."""

from __future__ import annotations

import itertools
import json
import math

import pytest
import torch
from coref_problems import (
    TINY_LEE,
    batch_of,
    build,
    documents,
    mixed_of,
    predictions,
    pronouns,
    train,
)

from elmobench.core.errors import DataError
from elmobench.data.examples import AmbiguousPronoun, CoreferenceDocument
from elmobench.metrics.base import get_metric
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.coref.linear import ElementwiseRanker, LinearRanker
from elmobench.tasks.coref.pipeline import PIPELINE
from elmobench.tasks.registries import PIPELINES

TINY = {
    "linear": {"max_width": 3},
    "linear-pairs": {"max_width": 3},
    "small": {"hidden": 8, "feedforward": 10, "char_filters": 6, "max_width": 3},
    "paper": {**TINY_LEE, "mention_loss": 0.5},
    "paper-2018": {**TINY_LEE, "mention_loss": 0.5},
}
NAMES = list(TINY)
NAIVE = ("linear", "linear-pairs", "small")
"""The presets that are compared with :class:`Naive`; test_lee.py compares the others."""


def tiny(name: str, examples: list, **options: object):
    head, mixer = build(name, examples, **{**TINY[name], "antecedents": 4, **options})
    # Weights that are initially zero would hide errors.
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape))
    return head.eval(), mixer.eval()


def bucket(distance: int) -> int:
    if distance < 5:
        return distance
    return 5 if distance < 8 else 3 + int(math.log2(distance))


class Naive:
    """The formulas for one document, computed span by span and pair by pair."""

    def __init__(self, head, vectors: list[torch.Tensor], tokens: list[tuple[str, ...]]) -> None:
        self.head = head
        sentences = [torch.stack(list(v)) for v in vectors]
        if isinstance(head, LinearRanker):
            self.values = self.states = [x for sentence in sentences for x in sentence]
            return
        self.values, self.states = [], []
        for sentence, words in zip(sentences, tokens, strict=True):
            x = sentence
            for cnn in head.char_cnns:
                ids = [torch.from_numpy(head.characters.word(w)).unsqueeze(0) for w in words]
                x = torch.cat([x, torch.cat([cnn(word) for word in ids])], dim=1)
            self.values += list(x)
            mask = torch.ones(1, len(x), dtype=torch.bool)
            self.states += list(head.encoder(x.unsqueeze(0), mask)[0])

    def span(self, first: int, last: int) -> torch.Tensor:
        ends = [self.states[first], self.states[last]]
        if isinstance(self.head, LinearRanker):
            return torch.cat(ends)
        inside = range(first, last + 1)
        weights = torch.stack([self.head.attention(self.states[t])[0] for t in inside]).softmax(0)
        mean = sum(w * self.values[t] for w, t in zip(weights, inside, strict=True))
        return torch.cat([*ends, mean, self.head.width_embedding.weight[last - first]])

    def mention(self, first: int, last: int) -> torch.Tensor:
        g = self.span(first, last)
        if isinstance(self.head, LinearRanker):
            return self.head.mention(g)[0] + self.head.width_bias[last - first]
        return self.head.mention(g)

    def coarse(self, gi: torch.Tensor, gj: torch.Tensor) -> torch.Tensor:
        if isinstance(self.head, LinearRanker):
            pair = self.head.pair
            if isinstance(self.head, ElementwiseRanker):
                weights = torch.cat([self.head.anaphor, self.head.antecedent, pair])
                return weights @ torch.cat([gi, gj, gi * gj])
            return gi @ pair @ gj / len(pair) + gi @ self.head.anaphor
        return torch.zeros(()) if self.head.bilinear is None else self.head.bilinear(gi) @ gj

    def fine(self, gi: torch.Tensor, gj: torch.Tensor, distance: int) -> torch.Tensor:
        if isinstance(self.head, LinearRanker):
            return self.head.distance_bias[bucket(distance)]
        phi = self.head.distance_embedding.weight[bucket(distance)]
        return self.head.pair(torch.cat([gi, gj, gi * gj, phi]))

    def refined(self, g: list, scores: dict[int, torch.Tensor], i: int) -> torch.Tensor:
        chances = torch.stack([torch.zeros(()), *scores.values()]).softmax(0)
        expected = chances[0] * g[i]
        for chance, j in zip(chances[1:], scores, strict=True):
            expected = expected + chance * g[j]
        gate = torch.sigmoid(self.head.gate(torch.cat([g[i], expected])))
        return gate * g[i] + (1 - gate) * expected

    def document(self, example: CoreferenceDocument):
        """Mention scores of all candidates, the kept spans, and the scores of their antecedents."""
        options = self.head.options
        mentions, start = {}, 0
        for sentence in example.sentences:
            for a in range(start, start + len(sentence)):
                for b in range(a, min(a + options.max_width, start + len(sentence))):
                    mentions[a, b] = self.mention(a, b)
            start += len(sentence)
        limit = max(1, int(options.spans_per_word * start))
        kept: list[tuple[int, int]] = []
        for a, b in sorted(mentions, key=lambda s: -mentions[s]):
            clash = any(c < a <= d < b or a < c <= b < d for c, d in kept)
            if len(kept) < limit and not clash:
                kept.append((a, b))
        kept.sort()
        g = [self.span(*span) for span in kept]
        base: list[dict[int, torch.Tensor]] = []
        for i, span in enumerate(kept):
            rough = {j: mentions[kept[j]] + self.coarse(g[i], g[j]) for j in range(i)}
            if getattr(self.head, "bilinear", 0) is None:
                best = sorted(rough, reverse=True)[: options.antecedents]
            else:
                best = sorted(rough, key=lambda j: -rough[j])[: options.antecedents]
            base.append({j: mentions[span] + rough[j] for j in best})
        scores = self.pairs(g, kept, base)
        for _ in range(options.iterations - 1):
            g = [self.refined(g, scores[i], i) for i in range(len(kept))]
            scores = self.pairs(g, kept, base)
        return mentions, kept, scores

    def pairs(self, g: list, kept: list, base: list) -> list[dict[int, torch.Tensor]]:
        return [
            {j: v + self.fine(g[i], g[j], kept[i][0] - kept[j][0]) for j, v in row.items()}
            for i, row in enumerate(base)
        ]

    def loss(self, example: CoreferenceDocument) -> torch.Tensor:
        mentions, kept, scores = self.document(example)
        home = {m: i for i, c in enumerate(example.clusters) for m in c}
        total = torch.zeros(())
        for i, row in enumerate(scores):
            own = home.get(kept[i])
            right = [j for j in row if own is not None and home.get(kept[j]) == own]
            everything = 1 + sum(s.exp() for s in row.values())
            good = sum(row[j].exp() for j in right) if right else torch.ones(())
            total = total - (good / everything).log()
        for span, score in mentions.items():
            chance = torch.sigmoid(score)
            total -= self.head.mention_loss * (chance if span in home else 1 - chance).log()
        return total


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("linear", {}),
        ("linear", {"max_width": 1, "spans_per_word": 1.0}),
        ("linear-pairs", {}),
        ("small", {}),
        ("small", {"coarse": False}),
        ("small", {"char_widths": ()}),
        ("small", {"iterations": 2, "layers": 2, "depth": 2, "mention_loss": 0.5}),
        ("small", {"iterations": 2, "spans_per_word": 0.1, "antecedents": 50}),
    ],
)
def test_scores_links_and_loss_equal_a_naive_loop(name: str, options: dict) -> None:
    examples = documents(3)
    head, mixer = tiny(name, examples, **options)
    batch = batch_of(examples, spare=2)
    mixed = mixed_of(mixer, batch)
    unit = batch.slots["sentence"]
    rows = list(mixed["input"]["sentence"])
    naive_losses, at = [], 0
    with torch.no_grad():
        tokens = head.encode(batch, mixed)
        found = head._candidates(batch)
        scores, chosen, links = head._document_links(batch, found, tokens)
        position = 0
        for number, example in enumerate(examples):
            count = len(example.sentences)
            vectors = [
                row[: len(sentence)]
                for row, sentence in zip(rows[at : at + count], example.sentences, strict=True)
            ]
            words = unit.tokens[at : at + count]
            at += count
            naive = Naive(head, vectors, words)
            mentions, kept, expected = naive.document(example)
            span = slice(found.spans[number], found.spans[number + 1])
            torch.testing.assert_close(
                scores[span], torch.stack([mentions[m] for m in sorted(mentions)])
            )
            offset = int(found.tokens[number])
            for i, row in enumerate(expected):
                here = position + i
                spot = int(chosen[here])
                assert (found.first[spot] - offset, found.last[spot] - offset) == kept[i]
                places = links.antecedents[here][links.mask[here]] - position
                assert set(places.tolist()) == set(row)
                values = links.scores[here][1:][links.mask[here]]
                for j, value in zip(places.tolist(), values, strict=True):
                    torch.testing.assert_close(value, row[j], atol=1e-4, rtol=1e-4)
            position += len(kept)
            naive_losses.append(naive.loss(example))
        total = torch.stack(naive_losses).mean()
        torch.testing.assert_close(head.loss(batch, mixed), total, atol=1e-3, rtol=1e-4)


@pytest.mark.parametrize(
    ("name", "options"), [("linear", {}), ("linear", {"max_width": 1}), ("small", {})]
)
def test_pronouns_equal_a_naive_loop(name: str, options: dict) -> None:
    examples = pronouns(6)
    head, mixer = tiny(name, examples, iterations=1, **options)
    batch = batch_of(examples)
    mixed = mixed_of(mixer, batch)
    losses, answers = [], []
    with torch.no_grad():
        for row, example in zip(mixed["input"]["sentence"], examples, strict=True):
            naive = Naive(head, [row], [example.tokens])
            p = naive.span(*example.pronoun)
            logits = [torch.zeros(())]
            for name_span in example.names:
                g = naive.span(*name_span)
                logits.append(
                    naive.mention(*example.pronoun)
                    + naive.mention(*name_span)
                    + naive.coarse(p, g)
                    + naive.fine(p, g, abs(example.pronoun[0] - name_span[0]))
                )
            stacked = torch.stack(logits)
            labels = ["neither", "A", "B"]
            losses.append(-stacked.log_softmax(0)[labels.index(example.label)])
            answers.append(labels[int(stacked.argmax())])
        torch.testing.assert_close(
            head.loss(batch, mixed), torch.stack(losses).mean(), atol=1e-4, rtol=1e-4
        )
    assert head.predict(batch, mixed) == [{"label": answer} for answer in answers]


FITTING = [
    ("linear", 40, 0.1),
    ("small", 20, 1e-2),
    pytest.param("paper", 15, 2e-2, marks=pytest.mark.slow),
    pytest.param("paper-2018", 15, 2e-2, marks=pytest.mark.slow),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "epochs", "lr"), FITTING)
def test_fits_fifty_documents(name: str, epochs: int, lr: float) -> None:
    examples = documents(50)
    options = {**TINY[name], "max_width": 2, "mention_loss": 1.0, "spans_per_word": 0.7}
    if name != "linear":
        options |= {"hidden": 30, "feedforward": 40, "dropout": 0.0, "lexical_dropout": 0.0}
        options |= {"lstm_dropout": 0.0, "layers": 1}
    head, mixer = build(name, examples, **options)
    train(head, mixer, examples, epochs, lr, size=10)
    gold = [PIPELINE.gold(example) for example in examples]
    scores = get_metric("coref").compute(gold, predictions(head, mixer, examples))
    assert scores.values["conll"] >= 99
    assert scores.values["conll_no_singletons"] >= 99


@pytest.mark.parametrize(("name", "epochs", "lr"), FITTING)
def test_fits_fifty_pronouns(name: str, epochs: int, lr: float) -> None:
    examples = pronouns(50)
    options = {"hidden": 30, "feedforward": 40} if name != "linear" else {}
    head, mixer = build(name, examples, **{**TINY[name], **options})
    train(head, mixer, examples, epochs, lr, size=10)
    gold = [PIPELINE.gold(example) for example in examples]
    assert get_metric("gap").compute(gold, predictions(head, mixer, examples)).score >= 99


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "epochs", "lr"), FITTING)
def test_nothing_is_learned_from_shuffled_labels(name: str, epochs: int, lr: float) -> None:
    examples = pronouns(400)
    train_set, dev = examples[:200], examples[200:]
    labels = [e.label for e in train_set]
    labels = labels[67:] + labels[:67]
    wrong = [
        AmbiguousPronoun(e.id, e.tokens, e.pronoun, e.names, label, e.gender)
        for e, label in zip(train_set, labels, strict=True)
    ]
    head, mixer = build(name, wrong, **TINY[name])
    train(head, mixer, wrong, epochs, lr)
    answers = predictions(head, mixer, dev)
    right = sum(a["label"] == e.label for a, e in zip(answers, dev, strict=True))
    majority = max(sum(e.label == label for e in dev) for label in ("A", "B", "neither"))
    # Three standard deviations of a guess.
    assert right <= majority + 3 * math.sqrt(200 * 2 / 9)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", [documents, pronouns])
def test_results_do_not_depend_on_the_batch(name: str, make) -> None:
    examples = make(7)
    head, mixer = tiny(name, examples)
    together = predictions(head, mixer, examples)
    losses = []
    for example, expected in zip(examples, together, strict=True):
        batch = batch_of([example], spare=3)
        mixed = mixed_of(mixer, batch)
        assert head.predict(batch, mixed) == [expected]
        losses.append(head.loss(batch, mixed))
    batch = batch_of(examples)
    torch.testing.assert_close(
        head.loss(batch, mixed_of(mixer, batch)), torch.stack(losses).mean(), atol=1e-3, rtol=1e-4
    )


@pytest.mark.parametrize("name", NAMES)
def test_padding_cannot_change_anything(name: str) -> None:
    examples = documents(4)
    head, mixer = tiny(name, examples)
    batch = batch_of(examples, spare=2)
    clean = mixed_of(mixer, batch)
    mask = batch.slots["sentence"].mask
    dirty = {"input": {"sentence": torch.where(mask[..., None], clean["input"]["sentence"], 1e4)}}
    torch.testing.assert_close(head.loss(batch, dirty), head.loss(batch, clean))
    assert head.predict(batch, dirty) == head.predict(batch, clean)


@pytest.mark.parametrize("name", NAMES)
def test_loss_reaches_every_parameter_and_the_mix(name: str) -> None:
    examples = documents(4)
    head, mixer = tiny(name, examples)
    batch = batch_of(examples)
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for key, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", NAMES)
def test_predictions_are_json_clusters(name: str) -> None:
    examples = documents(6)
    head, mixer = tiny(name, examples)
    found = predictions(head, mixer, examples)
    assert json.loads(json.dumps(found)) == found
    gold = [PIPELINE.gold(example) for example in examples]
    get_metric("coref").compute(gold, found)
    for clusters, example in zip(found, examples, strict=True):
        for first, last in itertools.chain(*clusters):
            assert 0 <= first <= last < len(example.tokens)


@pytest.mark.parametrize("name", NAMES)
def test_state_options_and_codec_restore_a_head(name: str) -> None:
    examples = documents(6)
    head, mixer = tiny(name, examples)
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    options = type(head.options).model_validate_json(head.options.model_dump_json())
    again = type(head)(head.input_dims, codec, options)
    again.load_state_dict(head.state_dict())
    assert predictions(again.eval(), mixer, examples) == predictions(head, mixer, examples)


def test_singletons_only_where_the_training_set_has_them() -> None:
    examples = documents(20, singletons=False)
    head, mixer = build("linear", examples)
    assert head.mention_loss == 0
    train(head, mixer, examples, 10, 0.05)
    assert all(len(c) > 1 for found in predictions(head, mixer, examples) for c in found)
    assert build("linear", documents(20))[0].mention_loss == 1


def test_a_short_text_has_at_least_one_candidate() -> None:
    examples = documents(6)
    head, mixer = tiny("small", examples)
    (found,) = predictions(head, mixer, [PIPELINE.from_tokens(("word1",))])
    assert found in ([], [[[0, 0]]])


def test_a_head_for_given_mentions_refuses_plain_text() -> None:
    head, mixer = tiny("linear", pronouns(5))
    with pytest.raises(DataError, match="cannot find mentions"):
        predictions(head, mixer, [PIPELINE.from_tokens(("word1", "word2"))])


def test_pipeline() -> None:
    assert PIPELINES.get("coref") is PIPELINE
    document, pronoun = documents(1)[0], pronouns(1)[0]
    assert PIPELINE.slots(document) == {"sentence": list(document.sentences)}
    assert PIPELINE.slots(pronoun) == {"sentence": [pronoun.tokens]}
    assert PIPELINE.gold(pronoun) == {"label": pronoun.label, "gender": pronoun.gender}
    assert PIPELINE.gold(document) == [[list(m) for m in c] for c in document.clusters]
    assert PIPELINE.codec([document], None).extra["kind"] == "documents"
    assert PIPELINE.codec([pronoun], ["A"]).extra["kind"] == "pronouns"
    for wrong in ([], [document, pronoun]):
        with pytest.raises(
            DataError, match="expected either coreference documents or ambiguous pronouns, got: "
        ):
            PIPELINE.codec(wrong, None)
