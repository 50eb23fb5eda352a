"""Regression: one number per text, or per pair of texts."""
