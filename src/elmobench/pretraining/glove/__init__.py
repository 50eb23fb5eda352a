"""GloVe: word vectors from co-occurrence counts."""
