"""The linear probe for semantic roles."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    Proposition,
)
from elmobench.nn.dropout import Dropout
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.srl.base import RoleHead, predicate_places
from elmobench.tasks.srl.pipeline import SENTENCE

# Lower edges of the eight distance buckets on each side of the predicate; the predicate itself
# has a bucket of its own.
_EDGES = (1, 2, 3, 4, 5, 8, 16, 32)

DISTANCES = 2 * len(_EDGES) + 1


def distance_buckets(predicates: Tensor, time: int) -> Tensor:
    """(B, T) ids of the distance buckets of T tokens around (B,) predicate positions.

    The id in the middle is the predicate's own.

    >>> distance_buckets(torch.tensor([2]), 4).tolist()
    [[6, 7, 8, 9]]
    """
    offset = torch.arange(time, device=predicates.device) - predicates.unsqueeze(1)
    edges = torch.tensor(_EDGES, device=predicates.device)
    size = torch.bucketize(offset.abs(), edges, right=True)
    return len(_EDGES) + offset.sign() * size


class LinearRolesOptions(HeadOptions):
    """Options of :class:`LinearRoles`."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the token vectors."""


class LinearRoles(RoleHead):
    """A linear probe over [token; predicate; distance between them].

    It is the simplest head able to express the task: a token's role depends on the predicate, so a
    layer over the token alone would give every proposition of a sentence the same arguments. It
    reads only the two vectors and one of 17 buckets of the distance (eight per side, and one for
    the predicate itself, which serves as its flag). The three scores are added and do not interact.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width, labels = input_dims["input"], len(codec.labels)
        self.dropout = Dropout(options.dropout)
        self.token = nn.Linear(width, labels)
        self.predicate = nn.Linear(width, labels, bias=False)
        self.distance = nn.Embedding(DISTANCES, labels)
        nn.init.zeros_(self.distance.weight)

    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores; the predicate's part is computed once for all tokens."""
        x = self.dropout(mixed["input"][SENTENCE])
        places = predicate_places(batch, x.device)
        predicate = x[torch.arange(len(x), device=x.device), places]
        distance = self.distance(distance_buckets(places, x.shape[1]))
        out: Tensor = self.token(x) + self.predicate(predicate).unsqueeze(1) + distance
        return out
