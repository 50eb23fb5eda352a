"""fastText: word vectors from character n-grams, trained by skip-gram."""
