"""Providers of frozen vectors, their catalogue, and the feature store."""
