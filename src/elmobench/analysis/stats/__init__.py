"""Significance tests, confidence intervals and comparisons of stored runs."""
