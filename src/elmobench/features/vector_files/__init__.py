"""Vectors of given sentences, read from a file: what ``encode`` writes, and what users write."""
