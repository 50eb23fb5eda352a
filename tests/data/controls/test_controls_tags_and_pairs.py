"""The controls of parts of speech, chunking and inference: what decides and what does not."""

from collections import Counter

import pytest

from elmobench.data.controls import GENERATORS
from elmobench.data.controls.chunking import AMBIGUOUS as BARE
from elmobench.data.controls.chunking import GIVE, LET
from elmobench.data.controls.pos import AMBIGUOUS
from elmobench.data.tag_schemes import spans, violation

SPLITS = ["train", "dev", "test"]


def made(name: str):
    generator = GENERATORS.get(name)
    return generator.generate(generator.options_type())


def marked(example, words) -> list[tuple[int, str]]:
    """Positions and tags of the ambiguous words."""
    return [(i, example.tags[i]) for i, word in enumerate(example.tokens) if word in words]


class TestPos:
    @pytest.mark.parametrize("split", SPLITS)
    def test_a_word_and_its_position_are_uninformative(self, split: str):
        tags: dict[object, Counter[str]] = {}
        total = 0
        for example in made("control-pos")[split]:
            for place, tag in marked(example, AMBIGUOUS):
                total += 1
                word = example.tokens[place]
                for key in (word, place, len(example.tokens), (word, place, len(example.tokens))):
                    tags.setdefault(key, Counter())[tag] += 1
        assert all(counts["NOUN"] == counts["VERB"] for counts in tags.values())
        assert set(AMBIGUOUS) <= set(tags)
        tokens = 3 * len(made("control-pos")[split])
        assert total / tokens == pytest.approx(0.6)

    def test_the_word_before_decides(self):
        splits = made("control-pos")
        seen: dict[str, set[str]] = {}
        for example in splits["train"]:
            for place, tag in marked(example, AMBIGUOUS):
                seen.setdefault(example.tokens[place - 1].lower(), set()).add(tag)
        assert all(len(tags) == 1 for tags in seen.values())
        for example in splits["test"]:
            for place, tag in marked(example, AMBIGUOUS):
                assert seen[example.tokens[place - 1].lower()] == {tag}

    def test_every_other_word_has_one_tag(self):
        tags: dict[str, set[str]] = {}
        for examples in made("control-pos").values():
            for example in examples:
                for word, tag in zip(example.tokens, example.tags, strict=True):
                    tags.setdefault(word.lower(), set()).add(tag)
        assert {word for word, kinds in tags.items() if len(kinds) > 1} == set(AMBIGUOUS)


class TestChunking:
    @pytest.mark.parametrize("split", SPLITS)
    def test_word_position_and_the_tags_around_are_uninformative(self, split: str):
        kinds: dict[object, Counter[str]] = {}
        for example in made("control-chunking")[split]:
            assert violation(example.tags, "bio") is None
            for place, tag in marked(example, BARE):
                around = (*example.tags[:place], "?", *example.tags[place + 1 :])
                for key in (example.tokens[place], place, around):
                    kinds.setdefault(key, Counter())[tag] += 1
                assert (place, place + 1, tag[2:]) in set(spans(example.tags))
        assert all(counts["B-NP"] == counts["B-VP"] for counts in kinds.values())
        assert set(BARE) <= set(kinds)

    @pytest.mark.parametrize("split", SPLITS)
    def test_the_verb_two_words_before_decides(self, split: str):
        for example in made("control-chunking")[split]:
            for place, tag in marked(example, BARE):
                verb = example.tokens[place - 2].lower()
                assert verb in (LET if tag == "B-VP" else GIVE)


class TestNli:
    @pytest.mark.parametrize("split", SPLITS)
    def test_twins_share_the_premise_and_the_words(self, split: str):
        bags: dict[object, list] = {}
        for example in made("control-nli")[split]:
            key = (example.premise, tuple(sorted(example.hypothesis)))
            bags.setdefault(key, []).append(example)
        twins = [rows for rows in bags.values() if len(rows) > 1]
        for rows in twins:
            assert sorted(row.label for row in rows) == ["contradiction", "entailment"]
        assert sum(map(len, twins)) / len(made("control-nli")[split]) == pytest.approx(0.6)

    def test_no_pair_of_bags_is_in_two_splits(self):
        bags = {
            split: {(tuple(sorted(e.premise)), tuple(sorted(e.hypothesis))) for e in examples}
            for split, examples in made("control-nli").items()
        }
        assert not bags["train"] & bags["dev"]
        assert not bags["train"] & bags["test"]
        assert not bags["dev"] & bags["test"]

    @pytest.mark.parametrize("split", SPLITS)
    def test_a_pair_follows_if_its_order_is_the_premise_s(self, split: str):
        for example in made("control-nli")[split]:
            words = [word.lower() for word in example.hypothesis]
            follows = words == list(example.premise[1:])
            assert follows == (example.label == "entailment")

    @pytest.mark.parametrize("split", SPLITS)
    def test_the_hypothesis_alone_is_nearly_uninformative(self, split: str):
        """Each noun is the subject in about as many entailed as contradicted hypotheses."""
        subjects: dict[str, Counter[str]] = {}
        for example in made("control-nli")[split]:
            subjects.setdefault(example.hypothesis[1], Counter())[example.label] += 1
        best = sum(max(counts.values()) for counts in subjects.values())
        assert best / len(made("control-nli")[split]) < 0.65
