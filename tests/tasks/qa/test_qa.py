"""Question answering: the pipeline, and heads that learn and do not depend on the batch."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
import tiny_problems
import torch
from tiny_problems import DIM, LAYERS, WORDS

from elmobench.core.errors import ConfigError, DataError
from elmobench.data.questions import Answer, PassageQuestion, make_passage
from elmobench.metrics.squad import EXACT_MATCH, SQUAD
from elmobench.nn.feature_mixer import FeatureMixer, PartConfig
from elmobench.tasks.base import LabelCodec
from elmobench.tasks.characters import ByteIds
from elmobench.tasks.head import Batch, HeadPreset, SlotBatch
from elmobench.tasks.padding import pad_rows
from elmobench.tasks.qa.pipeline import PIPELINE
from elmobench.tasks.qa.presets import BIDAF, PAPER, SMALL
from elmobench.tasks.registries import PIPELINES, get_head

ASKING = WORDS[:2]
# Of each kind words that begin an answer, and words that go on with it.
KINDS = ((WORDS[2:6], WORDS[6:10]), (WORDS[10:14], WORDS[14:18]))
OTHERS = WORDS[18:]


def questions(n: int = 50, seed: int = 3) -> list[PassageQuestion]:
    """Each passage has one or two adjacent words of each kind; the question names a kind."""
    draw = random.Random(seed)
    examples = []
    for i in range(n):
        runs = [[draw.choice(part) for part in kind[: draw.randint(1, 2)]] for kind in KINDS]
        wanted = draw.randrange(2)
        blocks = [*runs, *([draw.choice(OTHERS)] for _ in range(draw.randint(1, 5)))]
        draw.shuffle(blocks)
        first = sum(map(len, blocks[: blocks.index(runs[wanted])]))
        tokens = [word for block in blocks for word in block]
        passage = make_passage(" ".join(tokens), "whitespace")
        last = first + len(runs[wanted]) - 1
        answer = Answer(passage.substring(first, last), passage.offsets[first][0], first, last)
        question = (*draw.sample(OTHERS, draw.randint(0, 2)), ASKING[wanted])
        examples.append(PassageQuestion(f"q{i}", question, passage, (answer,)))
    return examples


def batch_of(examples: Sequence[PassageQuestion], spare: int = 0) -> Batch:
    """The examples as a batch, with ``spare`` more columns of padding than needed."""
    return tiny_problems.batch_of(PIPELINE, examples, spare)


Mixers = dict[str, FeatureMixer]


def mixed_of(mixers: Mixers, batch: Batch) -> dict[str, dict[str, torch.Tensor]]:
    return {
        place: {name: mixer(unit.parts, unit.mask) for name, unit in batch.slots.items()}
        for place, mixer in mixers.items()
    }


@dataclass(frozen=True)
class Case:
    """One preset, with sizes and placements that are fast enough for a test."""

    name: str
    epochs: int
    lr: float
    options: dict = field(default_factory=dict)
    placements: tuple[str, ...] = ("input",)

    @property
    def preset(self) -> HeadPreset:
        return get_head("qa", self.name)

    def build(self):
        torch.manual_seed(7)
        examples = questions()
        standardize = self.preset.mix.standardize
        mixers = {
            place: FeatureMixer([PartConfig("p", LAYERS, DIM)], standardize)
            for place in self.placements
        }
        options = type(self.preset.options)(**{**self.preset.options.model_dump(), **self.options})
        dims = {place: mixer.out_dim for place, mixer in mixers.items()}
        head = self.preset.head(dims, PIPELINE.codec(examples, None), options)
        for mixer in mixers.values():
            mixer.fit_standardizer(batch_of(examples).slots.values())
        return head, mixers


TINY = {"hidden": 12, "linear": 24, "char_filters": 10, "char_dim": 6}
CASES = [
    Case("linear", 40, 0.1),
    Case("small", 20, 1e-2, TINY),
    Case("paper", 20, 1e-2, {**TINY, "min_char_count": 1}, ("input", "output")),
    Case("paper", 40, 1e-2, {**TINY, "min_char_count": 1}, ("output",)),
    Case("bidaf", 15, 1e-2, {"hidden": 12, "char_filters": 10, "char_dim": 6}),
]
CANCELLING = {("bidaf", name) for name in ("attention.bias", "start.bias", "end.bias")}
"""Parameters of the published model that cancel in every softmax of the loss."""


@pytest.fixture(params=CASES, ids=lambda case: "-".join([case.name, *case.placements]))
def case(request: pytest.FixtureRequest) -> Case:
    return request.param


def train(head, mixers: Mixers, examples, epochs: int, lr: float, size: int = 10) -> None:
    modules = [head, *mixers.values()]
    parameters = [p for module in modules for p in module.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=lr)
    batches = [batch_of(examples[i : i + size]) for i in range(0, len(examples), size)]
    for module in modules:
        module.train()
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            head.loss(batch, mixed_of(mixers, batch)).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 5.0)
            optimizer.step()
    for module in modules:
        module.eval()


def predictions(head, mixers: Mixers, examples) -> list[str]:
    batch = batch_of(examples)
    return head.predict(batch, mixed_of(mixers, batch))


@pytest.mark.slow
def test_fits_a_tiny_set(case: Case) -> None:
    head, mixers = case.build()
    examples = questions()
    train(head, mixers, examples, case.epochs, case.lr)
    gold = [PIPELINE.gold(example) for example in examples]
    assert SQUAD.compute(gold, predictions(head, mixers, examples)).score >= 99


@pytest.mark.nightly
def test_learns_nothing_from_shuffled_answers(case: Case) -> None:
    """With answers drawn at random it does no better on dev than the best fixed guess."""
    draw = random.Random(5)
    examples = []
    for example in questions():
        place = draw.randrange(len(example.passage.tokens))
        start = example.passage.offsets[place][0]
        answer = Answer(example.passage.tokens[place], start, place, place)
        examples.append(replace(example, answers=(answer,)))
    head, mixers = case.build()
    train(head, mixers, examples, case.epochs, case.lr)
    dev = questions(300, seed=4)
    gold = [PIPELINE.gold(example) for example in dev]
    score = EXACT_MATCH.compute(gold, predictions(head, mixers, dev)).score
    tokens = [example.passage.tokens for example in dev]
    fixed = [[words[min(i, len(words) - 1)] for words in tokens] for i in range(5)]
    majority = max(EXACT_MATCH.compute(gold, guess).score for guess in fixed)
    # Three standard errors of a share near the majority's.
    assert score <= majority + 300 * (majority / 100 * (1 - majority / 100) / len(dev)) ** 0.5


def test_loss_reaches_every_parameter_and_the_mixes(case: Case) -> None:
    head, mixers = case.build()
    batch = batch_of(questions())
    head.loss(batch, mixed_of(mixers, batch)).backward()
    for module in (head, *mixers.values()):
        for name, parameter in module.named_parameters():
            assert parameter.grad is not None, name
            if (case.name, name) in CANCELLING:
                assert parameter.grad.abs().sum() < 1e-6, name
            else:
                assert parameter.grad.abs().sum() > 1e-6, name


def test_results_do_not_depend_on_the_batch(case: Case) -> None:
    head, mixers = case.build()
    head.eval()
    # A word that occurs twice can be two equal answers; rounding would decide between them.
    examples = [e for e in questions() if len(set(e.passage.tokens)) == len(e.passage.tokens)][:8]
    assert len(examples) == 8
    together = batch_of(examples, spare=3)
    mixed = mixed_of(mixers, together)
    scores = torch.stack(head.scores(together, mixed)).detach()
    found = head.predict(together, mixed)
    losses = []
    for i, example in enumerate(examples):
        alone = batch_of([example])
        mixed_alone = mixed_of(mixers, alone)
        expected = torch.stack(head.scores(alone, mixed_alone)).detach()[:, 0]
        torch.testing.assert_close(scores[:, i, : expected.shape[1]], expected, atol=1e-5, rtol=0)
        assert head.predict(alone, mixed_alone) == [found[i]]
        losses.append(head.loss(alone, mixed_alone))
    torch.testing.assert_close(
        head.loss(together, mixed), torch.stack(losses).mean(), atol=1e-5, rtol=1e-5
    )


def test_padding_cannot_change_anything(case: Case) -> None:
    head, mixers = case.build()
    head.eval()
    batch = batch_of(questions()[:8], spare=2)
    clean = mixed_of(mixers, batch)
    dirty = {
        place: {
            name: torch.where(batch.slots[name].mask.unsqueeze(-1), x, 1e4)
            for name, x in slots.items()
        }
        for place, slots in clean.items()
    }
    torch.testing.assert_close(head.loss(batch, dirty), head.loss(batch, clean))
    assert head.predict(batch, dirty) == head.predict(batch, clean)


def test_state_options_and_codec_restore_a_head(case: Case) -> None:
    head, mixers = case.build()
    train(head, mixers, questions()[:10], 1, case.lr)
    options = type(case.preset.options)(**{**case.preset.options.model_dump(), **case.options})
    codec = LabelCodec.model_validate_json(head.codec.model_dump_json())
    restored = type(options).model_validate_json(options.model_dump_json())
    again = case.preset.head(head.input_dims, codec, restored)
    again.load_state_dict(head.state_dict())
    again.eval()
    batch = batch_of(questions())
    mixed = mixed_of(mixers, batch)
    for ours, theirs in zip(again.scores(batch, mixed), head.scores(batch, mixed), strict=True):
        assert torch.equal(ours, theirs)


def test_torchs_generator_is_the_only_source_of_chance(case: Case) -> None:
    states = []
    for _ in range(2):
        head, mixers = case.build()
        train(head, mixers, questions()[:20], 1, case.lr)
        states.append(head.state_dict())
    for key, value in states[0].items():
        assert torch.equal(value, states[1][key]), key
    before = torch.get_rng_state()
    predictions(head, mixers, questions()[:5])
    assert torch.equal(torch.get_rng_state(), before)


def test_predictions_are_pieces_of_the_passage_within_the_limit(case: Case) -> None:
    head, mixers = replace(case, options={**case.options, "max_answer": 2}).build()
    head.eval()
    examples = questions()
    # Another text around the same tokens: the text between them is returned without a change.
    spaced = []
    for example in examples:
        passage = make_passage("\u2003\n " + "\u00a0 ".join(example.passage.tokens), "whitespace")
        assert passage.tokens == example.passage.tokens
        spaced.append(replace(example, passage=passage, answers=()))
    found = predictions(head, mixers, spaced)
    assert json.loads(json.dumps(found)) == found
    for answer, example in zip(found, spaced, strict=True):
        assert answer in example.passage.text
        assert 1 <= len(answer.split()) <= 2
    assert any("\u00a0 " in answer for answer in found)
    plain = predictions(head, mixers, examples)
    assert [answer.split() for answer in found] == [answer.split() for answer in plain]


def test_one_answer_is_trained_on_the_most_frequent_or_the_first() -> None:
    passage = make_passage("a b c d", "whitespace")
    a, b, c = (Answer(word, 2 * i, i, i) for i, word in enumerate("abc"))
    head, _ = CASES[0].build()
    vectors = {"input": {"question": torch.ones(1, 1, 24), "passage": torch.randn(1, 4, 24)}}
    losses = {}
    for answers in ((a,), (b,), (a, b, b), (b, a, c), (a, b)):
        example = PassageQuestion("q", ("?",), passage, answers)
        slots = {
            name: SlotBatch(list(rows), pad_rows([torch.ones(len(rows[0])).numpy()]).bool(), [])
            for name, rows in PIPELINE.slots(example).items()
        }
        losses[answers] = head.loss(Batch([example], slots), vectors).item()
    assert losses[a,] != losses[b,]
    assert losses[a, b, b] == losses[b, a, c] == losses[b,]
    assert losses[a, b] == losses[a,]


def test_a_question_without_an_answer_cannot_be_trained_on() -> None:
    head, mixers = CASES[0].build()
    batch = batch_of([replace(questions()[0], answers=(), id="q9")])
    with pytest.raises(DataError, match="q9"):
        head.loss(batch, mixed_of(mixers, batch))


@pytest.mark.parametrize("preset", [SMALL, PAPER, BIDAF])
def test_something_to_read_is_needed(preset: HeadPreset) -> None:
    codec = LabelCodec(labels=[], extra={"characters": "ab", "character_counts": [99, 99]})
    without = preset.options.model_copy(update={"chars": False})
    preset.head({"output": 3}, codec, preset.options)
    preset.head({"input": 3}, codec, without)
    with pytest.raises(ConfigError, match="neither features nor characters at its input"):
        preset.head({"output": 3}, codec, without)


def test_each_placement_enters_where_it_says() -> None:
    """Features at the output are read after the first GRU, which they leave unchanged."""
    case = CASES[2]
    head, mixers = case.build()
    head.eval()
    batch = batch_of(questions()[:4])
    mixed = mixed_of(mixers, batch)
    seen: list[torch.Tensor] = []
    head.encoder.register_forward_hook(lambda module, inputs, out: seen.append(out))
    before = head.scores(batch, mixed)[0]
    moved = {**mixed, "output": {name: x + 1 for name, x in mixed["output"].items()}}
    after = head.scores(batch, moved)[0]
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    assert not torch.allclose(before, after)


def gru_size(inputs: int, hidden: int) -> int:
    """Both directions: three gates, input and recurrent weights, two biases."""
    return 2 * 3 * hidden * (inputs + hidden + 2)


def lstm_size(inputs: int, hidden: int) -> int:
    """Both directions: four gates, input and recurrent weights, two biases."""
    return 2 * 4 * hidden * (inputs + hidden + 2)


@pytest.mark.parametrize("dims", [{"input": 300}, {"input": 1324, "output": 1024}])
def test_the_paper_head_has_the_published_sizes(dims: dict[str, int]) -> None:
    codec = LabelCodec(labels=[], extra={"characters": "abc", "character_counts": [99] * 3})
    head = PAPER.head(dims, codec, PAPER.options)
    encoded = 180 + dims.get("output", 0)
    expected = (
        (3 + 2) * 20
        + 20 * 5 * 100
        + 100
        + gru_size(dims["input"] + 100, 90)
        + 3 * encoded
        + (4 * encoded + 1) * 180
        + gru_size(180, 90)
        + 3 * 180
        + 1  # bias of self-attention
        + 1  # score of no alignment
        + (3 * 180 + 1) * 180
        + gru_size(180, 90)
        + 180
        + gru_size(180 + 180, 90)
        + 180
    )
    assert sum(p.numel() for p in head.parameters()) == expected
    options = PAPER.options.model_dump()
    assert (options["min_char_count"], options["word_length"], options["char_dropout"]) == (
        49,
        14,
        0.2,
    )
    assert (options["max_answer"], options["dropout"]) == (17, 0.2)
    assert PAPER.placements == SMALL.placements == BIDAF.placements == ("input", "output")


@pytest.mark.parametrize("elmo", [0, 1024])
def test_bidaf_has_the_published_sizes(elmo: int) -> None:
    """As the dimensions in bidaf.jsonnet and bidaf_elmo.jsonnet."""
    head = BIDAF.head({"input": 100 + elmo}, LabelCodec(labels=[]), BIDAF.options)
    width = 200 + elmo
    expected = (
        262 * 16
        + 16 * 5 * 100
        + 100
        + 2 * (width + 1) * 2 * width
        + lstm_size(width, 100)
        + 600
        + 1
        + lstm_size(800, 100)
        + lstm_size(200, 100)
        + lstm_size(1400, 100)
        + 2 * (1000 + 1)
    )
    assert sum(p.numel() for p in head.parameters()) == expected
    training = BIDAF.training
    assert (training.plateau_factor, training.plateau_patience) == (0.5, 2)
    assert (training.batch_size, training.epochs, training.patience) == (40, 20, 10)
    assert training.optimizer_options == {"betas": [0.9, 0.9]}


def test_registered_slots_gold_and_codec() -> None:
    assert PIPELINES.get("qa") is PIPELINE
    example = questions()[0]
    assert PIPELINE.slots(example) == {
        "question": [example.question],
        "passage": [example.passage.tokens],
    }
    assert PIPELINE.gold(example) == [example.answers[0].text]
    codec = PIPELINE.codec([example], None)
    assert codec.labels == []
    text = "".join([*example.question, *example.passage.tokens])
    characters = "".join(sorted(set(text)))
    assert codec.extra == {
        "characters": characters,
        "character_counts": [text.count(char) for char in characters],
    }
    with pytest.raises(DataError):
        PIPELINE.codec([], None)


def test_lone_surrogates_have_no_bytes() -> None:
    assert ByteIds().word("n\ud800é").tolist() == ByteIds().word("né").tolist()


def test_the_tiny_problem_needs_the_question() -> None:
    asked = Counter(example.question[-1] for example in questions())
    assert min(asked.values()) > 15


def test_a_users_own_text() -> None:
    example = PIPELINE.from_text("  Rome's in\u00a0Italy. ||| Where's Rome?")
    assert example.passage.text == "Rome's in\u00a0Italy."
    assert example.passage.tokens == ("Rome", "'s", "in", "Italy", ".")
    assert example.question == ("Where", "'s", "Rome", "?")
    assert example.passage.substring(2, 3) == "in\u00a0Italy"
    assert example.answers == ()
    split = PIPELINE.from_text("Rome's in Italy . ||| Where ?", tokenized=True)
    assert split.passage.tokens == ("Rome's", "in", "Italy", ".")
    tokens = ("Rome's", "in", "Italy", ".", "|||", "Where", "?")
    assert PIPELINE.from_tokens(tokens) == split


@pytest.mark.parametrize("text", ["Where is Rome?", " ||| Where?", "Rome ||| ", "a ||| b ||| c"])
def test_a_question_alone_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"passage \|\|\| question"):
        PIPELINE.from_text(text)
