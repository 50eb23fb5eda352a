"""A provider whose values can be computed independently, and a script that builds a store."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from elmobench.features.provider import FeatureProvider, Layer


def value(*key: object, dim: int) -> np.ndarray:
    """Return ``dim`` float32 values in [0, 1): a hash of ``key``."""
    raw = hashlib.shake_256(repr(key).encode("utf-8", "surrogatepass")).digest(2 * dim)
    return (np.frombuffer(raw, dtype="<u2") / 65536).astype(np.float32)


class HashProvider(FeatureProvider):
    """Layer a (per type, repeated twice), and b and c (per token, its position and sentence)."""

    def __init__(self, name="hash", scale=1.0, token_layers=True, types=True, version=1):
        self.name = name
        self.scale = scale
        self.version = version
        layers = []
        if types:
            layers.append(Layer("a", "type", 3, repeat=2))
        if token_layers:
            layers += [Layer("b", "token", 6), Layer("c", "token", 6)]
        self.layers = tuple(layers)
        self.calls = 0
        self.on_call = lambda: None

    @property
    def fingerprint(self):
        shape = repr((self.scale, self.layers, self.version))
        return hashlib.sha256(shape.encode()).hexdigest()

    @property
    def parameters(self):
        return 0

    def encode_types(self, words):
        rows = [value("a", word, dim=3) for word in words]
        return [np.stack(rows) * np.float32(self.scale)]

    def encode_tokens(self, sentences):
        self.calls += 1
        self.on_call()
        names = [layer.name for layer in self.layers if layer.kind == "token"]
        return [
            [
                np.array(
                    [value(name, tuple(s), t, dim=6) for t in range(len(s))], dtype=np.float32
                ).reshape(len(s), 6)
                * np.float32(self.scale)
                for name in names
            ]
            for s in sentences
        ]


def expected(sentence, scale=1.0) -> np.ndarray:
    """Return (3, T, 6): the vectors of a HashProvider."""
    out = np.zeros((3, len(sentence), 6), dtype=np.float32)
    for t, word in enumerate(sentence):
        out[0, t] = np.tile(value("a", word, dim=3), 2)
        out[1, t] = value("b", tuple(sentence), t, dim=6)
        out[2, t] = value("c", tuple(sentence), t, dim=6)
    return out * np.float32(scale)


def corpus(count: int = 60, seed: int = 0) -> list[tuple[str, ...]]:
    rng = np.random.default_rng(seed)
    words = ["the", "The", "", "naïve", "\udc80x", "日本", *(f"w{i}" for i in range(30))]
    sentences = [
        tuple(words[i] for i in rng.integers(0, len(words), n)) for n in rng.integers(1, 12, count)
    ]
    return [*sentences, (), ("a b",), ("a", "b"), sentences[0]]


def overlapping(which: int) -> list[tuple[str, ...]]:
    """Return one of several datasets; each shares half of its sentences with the next."""
    return corpus(200, seed=5)[50 * which : 50 * which + 100]


def shuffled(sentences: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Return the sentences in another order, with repetitions."""
    order = np.random.default_rng(3).permutation(len(sentences)).tolist()
    return [sentences[i] for i in [*order, *order[::2]]]


def small_elmo():
    """Return a very small ELMo with random weights."""
    from elmobench.features.elmo.options import parse_options
    from elmobench.features.elmo.provider import ElmoProvider

    shape = {
        "char_cnn": {"embedding": {"dim": 4}, "filters": [[1, 8], [3, 8]], "n_highway": 1},
        "lstm": {"dim": 16, "projection_dim": 8, "n_layers": 2},
    }
    return ElmoProvider.random(parse_options(shape, "test"))


def shard_bytes(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.glob("*/*.safetensors"))}


def main() -> None:
    """``store_providers.py ROOT MODE [PRECISION]``: build the corpus, print the report."""
    from elmobench.core.errors import StoreError
    from elmobench.features.store.feature_store import FeatureStore

    root, mode, *rest = Path(sys.argv[1]), *sys.argv[2:]
    precision = rest[0] if rest else "fp16"
    store = FeatureStore(root, precision, shard_bytes=1500)
    provider, sentences = HashProvider(), corpus()
    if mode == "kill-encoding":
        provider.on_call = lambda: provider.calls == 4 and os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "kill-writing":
        real, count = os.replace, [0]

        def replace(*args):
            count[0] += str(args[1]).endswith(".safetensors")
            if count[0] == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            real(*args)

        os.replace = replace
    elif mode == "slow":
        provider.on_call = lambda: time.sleep(0.02)
    elif mode == "quota":
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    elif mode.startswith("overlap"):
        provider.on_call = lambda: time.sleep(0.01)
        sentences = overlapping(int(mode[-1]))
    elif mode.startswith("elmo"):
        provider, store = small_elmo(), FeatureStore(root, precision, shard_bytes=1 << 12)
        if mode == "elmo-shuffled":
            sentences = shuffled(sentences)
        real_encode, calls = provider.encode_tokens, [0]

        def encode_tokens(batch):
            calls[0] += 1
            if mode == "elmo-killed" and calls[0] == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return real_encode(batch)

        provider.encode_tokens = encode_tokens
    if mode == "read":
        vectors = store.open(provider).gather(corpus())
        print(json.dumps([float(vectors.sum()), store.open(provider).missing(corpus())]))
        return
    try:
        report = store.build(provider, sentences)
    except StoreError as error:
        print(f"StoreError {error}")
        return
    print(json.dumps([report.encoded_sentences, report.encoded_types, report.bytes]))


if __name__ == "__main__":
    main()
