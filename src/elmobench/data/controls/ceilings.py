"""The best score that a reader without context can reach, computed from the gold annotation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from fractions import Fraction

from elmobench.data.examples import ClassifiedText, Sentence, SentencePair, TaggedSentence
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


def pair_ceiling(examples: Sequence[SentencePair]) -> float:
    """Best accuracy (percent) of any function of the two multisets of words. Exact.

    As :func:`bag_of_words_ceiling`, with premise and hypothesis told apart.
    """
    bags: defaultdict[tuple[tuple[str, ...], ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        key = (tuple(sorted(example.premise)), tuple(sorted(example.hypothesis)))
        bags[key][example.label] += 1
    return 100.0 * sum(max(labels.values()) for labels in bags.values()) / len(examples)


def tag_ceiling(examples: Sequence[TaggedSentence]) -> float:
    """Best token accuracy (percent) of any function from word type to tag. Exact.

    Each word's tokens get one tag, so at best its most frequent one; and tagging each word so is
    such a function.
    """
    tags: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        for word, tag in zip(example.tokens, example.tags, strict=True):
            tags[word][tag] += 1
    total = sum(counts.total() for counts in tags.values())
    return 100.0 * sum(max(counts.values()) for counts in tags.values()) / total


def chunk_ceiling(examples: Sequence[TaggedSentence]) -> float:
    """Span F1 (percent) that no function from word type to tag exceeds, if it writes legal BIO.

    As :func:`context_free_ceiling`, and closer where a sentence has several spans: there a span
    that opens with I- could cover two gold ones, here every span opens with B-.

    Proof. To get a gold span right, f tags its first word w B-X, so it does at all n(w)
    occurrences of w, and each begins a predicted span of its own. Of these at most m(w) are
    right, the count of w's most frequent type as the first word of a gold span. With W the
    first words of the spans that f ever gets right, TP <= sum of m(w) and predicted >= sum of n(w)
    over W, and F1 is at most the maximum over W of 2 sum m / (sum n + gold), which takes the
    words of greatest m/n first. It is reached if some legal f tags those words so and their
    followers as in the gold spans, as in the generated control.
    """
    begun: defaultdict[str, Counter[str]] = defaultdict(Counter)
    occurrences: Counter[str] = Counter()
    gold = 0
    for example in examples:
        occurrences.update(example.tokens)
        for start, _, kind in spans(example.tags):
            begun[example.tokens[start]][kind] += 1
            gold += 1
    groups = [(max(kinds.values()), occurrences[word]) for word, kinds in begun.items()]
    groups.sort(key=lambda group: Fraction(*group), reverse=True)
    ceiling, right, predicted = Fraction(0), 0, 0
    for best, total in groups:
        right += best
        predicted += total
        ceiling = max(ceiling, Fraction(2 * right, predicted + gold))
    return float(100 * ceiling)


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
    groups.sort(key=lambda group: Fraction(*group), reverse=True)
    ceiling, right, predicted = Fraction(0), 0, 0
    for best, total in groups:
        right += best
        predicted += total
        ceiling = max(ceiling, Fraction(2 * right, predicted + gold))
    return float(100 * ceiling)
