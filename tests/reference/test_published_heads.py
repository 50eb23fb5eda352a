"""Every head weight for weight against the published implementation, in its own environment."""

import pytest

from elmobench.features.allennlp.environment import built_environment
from elmobench.reference.compare_heads import HEADS, LARGEST_DIFFERENCE, compare_heads

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def differences():
    if built_environment() is None:
        pytest.skip("AllenNLP's environment is not built: `elmobench reference setup`")
    return compare_heads(HEADS, seed=1)


@pytest.mark.parametrize("head", HEADS)
def test_outputs_equal_those_of_the_published_head(differences, head):
    own = [row for row in differences if row.head == head]
    assert LARGEST_DIFFERENCE in {row.measure for row in own}
    assert all(row.values for row in own)
    assert [row for row in own if not row.equal] == []
