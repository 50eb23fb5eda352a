"""How clusters of mentions are printed."""

from elmobench.analysis.inspect.annotation_format import is_clusters, linked, phrase


def test_mentions_stand_in_brackets_with_their_cluster() -> None:
    tokens = ("the", "king", "of", "Spain", "saw", "him", "there")
    clusters = [[[0, 3], [5, 5]], [[3, 3]], [[5, 6]]]
    assert " ".join(linked(tokens, clusters)) == ("[1 the king of [2 Spain]] saw [3 [1 him] there]")
    assert linked(("a", "b"), []) == ["a", "b"]


def test_what_is_a_list_of_clusters() -> None:
    assert is_clusters([[[0, 1]]])
    assert is_clusters([])
    assert not is_clusters(["O"])
    assert not is_clusters("A")


def test_one_line_for_every_kind_of_annotation() -> None:
    assert phrase("4") == "4"
    assert phrase(None) == "no answer"
    assert phrase({"gender": "feminine", "label": "A"}) == "feminine A"
    assert phrase(["B-PER", "O"], ["Ann", "ran"]) == "[PER Ann] ran"
    assert phrase(["NOUN", "VERB"], ["dogs", "run"]) == "dogs/NOUN run/VERB"
    assert phrase(["in May", "in May", "May"]) == "in May, May"
    assert phrase([{"id": "a.1", "senses": ["x%1", "y%2"]}, {"id": "a.2", "senses": []}]) == (
        "a.1: x%1 y%2; a.2: –"
    )
    assert phrase([[[0, 0], [2, 2]]], ["Ann", "saw", "her"]) == "[1 Ann] saw [1 her]"
