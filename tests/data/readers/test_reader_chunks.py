"""A user's own files of CoNLL-2000: word, part of speech, chunk."""

from elmobench.data.readers import read_bytes
from elmobench.tasks.tagging.pipeline import CHUNKING

TEXT = b"""He PRP B-NP
reckons VBZ B-VP
the DT B-NP
current JJ I-NP
deficit NN I-NP
. . O

Not RB B-CONJP
only RB I-CONJP

"""


def test_read_with_the_options_that_a_new_card_begins_with() -> None:
    result = read_bytes("conll-columns", TEXT, "train.txt", CHUNKING.readers["conll-columns"])
    assert [e.tokens for e in result.examples] == [
        ("He", "reckons", "the", "current", "deficit", "."),
        ("Not", "only"),
    ]
    assert result.examples[0].tags == ("B-NP", "B-VP", "B-NP", "I-NP", "I-NP", "O")
    assert CHUNKING.count(result.examples).types == {"CONJP": 1, "NP": 2, "VP": 1}
