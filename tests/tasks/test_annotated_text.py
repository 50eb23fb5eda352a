"""Tags and clusters of mentions as text."""

import pytest

from elmobench.tasks.annotated_text import with_clusters, with_tags


def test_mentions_are_in_brackets_with_their_cluster() -> None:
    tokens = ("the", "king", "of", "Spain", "saw", "him", "there")
    clusters = [[[0, 3], [5, 5]], [[3, 3]], [[5, 6]]]
    line = "[1 the king of [2 Spain]] saw [3 [1 him] there]"
    assert " ".join(with_clusters(tokens, clusters)) == line
    assert with_clusters(("a", "b"), []) == ["a", "b"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        (["B-PER", "I-PER", "O"], "[PER Ann Lee] sleeps"),
        (["PROPN", "PROPN", "VERB"], "Ann/PROPN Lee/PROPN sleeps/VERB"),
    ],
)
def test_tags(tags: list[str], expected: str) -> None:
    assert " ".join(with_tags(("Ann", "Lee", "sleeps"), tags)) == expected
