"""Named random streams: one seed, several independent sources of chance.

Drawing more from one stream (say, dropout in a wider model) never shifts another (the
order of the data), so two embeddings with the same seed see the same batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

STREAMS = ("init", "order", "dropout", "subset")


class RandomStreams:
    """The streams ``init``, ``order``, ``dropout`` and ``subset`` of one seed.

    Args:
        seed: any integer or string; what is drawn is a function of it and the stream's name.
    """

    def __init__(self, seed: int | str) -> None:
        self.seed = seed

    def seed_of(self, stream: str) -> int:
        """A 63-bit seed for ``stream``. Raises KeyError for an unknown name."""
        if stream not in STREAMS:
            raise KeyError(f"no random stream {stream!r}; there are {', '.join(STREAMS)}")
        digest = hashlib.sha256(f"elmobench/{self.seed}/{stream}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def numpy(self, stream: str) -> np.random.Generator:
        """A fresh numpy generator at the start of ``stream``."""
        return np.random.default_rng(self.seed_of(stream))

    @contextmanager
    def torch(self, stream: str) -> Iterator[None]:
        """Inside the block torch's CPU generator is at the start of ``stream``.

        Its state outside is restored afterwards: no global seed is left behind.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed_of(stream))
            yield
