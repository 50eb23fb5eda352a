"""Inspection of predictions and vectors: slices, examples, occurrences of words, neighbours."""
