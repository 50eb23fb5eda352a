import numpy as np
from store_providers import HashProvider, corpus, expected

from elmobench.features.streaming import chunked, encode_stream


def test_chunks_keep_order_and_bound():
    sentences = corpus()
    chunks = list(chunked(iter(sentences), width=18, values=18 * 15))
    assert [s for chunk in chunks for s in chunk] == sentences
    sizes = [sum(max(1, len(s)) for s in chunk) for chunk in chunks]
    assert max(sizes) <= 15
    # No chunk could have taken the first sentence of the next one.
    for size, following in zip(sizes, chunks[1:], strict=False):
        assert size + max(1, len(following[0])) > 15


def test_a_long_sentence_is_a_chunk_of_its_own():
    assert list(chunked([["a"], ["b"] * 9, ["c"]], width=1, values=3)) == [
        [("a",)],
        [("b",) * 9],
        [("c",)],
    ]
    assert list(chunked([], width=1)) == []


def test_only_the_next_chunk_is_read():
    read = []

    def source():
        for i in range(100):
            read.append(i)
            yield [f"w{i}"]

    provider = HashProvider()
    stream = encode_stream(provider, source(), values=18 * 4)
    next(stream)
    assert len(read) == 5
    assert provider.calls == 1


def test_the_stream_equals_encode():
    found = list(encode_stream(HashProvider(), corpus(), values=200))
    for vectors, sentence in zip(found, corpus(), strict=True):
        assert np.array_equal(vectors, expected(sentence))
