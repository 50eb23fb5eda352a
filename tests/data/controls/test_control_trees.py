"""The controls for trees: their ceilings are exact, and no text is in two splits."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from elmobench.data.controls import trees
from elmobench.data.controls.base import GENERATORS, Sizes
from elmobench.data.controls.ceilings import root_ceiling, tree_edge_ceiling
from elmobench.data.examples import TreeText
from elmobench.data.trees import tree_distances
from elmobench.metrics.base import get_metric
from elmobench.tasks.task import load_task
from elmobench.tasks.trees.pipeline import DEPTH, DISTANCE

INNER = [inner for inner, _ in trees.KNOWN]
ORDER = [*INNER, *trees.AMBIGUOUS, *(main for _, main in trees.KNOWN)]
"""Verbs, from those that are rather in a relative clause to those that are rather roots."""


KIND = {
    **dict.fromkeys(trees.DETERMINERS, "determiner"),
    **dict.fromkeys(trees.NOUNS, "noun"),
    **dict.fromkeys(("that", *trees.ADVERBS), "inner"),
    **dict.fromkeys(trees.SETTINGS, "outer"),
    **dict.fromkeys(ORDER, "verb"),
    ".": "mark",
}


def distance(a: str, b: str) -> float:
    """A distance of two words that reaches the ceiling."""
    kinds = {KIND[a], KIND[b]}
    if kinds in ({"noun", "verb"}, {"noun", "determiner"}):
        return 1.0
    if kinds not in ({"inner", "verb"}, {"outer", "verb"}):
        return 9.0
    place = ORDER.index(a if KIND[a] == "verb" else b) / len(ORDER)
    return 2 + place if "inner" in kinds else 3 - place


@pytest.mark.parametrize(
    "task", ["tree-distance/control-tree-distance", "tree-depth/control-tree-depth"]
)
def test_the_card_has_the_ceiling_and_splits_share_no_text(task: str) -> None:
    loaded = load_task(task)
    assert loaded.card.ceiling is not None
    generator = GENERATORS.get(loaded.card.name)
    texts = {split: loaded.split(split) for split in loaded.splits}
    for examples in texts.values():
        ceiling = generator.context_free_ceiling(examples)
        assert ceiling == pytest.approx(loaded.card.ceiling.context_free)
    words = [{example.tokens for example in examples} for examples in texts.values()]
    assert sum(map(len, words)) == len(set().union(*words)) == 1050


def test_functions_of_words_reach_the_ceilings() -> None:
    options = trees.TreeControlOptions(sizes=Sizes(train=2, dev=2, test=120))
    made: list[TreeText] = GENERATORS.get("control-tree-distance").generate(options)["test"]
    pairs = [
        [distance(a, b) for a, b in itertools.combinations(example.tokens, 2)] for example in made
    ]
    gold = [DISTANCE.gold(example) for example in made]
    uuas = get_metric("uuas").compute(gold, pairs).score
    assert uuas == pytest.approx(tree_edge_ceiling(made)) == pytest.approx(85.0)
    depths = [
        [float(-ORDER.index(word) if word in ORDER else 1) for word in example.tokens]
        for example in made
    ]
    root = get_metric("root-accuracy").compute([DEPTH.gold(e) for e in made], depths).score
    assert root == pytest.approx(root_ceiling(made)) == pytest.approx(70.0)


def test_the_ceilings_are_the_best_of_all_trees_and_roots() -> None:
    words = ("a", "b", "c", ".")
    heads = [(-1, 0, 0, 0), (-1, 0, 1, 0), (-1, 0, 1, 0), (1, -1, 1, 1)]
    made = [TreeText(str(i), words, one, (3,)) for i, one in enumerate(heads)]
    made.append(TreeText("x", ("c", "a", "b", "."), (1, 2, -1, 1), (3,)))
    gold: Counter[frozenset[str]] = Counter()
    for example in made:
        square = tree_distances(example.heads)
        for i, j in np.argwhere(np.triu(square == 1)):
            if j < 3:
                gold[frozenset((example.tokens[i], example.tokens[j]))] += 1
    trees = list(itertools.combinations(itertools.combinations("abc", 2), 2))
    best = max(sum(gold[frozenset(pair)] for pair in tree) for tree in trees)
    assert tree_edge_ceiling(made) == pytest.approx(100 * best / (2 * len(made)))
    roots = Counter(example.tokens[example.heads.index(-1)] for example in made)
    assert root_ceiling(made) == pytest.approx(100 * max(roots.values()) / len(made))
    twice = TreeText("y", ("a", "a"), (-1, 0))
    for ceiling in (tree_edge_ceiling, root_ceiling):
        with pytest.raises(ValueError, match="y: a word occurs twice"):
            ceiling([twice])
