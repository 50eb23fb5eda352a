"""One vector per text, from a folder that sentence-transformers or model2vec saved."""
