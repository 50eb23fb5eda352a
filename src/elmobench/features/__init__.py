"""Frozen vectors: providers, the model catalog, the feature store and export to files."""
