"""End-to-end coreference resolution in NumPy and float64, written from the publications.

Lee et al. (2017) and (2018): one document, sentence, span and pair after another, as the formulas
have them. It shares no code with the head; only the weights are the head's, by their names.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from elmobench.data.examples import AmbiguousPronoun, CoreferenceDocument

Array = NDArray[np.float64]
Span = tuple[int, int]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def bucket(distance: int) -> int:
    """0, 1, 2, 3, 4, 5-7, 8-15, 16-31, 32-63, 64+."""
    return distance if distance < 5 else min(int(math.log2(distance)) + 3, 9)


@dataclass
class Answer:
    """What the model computes of a document.

    Attributes:
        mentions: score of every candidate.
        kept: the candidates that are kept, in the order of the text.
        scores: for each kept span the score of each of its antecedents, by its number.
        loss: negative log-likelihood of the gold clusters.
        clusters: the predicted ones, sorted.
    """

    mentions: dict[Span, float]
    kept: list[Span]
    scores: list[dict[int, float]]
    loss: float
    clusters: list[list[list[int]]]


class LeeReference:
    """The model with the weights ``w`` of a head and the head's options.

    Args:
        w: the head's weights by name, in float64.
        options: the head's options.
        characters: of the training set.
        genres: of the training set, sorted.
    """

    def __init__(
        self, w: Mapping[str, Array], options: Any, characters: str, genres: Sequence[str]
    ) -> None:
        self.w, self.o = w, options
        self.characters, self.genres = characters, list(genres)

    # Tokens.

    def spelled(self, words: Sequence[str]) -> Array:
        """The character CNN; words are padded to the longest of the document."""
        longest = max(*(len(word) for word in words), *self.o.char_widths)
        rows = []
        for word in words:
            ids = [self.characters.find(c) + 1 for c in word] + [0] * (longest - len(word))
            embedded = self.w["char_cnn.embedding.weight"][ids]
            row: list[float] = []
            for number, width in enumerate(self.o.char_widths):
                filters = self.w[f"char_cnn.convolutions.{number}.weight"]
                bias = self.w[f"char_cnn.convolutions.{number}.bias"]
                windows = [
                    np.einsum("fdw,wd->f", filters, embedded[i : i + width]) + bias
                    for i in range(longest - width + 1)
                ]
                row += np.maximum(np.stack(windows), 0).max(axis=0).tolist()
            rows.append(row)
        return np.array(rows)

    def direction(self, layer: str, d: int, x: Array) -> Array:
        """One direction of a layer over one sentence."""
        c = self.w[f"{layer}.first_cell"][d, 0]
        h = self.w[f"{layer}.first_state"][d, 0]
        bias = self.w[f"{layer}.bias"][d, 0]
        if f"{layer}.recurrent_bias" in self.w:
            bias = bias + self.w[f"{layer}.recurrent_bias"][d, 0]
        states = []
        for token in x[::-1] if d else x:
            z = token @ self.w[f"{layer}.inputs"][d] + h @ self.w[f"{layer}.recurrent"][d] + bias
            i, g, o = np.split(z, 3)
            c = (1 - sigmoid(i)) * c + sigmoid(i) * np.tanh(g)
            h = np.tanh(c) * sigmoid(o)
            states.append(h)
        return np.stack(states[::-1] if d else states)

    def encoded(self, x: Array) -> Array:
        """The biLSTM with gates between its layers over one sentence."""
        for number in range(self.o.layers):
            layer = f"encoder.layers.{number}"
            y = np.concatenate([self.direction(layer, d, x) for d in range(2)], axis=1)
            if number:
                gate = f"encoder.highways.{number - 1}"
                share = sigmoid(y @ self.w[f"{gate}.weight"].T + self.w[f"{gate}.bias"])
                y = share * y + (1 - share) * x
            x = y
        return x

    def read(
        self, sentences: Sequence[Sequence[str]], static: Array, contextual: Array | None
    ) -> None:
        """Encode the tokens of a document."""
        words = [word for sentence in sentences for word in sentence]
        self.values = np.concatenate([static, self.spelled(words)], axis=1)
        x = self.values
        if contextual is not None:
            x = np.concatenate([x, contextual], axis=1)
        ends = np.cumsum([len(sentence) for sentence in sentences])
        self.states = np.concatenate([self.encoded(part) for part in np.split(x, ends)[:-1]])

    # Scores.

    def span(self, first: int, last: int) -> Array:
        inside = slice(first, last + 1)
        weights = np.exp(self.states[inside] @ self.w["attention.weight"][0])
        head = (weights / weights.sum()) @ self.values[inside]
        width = self.w["width_embedding.weight"][min(last - first, self.o.max_width - 1)]
        return np.concatenate([self.states[first], self.states[last], head, width])

    def scorer(self, name: str, x: Array) -> float:
        """A feed-forward network: hidden layers with ReLU, then one linear unit."""
        hidden = [f"{name}.first", *(f"{name}.rest.{2 + 3 * i}" for i in range(self.o.depth - 1))]
        for layer in hidden:
            x = np.maximum(self.w[f"{layer}.weight"] @ x + self.w[f"{layer}.bias"], 0)
        out = f"{name}.rest.{2 + 3 * (self.o.depth - 1)}"
        return float(self.w[f"{out}.weight"][0] @ x + self.w[f"{out}.bias"][0])

    def coarse(self, gi: Array, gj: Array) -> float:
        if not self.o.coarse:
            return 0.0
        return float((self.w["source.weight"] @ gi + self.w["source.bias"]) @ gj)

    def fine(self, gi: Array, gj: Array, distance: int, same: bool, genre: str | None) -> float:
        features = []
        if "speaker_embedding.weight" in self.w:
            features.append(self.w["speaker_embedding.weight"][int(same)])
        if "genre_embedding.weight" in self.w:
            table = self.w["genre_embedding.weight"]
            known = genre in self.genres
            features.append(table[self.genres.index(genre)] if known else np.zeros(table.shape[1]))
        features.append(self.w["distance_embedding.weight"][bucket(distance)])
        return self.scorer("pair", np.concatenate([gi, gj, gi * gj, *features]))

    def updated(self, g: list[Array], i: int, scores: Mapping[int, float]) -> Array:
        """Span ``i`` with its expected antecedent; no antecedent is the span itself."""
        chances = np.exp([0.0, *scores.values()])
        chances /= chances.sum()
        expected = chances[0] * g[i]
        for chance, j in zip(chances[1:], scores, strict=True):
            expected = expected + chance * g[j]
        both = np.concatenate([g[i], expected])
        share = sigmoid(self.w["gate.weight"] @ both + self.w["gate.bias"])
        return share * g[i] + (1 - share) * expected

    # Documents.

    def document(
        self, example: CoreferenceDocument, static: Array, contextual: Array | None
    ) -> Answer:
        self.read(example.sentences, static, contextual)
        mentions: dict[Span, float] = {}
        start = 0
        for sentence in example.sentences:
            end = start + len(sentence)
            for a in range(start, end):
                for b in range(a, min(a + self.o.max_width, end)):
                    mentions[a, b] = self.scorer("mention", self.span(a, b))
            start = end
        kept: list[Span] = []
        for a, b in sorted(mentions, key=lambda span: -mentions[span]):
            crosses = any(c < a <= d < b or a < c <= b < d for c, d in kept)
            if len(kept) < max(1, int(self.o.spans_per_word * start)) and not crosses:
                kept.append((a, b))
        kept.sort()
        scores = self.linked(example, kept, mentions)
        return Answer(
            mentions, kept, scores, self.loss(example, kept, scores), linked(kept, scores)
        )

    def linked(
        self, example: CoreferenceDocument, kept: list[Span], mentions: Mapping[Span, float]
    ) -> list[dict[int, float]]:
        g = [self.span(*span) for span in kept]
        partial: list[dict[int, float]] = []
        for i in range(len(kept)):
            rough = {j: mentions[kept[j]] + self.coarse(g[i], g[j]) for j in range(i)}
            nearest = sorted(rough, reverse=True)
            order = sorted(rough, key=lambda j: -rough[j]) if self.o.coarse else nearest
            chosen = order[: self.o.antecedents]
            partial.append({j: mentions[kept[i]] + rough[j] for j in chosen})
        speakers = example.speakers or ("",) * len(self.states)

        def scored() -> list[dict[int, float]]:
            return [
                {
                    j: score
                    + self.fine(
                        g[i],
                        g[j],
                        i - j,
                        speakers[kept[i][0]] == speakers[kept[j][0]],
                        example.genre,
                    )
                    for j, score in row.items()
                }
                for i, row in enumerate(partial)
            ]

        scores = scored()
        for _ in range(self.o.iterations - 1):
            g = [self.updated(g, i, scores[i]) for i in range(len(kept))]
            scores = scored()
        return scores

    def loss(
        self, example: CoreferenceDocument, kept: list[Span], scores: list[dict[int, float]]
    ) -> float:
        home = {m: number for number, c in enumerate(example.clusters) for m in c}
        total = 0.0
        for i, row in enumerate(scores):
            right = [j for j in row if kept[i] in home and home.get(kept[j]) == home[kept[i]]]
            everything = 1 + sum(math.exp(score) for score in row.values())
            good = sum(math.exp(row[j]) for j in right) if right else 1.0
            total -= math.log(good / everything)
        return total

    def pronoun(
        self, example: AmbiguousPronoun, static: Array, contextual: Array | None
    ) -> list[float]:
        """The scores of no name, of A and of B; distances count the three given mentions."""
        self.read([example.tokens], static, contextual)
        order = sorted([*example.names, example.pronoun])
        p = self.span(*example.pronoun)
        scores = [0.0]
        for name in example.names:
            g = self.span(*name)
            distance = abs(order.index(example.pronoun) - order.index(name))
            scores.append(
                self.scorer("mention", p)
                + self.scorer("mention", g)
                + self.coarse(p, g)
                + self.fine(p, g, distance, True, None)
            )
        return scores


def linked(kept: list[Span], scores: list[dict[int, float]]) -> list[list[list[int]]]:
    """Clusters of the spans that link to their best antecedent, by following the links."""
    parent = list(range(len(kept)))
    for i, row in enumerate(scores):
        if row and max(row.values()) > 0:
            parent[i] = parent[max(row, key=lambda j: row[j])]
    clusters = [
        sorted([list(kept[i]) for i in range(len(kept)) if parent[i] == root])
        for root in sorted(set(parent))
    ]
    return sorted(cluster for cluster in clusters if len(cluster) > 1)
