"""WSD heads: they learn, equal plain loops, and do not depend on the batch."""

from __future__ import annotations

import json
import math
import random
from collections import Counter, defaultdict

import numpy as np
import pytest
import torch
from tiny_problems import WORDS, batch_of, build, mixed_of, train

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.examples import SenseInstance, SenseSentence
from elmobench.metrics.base import get_metric
from elmobench.nn.feature_mixer import FeatureMixer
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.head import Head, OnePassHead
from elmobench.tasks.registries import get_head
from elmobench.tasks.wsd.pipeline import PIPELINE

ONE_PASS = ["paper", "most-frequent"]
LEARNED = ["linear", "small"]
OPTIONS = {"small": {"hidden": 20}}
FITS = {"linear": (12, 0.1), "small": (25, 1e-2)}


def sentences(n: int = 50, seed: int = 3) -> list[SenseSentence]:
    """Lemmas of two to four senses, each with word forms of its own; spans of one or two words.

    One lemma has a single sense, and some instances have two gold senses.
    """
    draw = random.Random(seed)
    examples = []
    for i in range(n):
        tokens: list[str] = []
        instances = []
        for j in range(draw.randint(1, 4)):
            tokens += draw.choices(WORDS[20:], k=draw.randint(0, 2))
            lemma = draw.randrange(4)
            sense = 0 if lemma == 3 else draw.randrange(2 + lemma)
            start = len(tokens)
            tokens.append(WORDS[4 * lemma + sense])
            if draw.random() < 0.3:
                tokens.append(WORDS[16 + lemma])
            gold = [f"l{lemma}%1:0{sense}:00::"]
            if lemma == 2 and draw.random() < 0.2:
                gold.append(f"l2%1:0{(sense + 1) % 4}:00::")
            instances.append(
                SenseInstance(
                    f"s{i}.t{j}", start, len(tokens), f"l{lemma}", "n", tuple(gold), ("first",)
                )
            )
        examples.append(SenseSentence(f"s{i}", tuple(tokens), tuple(instances)))
    return examples


def made(name: str, examples=None) -> tuple[Head, FeatureMixer]:
    torch.manual_seed(7)
    examples = sentences() if examples is None else examples
    return build(PIPELINE, get_head("wsd", name), examples, **OPTIONS.get(name, {}))


def fitted(name: str, examples=None, epochs: int | None = None) -> tuple[Head, FeatureMixer]:
    """A head of ``examples``, trained or fitted on them."""
    examples = sentences() if examples is None else examples
    head, mixer = made(name, examples)
    if isinstance(head, OnePassHead):
        mixer.eval()
        with torch.inference_mode():
            batches = [batch_of(PIPELINE, examples[i : i + 7]) for i in range(0, len(examples), 7)]
            head.fit((batch, mixed_of(mixer, batch)) for batch in batches)
        return head.eval(), mixer
    most, lr = FITS[name]
    train(PIPELINE, head, mixer, examples, most if epochs is None else epochs, lr)
    return head, mixer


def predicted(head: Head, mixer: FeatureMixer, examples) -> list:
    batch = batch_of(PIPELINE, examples)
    return head.predict(batch, mixed_of(mixer, batch))


def score(head: Head, mixer: FeatureMixer, examples) -> float:
    gold = [PIPELINE.gold(example) for example in examples]
    return get_metric("wsd-f1").compute(gold, predicted(head, mixer, examples)).score


def unit_vector(mixed: np.ndarray, instance: SenseInstance) -> np.ndarray:
    return mixed[instance.start : instance.end].astype(np.float64).mean(axis=0)


def mixed_rows(mixer: FeatureMixer, example: SenseSentence) -> np.ndarray:
    """(T, D) of one sentence alone."""
    batch = batch_of(PIPELINE, [example])
    return mixed_of(mixer, batch)["input"]["sentence"][0].detach().numpy()


@pytest.mark.parametrize("name", ["linear", "small", "paper"])
def test_fits_a_tiny_set(name: str) -> None:
    head, mixer = fitted(name)
    assert score(head, mixer, sentences()) >= 99


@pytest.mark.slow
@pytest.mark.parametrize("name", ["linear", "small", "paper"])
def test_nothing_is_learned_from_shuffled_senses(name: str) -> None:
    """With random senses, the score on dev stays about that of the most frequent sense."""
    draw = random.Random(5)

    def shuffled(examples):
        senses = defaultdict(list)
        for example in examples:
            for instance in example.instances:
                senses[instance.lemma].append(instance.senses)
        for found in senses.values():
            draw.shuffle(found)
        return [
            SenseSentence(
                e.id,
                e.tokens,
                tuple(
                    SenseInstance(
                        *(i.id, i.start, i.end, i.lemma, i.pos),
                        senses[i.lemma].pop(),
                        i.candidates,
                    )
                    for i in e.instances
                ),
            )
            for e in examples
        ]

    train_set, dev = shuffled(sentences(200)), shuffled(sentences(200, seed=4))
    head, mixer = fitted(name, train_set, epochs=10)
    baseline, _ = fitted("most-frequent", train_set)
    # Three standard errors of a share over 500 instances.
    assert score(head, mixer, dev) <= score(baseline, mixer, dev) + 7


def test_nearest_neighbour_equals_a_plain_loop() -> None:
    examples = sentences()
    head, mixer = fitted("paper", examples)
    vectors: defaultdict[str, list[np.ndarray]] = defaultdict(list)
    for example in examples:
        rows = mixed_rows(mixer, example)
        for instance in example.instances:
            for sense in instance.senses:
                vectors[sense].append(unit_vector(rows, instance))
    assert set(vectors) == set(head.codec.labels)
    means = {sense: np.mean(found, axis=0) for sense, found in vectors.items()}
    tests = sentences(30, seed=9)
    for example, answers in zip(tests, predicted(head, mixer, tests), strict=True):
        rows = mixed_rows(mixer, example)
        for instance, answer in zip(example.instances, answers, strict=True):
            x = unit_vector(rows, instance)
            cosines = {
                sense: x @ mean / np.linalg.norm(x) / np.linalg.norm(mean)
                for sense, mean in means.items()
                if sense.startswith(f"{instance.lemma}%")
            }
            assert answer == {"id": instance.id, "senses": [max(cosines, key=cosines.__getitem__)]}


def test_most_frequent_sense_equals_a_plain_count() -> None:
    examples = sentences(17)
    head, mixer = fitted("most-frequent", examples)
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        for instance in example.instances:
            counts[instance.lemma].update(instance.senses)
    for example, answers in zip(examples, predicted(head, mixer, examples), strict=True):
        for instance, answer in zip(example.instances, answers, strict=True):
            # Counter keeps the order of first occurrence, and most_common is stable.
            assert answer["senses"] == [counts[instance.lemma].most_common(1)[0][0]]


def one(lemma: str, *senses: str, word: str = "word1", candidates=()) -> SenseSentence:
    name = f"{lemma}-{word}-{senses}"
    instance = SenseInstance(f"{name}.t", 0, 1, lemma, "n", senses, tuple(candidates))
    return SenseSentence(name, (word,), (instance,))


def test_ties_go_to_the_sense_seen_first() -> None:
    rows = [one("a", "a%2"), one("a", "a%1", word="word2"), one("a", "a%1"), one("a", "a%2")]
    head, mixer = fitted("most-frequent", rows)
    assert predicted(head, mixer, [one("a", "a%1")])[0][0]["senses"] == ["a%2"]


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_lemmas_without_training_examples_get_the_first_sense(name: str) -> None:
    examples = [one("a", "a%1"), one("a", "a%2", word="word2")]
    head, mixer = fitted(name, examples, epochs=1)
    known = one("a", "a%1", candidates=["other"])
    unknown = one("b", "b%2", candidates=["b%1", "b%2"])
    nothing = one("c", "c%1")
    verb = SenseSentence("v", ("word1",), (SenseInstance("v", 0, 1, "a", "v", ("x",), ("y",)),))
    answers = predicted(head, mixer, [known, unknown, nothing, verb])
    assert answers[0][0]["senses"] in (["a%1"], ["a%2"])
    assert [row[0]["senses"] for row in answers[1:]] == [["b%1"], [], ["y"]]


def test_the_first_sense_reads_neither_training_set_nor_vectors() -> None:
    head, mixer = fitted("first-sense", [one("a", "a%2"), one("a", "a%2", word="word2")])
    examples = [one("a", "a%2", candidates=["a%1", "a%2"]), one("a", "a%2"), one("b", "b%1")]
    answers = predicted(head, mixer, examples)
    assert [row[0]["senses"] for row in answers] == [["a%1"], [], []]
    batch = batch_of(PIPELINE, examples)
    dirty = {"input": {"sentence": mixed_of(mixer, batch)["input"]["sentence"] + 1e4}}
    assert head.predict(batch, dirty) == answers


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_a_part_of_the_training_set_knows_only_its_own_senses(name: str) -> None:
    """The codec is of the whole training set, the head is fitted on a part of it."""
    whole = [one("a", "a%1"), one("a", "a%2", word="word2"), one("b", "b%1")]
    head, mixer = made(name, whole)
    part = batch_of(PIPELINE, [whole[1]])
    if isinstance(head, OnePassHead):
        head.fit([(part, mixed_of(mixer, part))])
    else:
        head.loss(part, mixed_of(mixer, part))
    head.eval()
    answers = predicted(head, mixer, [one("a", "a%1"), one("b", "b%1", candidates=["first"])])
    assert [row[0]["senses"] for row in answers] == [["a%2"], ["first"]]


def test_a_span_without_a_vector_gets_the_first_sense() -> None:
    examples = [one("a", "a%1"), one("a", "a%2", word="word2")]
    head, mixer = fitted("paper", examples)
    row = one("a", "a%1", candidates=["first"])
    batch = batch_of(PIPELINE, [row])
    zeros = {"input": {"sentence": torch.zeros(1, 1, mixer.out_dim)}}
    assert head.predict(batch, zeros)[0][0]["senses"] == ["first"]
    assert head.predict(batch, mixed_of(mixer, batch))[0][0]["senses"] == ["a%1"]


@pytest.mark.parametrize("name", LEARNED)
def test_the_loss_equals_a_plain_loop(name: str) -> None:
    examples = sentences()
    head, mixer = fitted(name, examples, epochs=1)
    batch = batch_of(PIPELINE, examples)
    mixed = mixed_of(mixer, batch)
    x = head.encode(batch, mixed).detach().double().numpy()
    own: defaultdict[str, list[str]] = defaultdict(list)
    for label in head.codec.labels:
        own[label.partition("%")[0]].append(label)
    total = 0.0
    for b, example in enumerate(examples):
        for instance in example.instances:
            vector = unit_vector(x[b], instance)
            logits = {}
            for label in own[instance.lemma]:
                row = int(head.rows[head.index[label]])
                assert (row < 0) == (len(own[instance.lemma]) == 1)
                weight, bias = (
                    head.weight[row].detach().double().numpy(),
                    float(head.bias[row].detach()),
                )
                logits[label] = 0.0 if row < 0 else float(weight @ vector) + bias
            everything = sum(map(math.exp, logits.values()))
            right = sum(math.exp(logits[sense]) for sense in instance.senses)
            total -= math.log(right / everything)
    assert float(head.loss(batch, mixed).detach()) == pytest.approx(total / len(examples), rel=1e-4)


@pytest.mark.parametrize("name", LEARNED)
def test_loss_reaches_every_parameter_and_the_mix(name: str) -> None:
    # The output matrix is initially zero, so the other gradients are zero in the first step.
    head, mixer = fitted(name, epochs=1)
    batch = batch_of(PIPELINE, sentences())
    head.zero_grad()
    mixer.zero_grad()
    head.loss(batch, mixed_of(mixer, batch)).backward()
    for key, parameter in [*head.named_parameters(), *mixer.named_parameters()]:
        assert parameter.grad is not None, key
        assert parameter.grad.abs().sum() > 0, key


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_results_do_not_depend_on_the_batch(name: str) -> None:
    head, mixer = fitted(name, epochs=2)
    examples = sentences()[:8]
    together = batch_of(PIPELINE, examples, spare=3)
    mixed = mixed_of(mixer, together)
    scores = head.scores(together, mixed, head.pairs(together)).detach()
    answers = head.predict(together, mixed)
    pieces, losses = [], []
    for i, example in enumerate(examples):
        alone = batch_of(PIPELINE, [example])
        mixed_alone = mixed_of(mixer, alone)
        pieces.append(head.scores(alone, mixed_alone, head.pairs(alone)).detach())
        assert head.predict(alone, mixed_alone) == [answers[i]]
        if name in LEARNED:
            losses.append(head.loss(alone, mixed_alone))
    torch.testing.assert_close(torch.cat(pieces), scores, atol=1e-5, rtol=0)
    if losses:
        torch.testing.assert_close(head.loss(together, mixed), torch.stack(losses).mean())


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_padding_cannot_change_anything(name: str) -> None:
    head, mixer = fitted(name, epochs=1)
    batch = batch_of(PIPELINE, sentences()[:8])
    clean = mixed_of(mixer, batch)
    mask = batch.slots["sentence"].mask.unsqueeze(-1)
    dirty = {"input": {"sentence": torch.where(mask, clean["input"]["sentence"], 1e4)}}
    assert head.predict(batch, dirty) == head.predict(batch, clean)
    if name in LEARNED:
        torch.testing.assert_close(head.loss(batch, dirty), head.loss(batch, clean))


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_state_options_and_codec_restore_a_head(name: str) -> None:
    head, mixer = fitted(name, epochs=1)
    preset = get_head("wsd", name)
    options = type(preset.options)(**{**preset.options.model_dump(), **OPTIONS.get(name, {})})
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    again = preset.head(head.input_dims, codec, options)
    again.load_state_dict(head.state_dict())
    again.eval()
    answers = predicted(head, mixer, sentences(20, seed=8))
    assert predicted(again, mixer, sentences(20, seed=8)) == answers
    assert json.loads(json.dumps(answers)) == answers


@pytest.mark.parametrize("name", [*LEARNED, *ONE_PASS])
def test_sentences_without_an_instance(name: str) -> None:
    head, mixer = fitted(name, epochs=1)
    rows = [SenseSentence("e", ("word1",), ()), SenseSentence("f", ("word2",), ())]
    assert predicted(head, mixer, rows) == [[], []]
    if name in LEARNED:
        batch = batch_of(PIPELINE, rows)
        assert float(head.loss(batch, mixed_of(mixer, batch)).detach()) == 0.0


@pytest.mark.parametrize("name", ONE_PASS)
def test_one_pass_heads_have_no_loss_and_nothing_to_learn(name: str) -> None:
    head, mixer = made(name)
    assert not list(head.parameters())
    batch = batch_of(PIPELINE, sentences()[:2])
    with pytest.raises(TypeError, match="one pass"):
        head.loss(batch, mixed_of(mixer, batch))


def test_fitting_again_starts_from_zero() -> None:
    for name in ONE_PASS:
        examples = sentences()
        head, mixer = fitted(name, examples)
        before = {key: value.clone() for key, value in head.state_dict().items()}
        batch = batch_of(PIPELINE, examples)
        head.fit([(batch, mixed_of(mixer, batch))])
        for key, value in head.state_dict().items():
            torch.testing.assert_close(value, before[key])


def test_unknown_senses_are_named() -> None:
    head, mixer = made("linear")
    batch = batch_of(PIPELINE, [one("l1", "l1%odd")])
    with pytest.raises(DataError, match=r"'l1%odd' does not occur.*"):
        head.loss(batch, mixed_of(mixer, batch))


def test_codec() -> None:
    codec = PIPELINE.codec([one("b", "b%1", "b%2"), one("a", "a%1"), one("b", "b%3", "b%1")], None)
    assert codec.labels == ["b%1", "b%2", "a%1", "b%3"]
    assert codec.extra == {"senses": {"b%n": [0, 1, 3], "a%n": [2]}}
    with pytest.raises(DataError, match="no training instance"):
        PIPELINE.codec([], [])
    with pytest.raises(DataError, match=r"'x' occurs with the lemmas b%n and a%n"):
        PIPELINE.codec([one("a", "x"), one("b", "x")], None)


def test_plain_text_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs the lemma"):
        PIPELINE.from_tokens(("a", "b"))


def test_the_tiny_problem_needs_vectors() -> None:
    """The most frequent sense scores much lower, so the learning test is meaningful."""
    head, mixer = fitted("most-frequent")
    assert score(head, mixer, sentences()) < 70
