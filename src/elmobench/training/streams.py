"""Named random streams: several independent generators from one seed.

Drawing more from one stream (for dropout in a wider model, for instance) never shifts another (the
order of the data), so runs with different features and the same seed see the same batches.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

STREAMS = ("init", "order", "dropout", "subset", "unknown")


class RandomStreams:
    """The streams of one seed: ``init``, ``order``, ``dropout``, ``subset``, and ``unknown`` (the
    initial vectors of unknown words).

    Args:
        seed: any integer or string. The numbers depend only on it and on the stream's name.
    """

    def __init__(self, seed: int | str) -> None:
        self.seed = seed

    def seed_of(self, stream: str) -> int:
        """A 63-bit seed for ``stream``.

        Raises:
            KeyError: for an unknown stream.
        """
        if stream not in STREAMS:
            raise KeyError(f"no random stream {stream!r}; there are {', '.join(STREAMS)}")
        digest = hashlib.sha256(f"elmobench/{self.seed}/{stream}".encode()).digest()
        return int.from_bytes(digest[:8], "big") >> 1

    def numpy(self, stream: str) -> np.random.Generator:
        """A new numpy generator at the start of ``stream``."""
        return np.random.default_rng(self.seed_of(stream))

    @contextmanager
    def torch(self, stream: str, device: str = "cpu") -> Iterator[None]:
        """Set torch's generators to the start of ``stream`` inside the block.

        Afterwards their old state is restored, so no global seed is changed.

        Args:
            stream: name of the stream.
            device: ``cpu``, or ``cuda`` for the current GPU's generator as well.
        """
        with torch.random.fork_rng(
            devices=[torch.cuda.current_device()] if device == "cuda" else []
        ):
            torch.manual_seed(self.seed_of(stream))
            yield
