"""The best score that a model without context can reach, computed from the gold annotation."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from fractions import Fraction

from elmobench.data.examples import (
    ClassifiedText,
    EdgeText,
    LabelledText,
    MarkedPair,
    Proposition,
    SenseSentence,
    Sentence,
    SentencePair,
    TaggedSentence,
    TreeText,
)
from elmobench.data.tag_schemes import spans
from elmobench.data.trees import scored_words, spanning_edges, tree_edges


def bag_of_words_ceiling(examples: Sequence[ClassifiedText]) -> float:
    """Best accuracy (percent) of any function of the multiset of words. Exact.

    Such a function gives all texts with the same words one label, so at best it is right for the
    most frequent label of each multiset; giving each multiset that label is such a function.
    """
    bags: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        bags[tuple(sorted(example.tokens))][example.label] += 1
    right = sum(max(labels.values()) for labels in bags.values())
    return 100.0 * right / len(examples)


def pair_ceiling(examples: Sequence[SentencePair]) -> float:
    """Best accuracy (percent) of any function of the two multisets of words. Exact.

    As :func:`bag_of_words_ceiling`, with one multiset for the premise and one for the hypothesis.
    """
    bags: defaultdict[tuple[tuple[str, ...], ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        key = (tuple(sorted(example.premise)), tuple(sorted(example.hypothesis)))
        bags[key][example.label] += 1
    return 100.0 * sum(max(labels.values()) for labels in bags.values()) / len(examples)


def number_ceiling(examples: Iterable[tuple[Hashable, float]]) -> float:
    """Best Pearson correlation (times 100) of any function of what is known of an example. Exact.

    Proof. Let m be the mean number of the examples of which the same is known, a function of that.
    For any other such function f, cov(f, y) = cov(f, m), since y - m has mean 0 among examples with
    equal f. So corr(f, y) = corr(f, m) sd(m) / sd(y), which is at most sd(m) / sd(y), and is that
    for f = m.

    Args:
        examples: what is known of each, such as its multiset of words; and its number.
    """
    groups: defaultdict[Hashable, list[float]] = defaultdict(list)
    for known, value in examples:
        groups[known].append(value)
    values = [value for group in groups.values() for value in group]
    mean = math.fsum(values) / len(values)
    between = [
        len(group) * (math.fsum(group) / len(group) - mean) ** 2 for group in groups.values()
    ]
    total = math.fsum((value - mean) ** 2 for value in values)
    return 100.0 * math.sqrt(math.fsum(between) / total)


def marked_ceiling(examples: Sequence[MarkedPair]) -> float:
    """Best accuracy (percent) of any function of the two marked words. Exact.

    As :func:`pair_ceiling`, with the words of the two marks in place of the sentences.
    """
    words: defaultdict[tuple[Sentence, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        sides = zip((example.first, example.second), example.marks, strict=True)
        marked = tuple(tokens[first : last + 1] for tokens, (first, last) in sides)
        words[marked][example.label] += 1
    return 100.0 * sum(max(labels.values()) for labels in words.values()) / len(examples)


def edge_ceiling(examples: Sequence[EdgeText]) -> float:
    """Best accuracy (percent) of any function of the words of an edge's spans. Exact.

    Such a function gives all edges with the same words in their spans the same set of labels, so it
    is right on those that have the most frequent set of them.
    """
    labels: defaultdict[tuple[Sentence, ...], Counter[frozenset[str]]] = defaultdict(Counter)
    for example in examples:
        tokens = example.tokens
        for edge in example.edges:
            words = tuple(tokens[first : last + 1] for first, last in edge.spans)
            labels[words][frozenset(edge.labels)] += 1
    right = sum(max(counts.values()) for counts in labels.values())
    return 100.0 * right / sum(counts.total() for counts in labels.values())


def tag_ceiling(examples: Sequence[TaggedSentence]) -> float:
    """Best token accuracy (percent) of any function from word type to tag. Exact.

    Each word's tokens get one tag, at best its most frequent one; giving each word that tag is
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

    Proof. To get a gold span right, f tags its first word w with B-X. It does so at all n(w)
    occurrences of w, and each begins another predicted span. Of these at most m(w) are
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
    return _best_f1(
        ((max(kinds.values()), occurrences[word]) for word, kinds in begun.items()), gold
    )


def context_free_ceiling(examples: Sequence[TaggedSentence]) -> float:
    """Span F1 (percent) that no function from word type to tag exceeds. An upper bound.

    The function may be chosen with knowledge of the gold tags of ``examples``. Spans are read
    as conlleval reads them.

    Proof. Such a function f tags equal word sequences equally. So among the gold spans with the
    same words w, all that f gets right have one type: at most m(w) of them, the count of w's
    most frequent type. If no sentence has two gold spans and f gets any span with words w
    right, then f tags w's first word with a type, so each of the n(w) sentences with a gold
    span w has a predicted span, and these are distinct. With W the set of word sequences that
    f ever gets right, TP <= sum of m(w) over W and predicted >= sum of n(w) over W. F1 = 2 TP /
    (predicted + gold) is then at most the maximum over W of 2 sum m / (sum n + gold), a ratio
    that is largest for some W that takes the word sequences of greatest m/n first. Where a
    sentence has several gold spans, one predicted span may cover two, and only predicted >= TP
    holds: n(w) is then replaced by m(w).

    The bound is reached if some f tags every w in that W throughout with its most frequent
    type and all else O, as in the generated controls: there no word occurs both in and outside
    names, nor at two positions in names.
    """
    types: defaultdict[Sentence, Counter[str]] = defaultdict(Counter)
    gold = 0
    single = True  # whether no sentence has two spans
    for example in examples:
        gold_spans = list(spans(example.tags))
        single = single and len(gold_spans) <= 1
        gold += len(gold_spans)
        for start, end, kind in gold_spans:
            types[example.tokens[start:end]][kind] += 1
    if not gold:
        return 0.0
    return _best_f1(
        ((max(counts.values()), counts.total()) for counts in types.values())
        if single
        else ((max(counts.values()),) * 2 for counts in types.values()),
        gold,
    )


def argument_ceiling(examples: Sequence[Proposition]) -> float:
    """Argument F1 (percent) that no context-free model exceeds.

    Such a model reads a token's view only: the token's word, the predicate's word, and the
    distance in tokens from the predicate, before or after. A linear layer over context-free
    vectors of [token; predicate; distance] sees no more than this view. The model may be chosen
    with knowledge of the gold tags of ``examples``, whose arguments must be single tokens
    and not continued by a C-.

    Proof. Let f be such a function, with legal BIO as its output. To get an argument of view w
    right, f tags w with B-X, at all n(w) occurrences of w, argument or not: these begin n(w)
    distinct predicted arguments, and at most m(w), the count of w's most frequent label, are
    right. The rest is as in :func:`context_free_ceiling`; the bound is reached by tagging every
    w in W with its most frequent label and all else O.

    Decoding legal BIO from scores that f gives each token does not exceed the bound: in a best
    sequence that holds a right argument at w, exchanging its tag for another B or O is legal, so
    the tag is the view's own best among those, and wherever w is not made a part of a longer,
    wrong argument it is tagged the same.

    Raises:
        ValueError: an argument of several tokens, or a continued one.
    """
    views: defaultdict[tuple[str, str, int], Counter[str]] = defaultdict(Counter)
    gold = 0
    for example in examples:
        labels = ["O"] * len(example.tokens)
        for start, end, label in spans(example.tags):
            if label != "V":
                if end > start + 1 or label.startswith("C-"):
                    raise ValueError(f"{example.id}: {label} is not a single token")
                labels[start] = label
                gold += 1
        predicate = example.tokens[example.predicate]
        for i, (token, label) in enumerate(zip(example.tokens, labels, strict=True)):
            views[token, predicate, i - example.predicate][label] += 1
    groups = []
    for counts in views.values():
        best = max((number for label, number in counts.items() if label != "O"), default=0)
        groups.append((best, counts.total()))
    return _best_f1(groups, gold)


def sense_ceiling(examples: Sequence[SenseSentence]) -> float:
    """F1 of senses (percent) of the best function of lemma, part of speech and words. Exact.

    Proof. Such a function gives all n instances of a group (same lemma, part of speech and words)
    the same answer. An answer of k senses gets from the group the mean over them of the number of
    instances for which each is gold, at most m, that of the best single sense; and giving
    that sense alone is such a function. With W the groups that it answers at all, F1 is 2 sum m /
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


def label_set_ceiling(examples: Sequence[LabelledText]) -> float:
    """Best micro-F1 (percent) of any function from multiset of words to labels. Exact.

    Proof. Such a function gives a label to all n texts with the same words, or to none. If it gives
    it to them, it is right for the m of them that have it. With W the pairs of group and
    label that it gives, F1 is 2 sum m / (sum n + gold), a ratio that is largest for some W that
    takes the pairs of greatest m/n first.
    """
    sizes: Counter[tuple[str, ...]] = Counter()
    labels: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        words = tuple(sorted(example.tokens))
        sizes[words] += 1
        labels[words].update(example.labels)
    gold = sum(len(example.labels) for example in examples)
    return _best_f1(
        [(m, sizes[words]) for words, counts in labels.items() for m in counts.values()], gold
    )


def tree_edge_ceiling(examples: Sequence[TreeText]) -> float:
    """UUAS (percent) that no distance of two words exceeds, if it is a function of the two words.

    Proof. Such a function gives the same spanning tree, edges between words, to all sentences with
    the same words apart from punctuation. It is right as often as the edges of the tree are gold,
    at most as often as those of the spanning tree with the largest sum of these numbers. The bound
    is reached if one function gives such a tree to every set of words, as in the generated control.

    Raises:
        ValueError: a word occurs twice in a sentence.
    """
    groups: defaultdict[tuple[str, ...], Counter[tuple[str, str]]] = defaultdict(Counter)
    gold = 0
    for example in examples:
        kept = scored_words(len(example.tokens), example.punctuation)
        edges = tree_edges(example.heads, kept)
        named = ((example.tokens[a], example.tokens[b]) for a, b in edges)
        groups[_distinct(example)].update((min(pair), max(pair)) for pair in named)
        gold += len(edges)
    right = 0
    for words, counts in groups.items():
        weights = [[-counts[min(a, b), max(a, b)] for a in words] for b in words]
        right -= sum(weights[a][b] for a, b in spanning_edges(weights, range(len(words))))
    return 100.0 * right / gold


def root_ceiling(examples: Sequence[TreeText]) -> float:
    """Root accuracy (percent) that no depth of a word exceeds, if it is a function of the word.

    Such a function gives all sentences with the same words apart from punctuation the same root, at
    best the most frequent one. The bound is reached if the words have one order in which that root
    comes first among the words of every sentence, as in the generated control.

    Raises:
        ValueError: a word occurs twice in a sentence.
    """
    roots: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        roots[_distinct(example)][example.tokens[example.heads.index(-1)]] += 1
    return 100.0 * sum(max(counts.values()) for counts in roots.values()) / len(examples)


def _distinct(example: TreeText) -> tuple[str, ...]:
    """The words of a sentence apart from punctuation, sorted."""
    kept = scored_words(len(example.tokens), example.punctuation)
    words = tuple(sorted(example.tokens[i] for i in kept))
    if len(set(words)) < len(words):
        raise ValueError(f"{example.id}: a word occurs twice")
    return words


def _best_f1(groups: Iterable[tuple[int, int]], gold: int) -> float:
    """The best F1 (percent) over sets of groups (right, predicted), with ``gold`` gold spans."""
    ceiling, right, predicted = Fraction(0), 0, 0
    for best, total in sorted(groups, key=lambda group: Fraction(*group), reverse=True):
        right += best
        predicted += total
        ceiling = max(ceiling, Fraction(2 * right, predicted + gold))
    return float(100 * ceiling)
