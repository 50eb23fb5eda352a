"""The best score that a reader without context can reach, computed from the gold annotation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

from elmobench.data.examples import ClassifiedText, SenseSentence, Sentence, TaggedSentence
from elmobench.data.tag_schemes import spans


def bag_of_words_ceiling(examples: Sequence[ClassifiedText]) -> float:
    """Best accuracy (percent) of any function of the multiset of words. Exact.

    Such a function gives all texts with the same words one label, so at best it is right on
    the most frequent label of each multiset; and labelling each multiset so is such a function.
    """
    bags: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        bags[tuple(sorted(example.tokens))][example.label] += 1
    right = sum(max(labels.values()) for labels in bags.values())
    return 100.0 * right / len(examples)


def context_free_ceiling(examples: Sequence[TaggedSentence]) -> float:
    """Span F1 (percent) that no function from word type to tag exceeds. An upper bound.

    The function may be chosen with knowledge of the gold tags of ``examples``. Spans are read
    as conlleval reads them.

    Proof. Such a function f tags equal word sequences equally. So of the gold spans with the
    same words w, those that f gets right all have one type: at most m(w), the count of w's
    most frequent type. If no sentence has two gold spans and f gets any span with words w
    right, then f tags w's first word with a type, so each of the n(w) sentences with a gold
    span w has a predicted span, and these are distinct. With W the set of word sequences that
    f ever gets right, TP <= sum of m(w) over W and predicted >= sum of n(w) over W. F1 = 2 TP /
    (predicted + gold) is then at most the maximum over W of 2 sum m / (sum n + gold), a ratio
    that is largest for some W that takes the word sequences of greatest m/n first. Where a
    sentence has several gold spans, one predicted span may cover two, and only predicted >= TP
    holds: n(w) is then replaced by m(w).

    The bound is reached if some f tags every w in that W throughout with its most frequent
    type and all else O, as in the generated controls: there no word stands both in and outside
    names, nor at two places of names.
    """
    types: defaultdict[Sentence, Counter[str]] = defaultdict(Counter)
    gold = 0
    alone = True
    for example in examples:
        found = list(spans(example.tags))
        alone = alone and len(found) <= 1
        gold += len(found)
        for start, end, kind in found:
            types[example.tokens[start:end]][kind] += 1
    if not gold:
        return 0.0
    groups = []
    for counts in types.values():
        best = max(counts.values())
        groups.append((best, counts.total() if alone else best))
    return _best_f1(groups, gold)


def sense_ceiling(examples: Sequence[SenseSentence]) -> float:
    """F1 of senses (percent) of the best function of lemma, part of speech and words. Exact.

    Proof. Such a function answers all n instances of a group (same lemma, part of speech and
    words) alike. An answer of k senses gets from the group the mean over them of the number of
    instances for which each is gold, at most m, that of the best single sense; and answering
    that sense is such a function. With W the groups that it answers at all, F1 is 2 sum m /
    (sum n + gold), a ratio that is largest for some W that takes the groups of greatest m/n
    first.
    """
    groups: defaultdict[tuple[object, ...], Counter[str]] = defaultdict(Counter)
    sizes: Counter[tuple[object, ...]] = Counter()
    for example in examples:
        for instance in example.instances:
            words = example.tokens[instance.start : instance.end]
            group = (instance.lemma, instance.pos, words)
            groups[group].update(set(instance.senses))
            sizes[group] += 1
    return _best_f1([(max(groups[g].values()), n) for g, n in sizes.items()], sizes.total())


def _best_f1(groups: list[tuple[int, int]], gold: int) -> float:
    """Greatest F1 in percent over sets of (right, predicted) groups, for ``gold`` in all."""
    groups = sorted(groups, key=lambda group: Fraction(*group), reverse=True)
    ceiling, right, predicted = Fraction(0), 0, 0
    for best, total in groups:
        right += best
        predicted += total
        ceiling = max(ceiling, Fraction(2 * right, predicted + gold))
    return float(100 * ceiling)
