"""The linear probe for semantic roles."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from elmobench.data.examples import (
    Proposition,
)
from elmobench.tasks.base import HeadOptions, LabelCodec
from elmobench.tasks.head import Batch, Mixed
from elmobench.tasks.srl.base import RoleHead, predicate_places
from elmobench.tasks.srl.pipeline import SENTENCE

# Distances to the predicate that the probe tells apart on each side: 1, 2, 3, 4, then up to
# these. With the predicate itself, and the two sides, that makes 2 * 8 + 1.
_EDGES = (1, 2, 3, 4, 5, 8, 16, 32)

DISTANCES = 2 * len(_EDGES) + 1


def distance_buckets(predicates: Tensor, time: int) -> Tensor:
    """(B,) predicate positions to (B, T) bucket ids: the middle one is the predicate itself."""
    offset = torch.arange(time, device=predicates.device) - predicates.unsqueeze(1)
    edges = torch.tensor(_EDGES, device=predicates.device)
    size = torch.bucketize(offset.abs(), edges, right=True)
    return len(_EDGES) + offset.sign() * size


class LinearRolesOptions(HeadOptions):
    """Options of :class:`LinearRoles`.

    Attributes:
        dropout: on the token vectors.
    """

    dropout: float = Field(default=0.0, ge=0, lt=1)


class LinearRoles(RoleHead):
    """A probe: one linear layer over [token; predicate; distance between them].

    The least head that can: a token's role depends on the predicate, so a layer over the token
    alone would give every proposition of a sentence the same arguments. Of the sentence it reads
    nothing but the two vectors and the bucket of the distance (17: the predicate itself, which
    is the flag, and eight a side). The three add up, they do not interact.
    """

    def __init__(
        self, input_dims: Mapping[str, int], codec: LabelCodec, options: LinearRolesOptions
    ) -> None:
        super().__init__(input_dims, codec, options)
        width, labels = input_dims["input"], len(codec.labels)
        self.dropout = nn.Dropout(options.dropout)
        self.token = nn.Linear(width, labels)
        self.predicate = nn.Linear(width, labels, bias=False)
        self.distance = nn.Embedding(DISTANCES, labels)
        nn.init.zeros_(self.distance.weight)

    def scores(self, batch: Batch[Proposition], mixed: Mixed) -> Tensor:
        """(B, T, K) scores: one product for the predicate serves all of its sentence's tokens."""
        x = self.dropout(mixed["input"][SENTENCE])
        places = predicate_places(batch, x.device)
        predicate = x[torch.arange(len(x), device=x.device), places]
        distance = self.distance(distance_buckets(places, x.shape[1]))
        out: Tensor = self.token(x) + self.predicate(predicate).unsqueeze(1) + distance
        return out
