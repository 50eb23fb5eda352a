import hashlib
from collections import Counter

import pytest
from pydantic import ValidationError

from elmobench.core.errors import ConfigError
from elmobench.core.validation import validated
from elmobench.data.cards.catalog import CardCatalog
from elmobench.data.controls import GENERATORS
from elmobench.data.controls.base import GeneratorOptions, StableRandom
from elmobench.tasks.task import load_task

NAMES = [
    *("control-chunking", "control-ner", "control-nli", "control-pos", "control-sentiment"),
    "control-srl",
]
HALVES = ["control-ner", "control-nli", "control-sentiment"]
"""Controls whose examples are ambiguous as a whole: without context, half of those are right."""


def made(name: str, **options):
    generator = GENERATORS.get(name)
    return generator.generate(generator.options_type(**options))


@pytest.mark.parametrize("name", NAMES)
def test_splits_share_no_text_and_have_their_sizes(name: str):
    splits = made(name)
    assert {split: len(examples) for split, examples in splits.items()} == {
        "train": 600,
        "dev": 150,
        "test": 300,
    }
    texts = [example.tokens for examples in splits.values() for example in examples]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("name", NAMES)
def test_every_word_of_dev_and_test_is_in_train(name: str):
    splits = made(name)
    train = {word for example in splits["train"] for word in example.tokens}
    for split in ("dev", "test"):
        assert {word for example in splits[split] for word in example.tokens} <= train


@pytest.mark.parametrize(
    ("name", "digest"),
    [
        (
            "control-chunking",
            "dd6415359c2eca66a38ed742f16eb0aeb9f81cbda679bf7765e3213e81f41d08",
        ),
        ("control-nli", "790244a26bcfe981ebb01bfe669b2ea5609409971dd817ec255732f20e9cd03b"),
        ("control-pos", "82197d955b37035bbd19c85677cbd57caaaa6cc5199b4d2d79200906b7eee130"),
        ("control-ner", "aa9c25cdd88dd78e2fd0b93f858b4856b78a7f3f02c3ce920d4ce44d7efd1bc3"),
        ("control-sentiment", "c6f12db1a10a6231438804a9f2c323350e6914112648165aba2894d3b09c1d08"),
    ],
)
def test_generated_bytes_are_pinned(name: str, digest: str):
    """If a change is intended, raise the generator's version and supersede its card."""
    text = "\n".join(
        f"{split} {example.id} {' '.join(example.tokens)} {getattr(example, 'label', None)} "
        f"{' '.join(getattr(example, 'tags', ()))}"
        for split, examples in made(name).items()
        for example in examples
    )
    assert hashlib.sha256(text.encode()).hexdigest() == digest


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_gives_other_texts(name: str):
    assert made(name)["test"] != made(name, seed=2)["test"]
    assert made(name, seed=2) == made(name, seed=2)


@pytest.mark.parametrize("task", [f"{name.removeprefix('control-')}/{name}" for name in NAMES])
def test_the_card_states_the_ceiling_of_test(task: str):
    loaded = load_task(task)
    generator = GENERATORS.get(loaded.card.name)
    ceiling = loaded.card.ceiling
    assert ceiling is not None
    assert generator.context_free_ceiling(loaded.split("test")) == pytest.approx(
        ceiling.context_free, abs=1e-9
    )
    # The other splits have the same distribution, so that dev selects for the same problem.
    for split in ("train", "dev"):
        found = generator.context_free_ceiling(loaded.split(split))
        assert found == pytest.approx(ceiling.context_free, abs=0.5)


class TestNer:
    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_every_sentence_has_one_name(self, split: str):
        for example in made("control-ner")[split]:
            starts = [i for i, tag in enumerate(example.tags) if tag.startswith("B-")]
            inside = [tag for tag in example.tags if tag != "O"]
            assert len(starts) == 1
            assert len(inside) in (1, 2)
            assert len({tag[2:] for tag in inside}) == 1

    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_position_and_lengths_are_uninformative(self, split: str):
        shapes = {"PER": Counter(), "LOC": Counter()}
        for example in made("control-ner")[split]:
            marked = [i for i, tag in enumerate(example.tags) if tag != "O"]
            kind = example.tags[marked[0]][2:]
            shapes[kind][marked[0], len(marked), len(example.tokens)] += 1
        assert shapes["PER"] == shapes["LOC"]
        assert len({start for start, _, _ in shapes["PER"]}) > 5

    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_ambiguous_names_are_balanced(self, split: str):
        kinds: dict[tuple[str, ...], Counter[str]] = {}
        for example in made("control-ner")[split]:
            marked = [i for i, tag in enumerate(example.tags) if tag != "O"]
            name = tuple(example.tokens[i] for i in marked)
            kinds.setdefault(name, Counter())[example.tags[marked[0]][2:]] += 1
        ambiguous = [counts for counts in kinds.values() if len(counts) == 2]
        assert len(ambiguous) == 18
        assert all(counts["PER"] == counts["LOC"] for counts in ambiguous)
        share = sum(map(Counter.total, ambiguous)) / sum(map(Counter.total, kinds.values()))
        assert share == pytest.approx(0.6)

    def test_the_type_follows_from_the_neighbours(self):
        """A table of the two words on each side, learnt on train, is right for all of test."""
        splits = made("control-ner")

        def keys(example):
            marked = [i for i, tag in enumerate(example.tags) if tag != "O"]
            padded = ("", "", *example.tokens, "", "")
            left, right = padded[marked[0] + 1], padded[marked[-1] + 3]
            return ("left", left), ("right", right), example.tags[marked[0]][2:]

        seen: dict[tuple[str, str], set[str]] = {}
        for example in splits["train"]:
            left, right, kind = keys(example)
            seen.setdefault(left, set()).add(kind)
            seen.setdefault(right, set()).add(kind)
        for example in splits["test"]:
            left, right, kind = keys(example)
            certain = [seen[key] for key in (left, right) if len(seen[key]) == 1]
            assert certain
            assert all(kinds == {kind} for kinds in certain)

    def test_names_share_no_word_with_the_rest(self):
        inside, outside = Counter(), set()
        for examples in made("control-ner").values():
            for example in examples:
                for token, tag in zip(example.tokens, example.tags, strict=True):
                    if tag == "O":
                        outside.add(token)
                    else:
                        inside[token] += 1
        assert not outside & set(inside)


class TestSentiment:
    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_pairs_are_in_one_split_with_opposite_labels(self, split: str):
        bags: dict[tuple[str, ...], list[str]] = {}
        for example in made("control-sentiment")[split]:
            bags.setdefault(tuple(sorted(example.tokens)), []).append(example.label)
        pairs = [labels for labels in bags.values() if len(labels) > 1]
        assert all(sorted(labels) == ["negative", "positive"] for labels in pairs)
        total = sum(map(len, bags.values()))
        assert 2 * len(pairs) / total == pytest.approx(0.6)

    def test_no_bag_is_in_two_splits(self):
        bags = {
            split: {tuple(sorted(e.tokens)) for e in examples}
            for split, examples in made("control-sentiment").items()
        }
        assert not bags["train"] & bags["dev"]
        assert not bags["train"] & bags["test"]
        assert not bags["dev"] & bags["test"]

    def test_order_decides(self):
        """The frame, with adjectives blanked, decides which of the two adjectives is asserted."""
        from elmobench.data.controls.sentiment import ADJECTIVES

        polarity = {word: label for label, group in ADJECTIVES.items() for word in group}

        def parts(example):
            words = [word for word in example.tokens if word in polarity]
            cues = []
            for i, word in enumerate(example.tokens):
                if word in polarity:
                    cues.append(example.tokens[i - 1])
            return tuple(cues), [polarity[word] for word in words]

        splits = made("control-sentiment")
        rule: dict[tuple[str, ...], set[int]] = {}
        for example in splits["train"]:
            cues, kinds = parts(example)
            assert len(kinds) == 2
            if kinds[0] != kinds[1]:
                rule.setdefault(cues, set()).add(kinds.index(example.label))
        assert all(len(positions) == 1 for positions in rule.values())
        # Neither the first nor the last adjective is always asserted.
        assert set().union(*rule.values()) == {0, 1}
        for example in splits["test"]:
            cues, kinds = parts(example)
            assert kinds[min(rule[cues])] == example.label


class TestSrl:
    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_twins_have_the_same_words_and_places_and_exchanged_roles(self, split: str):
        """Twins differ in voice only: a word's role flips, or (things) its argument moves."""
        from elmobench.data.controls.srl import THINGS

        twins: dict[tuple, list] = {}
        for example in made("control-srl")[split]:
            twins.setdefault((tuple(sorted(example.tokens)), example.predicate), []).append(example)
        assert all(len(pair) == 2 for pair in twins.values())
        flipped = 0
        for one, other in twins.values():
            places = [i for i, tag in enumerate(one.tags) if tag != "O"]
            assert places == [i for i, tag in enumerate(other.tags) if tag != "O"]
            assert [i - one.predicate for i in places] == [-2, 0, 2]
            assert one.tags == tuple(
                {"B-ARG0": "B-ARG1", "B-ARG1": "B-ARG0"}.get(tag, tag) for tag in other.tags
            )
            words = [[e.tokens[i] for i in places] for e in (one, other)]
            if words[0] == words[1]:
                flipped += 1
            else:
                assert words[0] == words[1][::-1]
                assert one.tokens[one.predicate] in THINGS
        assert flipped / len(twins) == pytest.approx(0.6)

    @pytest.mark.parametrize("split", ["train", "dev", "test"])
    def test_word_predicate_and_distance_do_not_decide_ambiguous_roles(self, split: str):
        views: dict[tuple, Counter[str]] = {}
        for example in made("control-srl")[split]:
            verb = example.tokens[example.predicate]
            for i, tag in enumerate(example.tags):
                if tag in ("B-ARG0", "B-ARG1"):
                    view = (example.tokens[i], verb, i - example.predicate)
                    views.setdefault(view, Counter())[tag] += 1
        ambiguous = [counts for counts in views.values() if len(counts) == 2]
        assert all(counts["B-ARG0"] == counts["B-ARG1"] for counts in ambiguous)
        share = sum(map(Counter.total, ambiguous)) / sum(map(Counter.total, views.values()))
        assert share == pytest.approx(0.6)

    def test_the_word_next_to_an_argument_decides_its_role(self):
        """A table of (side, neighbour), learnt on train, is right for all of test."""

        def cues(example):
            for i, tag in enumerate(example.tags):
                if tag in ("B-ARG0", "B-ARG1"):
                    side = 1 if i < example.predicate else -1
                    yield (side, example.tokens[i + side]), tag

        splits = made("control-srl")
        rule: dict[tuple[int, str], set[str]] = {}
        for example in splits["train"]:
            for cue, tag in cues(example):
                rule.setdefault(cue, set()).add(tag)
        for example in splits["test"]:
            for cue, tag in cues(example):
                assert rule[cue] == {tag}

    def test_the_example_s_clause_is_first_or_second(self):
        """Both voices are in each sentence, so that their presence is uninformative."""
        first = 0
        for example in made("control-srl")["train"]:
            assert "by" in example.tokens
            assert {"has", "had"} & set(example.tokens)
            first += example.predicate < len(example.tokens) // 2
        assert 200 < first < 400


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "options",
    [{"sizes": {"train": 3}}, {"ambiguous": 1.5}, {"sede": 1}, {"sizes": {"training": 2}}],
)
def test_wrong_options(name: str, options: dict):
    with pytest.raises(ValidationError):
        GENERATORS.get(name).options_type(**options)


@pytest.mark.parametrize("name", HALVES)
def test_other_sizes_and_shares(name: str):
    splits = made(name, sizes={"train": 40, "dev": 10, "test": 20}, ambiguous=1.0)
    assert [len(splits[split]) for split in ("train", "dev", "test")] == [40, 10, 20]
    assert GENERATORS.get(name).context_free_ceiling(splits["test"]) == pytest.approx(50.0)


def test_controls_are_shipped_as_cards():
    cards = CardCatalog().by_id
    assert {f"{name.removeprefix('control-')}/{name}" for name in NAMES} <= set(cards)


def test_draws_are_fixed_fair_and_in_range():
    draw = StableRandom(7)
    counts = Counter(draw.below(4) for _ in range(4000))
    assert set(counts) == {0, 1, 2, 3}
    assert all(abs(count - 1000) < 150 for count in counts.values())
    items = list(range(10))
    StableRandom(1).shuffle(items)
    assert sorted(items) == list(range(10))
    orders = {tuple(_shuffled(seed)) for seed in range(300)}
    assert len(orders) == 6


def _shuffled(seed: int) -> list[int]:
    items = [1, 2, 3]
    StableRandom(seed).shuffle(items)
    return items


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_options_are_finite(value: float):
    with pytest.raises(ConfigError, match="finite"):
        validated(GeneratorOptions, {"ambiguous": value}, "card")
