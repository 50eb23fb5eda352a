import math

import numpy as np
import pytest
from store_providers import corpus, expected

from elmobench.features.norms import norms


def test_norms_of_every_token_in_every_layer():
    for sentence in corpus():
        vectors = expected(sentence, 3.0)
        lengths = norms(vectors)
        assert lengths.shape == (3, len(sentence))
        for j in range(3):
            for t in range(len(sentence)):
                exact = math.sqrt(sum(float(x) ** 2 for x in vectors[j, t]))
                assert lengths[j, t] == pytest.approx(exact, rel=1e-6)


def test_norms_of_narrow_values_do_not_overflow():
    assert norms(np.full((2, 4), 6e4, dtype=np.float16)) == pytest.approx([1.2e5, 1.2e5], rel=1e-3)
