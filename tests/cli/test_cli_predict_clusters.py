"""How clusters of mentions are printed."""

from elmobench.cli.predict import _is_clusters, _linked


def test_mentions_stand_in_brackets_with_their_cluster() -> None:
    tokens = ("the", "king", "of", "Spain", "saw", "him", "there")
    clusters = [[[0, 3], [5, 5]], [[3, 3]], [[5, 6]]]
    assert " ".join(_linked(tokens, clusters)) == (
        "[1 the king of [2 Spain]] saw [3 [1 him] there]"
    )
    assert _linked(("a", "b"), []) == ["a", "b"]


def test_what_is_a_list_of_clusters() -> None:
    assert _is_clusters([[[0, 1]]])
    assert _is_clusters([])
    assert not _is_clusters(["O"])
    assert not _is_clusters("A")
